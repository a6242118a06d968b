"""The negative control is paired fold by fold, and the one-line answer needs both proofs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluate.added_value import (
    added_value,
    labs_finding,
    labs_verdict,
    negative_control,
    with_control,
)
from pipeline.model.evaluated_outcome import OutcomeReport
from tests.evaluate.scored import make_scores


def real_and_control(permutations=3, n=300, seed=0):
    """Two repeats of the real model, and a control that knows nothing."""
    random = np.random.default_rng(seed)
    truth = random.uniform(0.05, 0.8, n)
    label = (random.random(n) < truth).astype(float)
    patient = np.arange(n) // 3

    def scores(repeats, risks):
        count = len(repeats)
        return make_scores(
            {"model": np.concatenate(risks)},
            np.tile(label, count),
            patient=np.tile(patient, count),
            repeat=np.repeat(repeats, n),
            group=np.concatenate([patient % 2 + 2 * repeat for repeat in repeats]),
            n_repeats=count,
        )

    real = scores([0, 1], [truth, truth])
    control = scores(range(permutations), [random.random(n) for _ in range(permutations)])
    return real, control, label, truth


def test_control_is_compared_on_the_rows_and_folds_of_the_real_model():
    real, control, label, _ = real_and_control()
    both = with_control(real, control)
    assert both.n_repeats == 3
    assert len(both.patient) == 3 * len(label)
    cell = negative_control(real, control, 60, 0, 5)["24"]
    assert cell.n == len(label)
    assert cell.n_permutations == 3
    assert cell.lowest <= cell.auroc <= cell.highest
    assert abs(cell.auroc - 0.5) < 0.1
    assert cell.diff_lo > 0.05
    half = [
        roc_auc_score(label[side], both.risks["model"][: len(label), 0][side])
        for side in (real.group[: len(label)] == 0, real.group[: len(label)] == 1)
    ]
    assert cell.auroc + cell.diff_auroc == pytest.approx(np.mean(half), abs=0.02)


def test_a_control_of_the_model_itself_differs_by_nothing():
    real, *_ = real_and_control()
    cell = negative_control(real, real, 30, 0, 5)["24"]
    assert (cell.diff_auroc, cell.diff_lo, cell.diff_hi) == (0.0, 0.0, 0.0)


def test_a_control_of_other_landmarks_is_refused():
    real, control, *_ = real_and_control()
    with pytest.raises(ValueError, match="folds of the real model"):
        with_control(real, control.take(np.arange(len(control.patient) - 1)))


def test_too_few_events_give_counts_only():
    real, control, *_ = real_and_control()
    cell = negative_control(real, control, 20, 0, 10_000)["24"]
    assert cell.n > 0
    assert cell.auroc is None
    assert cell.diff_lo is None


def difference(lo, hi):
    return {"72": {"diff_auroc": (lo + hi) / 2, "diff_lo": lo, "diff_hi": hi}}


@pytest.mark.parametrize(
    ("bar", "control", "finding", "text"),
    [
        (difference(0.01, 0.05), difference(0.01, 0.05), "add", "labs add:"),
        (difference(0.01, 0.05), difference(-0.01, 0.05), "not_shown", "not shown to add"),
        (difference(-0.01, 0.05), difference(0.01, 0.05), "not_shown", "not shown to add"),
        (difference(-0.05, -0.01), difference(-0.05, 0.01), "worse", "worse than the clinical"),
        (difference(0.01, 0.05), {}, "no_control", "no negative control was run"),
        ({"72": {"diff_auroc": None, "diff_lo": None}}, {}, "unknown", "cannot be estimated"),
    ],
)
def test_labs_add_only_if_bar_and_control_are_both_beaten(bar, control, finding, text):
    content = {"comparators": {"clinical_state": bar}, "negative_control": control}
    outcome = OutcomeReport.model_validate(content)
    assert labs_finding(outcome, "72") == finding
    assert text in labs_verdict(outcome, "72")


def test_the_gain_over_the_control_comes_first():
    content = {
        "comparators": {"clinical_state": difference(0.1, 0.3)},
        "negative_control": difference(0.01, 0.05),
    }
    text = labs_verdict(OutcomeReport.model_validate(content), "72")
    assert text.index("+0.030 [+0.010, +0.050]") < text.index("+0.200 [+0.100, +0.300]")


def test_without_clinical_state_the_bar_is_grade_and_day():
    bars = {"grade_and_day": difference(0.01, 0.05)}
    outcome = OutcomeReport.model_validate({"comparators": bars})
    assert "over grade and day" in labs_verdict(outcome, "72")
    assert "cannot be estimated" in labs_verdict(OutcomeReport(), "72")
    assert added_value(outcome.comparators).to_dict() == difference(0.01, 0.05)
    both = {"grade_and_day": difference(0, 1), "clinical_state": difference(0, 2)}
    result = added_value(OutcomeReport.model_validate({"comparators": both}).comparators)
    assert result.to_dict()["against_clinical_state"] == difference(0, 2)


@pytest.mark.parametrize("span", [(-0.107, -0.036), (0.01, 0.05), (-0.01, 0.05)])
def test_a_handful_of_event_patients_gives_no_verdict(span):
    def output(events):
        bar = {"72": {**difference(*span)["72"], "n_event_patients": events}}
        content = {"comparators": {"clinical_state": bar}, "negative_control": difference(*span)}
        return labs_verdict(OutcomeReport.model_validate(content), "72", firm_from=20)

    assert output(5).startswith(
        "Within 72 h, 5 event patients are too few to show whether labs add (a verdict needs 20): "
    )
    assert "too few" in output(19)
    assert "Within 72 h, labs " in output(20)
