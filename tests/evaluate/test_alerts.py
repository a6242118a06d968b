"""Alert burden against a plain count; cut-offs never look at the fold they are used on."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.alerts import alert_burden, cutoff_at_rate, fold_cutoffs
from pipeline.model.evaluation_cells import AlertCell, AlertTable
from tests.evaluate.scored import make_scores

FIXED = {"48": AlertTable(model={"0.2": AlertCell(cutoff=0.7)})}


@given(
    risk=st.lists(st.sampled_from([0.1, 0.2, 0.2, 0.4]) | st.floats(0, 1), min_size=1, max_size=40),
    rate=st.floats(0.01, 0.99),
)
def test_a_cutoff_raises_at_most_the_wished_share_and_no_lower_one_does(risk, rate):
    risk = np.array(risk)
    cutoff = cutoff_at_rate(risk, rate)
    assert (risk >= cutoff).mean() <= rate + 1e-9
    lower = risk[risk < cutoff]
    if len(lower):
        assert (risk >= lower.max()).mean() > rate


@given(seed=st.integers(0, 1000))
def test_a_cutoff_does_not_depend_on_the_fold_it_is_used_on(seed):
    random = np.random.default_rng(seed)
    risk, group = random.random(30), np.arange(30) % 3
    repeat = np.zeros(30, dtype=int)
    before = fold_cutoffs(risk, group, repeat, 0.2)[group == 1]
    changed = np.where(group == 1, random.random(30), risk)
    after = fold_cutoffs(changed, group, repeat, 0.2)[group == 1]
    np.testing.assert_array_equal(before, after)
    assert before[0] == cutoff_at_rate(risk[group != 1], 0.2)


def test_repeats_do_not_share_cutoffs_and_one_fold_has_none():
    risk = np.array([0.1, 0.2, 0.3, 0.4])
    assert np.isnan(fold_cutoffs(risk, np.zeros(4, int), np.zeros(4, int), 0.5)).all()
    result = fold_cutoffs(risk, np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1]), 0.5)
    assert result.tolist() == [np.inf, np.inf, np.inf, np.inf]
    result = fold_cutoffs(risk, np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1]), 0.999)
    assert np.isinf(result).all()


def small_scores():
    """Two folds; patient 0 has the event after day 2, warned on day 1 and 2; 5 is never warned."""
    days = np.tile([1, 2], 12)
    patient = np.repeat(np.arange(12), 2)
    label = np.zeros(24)
    label[[0, 1, 10, 11]] = 1
    risk = np.full(24, 0.1)
    risk[[0, 1]] = [0.8, 0.9]
    risk[[6, 14]] = 0.85
    time = np.full(24, 2000.0)
    time[[0, 1, 10, 11]] = [44.0, 20.0, 44.0, 20.0]
    return make_scores(
        {"model": risk, "grade_and_day": np.full(24, 0.1)},
        label,
        horizons=(48.0,),
        patient=patient,
        day=days,
        group=patient % 2,
        time=time,
    )


def test_burden_is_a_plain_count():
    scores = small_scores().resampled(40, 0, 1)
    cell = alert_burden(scores, (0.2,), FIXED)["48"].model["0.2"]
    assert cell.n_alerts == 4
    assert cell.alert_rate == pytest.approx(4 / 24, abs=1e-6)
    assert cell.alerts_per_patient_day == pytest.approx(4 / 24, abs=1e-6)
    assert cell.false_alerts_per_patient_day == pytest.approx(2 / 24, abs=1e-6)
    assert cell.ppv == 0.5
    assert cell.number_needed_to_alert == 2.0
    assert cell.sensitivity == 0.5
    assert cell.patients_warned == 0.5
    assert (cell.n_warned, cell.n_event_patients) == (1, 2)
    assert cell.lead_hours_median == 44.0


def test_several_landmarks_a_day_share_the_patient_day():
    scores = small_scores()
    halves = make_scores(
        {name: np.repeat(risk, 2) for name, risk in scores.risks.items()},
        np.repeat(scores.label, 2),
        horizons=(48.0,),
        patient=np.repeat(scores.patient, 2),
        day=np.repeat(scores.day, 2),
        time=np.repeat(scores.time, 2),
    )
    cell = alert_burden(halves.resampled(20, 0, 1), (0.2,), FIXED)["48"].model["0.2"]
    assert cell.alert_rate == pytest.approx(8 / 48, abs=1e-6)
    assert cell.alerts_per_patient_day == pytest.approx(8 / 24, abs=1e-6)


def test_no_alert_and_no_cutoff_are_stated():
    scores = small_scores().resampled(20, 0, 1)
    silent = alert_burden(scores, (0.2,))["48"].grade_and_day["0.2"]
    assert silent.cutoff is None
    assert silent.alert_rate == 0.0
    assert silent.ppv is None
    assert silent.lead_hours_median is None
    assert alert_burden(scores, (0.2,), {})["48"].model["0.2"].reason
    assert alert_burden(replace(scores, minimum=9), (0.2,))["48"].reason


def test_a_weighted_landmark_counts_like_that_many_landmarks():
    """Integer weights for censoring give the figures of repeated landmarks."""
    random = np.random.default_rng(3)
    risk, label = random.random(60).round(1), (random.random(60) < 0.4).astype(float)
    times = random.integers(1, 4, 60)
    group, time = np.arange(60) % 3, np.where(label == 1, random.uniform(1.0, 23.0, 60), 2000.0)

    def table(copies, followed):
        rows = np.repeat(np.arange(60), copies)
        scores = make_scores(
            {"model": risk[rows], "grade_and_day": risk[rows]},
            label[rows],
            patient=np.arange(len(rows)),
            group=group[rows],
            time=time[rows],
            followed=followed,
        )
        return alert_burden(scores.resampled(0, 0, 2), [0.2])["24"].model["0.2"]

    weighted, repeated = table(1, times[:, None].astype(float)), table(times, None)
    for name in ("cutoff", "alert_rate", "ppv", "sensitivity", "patients_warned"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), abs=1e-6), name
    hours = (weighted.lead_hours_q1, weighted.lead_hours_median, weighted.lead_hours_q3)
    assert hours == tuple(sorted(hours))
    assert weighted.lead_hours_median == pytest.approx(repeated.lead_hours_median, abs=3.0)
