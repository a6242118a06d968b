"""Text that compares a newest result with an earlier one and with a reference range."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.cohort.analytes import Analyte
from pipeline.explain.patient_record import LabResult
from pipeline.explain.phrases import phrase, section, whole
from pipeline.explain.result_text import number_text

_MARK = {-1: "<", 0: "", 1: ">"}


def change_text(
    results: Sequence[LabResult], *, by_difference: bool = False, brief: bool = False
) -> str:
    """Describe the change of the newest result since the sample nearest to 24 h before it.

    Parameters
    ----------
    results : sequence of LabResult
        Results of one analyte, sorted by collection.
    by_difference : bool
        Whether the numbers are logarithms or signed, so the change is a difference.
    brief : bool
        Whether to leave the earlier value out.

    Examples
    --------
    >>> change_text([LabResult(47.0, 59.0), LabResult(71.0, 184.0)])
    'up 3.1-fold in 24 h (from 59)'
    >>> change_text([LabResult(47.0, -0.3), LabResult(71.0, 0.5)], by_difference=True)
    'up by 0.8 in 24 h (from −0.3)'
    """
    newest, rules, earlier = results[-1], section("change"), earlier_result(results)
    if earlier is None:
        return phrase("labs", "change_first") if len(results) == 1 and not brief else ""
    hours = whole(newest.hours - earlier.hours)
    before, now = earlier.value, newest.value
    shown = _MARK[earlier.side] + number_text(before)
    if earlier.side or newest.side or (not by_difference and min(before, now) <= 0):
        return phrase("labs", "change_from_limit", before=shown, hours=hours)
    if by_difference:
        change = now - before
        steady = abs(change) < rules["steady_difference"]
        key = "change_up" if change > 0 else "change_down"
        amount = f"by {number_text(abs(float(f'{change:.2g}')))}"
    else:
        ratio = now / before
        percent = whole(100 * abs(ratio - 1))
        steady = percent < rules["steady_percent"]
        key = "change_up" if ratio > 1 else "change_down"
        amount = f"{min(percent, 99) if ratio < 1 else percent}%"
        if ratio >= rules["times"]:
            key, amount = "change_times", f"{ratio:.1f}" if ratio < 10 else f"{whole(ratio)}"
    if steady:
        return phrase("labs", "change_steady", before=shown, hours=hours)
    text = phrase("labs", key, amount=amount, before=shown, hours=hours)
    return text.partition(" (")[0] if brief else text


def earlier_result(results: Sequence[LabResult]) -> LabResult | None:
    """Return the sample with which the newest result is compared; None if there is none.

    Parameters
    ----------
    results : sequence of LabResult
        Results of one analyte, sorted by collection; not empty.

    Returns
    -------
    LabResult or None

    Examples
    --------
    >>> earlier_result([LabResult(20.0, 1.0), LabResult(47.0, 2.0), LabResult(71.0, 3.0)])[:2]
    (47.0, 2.0)
    """
    rules, last = section("change"), results[-1].hours
    near = [
        item for item in results if rules["from_hours"] <= last - item.hours <= rules["to_hours"]
    ]
    return min(near, key=lambda item: abs(last - item.hours - rules["wanted_hours"]), default=None)


def change_direction(
    earlier: LabResult | None, newest: LabResult, steady_as: Analyte | None = None
) -> int:
    """Return 1 if the newest result lies above an earlier one, -1 if below, 0 if unknown.

    Parameters
    ----------
    earlier, newest : LabResult
        Results at a detection limit have no direction.
    steady_as : Analyte, optional
        Analyte whose small differences count as steady (0).

    Returns
    -------
    int

    Examples
    --------
    >>> change_direction(LabResult(47.0, 59.0), LabResult(71.0, 184.0))
    1
    """
    if earlier is None or earlier.side or newest.side:
        return 0
    change, steady = newest.value - earlier.value, 0.0
    if steady_as is not None:
        rules = section("change")
        steady = float(rules["steady_percent"]) / 100 * abs(earlier.value)
        steady = float(rules["steady_difference"]) if steady_as.by_difference else steady
    if abs(change) <= steady:
        return 0
    return 1 if change > 0 else -1


def range_text(value: float, side: float, limits: tuple[float | None, float | None]) -> str:
    """Whether a result lies above, below or within the reference range; empty if unknown.

    Parameters
    ----------
    value : float
        Result in the canonical unit.
    side : float
        -1 for a result below its limit, 1 above it, else 0.
    limits : tuple of (float or None)
        Reference range in the same unit.

    Returns
    -------
    str

    Examples
    --------
    >>> range_text(9.0, 0, (0.0, 5.0))
    'above 0–5'
    """
    low, high = limits
    if low is None or high is None or not math.isfinite(value):
        return ""
    shown = f"{number_text(low)}–{number_text(high)}"
    if value > high and side >= 0:
        return phrase("labs", "range_above", range=shown)
    if value < low and side <= 0:
        return phrase("labs", "range_below", range=shown)
    return phrase("labs", "range_within", range=shown) if side == 0 else ""
