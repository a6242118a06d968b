"""The first lines of a page weigh every figure with its interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric, PerformanceCell
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.pages import headline_sentences
from pipeline.pages.headline_sentences import (
    calibration_text,
    is_at_interval_end,
    other_horizons,
)
from tests.pages.evaluations import metrics, whole_outcome


def headline(label, content):
    return headline_sentences.headline(label, OutcomeReport.model_validate(content))


def alert_words(content):
    return headline_sentences.alert_text(OutcomeReport.model_validate(content))


def weighted_words(content):
    return headline_sentences.weighted_text(OutcomeReport.model_validate(content))


def limits(content, kind, minimum):
    outcomes = EvaluationReport.model_validate({"outcomes": content}).outcomes
    return headline_sentences.cannot_show_sentences(outcomes, kind, minimum)


@pytest.mark.parametrize(
    ("lo", "diff", "hi", "words"),
    [
        (-0.02, 0.0001, 0.02, "the model is not shown to differ (difference −0.020 to 0.020)."),
        (0.0001, 0.0004, 0.0008, "the model differs by less than 0.001 (difference 0.000–0.001)."),
        (0.01, 0.06, 0.11, "the model is 0.060 higher (difference 0.010–0.110)."),
        (-0.02, 0.03, 0.08, "so no difference is shown."),
        (-0.09, -0.05, -0.01, "the model is 0.050 lower (difference −0.090 to −0.010)."),
        (None, 0.03, None, "the model is 0.030 higher."),
        (None, None, None, "could not be estimated."),
    ],
)
def test_headline_weighs_the_difference(lo, diff, hi, words):
    other = {"72": {"auroc": 0.75, "diff_auroc": diff, "diff_lo": lo, "diff_hi": hi}}
    model = {"72": {"auroc": 0.75 + (diff or 0.05)}}
    outcome = {"model": model, "comparators": {"grade_and_day": other}}
    assert headline("ICANS", outcome).endswith(words)


@pytest.mark.parametrize(
    ("low", "high", "figures"),
    [(0.75, 0.87, ("0.81 ", "0.75;")), (0.8, 0.83, ("0.815 ", "0.745;"))],
)
def test_decimals_of_an_auroc_depend_on_its_interval_and_those_of_a_difference_are_fixed(
    low, high, figures
):
    other = {"72": {"auroc": 0.7451, "diff_auroc": 0.0698, "diff_lo": 0.01, "diff_hi": 0.11}}
    cell = {"auroc": 0.8149, "auroc_lo": low, "auroc_hi": high}
    outcome = {"model": {"72": cell}, "comparators": {"grade_and_day": other}}
    said = headline("ICANS", outcome)
    assert all(figure in said for figure in figures)
    assert "0.070 higher (difference 0.010–0.110)" in said


def test_a_figure_at_the_end_of_its_interval_is_named():
    at_end = {"auroc": 0.9, "auroc_lo": 0.8, "auroc_hi": 0.9}
    inside = {"auroc": 0.9, "auroc_lo": 0.8, "auroc_hi": 0.95}
    told = limits({"icans": {"model": {"24": at_end, "72": inside}}}, "cross-validated", 5)
    assert any("within 24 h lies at an end of its interval" in line for line in told)


def alerting(**changes):
    cell = {"patients_warned": 1.0, "n_warned": 19.0, "n_event_patients": 19.0}
    cell |= {"lead_hours_median": 36.2, "number_needed_to_alert": 2.5, **changes}
    return {"model": {"72": {}}, "alerts": {"72": {"model": {"0.1": cell}}}}


def test_alerts_are_told_with_counts_lead_time_and_what_they_cost():
    assert alert_words(alerting()) == (
        "If the highest 10% of risks within 72 h raised an alert: 100% of event patients "
        "(19 of 19) would be warned, the first alert a median of 36 h before onset; about 40 of "
        "100 alerts would be followed by the event."
    )
    mean = alert_words(alerting(patients_warned=0.889, n_warned=27.6, n_event_patients=31.0))
    assert "89% of event patients (27.6 of 31, a mean over the rounds) would be warned" in mean
    rare = alert_words(alerting(number_needed_to_alert=400.0))
    assert "; fewer than 1 of 100 alerts would be followed" in rare
    for unknown in (None, 0.0):
        said = alert_words(alerting(number_needed_to_alert=unknown))
        assert "; an unknown share of alerts would be followed" in said
    assert alert_words(alerting(lead_hours_median=None)) == ""
    assert alert_words(alerting(patients_warned=None)) == ""


@pytest.mark.parametrize(
    ("kind", "words"),
    [("cross-validated", "Another hospital"), ("apparent", "Anything about new patients")],
)
def test_limits_depend_on_the_kind(kind, words):
    bar = {"72": {"diff_lo": -0.02, "diff_hi": 0.04, "n_event_patients": 31}}
    outcome = {"label": "X", "model": {"72": {}}, "comparators": {"grade_and_day": bar}}
    told = " ".join(limits({"x": outcome, "y": {}}, kind, 5))
    assert words in told
    half = "31 event patients within 72 h, the AUROC must differ from that of grade and day by"
    assert (f"{half} about 0.03" in told) is (kind != "apparent")
    assert "y: too few event patients" in told


def test_alerts_of_grade_and_day_stand_beside_those_of_the_model():
    outcome = alerting(alert_rate=0.03)
    table = outcome["alerts"]["72"]
    bar = table["model"]["0.1"] | {"alert_rate": 0.1, "patients_warned": 0.5, "n_warned": 9.5}
    table["grade_and_day"] = {"0.1": bar}
    said = alert_words(outcome)
    assert "raised an alert (here 3% of landmarks reach the cut-off): 100%" in said
    assert said.endswith(
        "By grade and day, aimed at the same rate: 50% of event patients (9.5 of 19, a mean over "
        "the rounds) warned, a median of 36 h before onset; about 40 of 100 alerts true."
    )
    bar |= {"n_alerts": 0.0, "patients_warned": 0.0}
    assert "no alert is raised, because too many landmarks share" in alert_words(outcome)


def test_a_difference_that_many_landmarks_make_is_named():
    bar = {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.09}

    def said(value, low, high):
        weighted = {"diff_auroc": value, "diff_lo": low, "diff_hi": high}
        return weighted_words(
            {
                "model": {"72": {}},
                "comparators": {"grade_and_day": {"72": bar}},
                "patient_weighted": {"grade_and_day": {"72": weighted}},
            }
        )

    assert "within 72 h is not demonstrated: +0.020 (95% interval −0.030" in said(0.02, -0.03, 0.06)
    assert "has the other sign and is not demonstrated: −0.010" in said(-0.01, -0.03, 0.06)
    assert "has the other sign: −0.040" in said(-0.04, -0.06, -0.01)
    assert said(0.04, 0.01, 0.06) == ""


def test_without_alerts_nothing_is_said_of_them():
    assert alert_words({"model": {"72": {}}}) == ""
    assert alert_words({}) == ""
    assert "60% of event patients would be warned" in alert_words(whole_outcome(metrics()))


@given(st.dictionaries(st.sampled_from(["24", "48", "72", "168"]), st.none() | st.floats(0, 1)))
def test_every_horizon_but_that_of_the_headline_is_told_beside_it(figures):
    model = {hours: PerformanceCell(auroc=auroc) for hours, auroc in figures.items()}
    others = [hours for hours in figures if hours != headline_key(figures)]
    told = other_horizons(model, list(figures))
    if all(figures[hours] is None for hours in others):
        assert told == ""
    else:
        assert [part.split(" at ")[1] for part in told.split(", ")] == [f"{h} h" for h in others]


@given(st.tuples(*[st.integers(0, 100)] * 3))
def test_an_auroc_inside_its_printed_interval_is_at_no_end(values):
    value, low, high = (number / 100 for number in values)
    inside = low < value < high or low == value == high
    assert is_at_interval_end(Metric(value, low, high)) is not inside
    assert not is_at_interval_end(Metric(value, None, high))


HUNDREDTHS = st.tuples(*[st.integers(-300, 300)] * 3).map(sorted)


VERDICTS = (
    ("the risks are too low on average", "the risks are too high on average"),
    ("not extreme enough", "too extreme"),
)


def calibration_words(content, hours):
    return calibration_text(OutcomeReport.model_validate(content), hours)


def calibrated(slope, intercept, hours="72"):
    names = ("cal_slope", "cal_slope_lo", "cal_slope_hi")
    ends = dict(zip(("cal_intercept_lo", "cal_intercept_hi"), intercept[1:], strict=True))
    cell = dict(zip(names, slope, strict=True)) | {"cal_intercept": intercept[0]}
    return {"model": {hours: cell}, "probability_intervals": {"model": {hours: ends}}}


def test_a_slope_whose_interval_holds_one_is_not_called_right():
    cell = {"cal_slope": 1.4, "cal_slope_lo": 0.6, "cal_slope_hi": 2.3}
    said = calibration_words({"model": {"72": cell}}, "72")
    assert "no evidence of over- or underconfidence (interval 1.70 wide)" in said
    assert "about right" not in said


@pytest.mark.parametrize(
    ("intercept", "words"),
    [
        (
            (1.01, 0.52, 1.37),
            "intercept +1.01 (95% interval +0.52 to +1.37), the risks are too low",
        ),
        ((-0.4, -0.7, -0.1), "the risks are too high on average"),
        ((0.3, -0.1, 0.7), "no evidence that the risks are too high or too low on average"),
    ],
)
def test_the_level_of_the_risks_is_judged_with_its_interval(intercept, words):
    outcome = calibrated((1.0, 0.8, 1.2), intercept)
    outcome["incidence"] = {"72": {"observed": 0.09, "mean_risk": 0.04}}
    said = calibration_words(outcome, "72")
    assert said.startswith("Calibration within 72 h: mean risk 4%, observed 9%; ")
    assert words in said


def test_a_slope_is_judged_by_the_interval_as_printed():
    said = calibration_words(calibrated((0.66, 0.48, 0.996), (0.0, -1.0, 1.0)), "72")
    assert "0.48–1.00), no evidence of over- or underconfidence" in said


def test_a_fault_at_another_horizon_is_named():
    outcome = calibrated((1.0, 0.8, 1.2), (0.0, -0.3, 0.3))
    early = calibrated((1.46, 1.17, 1.93), (0.5, 0.2, 0.8), hours="24")
    outcome["model"] |= early["model"]
    outcome["probability_intervals"]["model"] |= early["probability_intervals"]["model"]
    said = calibration_words(outcome, "72")
    assert "Other horizons: within 24 h risks too low (intercept +0.50" in said
    assert said.endswith("a spread not extreme enough (slope 1.46, 95% interval 1.17–1.93).")


def test_nothing_is_said_where_nothing_is_known():
    assert calibration_words({"model": {"72": {}}}, "72") == ""
    assert calibration_words({"model": {"72": {"cal_slope": 0.5}}}, "72") == ""
    assert calibration_words(calibrated((1.0, 0.8, 1.2), (0.0, -0.3, 0.3)), None) == ""


def middle(ends):
    """Value and interval from low, value and high in hundredths."""
    low, value, high = (number / 100 for number in ends)
    return value, low, high


@given(slope=HUNDREDTHS, intercept=HUNDREDTHS)
def test_a_fault_is_named_exactly_where_its_interval_is_clear_of_the_ideal(slope, intercept):
    text = calibration_words(calibrated(middle(slope), middle(intercept)), "72")
    assert text.count("within 72 h") == 1
    for ends, ideal, (above, below) in zip((intercept, slope), (0, 100), VERDICTS, strict=True):
        assert (above in text) == (ends[0] > ideal)
        assert (below in text) == (ends[2] < ideal)


@given(slope=HUNDREDTHS, intercept=HUNDREDTHS)
def test_another_horizon_is_named_exactly_where_something_is_wrong_there(slope, intercept):
    content = calibrated((1.0, 0.8, 1.2), (0.0, -0.3, 0.3))
    other = calibrated(middle(slope), middle(intercept), hours="24")
    content["model"] |= other["model"]
    content["probability_intervals"]["model"] |= other["probability_intervals"]["model"]
    text = calibration_words(content, "72")
    clear = not intercept[0] <= 0 <= intercept[2] or not slope[0] <= 100 <= slope[2]
    assert ("within 24 h" in text) == clear
