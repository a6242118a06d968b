"""Whether risks are too low, too high or too extreme is judged by intervals as printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.pages.calibration_sentences import calibration_text

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
    assert "not shown to differ from 1, with an interval 1.70 wide" in said
    assert "about right" not in said


@pytest.mark.parametrize(
    ("intercept", "words"),
    [
        (
            (1.01, 0.52, 1.37),
            "intercept +1.01 (95 % interval +0.52 to +1.37), the risks are too low",
        ),
        ((-0.4, -0.7, -0.1), "the risks are too high on average"),
        ((0.3, -0.1, 0.7), "the risks are not shown to be too high or too low on average"),
    ],
)
def test_the_level_of_the_risks_is_judged_with_its_interval(intercept, words):
    outcome = calibrated((1.0, 0.8, 1.2), intercept)
    outcome["incidence"] = {"72": {"observed": 0.09, "mean_risk": 0.04}}
    said = calibration_words(outcome, "72")
    assert said.startswith("Calibration within 72 h: mean risk 4 %, observed 9 %; ")
    assert words in said


def test_a_slope_is_judged_by_the_interval_as_printed():
    said = calibration_words(calibrated((0.66, 0.48, 0.996), (0.0, -1.0, 1.0)), "72")
    assert "0.48 to 1.00), the spread of the risks is not shown to be wrong" in said


def test_a_fault_at_another_horizon_is_named():
    outcome = calibrated((1.0, 0.8, 1.2), (0.0, -0.3, 0.3))
    early = calibrated((1.46, 1.17, 1.93), (0.5, 0.2, 0.8), hours="24")
    outcome["model"] |= early["model"]
    outcome["probability_intervals"]["model"] |= early["probability_intervals"]["model"]
    said = calibration_words(outcome, "72")
    assert "Other horizons: within 24 h risks too low (intercept +0.50" in said
    assert said.endswith("a spread not extreme enough (slope 1.46, 95 % interval 1.17 to 1.93).")


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
