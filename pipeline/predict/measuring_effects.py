"""How far the measurement of a missing or old analyte could move an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.explain.phrases import whole
from pipeline.explain.ranked_reasons import LEAST_POINTS
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import analyte_ages
from pipeline.model.background import Background, Prototypes
from pipeline.predict.prepare import PreparedBatch

LEVEL = 0.8
"""Share of the draws between the two ends."""
_MOST_ANALYTES = 4


@dataclass(frozen=True)
class MeasuringEffect:
    """Range of a risk if an analyte were measured.

    Attributes
    ----------
    analyte, outcome : str
    low, high : float
        Ends of the middle 80% of the risk.
    """

    analyte: str
    outcome: str
    low: float
    high: float


def measuring_effects(prepared: PreparedBatch, horizon: float) -> dict[str, MeasuringEffect]:
    """For each patient, the missing or old core analyte whose measurement could change most.

    The columns of the analyte are drawn together from the prototypes of the same day in which it
    was measured, weighted by their patients; all other columns stay. Prototypes are means of
    several patients, so the range is narrower than that of single patients.

    A range that excludes the present risk is not returned. It arises where an old result is
    replaced: the draws are average courses of the day and ignore the patient's own earlier
    values, so all of them can be on one side of the present risk, while a new result would more
    likely continue the patient's own course.

    Parameters
    ----------
    prepared : PreparedBatch
    horizon : float
        Hours ahead.

    Returns
    -------
    dict of str to MeasuringEffect
        By patient id; without ranges whose ends, as printed, are both within ``LEAST_POINTS`` of
        the present risk.
    """
    bundle, ids = prepared.bundle, prepared.patient_ids.tolist()
    best: dict[str, MeasuringEffect] = {}
    lacking = _lacking(prepared)
    for name, outcome in bundle.config.outcomes.items():
        rows = prepared.shown_estimates(name)
        if len(rows) == 0:
            continue
        draws = list(_draws(prepared.matrix, rows, lacking, bundle.reference.background[name]))
        if not draws:
            continue
        values = np.concatenate([drawn for _, _, drawn, _ in draws])
        taken = np.repeat([row for row, *_ in draws], [len(drawn) for *_, drawn, _ in draws])
        matrix = replace(prepared.matrix.take(taken), values=values)
        model = bundle.models[outcome.scale]
        risk = model.risk(matrix, outcome.threshold, (horizon,))[:, 0]
        now = model.risk(prepared.matrix.take(rows), outcome.threshold, (horizon,))[:, 0]
        present = dict(zip(rows.tolist(), now.tolist(), strict=True))
        at = 0
        for row, analyte, drawn, weight in draws:
            low, high = _middle(risk[at : at + len(drawn)], weight)
            at += len(drawn)
            if not low <= present[row] <= high or not _is_large(low, present[row], high):
                continue
            known = best.get(ids[row])
            if known is None or high - low > known.high - known.low:
                best[ids[row]] = MeasuringEffect(analyte, name, low, high)
    return best


def _is_large(low: float, present: float, high: float) -> bool:
    """Whether an end of the range, as printed, is more than ``LEAST_POINTS`` from the risk."""
    below, now, above = (whole(100 * end) for end in (low, present, high))
    return max(above - now, now - below) > LEAST_POINTS


def _lacking(prepared: PreparedBatch) -> dict[int, list[str]]:
    """Core analytes without a recent result, by landmark, old ones after missing ones."""
    keys, ages = analyte_ages(prepared.measured)
    core = {item.key for item in prepared.bundle.reference.spec.analytes if item.core}
    stale = prepared.bundle.config.predict.stale_hours
    result: dict[int, list[str]] = {}
    for row, own in enumerate(ages):
        age = dict(zip(keys, own.tolist(), strict=True))
        missing = [key for key in keys if key in core and np.isnan(age[key])]
        old = [key for key in keys if key in core and age[key] > stale]
        if missing or old:
            result[row] = [*missing, *old][:_MOST_ANALYTES]
    return result


def _draws(
    matrix: FeatureMatrix, rows: Ints, lacking: dict[int, list[str]], background: Background
) -> Iterator[tuple[int, str, Floats, Floats]]:
    """Landmark, analyte, drawn rows and weights."""
    place = {name: number for number, name in enumerate(background.columns)}
    own = {
        key: [
            number
            for number, meta in enumerate(matrix.metas)
            if meta.analyte == key and meta.name in place
        ]
        for key in {key for keys in lacking.values() for key in keys}
    }
    hours = matrix.landmarks["hours"].tolist()
    for row in rows.tolist():
        prototypes: Prototypes = background.of_day(hours[row])
        for key in lacking.get(row, []):
            if f"{key}__last" not in place or not own[key]:
                continue
            known = ~np.isnan(prototypes.values[:, place[f"{key}__last"]])
            if known.sum() < 2:
                continue
            source = [place[matrix.metas[number].name] for number in own[key]]
            drawn = np.repeat(matrix.values[[row]], int(known.sum()), axis=0)
            drawn[:, own[key]] = prototypes.values[known][:, source]
            yield row, key, drawn, prototypes.patients[known]


def _middle(risk: Floats, weight: Floats) -> tuple[float, float]:
    """Weighted quantiles that enclose the middle ``LEVEL`` of the draws."""
    order = np.argsort(risk)
    share = (np.cumsum(weight[order]) - 0.5 * weight[order]) / weight.sum()
    ends = np.interp([(1 - LEVEL) / 2, (1 + LEVEL) / 2], share, risk[order])
    return float(ends[0]), float(ends[1])
