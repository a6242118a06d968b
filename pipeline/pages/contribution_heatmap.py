"""Heatmap of contributions: biomarkers by day, sign and points in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import signed_points
from pipeline.explain.ranked_reasons import LEAST_POINTS
from pipeline.explain.sentences import player_name
from pipeline.pages.risk_scale import syndrome_hue

_MOST_ROWS = 10
_STRONGEST = 4  # number of shades


@dataclass(frozen=True)
class HeatmapCell:
    """Points as text, and shade from 0 (below 2 points) to 4."""

    text: str
    shade: int


@dataclass(frozen=True)
class Heatmap:
    """Contributions to one outcome.

    Attributes
    ----------
    days : list of str
        Heading of each column; the last is the present estimate.
    rows : list of (str, list of HeatmapCell)
        Name and cells of each player, largest contribution first.
    """

    hue: str
    title: str
    days: list[str]
    rows: list[tuple[str, list[HeatmapCell]]]


def heatmap(
    estimated: Sequence[Estimate], record: PatientRecord, summary: ModelSummary
) -> list[Heatmap]:
    """Return the contributions of each estimate and of earlier ones that are explained."""
    result = []
    for item in estimated:
        columns: list[tuple[str, Mapping[str, float]]] = [
            (f"d{math.floor(one.landmark_hours / 24 + 1e-9)}", one.players)
            for one in item.past
            if one.players
        ]
        columns.append(("now", item.players))
        strength = {
            key: max(abs(points.get(key, 0.0)) for _, points in columns)
            for key in dict.fromkeys(key for _, points in columns for key in points)
        }
        keys = [key for key in strength if strength[key] >= LEAST_POINTS]
        keys = sorted(keys, key=lambda key: -strength[key])[:_MOST_ROWS]
        if keys:
            rows = [
                (player_name(key, summary), [_cell(points.get(key, 0.0)) for _, points in columns])
                for key in keys
            ]
            hue = syndrome_hue(item.scale, item.threshold)
            result.append(Heatmap(hue, item.short, [day for day, _ in columns], rows))
    return result


def _cell(points: float) -> HeatmapCell:
    if abs(points) < LEAST_POINTS:
        return HeatmapCell("·", 0)
    return HeatmapCell(signed_points(points), min(_STRONGEST, 1 + int(abs(points) // 4)))
