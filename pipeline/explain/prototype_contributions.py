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
from pipeline.explain.contributions import Contributions, contributions
from pipeline.explain.shap_explanation import group_name
from pipeline.features.build import feature_metas
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import feature_name
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
    keys, players, pathways : tuple of str
        Keys, names and pathways of analytes and groups, the largest mean contribution first.
    points : ndarray, shape (n_prototypes, n_players)
        Percentage points; a row sums to 100 times risk minus reference.
    reference : ndarray, shape (n_prototypes,)
        Average risk of the prototype's day in percent, from which the points start.
    values : ndarray, shape (n_prototypes, n_players)
        Newest value of an analyte in its canonical unit; NaN where unknown and for groups.
    patients : ndarray, shape (n_prototypes,)
        Number of patients in each prototype.
    largest_gap : float
        Largest difference between a row's sum and its risk minus reference, in points.
    """

    horizon: float
    keys: tuple[str, ...]
    players: tuple[str, ...]
    pathways: tuple[str, ...]
    points: Floats
    reference: Floats
    values: Floats
    patients: Floats
    largest_gap: float

    @property
    def mean_size(self) -> Floats:
        """Mean absolute contribution of each player, weighted by patients."""
        return np.average(np.abs(self.points), axis=0, weights=self.patients)


def explain_prototypes(
    bundle: Bundle, count: int
) -> dict[str, dict[float, PrototypeContributions]]:
    """Compute the contributions of prototypes, by outcome and fitted horizon.

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
        part = contributions(model, matrix, outcome.threshold, model.horizons, background)
        result[name] = {
            hours: _at_horizon(bundle, part, number, hours, matrix, patients)
            for number, hours in enumerate(model.horizons)
        }
    return result


def at_headline(
    explained: Mapping[str, Mapping[float, PrototypeContributions]],
) -> dict[str, PrototypeContributions]:
    """Contributions of each outcome at the headline horizon.

    Parameters
    ----------
    explained : mapping
        From :func:`explain_prototypes`.

    Returns
    -------
    dict

    Examples
    --------
    >>> at_headline({})
    {}
    """
    return {
        name: by_horizon[float(headline_key(f"{hours:g}" for hours in by_horizon))]
        for name, by_horizon in explained.items()
        if by_horizon
    }


def _at_horizon(
    bundle: Bundle,
    part: Contributions,
    number: int,
    hours: float,
    matrix: FeatureMatrix,
    patients: Floats,
) -> PrototypeContributions:
    points, reference = part.points[:, number], 100.0 * part.reference_risk[:, number]
    gap = np.abs(points.sum(axis=1) + reference - 100.0 * part.risk[:, number]).max()
    size = np.average(np.abs(points), axis=0, weights=patients)
    order = [n for n in np.argsort(-size, kind="stable") if size[n] > 0]
    keys = tuple(part.players[n] for n in order)
    return PrototypeContributions(
        horizon=hours,
        keys=keys,
        players=tuple(_name(bundle, key) for key in keys),
        pathways=tuple(part.pathways[n] for n in order),
        points=points[:, order],
        reference=reference,
        values=_newest(bundle, matrix, list(keys)),
        patients=patients,
        largest_gap=float(gap),
    )


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


def _newest(bundle: Bundle, matrix: FeatureMatrix, players: list[str]) -> Floats:
    """Newest value of each player in its canonical unit; NaN for a group."""
    analytes = {analyte.key: analyte for analyte in bundle.reference.spec.analytes}
    places: Mapping[str, int] = {name: number for number, name in enumerate(matrix.names)}
    values = np.full((len(matrix.values), len(players)), np.nan)
    for number, player in enumerate(players):
        column = feature_name(player, "last")
        if player in analytes and column in places:
            newest = matrix.values[:, places[column]]
            values[:, number] = 2.0**newest if analytes[player].log else newest
    return values


def _name(bundle: Bundle, player: str) -> str:
    shorts = {analyte.key: analyte.short for analyte in bundle.reference.spec.analytes}
    if player in shorts:
        return shorts[player]
    name = group_name(player)
    return name[:1].upper() + name[1:]
