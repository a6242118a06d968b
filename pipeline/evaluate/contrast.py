"""The contrast: logit p(CRS) minus logit p(ICANS) as a sign of which syndrome comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.config import OutcomeConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.discrimination import area_cell, estimable
from pipeline.evaluate.intervals import interval, number, patient_draws
from pipeline.evaluate.scored_rows import Scores
from pipeline.model.logistic import logit

_BARS = {"day": "base_rate", "crs_grade_and_day": "grade_and_day"}
_CELL = ("auprc", "brier", "ipa", "cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept")
_EPS = 1e-6


@dataclass(frozen=True)
class Pair:
    """Landmarks at risk of both syndromes, scored for both by models without the patient.

    Attributes
    ----------
    crs, icans : Scores
        Aligned row by row: same patient, landmark, repeat and fold.
    """

    crs: Scores
    icans: Scores

    def score(self, crs: Floats, icans: Floats) -> Floats:
        """Log-odds of the first minus those of the second."""
        return logit(np.clip(crs, _EPS, 1 - _EPS)) - logit(np.clip(icans, _EPS, 1 - _EPS))

    def first(self, horizon: float) -> Floats:
        """1 where CRS alone comes first within the horizon, 0 where ICANS does, NaN otherwise."""
        hours = [
            np.where((part.status == 1) & (part.time <= horizon), part.time, np.inf)
            for part in (self.crs, self.icans)
        ]
        label = np.where(hours[0] < hours[1], 1.0, np.where(hours[1] < hours[0], 0.0, np.nan))
        return label

    def ties(self, horizon: float) -> int:
        """Landmarks after which both were charted in the same hour."""
        both = (self.crs.time == self.icans.time) & (self.crs.time <= horizon)
        return int((both & (self.crs.status == 1) & (self.icans.status == 1)).sum())


def contrast_outcomes(outcomes: dict[str, OutcomeConfig]) -> tuple[str, str] | None:
    """Names of the outcomes to contrast: on each of crs and icans the one of lowest threshold."""
    found = []
    for scale in ("crs", "icans"):
        names = [name for name, item in outcomes.items() if item.scale == scale]
        if not names:
            return None
        found.append(min(names, key=lambda name: (outcomes[name].threshold, name)))
    return found[0], found[1]


def pair_scores(crs: Scores, icans: Scores) -> Pair:
    """Rows scored for both outcomes, matched by repeat, episode and hour."""
    frames = [
        pd.DataFrame(
            {
                "repeat": part.repeat,
                "episode": part.episode,
                "hours": part.hours,
                "row": np.arange(len(part.hours)),
            }
        )
        for part in (crs, icans)
    ]
    both = frames[0].merge(frames[1], on=["repeat", "episode", "hours"], suffixes=("", "_icans"))
    first: Ints = both["row"].to_numpy().astype(np.intp)
    second: Ints = both["row_icans"].to_numpy().astype(np.intp)
    return Pair(crs.take(first), icans.take(second))


def evaluate_contrast(
    pair: Pair, bootstrap: int, seed: int, minimum: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """AUROC of the contrast per horizon, and its comparators and drivers.

    Pairs of landmarks are compared within a fold only. An event patient is here a patient with
    CRS first; at least ``minimum`` patients must stand on each side.

    Returns
    -------
    cells, detail : dict
        The contract's ``contrast`` and ``contrast_detail``.
    """
    draws = patient_draws(pair.crs.patient, bootstrap, seed)
    cells: dict[str, Any] = {}
    comparators: dict[str, Any] = {name: {} for name in _BARS}
    drivers: dict[str, Any] = {}
    ties = {}
    for place, horizon in enumerate(pair.crs.horizons):
        key = f"{horizon:g}"
        label = pair.first(horizon)
        rows = np.flatnonzero(~np.isnan(label))
        ties[key] = round(pair.ties(horizon) / pair.crs.n_repeats)
        cell = _area_of(pair, rows, label[rows], draws[rows], minimum)
        model = _score(pair, place, rows, lambda part: part.risks["model"])
        cells[key] = cell(model) | dict.fromkeys((*_CELL, "ici"))
        for name, source in _BARS.items():
            bar = _score(pair, place, rows, lambda part, source=source: part.risks[source])  # type: ignore[misc]
            comparators[name][key] = cell(bar, against=model)
        drivers[key] = _drivers(pair, place, rows, label[rows], draws[rows], minimum)
    detail = {"comparators": comparators, "drivers": drivers, "same_hour": ties}
    return cells, detail


def _area_of(
    pair: Pair, rows: Ints, label: Floats, weight: Floats, minimum: int
) -> Callable[..., dict[str, Any]]:
    def cell(score: Floats, against: Floats | None = None) -> dict[str, Any]:
        return area_cell(
            label,
            score,
            pair.crs.patient[rows],
            pair.crs.group[rows],
            weight,
            repeats=pair.crs.n_repeats,
            minimum=minimum,
            against=against,
        )

    return cell


def _score(pair: Pair, place: int, rows: Ints, of: Callable[[Scores], Floats]) -> Floats:
    return pair.score(of(pair.crs)[rows, place], of(pair.icans)[rows, place])


def _drivers(
    pair: Pair, place: int, rows: Ints, label: Floats, weight: Floats, minimum: int
) -> dict[str, Any]:
    """Fall of the contrast's AUROC when an analyte comes from another patient of the same day."""
    patient, group = pair.crs.patient[rows], pair.crs.group[rows]
    if not estimable(label, patient, minimum):
        return {}
    whole = metrics.auroc(
        label, _score(pair, place, rows, lambda part: part.risks["model"]), weight, group
    )
    names = dict.fromkeys([*pair.crs.permuted, *pair.icans.permuted])
    result = {}
    for name in names:
        score = _score(
            pair,
            place,
            rows,
            lambda part, name=name: part.permuted.get(name, part.risks["model"]),  # type: ignore[misc]
        )
        fall = whole - metrics.auroc(label, score, weight, group)
        low, high = interval(fall)
        result[name] = {"fall": number(fall[0]), "fall_lo": low, "fall_hi": high}
    return dict(sorted(result.items(), key=lambda item: -(item[1]["fall"] or 0.0)))
