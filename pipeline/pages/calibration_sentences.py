"""Whether risks are too low, too high or too extreme, in sentences for the top of the page."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

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

Entry = Mapping[str, Any]
_PLACES = 2


def calibration_words(outcome: Entry, told: str | None) -> str:
    """Say whether the risks are too low, too high or too extreme; nothing where unknown.

    Parameters
    ----------
    told : str or None
        Horizon told first; another one is named where its interval is clear of the ideal.

    Examples
    --------
    >>> cell = {"cal_slope": 0.7, "cal_slope_lo": 0.5, "cal_slope_hi": 0.9}
    >>> print(calibration_words({"model": {"72": cell}}, "72"))
    Calibration within 72 h: slope 0.70 (95 % interval 0.50 to 0.90), the spread of the risks is \
too extreme.
    """
    model = outcome.get("model", {})
    if told is None:
        return ""
    parts = [part for part in (_level(outcome, told), _slope(model[told])) if part]
    if not parts:
        return ""
    others = [
        f"within {hours} h {joined(found)}"
        for hours in sorted(model, key=float)
        if hours != told and (found := _faults(outcome, hours))
    ]
    further = f" Other horizons: {'; '.join(others)}." if others else ""
    return f"Calibration within {told} h: {'; '.join(parts)}.{further}"


def _level(outcome: Entry, hours: str) -> str:
    """Mean risk against what was observed, and the intercept with its verdict."""
    found = (outcome.get("incidence") or {}).get(hours, {})
    parts = []
    if not is_missing(found.get("observed")) and not is_missing(found.get("mean_risk")):
        parts.append(
            f"mean risk {percent(found['mean_risk'])}, observed {proportion(found['observed'])}"
        )
    value, low, high = _intercept(outcome, hours)
    if not any(is_missing(part) for part in (value, low, high)):
        verdict = {
            1: "the risks are too low on average",
            -1: "the risks are too high on average",
            0: "the risks are not shown to be too high or too low on average",
        }[_side(low, high, 0.0)]
        parts.append(f"intercept {_signed_interval(value, low, high)}, {verdict}")
    return "; ".join(parts)


def _slope(cell: Entry) -> str:
    slope, low, high = _line(cell)
    if any(is_missing(part) for part in (slope, low, high)):
        return ""
    found = f"slope {decimal(slope)}{in_words('95 % interval', low, high)}"
    verdict = {
        1: "the spread of the risks is not extreme enough",
        -1: "the spread of the risks is too extreme",
        0: "the spread of the risks is not shown to be wrong: the slope is not shown to differ "
        f"from 1, with an interval {decimal(high - low)} wide",
    }[_side(low, high, 1.0)]
    return f"{found}, {verdict}"


def _faults(outcome: Entry, hours: str) -> list[str]:
    """What is clearly wrong at a horizon, each with its figure."""
    told = []
    value, low, high = _intercept(outcome, hours)
    if not any(is_missing(part) for part in (value, low, high)) and (side := _side(low, high, 0)):
        way = "low" if side > 0 else "high"
        ends = f"{signed(low)} to {signed(high)}"
        told.append(f"risks too {way} (intercept {signed(value)}, 95 % interval {ends})")
    slope, low, high = _line(outcome["model"][hours])
    if not any(is_missing(part) for part in (slope, low, high)) and (side := _side(low, high, 1)):
        way = "not extreme enough" if side > 0 else "too extreme"
        ends = interval(low, high)
        told.append(f"a spread {way} (slope {decimal(slope)}, 95 % interval {ends})")
    return told


def _intercept(outcome: Entry, hours: str) -> tuple[Any, Any, Any]:
    spread = ((outcome.get("probability_intervals") or {}).get("model") or {}).get(hours, {})
    value = outcome["model"][hours].get("cal_intercept", nan)
    return value, spread.get("cal_intercept_lo", nan), spread.get("cal_intercept_hi", nan)


def _line(cell: Entry) -> tuple[Any, Any, Any]:
    slope, low, high = (cell.get(f"cal_slope{end}", nan) for end in ("", "_lo", "_hi"))
    return slope, low, high


def _side(low: float, high: float, ideal: float) -> int:
    """1 above the ideal, -1 below it, 0 where the interval as printed holds it."""
    if round(low, _PLACES) > ideal:
        return 1
    return -1 if round(high, _PLACES) < ideal else 0


def _signed_interval(value: float, low: float, high: float) -> str:
    return f"{signed(value)} (95 % interval {signed(low)} to {signed(high)})"
