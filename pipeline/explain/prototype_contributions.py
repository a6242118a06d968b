"""Contributions to the risk of the prototypes of a bundle: importance without a patient's record.

A prototype is the mean of at least five similar training patients of one day, so a bundle can show
what drives its risks without holding a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.explain.contributions import contributions
from pipeline.explain.shap_explanation import group_name
from pipeline.features.build import feature_metas
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.background import Background
from pipeline.model.bundle import Bundle
from pipeline.model.outcomes import headline_key

_TIME = "time__hours"
_MIDDAY = 12.0


@dataclass(frozen=True)
class PrototypeContributions:
    """Contributions to the displayed risk of one outcome at one horizon.

    Attributes
    ----------
    horizon : float
        Hours ahead.
    players : tuple of str
        Names of analytes and groups, the largest mean contribution first.
    points : ndarray, shape (n_prototypes, n_players)
        Percentage points; a row sums to 100 times risk minus reference.
    values : ndarray, shape (n_prototypes, n_players)
        Newest value of an analyte as measured; NaN where unknown and for groups.
    patients : ndarray, shape (n_prototypes,)
        Number of patients in each prototype.
    largest_gap : float
        Largest difference between a row's sum and its risk minus reference, in points.
    """

    horizon: float
    players: tuple[str, ...]
    points: Floats
    values: Floats
    patients: Floats
    largest_gap: float

    @property
    def mean_size(self) -> Floats:
        """Mean absolute contribution of each player, weighted by patients."""
        return np.average(np.abs(self.points), axis=0, weights=self.patients)


def explain_prototypes(bundle: Bundle, count: int) -> dict[str, PrototypeContributions]:
    """Compute the contributions of prototypes at the headline horizon, by outcome.

    Parameters
    ----------
    bundle : Bundle
    count : int
        Prototypes per outcome, spread evenly over the days; 0 for none.

    Returns
    -------
    dict
        Without an outcome that has no prototype, or whose model reads features of the bundle of
        another cohort, which prototypes do not have.

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> explain_prototypes(empty_bundle(), 30)
    {}
    """
    result = {}
    for name, background in bundle.reference.background.items():
        outcome = bundle.config.outcomes.get(name)
        if outcome is None or outcome.scale not in bundle.models or count < 1:
            continue
        model = bundle.models[outcome.scale]
        sample = _sample(bundle, background, count)
        if sample is None or not set(model.columns) <= set(sample[0].names):
            continue
        matrix, patients = sample
        horizon = float(headline_key(f"{hours:g}" for hours in model.horizons))
        part = contributions(model, matrix, outcome.threshold, (horizon,), background)
        points = part.points[:, 0]
        gap = np.abs(points.sum(axis=1) - 100.0 * (part.risk - part.reference_risk)[:, 0]).max()
        size = np.average(np.abs(points), axis=0, weights=patients)
        order = [n for n in np.argsort(-size, kind="stable") if size[n] > 0]
        result[name] = PrototypeContributions(
            horizon=horizon,
            players=tuple(_name(bundle, part.players[n]) for n in order),
            points=points[:, order],
            values=_newest(matrix, [part.players[n] for n in order]),
            patients=patients,
            largest_gap=float(gap),
        )
    return result


def _sample(
    bundle: Bundle, background: Background, count: int
) -> tuple[FeatureMatrix, Floats] | None:
    """Prototypes at midday of their day, as landmarks, with their numbers of patients."""
    places = [
        (day, number)
        for day in sorted(background.days)
        for number, row in enumerate(background.days[day].values)
        if not np.isnan(row).all()
    ]
    metas = {meta.name: meta for meta in feature_metas(bundle.reference.spec)}
    columns = [n for n, name in enumerate(background.columns) if name in metas]
    if not places or _TIME not in metas:
        return None
    shown = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int))
    chosen = [places[n] for n in shown]
    hours = np.array([24.0 * day + _MIDDAY for day, _ in chosen])
    values = np.array([background.days[day].values[number][columns] for day, number in chosen])
    names = [_TIME, *(background.columns[n] for n in columns)]
    matrix = FeatureMatrix(
        np.column_stack([hours, values]),
        tuple(metas[name] for name in names),
        pd.DataFrame({"patient": np.arange(len(chosen)), "hours": hours}),
    )
    return matrix, np.array([background.days[day].patients[number] for day, number in chosen])


def _newest(matrix: FeatureMatrix, players: list[str]) -> Floats:
    """Newest value of each player; NaN for a group."""
    places: Mapping[str, int] = {name: number for number, name in enumerate(matrix.names)}
    values = np.full((len(matrix.values), len(players)), np.nan)
    for number, player in enumerate(players):
        if f"{player}__last" in places:
            values[:, number] = matrix.values[:, places[f"{player}__last"]]
    return values


def _name(bundle: Bundle, player: str) -> str:
    shorts = {analyte.key: analyte.short for analyte in bundle.reference.spec.analytes}
    if player in shorts:
        return shorts[player]
    name = group_name(player)
    return name[:1].upper() + name[1:]
