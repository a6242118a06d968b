"""A newest result against an earlier one, the usual range and an average patient, in words."""

from __future__ import annotations

import math

import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.explain.estimate import Estimate
from pipeline.explain.facts import ModelFacts
from pipeline.explain.record import Record
from pipeline.explain.wording import age_words, number_words, phrase, section, whole
from pipeline.features.names import analyte_meta
from pipeline.features.words import feature_sentence

_MARK = {-1: "<", 0: "", 1: ">"}


def change_words(series: pd.DataFrame, *, brief: bool = False) -> str:
    """The newest of a series against the sample nearest to a day before it.

    Parameters
    ----------
    series : DataFrame
        ``value, side, collected_hours`` of one analyte, sorted by collection.
    brief : bool
        Leave the earlier value out where the change says enough.

    Examples
    --------
    >>> change_words(pd.DataFrame(
    ...     {"value": [59.0, 184.0], "side": [0, 0], "collected_hours": [47.0, 71.0]}))
    'up 3.1-fold in 24 h (from 59)'
    """
    newest = series.iloc[-1]
    rules = section("change")
    gap = float(newest["collected_hours"]) - series["collected_hours"].astype(float)
    usable = series.loc[(gap >= rules["from_hours"]) & (gap <= rules["to_hours"])]
    if usable.empty:
        return phrase("labs", "change_first") if len(series) == 1 and not brief else ""
    place = (gap.loc[usable.index] - rules["wanted_hours"]).abs().idxmin()
    earlier, hours = usable.loc[place], whole(float(gap.loc[place]))
    before, now = float(earlier["value"]), float(newest["value"])
    shown = _MARK[int(earlier["side"])] + number_words(before)
    if int(earlier["side"]) or int(newest["side"]) or before <= 0 or now <= 0:
        return phrase("labs", "change_from_limit", before=shown, hours=hours)
    ratio = now / before
    percent = whole(100 * abs(ratio - 1))
    if percent < rules["steady_percent"]:
        return phrase("labs", "change_steady", before=shown, hours=hours)
    if ratio >= rules["times"]:
        times = f"{ratio:.1f}" if ratio < 10 else f"{whole(ratio)}"
        words = phrase("labs", "change_times", times=times, before=shown, hours=hours)
        return words.partition(" (")[0] if brief else words
    key = "change_up" if ratio > 1 else "change_down"
    said = f"{min(percent, 99) if ratio < 1 else percent}\u00a0%"
    words = phrase("labs", key, percent=said, before=shown, hours=hours)
    return words.partition(" (")[0] if brief else words


def range_words(value: float, side: float, analyte: Analyte) -> str:
    """Whether a result lies above, below or within the usual range; blank where that is unknown."""
    low, high = analyte.reference
    if low is None or high is None or not math.isfinite(value):
        return ""
    said = f"{number_words(low)} to {number_words(high)}"
    if value > high and side >= 0:
        return phrase("labs", "range_above", range=said)
    if value < low and side <= 0:
        return phrase("labs", "range_below", range=said)
    return phrase("labs", "range_within", range=said) if side == 0 else ""


def reason_words(key: str, item: Estimate, record: Record, facts: ModelFacts) -> str:
    """Why a result moves an estimate against what its place in the usual range suggests.

    The model compares with an average training patient, not with the usual range, and counts the
    age and course of a result beside its height. Blank where nothing needs a reason: the effect
    goes the expected way, is too small to be told, or no direction is assumed.
    """
    points, analyte = item.players.get(key, 0.0), facts.analytes[key]
    direction = {"up": 1, "down": -1}.get(analyte.direction.get(item.scale, ""), 0)
    low, high = analyte.reference
    if not facts.signed or direction == 0 or whole(abs(points)) == 0 or low is None or high is None:
        return ""
    newest = record.series(key).iloc[-1]
    value, moved = float(newest["value"]), 1 if points > 0 else -1
    beyond = 1 if value > high else -1 if value < low else 0
    if moved == (1 if direction * beyond > 0 else -1):
        return ""
    typical = facts.typical_value(item.outcome, record.hours, key)
    if typical is None:
        return phrase("labs", "because_others")
    if number_words(typical) != number_words(value):
        side = 1 if value > typical else -1
        if moved == direction * side:
            which = "because_more" if side > 0 else "because_less"
            return phrase("labs", which, typical=number_words(typical))
    age = record.hours - float(newest["collected_hours"])
    if age > section("reliance")["limits"]["old_hours"]:
        return phrase("labs", "because_old", age=age_words(age))
    told = _extreme_words(record.series(key), analyte, direction) if moved == direction else ""
    return phrase("labs", "because_extreme" if told else "because_course", sentence=told)


def _extreme_words(series: pd.DataFrame, analyte: Analyte, direction: int) -> str:
    """The feared extreme since time zero in words; blank where the newest result is as far out."""
    proven = (series["collected_hours"] >= 0) & (series["side"] != -direction)
    since = series.loc[proven & (series["value"] > 0)]
    beyond = direction * (since["value"] - float(series["value"].iloc[-1])) > 0
    if not beyond.any():
        return ""
    farthest = (direction * since[["value", "side"]]).sort_values(["value", "side"]).index[-1]
    value, side = float(since["value"][farthest]), int(since["side"][farthest])
    meta = analyte_meta(analyte, "peak" if direction > 0 else "nadir", None)
    return feature_sentence(meta, math.log2(value) if analyte.log else value, side)
