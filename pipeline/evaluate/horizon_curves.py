"""Curves of one outcome by horizon, as few aggregated points: ROC, calibration, risks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from pipeline.evaluate import metrics
from pipeline.evaluate.calibration_curves import DRAWS, calibration_groups, calibration_smooth
from pipeline.evaluate.intervals import number
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.model.evaluation_curves import (
    CalibrationGroups,
    HorizonCurves,
    RiskDistribution,
    RocCurve,
    SmoothCalibration,
)

_DIGITS = 4
_NOT_DRAWN = ("constant", "base_rate")


def curves(scores: ScoredRows, minimum: int, draws: int = DRAWS) -> dict[str, HorizonCurves]:
    """ROC of the model and its comparators, calibration and risk distribution per horizon.

    A comparator without input at some landmarks is compared on the others. Horizons with too few
    event patients are omitted: their curves would describe single patients.

    Parameters
    ----------
    scores : ScoredRows
    minimum : int
        Fewest event patients.
    draws : int
        Bootstrap draws of patients for the bands.
    """
    result = {}
    for hours, rows in replace(scores, minimum=minimum).by_horizon():
        if not rows.is_estimable:
            continue
        result[hours] = HorizonCurves(
            roc=_roc_curves(rows),
            calibration=_rounded_groups(calibration_groups(scores, float(hours), draws=draws)),
            calibration_smooth=_rounded_curve(calibration_smooth(rows, draws=draws)),
            risk_distribution=_distribution(rows),
        )
    return result


def _roc_curves(rows: HorizonRows) -> dict[str, RocCurve]:
    lines = {}
    for name in rows.risks:
        known = rows.known(name)
        if name in _NOT_DRAWN or not known.is_estimable or np.ptp(known.risks[name]) == 0:
            continue
        false, true = metrics.roc_points(known.label, known.risks[name], known.sample, known.group)
        if not np.isnan(true).any():
            lines[name] = RocCurve(false.tolist(), _rounded(true))
    return lines


def _rounded_groups(groups: CalibrationGroups) -> CalibrationGroups:
    parts = (groups.predicted, groups.observed, groups.lo, groups.hi, groups.n)
    return CalibrationGroups(*(_rounded(part) for part in parts))


def _rounded_curve(curve: SmoothCalibration) -> SmoothCalibration:
    parts = (curve.risk, curve.observed, curve.lo, curve.hi)
    return SmoothCalibration(*([round(value, _DIGITS) for value in part] for part in parts))


def _distribution(rows: HorizonRows) -> RiskDistribution:
    """Counts of landmarks by risk, and the weighted mean risk with and without the event."""
    label, risk, repeats = rows.label, rows.risks["model"], rows.n_repeats
    parts = (rows.take(np.flatnonzero(label == value)) for value in (1, 0))
    edges = np.linspace(0.0, 1.0, 21)
    events = np.histogram(risk[label == 1], edges)[0] / repeats
    others = np.histogram(risk[label == 0], edges)[0] / repeats
    return RiskDistribution(
        edges=_known(edges, 2),
        events=_known(events, 2),
        non_events=_known(others, 2),
        means=[part.mean_risk() for part in parts],
    )


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [None if value is None else number(round(value, _DIGITS)) for value in values]


def _known(values: Iterable[float], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
