"""Verdicts follow intervals, not estimates, and training patients are not judged."""

import pytest

from pipeline.evaluate.scorecard import scorecard
from pipeline.model.evaluated_outcome import OutcomeReport


def card(cell=None, kind="", firm_from=0, **parts):
    return scorecard(OutcomeReport.model_validate({"model": {"72": cell or {}}} | parts), kind,
                     firm_from)  # fmt: skip


def ends(name, value, low, high):
    return {name: value, f"{name}_lo": low, f"{name}_hi": high}


@pytest.mark.parametrize(
    ("low", "high", "light", "verdict"),
    [
        (0.71, 0.9, "good", "ranks_well"),
        (0.65, 0.9, "unclear", "ranks_unclearly"),
        (0.55, 0.69, "poor", "ranks_weakly"),
        (0.49, 0.8, "poor", "ranks_by_chance"),
        (None, None, "none", "unknown"),
    ],
)
def test_ranking(low, high, light, verdict):
    judged = card(ends("auroc", 0.68, low, high)).ranking
    assert (judged.light, judged.verdict) == (light, verdict)


@pytest.mark.parametrize(
    ("slope", "intercept", "verdict"),
    [
        ((1.0, 0.8, 1.3), (0.0, -0.2, 0.2), "calibrated"),
        ((0.6, 0.2, 1.1), (0.0, -0.2, 0.2), "calibration_unclear"),
        ((1.0, 0.8, 1.5), (0.0, -0.2, 0.2), "calibration_unclear"),
        ((1.0, 0.6, 1.3), (0.0, -0.2, 0.2), "calibration_unclear"),
        ((0.6, 0.4, 0.9), (0.0, -0.2, 0.2), "risks_extreme"),
        ((1.5, 1.2, 1.9), (0.0, -0.2, 0.2), "risks_moderate"),
        ((1.0, 0.8, 1.3), (0.4, 0.2, 0.6), "risks_low"),
        ((1.0, 0.8, 1.3), (-0.4, -0.6, -0.2), "risks_high"),
    ],
)
def test_calibration(slope, intercept, verdict):
    cell = ends("cal_slope", *slope) | {"cal_intercept": intercept[0]}
    bounds = {"cal_intercept_lo": intercept[1], "cal_intercept_hi": intercept[2]}
    judged = card(cell, probability_intervals={"model": {"72": bounds}}).calibration
    assert judged.verdict == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.001, 0.02, "useful"), (-0.01, 0.02, "usefulness_unclear"), (-0.02, -0.001, "harmful")],
)
def test_net_benefit_at_the_stated_threshold(low, high, verdict):
    cell = {"thresholds": [0.05, 0.1], "gain": [0.5, 0.01], "gain_lo": [0.4, low],
            "gain_hi": [0.6, high]}  # fmt: skip
    judged = card(net_benefit={"72": cell}).net_benefit
    assert judged.verdict == verdict
    assert judged.metric.value == 0.01


def test_a_file_without_gain_or_threshold_is_not_judged():
    for cell in ({"thresholds": [0.1], "model": [0.1]}, {"thresholds": [0.2], "gain": [0.1]}):
        assert card(net_benefit={"72": cell}).net_benefit.light == "none"


@pytest.mark.parametrize(
    ("low", "high", "events", "light"),
    [(0.01, 0.1, 50, "good"), (-0.01, 0.1, 50, "unclear"), (-0.2, -0.1, 50, "poor"),
     (0.01, 0.1, 3, "none")],
)  # fmt: skip
def test_labs_use_the_same_rule_as_their_sentence(low, high, events, light):
    bar = {"diff_auroc": 0.05, "diff_lo": low, "diff_hi": high, "n_event_patients": events}
    control = {"72": {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.1}}
    bars = {"grade_and_day": {"72": bar}}
    assert card(firm_from=20, comparators=bars, negative_control=control).labs.light == light


@pytest.mark.parametrize(
    ("low", "verdict"), [(0.01, "labs_add"), (-0.01, "labs_not_shown"), (None, "labs_no_control")]
)
def test_labs_add_only_beyond_the_negative_control(low, verdict):
    bars = {"clinical_state": {"72": {"diff_auroc": 0.2, "diff_lo": 0.1, "diff_hi": 0.3}}}
    control = {"72": {"diff_auroc": 0.05, "diff_lo": low, "diff_hi": 0.1}} if low else {}
    made = card(comparators=bars, negative_control=control)
    assert made.labs.verdict == verdict
    assert made.labs.metric.value == (0.05 if low else 0.2)
    assert made.labs_over == ("control" if low else "clinical_state")


def test_training_patients_are_not_judged_and_no_horizon_gives_no_figures():
    apparent = card(ends("auroc", 0.9, 0.85, 0.95), kind="apparent")
    assert apparent.ranking.light == "none"
    assert apparent.ranking.metric.value == 0.9
    assert scorecard(OutcomeReport()).hours == ""


@pytest.mark.parametrize(
    ("low", "high", "light", "verdict"),
    [
        (0.001, 0.01, "good", "useful"),
        (-0.004, 0.001, "unclear", "not_above_grade"),
        (-0.01, -0.001, "poor", "below_grade"),
        (None, None, "good", "useful"),
    ],
)
def test_net_benefit_is_useful_only_beyond_grade_and_day(low, high, light, verdict):
    cell = {"thresholds": [0.1], "gain": [0.01], "gain_lo": [0.001], "gain_hi": [0.02],
            "diff": [0.0], "diff_lo": [low], "diff_hi": [high]}  # fmt: skip
    made = card(net_benefit={"72": cell})
    assert (made.net_benefit.light, made.net_benefit.verdict) == (light, verdict)
    assert made.net_benefit_over_grade.value == 0.0


@pytest.mark.parametrize(
    ("risks", "expected"),
    [
        ([0.01, 0.02, None, 0.2], (2, 3, 0.05)),
        ([0.01, 0.1, 0.2], None),
        ([0.01, 0.2], None),
        ([], None),
    ],
)
def test_groups_below_the_lowest_threshold_are_counted_where_they_are_most(risks, expected):
    curves = {"72": {"calibration": {"predicted": risks, "observed": risks}}}
    benefit = {"72": {"thresholds": [0.05, 0.1]}}
    assert card(curves=curves, net_benefit=benefit).low_groups == expected
    assert card(curves=curves).low_groups is None


def test_auroc_within_product_is_judged_at_the_headline_horizon():
    cell = {"n": 40, "n_events": 20, "auroc": 0.6, "n_event_patients": 9}
    levels = {"a": {"72": cell, "24": {"auroc": 0.9}}, "b": {"72": cell | {"auroc": 0.7}}}
    made = card(subgroups={"product": levels, "sex": {"f": {"72": cell}, "m": {"72": cell}}})
    assert (made.within_product.mean, made.within_product.levels) == (0.65, 2)
    assert card(subgroups={"product": {"a": levels["a"]}}).within_product is None
    assert card().within_product is None


def test_what_labs_add_has_every_gain():
    gain = {"72": {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.1}}
    control = {"72": {"diff_auroc": 0.02, "diff_lo": 0.01, "diff_hi": 0.1}}
    bars = {"grade_and_day": gain, "clinical_state": gain}
    made = card(comparators=bars, negative_control=control)
    assert (made.labs_over, made.labs.metric.value) == ("control", 0.02)
    assert {name: metric.value for name, metric in made.gains.items()} == {
        "clinical_state": 0.05,
        "grade_and_day": 0.05,
    }
