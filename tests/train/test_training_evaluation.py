"""The evaluation of a training: who is counted, and at which landmarks an estimate is given."""

import numpy as np

from pipeline.train.training_evaluation import cohort_summary, held_out


def test_the_summary_counts_patients_events_and_rows(steps):
    summary = cohort_summary(steps.read, steps.config, steps.scales)
    cohort = steps.read.cohort
    assert summary.n_patients == cohort.n_patients
    assert summary.n_lab_rows == len(cohort.labs)
    assert summary.sha256 == steps.read.sha256
    severe = cohort.assessments.query("scale == 'crs' and grade >= 3")["patient"].nunique()
    assert 0 < summary.event_patients["severe_crs"] <= severe
    at_risk = steps.scales["crs"].targets.at_risk[:, -1]
    assert summary.n_landmarks <= len(at_risk)
    ids = set(cohort.patients["patient_id"])
    assert not ids & set(map(str, summary.to_dict().values()))


def test_the_rule_of_abstention_is_applied_to_every_landmark_out_of_fold(steps):
    results = held_out(steps.task, steps.scales)
    assert set(results.scored) == set(results.abstained) == set(steps.config.outcomes)
    codes = results.abstained["severe_crs"]
    assert codes.shape == (len(steps.scales["crs"].matrix.values),)
    answered = results.scored["severe_crs"].answered
    assert answered.dtype == bool
    assert np.mean(answered) > 0.5
    if not (codes != "").any():
        assert answered.all()
