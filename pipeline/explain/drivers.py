"""What drives the contribution of a lab: its level, its trend or its peak."""

from __future__ import annotations

import math

from pipeline.cohort.analytes import Analyte
from pipeline.explain.estimates import Estimate
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import LabResult, PatientRecord
from pipeline.explain.phrases import phrase
from pipeline.explain.reference_range import own_range
from pipeline.explain.result_changes import (
    change_direction,
    change_text,
    earlier_result,
    range_text,
)
from pipeline.explain.result_text import number_text, value_text


def driver_text(key: str, item: Estimate, record: PatientRecord, summary: ModelSummary) -> str:
    """Describe what drives the contribution of a measured analyte.

    The contribution is that of all features of the analyte. The text names the trend if it has
    the direction of the contribution, else the level against the average of the day, else the
    most adverse value so far. If none has that direction, other findings drive it.

    Parameters
    ----------
    key : str
        Analyte with at least one result.
    item : Estimate
        The estimate; ``players[key]`` is the contribution.
    record : PatientRecord
        The patient.
    summary : ModelSummary
        The model.

    Returns
    -------
    str
    """
    analyte, results = summary.analytes[key], record.results[key]
    newest = results[-1]
    typical = summary.typical_value(item.outcome, record.hours, key)
    limits = own_range(analyte, record)
    level = _level(newest, typical, limits)
    level_text = _level_text(newest, typical, level, limits, record)
    trend = change_direction(earlier_result(results), newest, analyte)
    trend_text = change_text(results, by_difference=analyte.by_difference, brief=True)
    moved = 1 if item.players.get(key, 0.0) > 0 else -1
    direction = {"up": 1, "down": -1}.get(analyte.direction.get(item.scale, ""), 0)
    if direction == 0 or not summary.signed:
        return (trend_text if trend else "") or level_text or phrase("driver", "others")
    wanted = moved * direction
    if trend == wanted:
        return phrase("driver", "trend", trend=trend_text) if level == -wanted else trend_text
    if level == wanted:
        return level_text
    peak = _extreme(results, analyte, direction) if moved > 0 else None
    if peak is not None:
        shown = value_text(peak.value, peak.side, analyte.unit)
        return phrase("driver", "peak" if direction > 0 else "nadir", value=shown)
    return _course_text(results, wanted, record.clock) or phrase("driver", "others")


def _level(
    newest: LabResult, typical: float | None, limits: tuple[float | None, float | None]
) -> int:
    """Whether a result is high (1) or low (-1) for the day, else for the reference range."""
    low, high = (typical, typical) if typical is not None else limits
    if typical is not None and number_text(typical) == number_text(newest.value):
        return 0
    if high is not None and newest.value > high and newest.side >= 0:
        return 1
    if low is not None and newest.value < low and newest.side <= 0:
        return -1
    return 0


def _level_text(
    newest: LabResult,
    typical: float | None,
    level: int,
    limits: tuple[float | None, float | None],
    record: PatientRecord,
) -> str:
    if typical is None:
        return range_text(newest.value, newest.side, limits)
    shown, day = number_text(typical), max(0, math.floor(record.hours / 24 + 1e-9))
    if level == 0:
        return phrase("driver", "at_average", day=day)
    key = "above_average" if level > 0 else "below_average"
    return phrase("driver", key, day=day, average=shown)


def _extreme(results: list[LabResult], analyte: Analyte, direction: int) -> LabResult | None:
    """Most adverse result since time zero; None if the newest is as extreme.

    Parameters
    ----------
    direction : int
        1 if high values indicate risk, -1 if low values do.
    """
    since = [
        item
        for item in results
        if item.hours >= 0
        and item.side != -direction
        and (item.value > 0 or analyte.by_difference)
        and direction * (item.value - results[-1].value) > 0
    ]
    return max(since, key=lambda item: direction * item.value, default=None)


def _course_text(results: list[LabResult], wanted: int, clock: InfusionClock) -> str:
    """Rise or fall since the extreme, or since before the infusion, in the wanted direction."""
    newest = results[-1]
    since = [item for item in results if item.hours >= 0]
    if since:
        farthest = min(since, key=lambda item: wanted * item.value)
        if change_direction(farthest, newest) == wanted:
            key = "rise" if wanted > 0 else "fall"
            return phrase("driver", key, when=clock.words(farthest.hours))
    before = [item for item in results if item.hours < 0]
    if before and change_direction(before[-1], newest) == wanted:
        return phrase("driver", "risen" if wanted > 0 else "fallen")
    return ""
