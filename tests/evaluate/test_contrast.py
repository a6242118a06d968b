"""The contrast ranks which syndrome comes first, on landmarks where exactly one does."""

import numpy as np
import pytest

from pipeline.config import load_config
from pipeline.evaluate.contrast import contrast_outcomes, evaluate_contrast, pair_scores
from pipeline.evaluate.report import assemble
from pipeline.evaluate.scoring_protocol import ScoredOutcome
from pipeline.model.evaluation_report import EvaluatedCohort, LeftOut
from pipeline.pages.evaluation_page import render_evaluation
from tests.builders import make_cohort, make_spec
from tests.evaluate.scored import make_scores

HORIZONS = (24.0, 72.0)


def two_syndromes(n=400, seed=0, drop=0):
    """CRS risk falls and ICANS risk rises with a lab; the second cohort lacks some landmarks."""
    random = np.random.default_rng(seed)
    lab = random.normal(size=n)
    hours = {"crs": random.exponential(60 * np.exp(lab)), "icans": random.exponential(80, n)}
    patient, day = np.arange(n) // 2, np.arange(n) % 2 + 1
    parts = {}
    for name, sign in (("crs", -1.0), ("icans", 0.0)):
        risk = 1 / (1 + np.exp(-sign * lab))
        label = (hours[name][:, None] <= np.array(HORIZONS)).astype(float)
        flat = np.full((n, 2), 0.3)
        parts[name] = make_scores(
            {
                "model": np.stack([risk, risk], axis=1),
                "model_no_state": np.stack([risk, risk], axis=1),
                **dict.fromkeys(("constant", "base_rate", "grade_and_day"), flat),
            },
            label,
            horizons=HORIZONS,
            patient=patient,
            day=day,
            time=np.minimum(hours[name], 500.0),
            status=(hours[name] <= 500.0).astype(np.int8),
            permuted={
                "crp": flat,
                "nfl": np.stack([risk, risk], axis=1),
                "axis:systemic": flat,
            },
        )
    parts["icans"] = parts["icans"].take(np.arange(drop, n))
    return parts["crs"], parts["icans"], hours


def test_labels_say_which_came_first_and_ties_and_neither_are_left_out():
    crs, icans, hours = two_syndromes()
    first = pair_scores(crs, icans).first(72.0)
    for label, c, i in zip(first, hours["crs"], hours["icans"], strict=True):
        if min(c, i) > 72.0:
            assert np.isnan(label)
        else:
            assert label == float(c < i)
    both = pair_scores(crs, crs)
    assert np.isnan(both.first(72.0)).all()
    assert both.ties(72.0) == (hours["crs"] <= 72.0).sum()


def test_contrast_finds_the_signal_and_its_driver():
    crs, icans, _ = two_syndromes()
    cells, detail = evaluate_contrast(pair_scores(crs, icans), 60, 0, 5)
    cell = cells["72"]
    assert cell.auroc > 0.6
    assert cell.auroc_lo < cell.auroc < cell.auroc_hi
    assert cell.brier is None
    bar = detail.comparators["day"]["72"]
    assert bar.auroc == 0.5
    assert bar.diff_auroc == pytest.approx(cell.auroc - 0.5, abs=2e-6)
    assert bar.diff_lo > 0
    drivers = detail.drivers["72"]
    assert list(drivers) == ["crp", "nfl"]
    assert drivers["crp"].fall == pytest.approx(cell.auroc - 0.5, abs=2e-6)
    assert drivers["nfl"].fall == 0.0
    assert detail.axes["72"] == {"systemic": drivers["crp"]}
    assert detail.same_hour == {"24": 0, "72": 0}


def test_only_landmarks_at_risk_of_both_are_paired():
    crs, icans, _ = two_syndromes(drop=100)
    pair = pair_scores(crs, icans)
    assert len(pair.crs.hours) == 300
    np.testing.assert_array_equal(pair.crs.patient, pair.icans.patient)
    np.testing.assert_array_equal(pair.crs.hours, pair.icans.hours)


def test_few_patients_on_a_side_give_counts_only():
    crs, icans, _ = two_syndromes(n=12)
    cells, detail = evaluate_contrast(pair_scores(crs, icans), 20, 0, 50)
    assert cells["72"].n > 0
    assert cells["72"].auroc is None
    assert detail.drivers["72"] == {}


def test_the_outcomes_contrasted_are_those_of_the_two_scales():
    outcomes = load_config().outcomes
    assert contrast_outcomes(outcomes) == ("severe_crs", "icans")
    assert contrast_outcomes(dict(sorted(outcomes.items(), reverse=True))) == (
        "severe_crs",
        "icans",
    )
    assert contrast_outcomes({"severe_crs": outcomes["severe_crs"]}) is None


def test_who_was_never_graded_for_the_other_syndrome_is_left_out_and_counted():
    crs, icans, _ = two_syndromes(drop=40)  # the first 20 patients are at risk of CRS alone
    grades = [(number, "crs", 0, 1.0) for number in range(200)]
    grades += [(number, "icans", 0, 1.0) for number in range(20, 200)]
    grades += [(number, "icans", 1, 60.0) for number in range(20, 60)]
    cohort = make_cohort(200, assessments=grades)
    config = load_config()
    chosen = config.evaluation.model_copy(update={"bootstrap": 20})
    config = config.model_copy(update={"evaluation": chosen})
    result = assemble(
        {"severe_crs": ScoredOutcome(crs, ()), "icans": ScoredOutcome(icans, ())},
        config,
        kind="cross-validated",
        cohort=cohort,
        spec=make_spec(),
        evaluated=EvaluatedCohort(),
        warnings=[],
        command="cytocast train",
    )
    assert result.report.contrast_detail.never_graded == {
        "icans": LeftOut(landmarks=40, patients=20),
        "crs": LeftOut(landmarks=0, patients=0),
    }
    first = result.report.outcomes["severe_crs"].what_comes_first
    assert (first.left_out_unknown, "icans" in first.incidence["72"]) == (40, True)
    page = render_evaluation(result.report, title="Two scales")
    assert "what came first is unknown: never graded on icans: 40 (20)." in page
    assert "never graded for a cause has no known first event: 40." in page
