"""Text that compares a newest result with an earlier one, a range and an average patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, phrase, section, whole
from pipeline.explain.reference_range import reference_range
from pipeline.explain.result_text import number_text
from pipeline.features.names import analyte_meta, feature_sentence

_MARK = {-1: "<", 0: "", 1: ">"}


def change_text(series: pd.DataFrame, *, by_difference: bool = False, brief: bool = False) -> str:
    """Describe the change of the newest result since the sample nearest to 24 h before it.

    Parameters
    ----------
    series : DataFrame
        ``value, side, collected_hours`` of one analyte, sorted by collection.
    by_difference : bool
        Whether the numbers are logarithms or signed, so the change is a difference.
    brief : bool
        Whether to leave the earlier value out.

    Examples
    --------
    >>> change_text(pd.DataFrame(
    ...     {"value": [59.0, 184.0], "side": [0, 0], "collected_hours": [47.0, 71.0]}))
    'up 3.1-fold in 24 h (from 59)'
    >>> change_text(pd.DataFrame(
    ...     {"value": [-0.3, 0.5], "side": [0, 0], "collected_hours": [47.0, 71.0]}),
    ...     by_difference=True)
    'up by 0.8 in 24 h (from −0.3)'
    """
    newest, rules, earlier = series.iloc[-1], section("change"), _earlier(series)
    if earlier is None:
        return phrase("labs", "change_first") if len(series) == 1 and not brief else ""
    hours = whole(float(newest["collected_hours"]) - float(earlier["collected_hours"]))
    before, now = float(earlier["value"]), float(newest["value"])
    shown = _MARK[int(earlier["side"])] + number_text(before)
    if int(earlier["side"]) or int(newest["side"]):
        return phrase("labs", "change_from_limit", before=shown, hours=hours)
    if by_difference:
        return _difference_text(now - before, shown, hours, brief=brief)
    if before <= 0 or now <= 0:
        return phrase("labs", "change_from_limit", before=shown, hours=hours)
    ratio = now / before
    percent = whole(100 * abs(ratio - 1))
    if percent < rules["steady_percent"]:
        return phrase("labs", "change_steady", before=shown, hours=hours)
    if ratio >= rules["times"]:
        times = f"{ratio:.1f}" if ratio < 10 else f"{whole(ratio)}"
        text = phrase("labs", "change_times", times=times, before=shown, hours=hours)
        return text.partition(" (")[0] if brief else text
    key = "change_up" if ratio > 1 else "change_down"
    amount = f"{min(percent, 99) if ratio < 1 else percent}\u00a0%"
    text = phrase("labs", key, percent=amount, before=shown, hours=hours)
    return text.partition(" (")[0] if brief else text


def _difference_text(change: float, before: str, hours: int, *, brief: bool) -> str:
    if abs(change) < section("change")["steady_difference"]:
        return phrase("labs", "change_steady", before=before, hours=hours)
    key = "change_up" if change > 0 else "change_down"
    amount = f"by {number_text(abs(float(f'{change:.2g}')))}"
    text = phrase("labs", key, percent=amount, before=before, hours=hours)
    return text.partition(" (")[0] if brief else text


def _earlier(series: pd.DataFrame) -> pd.Series | None:
    """Sample to compare the newest result with; None if there is none."""
    rules = section("change")
    gap = float(series["collected_hours"].iloc[-1]) - series["collected_hours"].astype(float)
    inside = (gap >= rules["from_hours"]) & (gap <= rules["to_hours"])
    if not inside.any():
        return None
    distance = (gap[inside] - rules["wanted_hours"]).abs().to_numpy()
    nearest: pd.Series = series.loc[inside].iloc[int(distance.argmin())]
    return nearest


def range_text(value: float, side: float, analyte: Analyte) -> str:
    """Whether a result lies above, below or within the usual range; empty if unknown."""
    low, high = analyte.reference
    if low is None or high is None or not math.isfinite(value):
        return ""
    limits = f"{number_text(low)} to {number_text(high)}"
    if value > high and side >= 0:
        return phrase("labs", "range_above", range=limits)
    if value < low and side <= 0:
        return phrase("labs", "range_below", range=limits)
    return phrase("labs", "range_within", range=limits) if side == 0 else ""


@dataclass(frozen=True)
class DirectionReason:
    """A reason: its key in ``sentences.yaml``, the average value, and other text to fill in."""

    key: str
    typical: float | None = None
    part: str = ""


def direction_reasons(reasons: Sequence[DirectionReason | None]) -> list[str]:
    """Reasons as text, each once; averages of several outcomes become one range.

    Examples
    --------
    >>> less = [DirectionReason("because_less", value) for value in (21.7, 21.0)]
    >>> direction_reasons([*less, None])
    ['because it is below the 21 to 21.7 of the average patient of this day']
    """
    texts = []
    for key in dict.fromkeys(reason.key for reason in reasons if reason):
        mine = [reason for reason in reasons if reason and reason.key == key]
        typical = sorted({reason.typical for reason in mine if reason.typical is not None})
        shown = dict.fromkeys(number_text(value) for value in (typical[:1] + typical[-1:]))
        for part in dict.fromkeys(reason.part for reason in mine):
            texts.append(phrase("labs", key, typical=" to ".join(shown), part=part))
    return texts


def reason(
    key: str, item: Estimate, record: PatientRecord, summary: ModelSummary
) -> DirectionReason | None:
    """Why a result changes an estimate in a direction that its usual range does not suggest.

    The model compares a result with an average training patient, not with the usual range, and
    also uses its age and trend. Returns None if the effect is below a point or has the expected
    direction. For an analyte without an assumed direction, returns a reason only if a result
    outside the usual range lowers the estimate.
    """
    points, analyte = item.players.get(key, 0.0), summary.analytes[key]
    direction = {"up": 1, "down": -1}.get(analyte.direction.get(item.scale, ""), 0)
    low, high = reference_range(record.series(key), analyte, record.age_years)
    if not summary.signed or whole(abs(points)) == 0 or low is None or high is None:
        return None
    newest = record.series(key).iloc[-1]
    value, moved = float(newest["value"]), 1 if points > 0 else -1
    beyond = 1 if value > high else -1 if value < low else 0
    if direction == 0:
        return DirectionReason("because_either") if beyond and moved < 0 else None
    if moved == (1 if direction * beyond > 0 else -1):
        return None
    typical = summary.typical_value(item.outcome, record.hours, key)
    if typical is None:
        return DirectionReason("because_others")
    if number_text(typical) != number_text(value):
        side = 1 if value > typical else -1
        if moved == direction * side:
            which = "because_more" if side > 0 else "because_less"
            return DirectionReason(which, typical)
    age = record.hours - float(newest["collected_hours"])
    if age > section("reliance")["limits"]["old_hours"]:
        return DirectionReason("because_old", part=age_text(age))
    return _course(record, analyte, direction, moved)


def _course(record: PatientRecord, analyte: Analyte, direction: int, moved: int) -> DirectionReason:
    """Trend that explains the direction of an effect, the displayed trend first.

    Parameters
    ----------
    direction : int
        1 if high values indicate risk, -1 if low values do.
    moved : int
        1 if the result raises the risk, -1 if it lowers the risk.
    """
    wanted = moved * direction
    series = record.series(analyte.key)
    if moved == direction and (extreme := _extreme_text(series, analyte, direction)):
        return DirectionReason("because_extreme", part=extreme)
    if _trend(_earlier(series), series, analyte) == wanted:
        return DirectionReason("because_course")
    since = series.loc[series["collected_hours"] >= 0]
    if len(since):
        farthest = since.iloc[int((-wanted * since["value"].to_numpy(dtype=float)).argmax())]
        if _trend(farthest, series) == wanted:
            at = record.clock.words(float(farthest["collected_hours"]))
            return DirectionReason(
                "because_since_low" if wanted > 0 else "because_since_high", part=at
            )
    before = series.loc[series["collected_hours"] < 0]
    if len(before) and _trend(before.iloc[-1], series) == wanted:
        return DirectionReason("because_since_infusion")
    return DirectionReason("because_not_height")


def _trend(
    earlier: pd.Series | None, series: pd.DataFrame, steady_as: Analyte | None = None
) -> int:
    """Whether the newest result lies above (1) or below (-1) an earlier one; 0 if unknown.

    Parameters
    ----------
    steady_as : Analyte, optional
        Analyte whose small differences count as steady (0).
    """
    newest = series.iloc[-1]
    if earlier is None or int(earlier["side"]) or int(newest["side"]):
        return 0
    before, change = float(earlier["value"]), float(newest["value"]) - float(earlier["value"])
    if abs(change) <= _steady(before, steady_as):
        return 0
    return 1 if change > 0 else -1


def _steady(before: float, analyte: Analyte | None) -> float:
    """Largest difference from ``before`` that counts as steady."""
    if analyte is None:
        return 0.0
    rules = section("change")
    if analyte.by_difference:
        return float(rules["steady_difference"])
    return float(rules["steady_percent"]) / 100 * abs(before)


def _extreme_text(series: pd.DataFrame, analyte: Analyte, direction: int) -> str:
    """Most adverse result since time zero as text; empty if the newest is as extreme."""
    certain = (series["collected_hours"] >= 0) & (series["side"] != -direction)
    since = series.loc[certain & ((series["value"] > 0) | analyte.by_difference)]
    beyond = direction * (since["value"] - float(series["value"].iloc[-1])) > 0
    if not beyond.any():
        return ""
    farthest = (direction * since[["value", "side"]]).sort_values(["value", "side"]).index[-1]
    value, side = float(since["value"][farthest]), int(since["side"][farthest])
    meta = analyte_meta(analyte, "peak" if direction > 0 else "nadir", None)
    return feature_sentence(meta, math.log2(value) if analyte.log else value, side)
