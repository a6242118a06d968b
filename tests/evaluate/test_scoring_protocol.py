"""The whole evaluation of a small cohort: every fit it needs, and every bad input it may meet."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.evaluate.cross_validation import cross_validate
from pipeline.evaluate.report import Evaluation, assemble
from pipeline.evaluate.scored_rows import TOO_FEW
from pipeline.evaluate.scoring_protocol import ScoredOutcome, score_scale, shared_folds
from pipeline.evaluate.splits import splits_of
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport
from pipeline.model.fit_plan import FitPlan
from pipeline.model.outcomes import build_targets, stacked_thresholds
from pipeline.pages.evaluation_page import render_evaluation
from tests.builders import course_cohort, lab, make_cohort, make_config

FAST = {"booster_rounds": 6, "inner_folds": 2, "bootstrap_members": 0}
EVALUATION = {
    "folds": 2,
    "repeats": 2,
    "bootstrap": 30,
    "control_permutations": 2,
    "further_splits": ("site", "temporal"),
}


def settings(**evaluation):
    config = make_config(**FAST)
    chosen = {**config.evaluation.model_dump(), **EVALUATION, **evaluation}
    return config.model_validate({**config.model_dump(), "evaluation": chosen})


def evaluate(cohort, config) -> tuple[Evaluation, ScoredOutcome]:
    """Every step of training that an evaluation needs, without the final model."""
    spec = learn_spec(cohort, config, {})
    thresholds = stacked_thresholds(cohort, "crs", (3,))
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", thresholds)
    matrix = build_features(cohort, landmarks, spec)
    plan = FitPlan("crs", (3,), spec, config.model, 0, 1)
    scored = score_scale(cohort, matrix, targets, plan, config, shared_folds(cohort, config))
    part = replace(scored[3], columns=tuple(matrix.names))
    result = assemble(
        {"severe_crs": part},
        config,
        kind="cross-validated",
        cohort=cohort,
        spec=spec,
        evaluated=EvaluatedCohort(name="small", n_patients=len(cohort)),
        warnings=[],
        command="cytocast train",
    )
    assert EvaluationReport.from_json(result.report.to_json()) == result.report
    page = render_evaluation(result.report, title="Small")
    assert "nan" not in page.lower().replace("finance", "")
    return result, part


@pytest.fixture(scope="module")
def whole():
    cohort = course_cohort(90, days=6, seed=3)
    cohort.patients["site"] = np.array(["north", "south", "west"])[np.arange(90) % 3]
    return evaluate(cohort, settings())


def test_the_contract_has_every_part(whole):
    outcome = whole[0].report.outcomes["severe_crs"]
    assert set(outcome.model) == {"24", "48", "72", "168"}
    control = outcome.negative_control["72"]
    assert control.n_permutations == 2
    assert control.auroc + control.diff_auroc == pytest.approx(outcome.model["72"].auroc, abs=2e-6)
    assert set(outcome.comparators) >= {
        "base_rate",
        "current_grade",
        "grade_and_day",
        "clinical_state",
        "last_crp",
        "last_ferritin",
    }
    assert "LDH" in outcome.comparators_absent["easix"]
    assert outcome.further_splits["leave_one_site_out"].model["72"].auroc is not None
    assert "infusion time" in outcome.further_splits["temporal"]
    assert outcome.labs_answer.startswith("Within 72 h, ")
    assert whole[0].report.canary_auroc == 0.5
    assert whole[0].report.contrast == {}
    assert whole[0].report.contrast_detail.reason


def test_no_patient_is_scored_by_a_model_that_knows_them(whole):
    for part in (whole[1].scores, whole[1].control):
        for repeat in np.unique(part.repeat):
            rows = part.repeat == repeat
            pairs = np.unique(np.stack([part.patient[rows], part.group[rows]]), axis=1)
            assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_the_control_uses_the_folds_of_the_model(whole):
    real, control = whole[1].scores, whole[1].control
    np.testing.assert_array_equal(real.patient, control.patient)
    np.testing.assert_array_equal(real.group, control.group)
    assert not np.allclose(real.risks["model"], control.risks["model"])


def test_each_analyte_is_exchanged_and_only_it_changes_the_risk(whole):
    scores = whole[1].scores
    assert {"crp", "ferritin"} <= set(scores.permuted)
    for risk in scores.permuted.values():
        assert risk.shape == scores.risks["model"].shape
        assert not np.allclose(risk, scores.risks["model"])


def severe(patients, days=4, n=30, **more):
    """Patients of daily grades 0, some of whom reach grade 3 on day 3, with flat labs."""
    labs, grades = [], []
    for patient in range(n):
        for day in range(1, days + 1):
            hour = 24.0 * day
            labs.append(lab(patient, "crp", 10.0 + patient % 7, hour - 12.0))
            grade = 3 if patient in patients and day >= 3 else 0
            grades.append((patient, "crs", grade, hour - 0.1))
    ends = {"record_end_hours": np.full(n, 24.0 * days), "followed_until_hours": np.full(n, 600.0)}
    return make_cohort(n, labs, grades, patients={**ends, **more})


def test_no_event_is_refused():
    with pytest.raises(InputError, match="no patient reaches grade 3"):
        evaluate(severe(()), settings())


def test_an_outcome_absent_from_the_assessments_is_refused():
    with pytest.raises(InputError, match="no assessment on the scale 'icans'"):
        stacked_thresholds(severe((1,)), "icans", (1,))


def test_five_patients_are_refused_by_more_folds_and_stated_by_fewer():
    cohort = severe((0, 1), n=5)
    with pytest.raises(InputError, match="5 patients cannot be split into 6 folds"):
        evaluate(cohort, settings(folds=6))
    outcome = evaluate(cohort, settings())[0].report.outcomes["severe_crs"]
    assert outcome.model["72"].n_event_patients == 2
    assert outcome.model["72"].auroc is None
    assert "too few patients with, or without" in outcome.labs_answer


def test_one_event_patient_leaves_one_class_in_a_fold_and_gives_counts_only():
    outcome = evaluate(severe((4,)), settings())[0].report.outcomes["severe_crs"]
    for table in (outcome.model, outcome.negative_control):
        assert all(cell.auroc is None for cell in table.values())
    assert outcome.model["72"].n_event_patients == 1
    assert outcome.net_benefit["72"].reason == TOO_FEW
    assert outcome.what_comes_first.reason == "too few event patients"


def test_one_site_constant_features_and_an_empty_analyte_are_stated():
    site = np.full(30, "only")
    cohort = severe(range(10), site=site, age_years=np.full(30, 50.0))
    cancelled = cohort.labs.assign(value=20.0)
    config = settings(control_permutations=1, repeats=1, refit_bootstrap=2)
    result, _ = evaluate(cohort.with_labs(cancelled), config)
    outcome = result.report.outcomes["severe_crs"]
    assert outcome.further_splits["leave_one_site_out"].endswith("one site only")
    assert outcome.refit_intervals["72"].refits == 2
    assert outcome.model["72"].auroc is not None
    use = result.report.analyte_use["severe_crs"]
    assert use["crp"].importance.at("72").fall == pytest.approx(0.0, abs=0.05)
    assert use["nfl"].why == "no result in this cohort"
    assert set(outcome.subgroups["site"]) == {"only"}


def test_a_site_is_not_tested_by_a_model_of_too_few_event_patients():
    lonely = np.array(["big"] * 29 + ["tiny"])
    config = settings(control_permutations=0, repeats=1, further_splits=("site",))
    result, part = evaluate(severe(range(10), site=lonely), config)
    further = result.report.outcomes["severe_crs"].further_splits["leave_one_site_out"]
    assert set(part.further["leave_one_site_out"].patient) == {29}
    whole = result.report.outcomes["severe_crs"].model["72"].n
    assert further.model["72"].n < whole
    page = render_evaluation(result.report, title="Small")
    assert f"{whole - further.model['72'].n} landmarks are excluded, because the" in page
    alone = np.array(["big"] * 10 + ["free of it"] * 20)
    none = evaluate(severe(range(3), site=alone), config)[0].report.outcomes["severe_crs"]
    output = none.further_splits["leave_one_site_out"]
    assert "fewer than 5" in output


def test_a_fold_in_which_no_grade_is_known_is_scored_without_state():
    cohort = severe((0,), n=20)
    graded = cohort.assessments.loc[
        (cohort.assessments["patient"] == 0) & (cohort.assessments["grade"] > 0)
    ]
    outcome = evaluate(replace(cohort, assessments=graded), settings())[0].report.outcomes
    assert outcome["severe_crs"].model["72"].n_event_patients == 1
    assert outcome["severe_crs"].within_grade.reason


def test_a_split_that_teaches_or_asks_nothing_is_passed_over():
    cohort = severe(range(8))
    config = settings()
    spec = learn_spec(cohort, config, {})
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    kept = landmarks.loc[(landmarks["patient"] > 3) | (landmarks["hours"] > 72.0)]
    targets = build_targets(cohort, kept.reset_index(drop=True), "crs", (3,))
    matrix = build_features(cohort, kept.reset_index(drop=True), spec)
    plan = FitPlan("crs", (3,), spec, config.model, 0, 1)
    table = np.where(np.arange(30) <= 3, 0, 1)[None, :]
    assert cross_validate(matrix, targets, plan, splits_of(targets.patient, table)) == {}
