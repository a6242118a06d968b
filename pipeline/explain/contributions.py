"""Contributions of analytes, clinical state and other groups to a displayed risk.

Two-level Shapley values (Owen, 10.1007/978-3-642-45494-3_7) of the calibrated risk, with the
pathways as unions. The points of a pathway are its exact Shapley value between pathways. The
points of its analytes sum to it, and all points sum to the displayed risk minus the mean risk of
the background at the same hour, horizon and threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipeline.arrays import Floats
from pipeline.explain.coalitions import MEASUREMENT, STATE, TIME, RiskGame, Switchboard
from pipeline.explain.game import Effort, owen_values
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.model.background import Background, Prototypes
from pipeline.model.risk_model import RiskModel


@dataclass(frozen=True)
class Contributions:
    """Contributions of landmarks.

    Attributes
    ----------
    players : tuple of str
        Analyte keys, ``score_<name>``, and the groups ``clinical_state``, ``treatments``,
        ``host_product`` and ``measurement``.
    pathways : tuple of str
        Pathway of each player.
    points : ndarray, shape (n_landmarks, n_horizons, n_players)
        Percentage points; their sum is ``100 * (risk - reference_risk)``.
    error : ndarray, same shape
        Standard error of ``points`` in percentage points; 0 if all coalitions were enumerated.
    risk, reference_risk : ndarray, shape (n_landmarks, n_horizons)
        Displayed risk, and mean risk of the background.
    """

    players: tuple[str, ...]
    pathways: tuple[str, ...]
    points: Floats
    error: Floats
    risk: Floats
    reference_risk: Floats


def contributions(
    model: RiskModel,
    matrix: FeatureMatrix,
    threshold: int,
    horizons: tuple[float, ...],
    background: Background,
    effort: Effort | None = None,
) -> Contributions:
    """Compute the contributions of every player to the displayed risk of every landmark.

    An analyte without a value at a landmark belongs to the player ``measurement`` there, so that
    a missing result has no points.

    Parameters
    ----------
    model : RiskModel
        Fitted model of one scale.
    matrix : FeatureMatrix
        Landmarks to explain.
    threshold : int
        Grade that defines the outcome.
    horizons : tuple of float
        Hours ahead.
    background : Background
        Prototypes of the same outcome; those of the landmark's day are used.
    effort : Effort, optional
        Budget of coalitions.

    Returns
    -------
    Contributions
    """
    pathway = {meta.player: meta.pathway for meta in matrix.metas}
    pathway.update({STATE: STATE, MEASUREMENT: MEASUREMENT})
    players, pathways = tuple(pathway), tuple(pathway.values())
    shape = (len(matrix.values), len(horizons))
    points, error = np.zeros((*shape, len(players))), np.zeros((*shape, len(players)))
    risk, reference = np.empty(shape), np.empty(shape)
    known = model.state_used(matrix)
    ends = np.stack([np.zeros(len(players), dtype=bool), np.ones(len(players), dtype=bool)])
    # the matrices are small: threads cost more time than they save
    with threadpool_limits(1, user_api="blas"):
        for variant, rows in model.variants(matrix):
            board = Switchboard(variant, matrix.metas, players, threshold, horizons)
            for row in rows:
                patient = matrix.take(np.array([row]))
                grade = model.grade if known[row] else None
                others, weight = _prototypes(patient, background, grade)
                game = board.game(patient, others, weight)
                reference[row], risk[row] = game.risk(ends)
                shares = _shares(game, pathways, effort or Effort())
                points[row], error[row] = 100.0 * shares[0].T, 100.0 * shares[1].T
    return Contributions(players, pathways, points, error, risk, reference)


def _shares(game: RiskGame, pathways: tuple[str, ...], effort: Effort) -> tuple[Floats, Floats]:
    """Owen values and their errors; players without effect are left out of the game."""
    active = np.flatnonzero(game.active())
    shape = (len(pathways), game.n_horizons)
    points, error = np.zeros(shape), np.zeros(shape)
    if len(active):
        names = list(dict.fromkeys(pathways[player] for player in active))
        slim = game.among(active)
        union_of = [names.index(pathways[player]) for player in active]
        values = owen_values(slim.risk, union_of, effort)
        points[active], error[active] = values.points, values.error
    return points, error


def _prototypes(
    patient: FeatureMatrix, background: Background, grade: str | None
) -> tuple[FeatureMatrix, Floats]:
    """Prototypes of the patient's day at the patient's hour, and their weights.

    If the risk was estimated with a known grade, prototypes of unknown grade are left out.
    """
    prototypes = background.of_day(float(patient.landmarks["hours"].iloc[0]))
    prototypes = _with_known(prototypes, background.columns, grade)
    values = _aligned(prototypes.values, background.columns, patient.metas)
    names = patient.names
    if TIME in names:
        values[:, names.index(TIME)] = patient.column(TIME)
    landmarks = pd.DataFrame({"hours": np.repeat(patient.landmarks["hours"], len(values))})
    return FeatureMatrix(values, patient.metas, landmarks), prototypes.patients


def _with_known(prototypes: Prototypes, columns: tuple[str, ...], grade: str | None) -> Prototypes:
    if grade is None or grade not in columns:
        return prototypes
    known = ~np.isnan(prototypes.values[:, columns.index(grade)])
    if not known.any():
        return prototypes
    return Prototypes(prototypes.patients[known], prototypes.values[known])


def _aligned(values: Floats, columns: tuple[str, ...], metas: tuple[FeatureMeta, ...]) -> Floats:
    result = np.full((len(values), len(metas)), np.nan)
    position = {name: number for number, name in enumerate(columns)}
    for number, meta in enumerate(metas):
        if meta.name in position:
            result[:, number] = values[:, position[meta.name]]
    return result
