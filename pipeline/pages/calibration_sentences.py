"""Whether risks are too low, too high or too extreme, in sentences for the top of the page."""

from __future__ import annotations

from pipeline.format import (
    decimal,
    in_words,
    interval,
    is_missing,
    joined,
    percent,
    proportion,
    signed,
)
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Incidence, Metric

_PLACES = 2


def calibration_text(outcome: OutcomeReport, first: str | None) -> str:
    """Say whether the risks are too low, too high or too extreme; nothing where unknown.

    Parameters
    ----------
    first : str or None
        Horizon of the headline; another one is named where its interval is clear of the ideal.

    Examples
    --------
    >>> cell = {"cal_slope": 0.7, "cal_slope_lo": 0.5, "cal_slope_hi": 0.9}
    >>> outcome = OutcomeReport.model_validate({"model": {"72": cell}})
    >>> print(calibration_text(outcome, "72"))
    Calibration within 72 h: slope 0.70 (95 % interval 0.50 to 0.90), the spread of the risks is \
too extreme.
    """
    if first is None:
        return ""
    parts = [part for part in (_level(outcome, first), _slope(outcome.model[first].slope)) if part]
    if not parts:
        return ""
    others = [
        f"within {hours} h {joined(faults)}"
        for hours in sorted(outcome.model, key=float)
        if hours != first and (faults := _faults(outcome, hours))
    ]
    further = f" Other horizons: {'; '.join(others)}." if others else ""
    return f"Calibration within {first} h: {'; '.join(parts)}.{further}"


def _level(outcome: OutcomeReport, hours: str) -> str:
    """Mean risk against what was observed, and the intercept with its verdict."""
    cell = outcome.incidence.get(hours, Incidence())
    parts = []
    if not is_missing(cell.observed) and not is_missing(cell.mean_risk):
        parts.append(f"mean risk {percent(cell.mean_risk)}, observed {proportion(cell.observed)}")
    intercept = outcome.performance("model", hours).intercept
    if intercept.is_complete:
        verdict = {
            1: "the risks are too low on average",
            -1: "the risks are too high on average",
            0: "the risks are not shown to be too high or too low on average",
        }[intercept.side_of(0.0, _PLACES)]
        value, low, high = (signed(part) for part in intercept)
        parts.append(f"intercept {value} (95 % interval {low} to {high}), {verdict}")
    return "; ".join(parts)


def _slope(slope: Metric) -> str:
    if not slope.is_complete:
        return ""
    figure = f"slope {decimal(slope.value)}{in_words('95 % interval', slope.low, slope.high)}"
    verdict = {
        1: "the spread of the risks is not extreme enough",
        -1: "the spread of the risks is too extreme",
        0: "the spread of the risks is not shown to be wrong: the slope is not shown to differ "
        f"from 1, with an interval {decimal(slope.width)} wide",
    }[slope.side_of(1.0, _PLACES)]
    return f"{figure}, {verdict}"


def _faults(outcome: OutcomeReport, hours: str) -> list[str]:
    """What is clearly wrong at a horizon, each with its figure."""
    faults = []
    cell = outcome.performance("model", hours)
    intercept, slope = cell.intercept, cell.slope
    if intercept.is_complete and (side := intercept.side_of(0.0, _PLACES)):
        way = "low" if side > 0 else "high"
        value, low, high = (signed(part) for part in intercept)
        faults.append(f"risks too {way} (intercept {value}, 95 % interval {low} to {high})")
    if slope.is_complete and (side := slope.side_of(1.0, _PLACES)):
        way = "not extreme enough" if side > 0 else "too extreme"
        ends = interval(slope.low, slope.high)
        faults.append(f"a spread {way} (slope {decimal(slope.value)}, 95 % interval {ends})")
    return faults
