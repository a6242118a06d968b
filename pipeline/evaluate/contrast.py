"""The contrast: logit p(CRS) minus logit p(ICANS) as a predictor of which syndrome comes first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.config import OutcomeConfig
from pipeline.evaluate.added_value import AXIS
from pipeline.evaluate.patient_weights import PatientWeights
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.model.evaluation_cells import AreaCell, Fall, PerformanceCell
from pipeline.model.evaluation_report import ContrastDetail
from pipeline.model.logistic import logit

_BARS = {"day": "base_rate", "crs_grade_and_day": "grade_and_day"}
_NOT_GIVEN = (
    *("auprc", "brier", "ipa", "cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept", "ici"),
)
_EPS = 1e-6


@dataclass(frozen=True)
class Pair:
    """Landmarks at risk of both syndromes, with out-of-fold scores for both.

    Attributes
    ----------
    crs, icans : ScoredRows
        Aligned row by row: same patient, landmark, repeat and fold.
    """

    crs: ScoredRows
    icans: ScoredRows

    def score(self, crs: Floats, icans: Floats) -> Floats:
        """Log-odds of CRS minus log-odds of ICANS."""
        return logit(np.clip(crs, _EPS, 1 - _EPS)) - logit(np.clip(icans, _EPS, 1 - _EPS))

    def first(self, horizon: float) -> Floats:
        """1 where CRS comes first within the horizon, 0 where ICANS does, NaN otherwise."""
        hours = [
            np.where((part.status == 1) & (part.time <= horizon), part.time, np.inf)
            for part in (self.crs, self.icans)
        ]
        label = np.where(hours[0] < hours[1], 1.0, np.where(hours[1] < hours[0], 0.0, np.nan))
        return label

    def at(self, horizon: float) -> HorizonRows:
        """Rows at which exactly one comes first, with the contrast as risk; the label is CRS."""
        place = self.crs.horizons.index(horizon)
        first = self.first(horizon)
        rows = np.flatnonzero(~np.isnan(first))
        crs, icans = self.crs, self.icans

        def contrast(crs_risk: Floats, icans_risk: Floats) -> Floats:
            return self.score(crs_risk[rows, place], icans_risk[rows, place])

        model = (crs.risks["model"], icans.risks["model"])
        return HorizonRows(
            label=first[rows],
            risks={
                "model": contrast(*model),
                **{
                    name: contrast(crs.risks[source], icans.risks[source])
                    for name, source in _BARS.items()
                },
            },
            patient=crs.patient[rows],
            group=crs.group[rows],
            weight=self._weight(horizon, first, rows),
            rows=rows,
            n_repeats=crs.n_repeats,
            minimum=crs.minimum,
            permuted={
                name: contrast(crs.permuted.get(name, model[0]), icans.permuted.get(name, model[1]))
                for name in dict.fromkeys([*crs.permuted, *icans.permuted])
            },
        )

    def _weight(self, horizon: float, first: Floats, rows: Ints) -> PatientWeights:
        """Weight of each row for the syndrome that came first, which ended its follow-up."""
        crs, icans = (part.followed_at(horizon, rows) for part in (self.crs, self.icans))
        return self.crs.weight[rows] * np.where(first[rows] == 1, crs, icans)[:, None]

    def ties(self, horizon: float) -> int:
        """Number of landmarks after which both were charted in the same hour."""
        both = (self.crs.time == self.icans.time) & (self.crs.time <= horizon)
        return int((both & (self.crs.status == 1) & (self.icans.status == 1)).sum())


def contrast_outcomes(outcomes: dict[str, OutcomeConfig]) -> tuple[str, str] | None:
    """Names of the outcomes to contrast: the lowest threshold on crs and on icans."""
    lowest = []
    for scale in ("crs", "icans"):
        names = [name for name, item in outcomes.items() if item.scale == scale]
        if not names:
            return None
        lowest.append(min(names, key=lambda name: (outcomes[name].threshold, name)))
    return lowest[0], lowest[1]


def pair_scores(crs: ScoredRows, icans: ScoredRows) -> Pair:
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
) -> tuple[dict[str, PerformanceCell], ContrastDetail]:
    """AUROC of the contrast per horizon, with its comparators and drivers.

    Pairs of landmarks are compared within a fold only. Here an event patient has CRS first; CRS
    and ICANS each need at least ``minimum`` patients in whom they come first.
    """
    pair = replace(pair, crs=pair.crs.resampled(bootstrap, seed, minimum))
    cells: dict[str, PerformanceCell] = {}
    comparators: dict[str, dict[str, AreaCell]] = {name: {} for name in _BARS}
    drivers, axes, ties = {}, {}, {}
    for horizon in pair.crs.horizons:
        key, rows = f"{horizon:g}", pair.at(horizon)
        ties[key] = round(pair.ties(horizon) / pair.crs.n_repeats)
        cells[key] = PerformanceCell(**rows.auroc("model").to_dict(), **dict.fromkeys(_NOT_GIVEN))
        for name in _BARS:
            comparators[name][key] = rows.auroc(name, against="model")
        falls = _falls(rows)
        drivers[key] = {name: fall for name, fall in falls.items() if not name.startswith(AXIS)}
        axes[key] = {
            name.removeprefix(AXIS): fall for name, fall in falls.items() if name.startswith(AXIS)
        }
    detail = ContrastDetail(comparators=comparators, drivers=drivers, axes=axes, same_hour=ties)
    return cells, detail


def _falls(rows: HorizonRows) -> dict[str, Fall]:
    """Fall of the contrast's AUROC when an analyte or an axis is permuted, largest first."""
    if not rows.is_estimable:
        return {}
    falls = {name: rows.fall(name) for name in rows.permuted}
    return dict(sorted(falls.items(), key=lambda item: -(item[1].fall or 0.0)))
