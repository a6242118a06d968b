"""What each analyte, the clinical state and the rest add to a displayed risk.

The log-odds of every member are additive over its columns: exactly for the linear members, by
TreeSHAP for the booster (Lundberg et al., 10.1038/s42256-019-0138-9). Averaged over the members
and multiplied by the calibration slope they sum to the calibrated log-odds minus a reference.
They are turned into percentage points along the straight path from the reference to the patient
(Aumann-Shapley): points = phi * (risk - reference risk) / sum(phi), which sums to the displayed
difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.model.booster import BoosterMember
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.risk_model import RiskModel, Variant
from pipeline.model.stack import Floats, StackedRows, query


@dataclass(frozen=True)
class Contributions:
    """Contributions of landmarks, ordered landmark by landmark, horizon fastest.

    Attributes
    ----------
    players : tuple of str
        Analyte keys and the groups ``clinical_state``, ``treatments``, ``host_product`` and
        ``measurement``.
    points : ndarray, shape (n_landmarks, n_horizons, n_players)
        Percentage points; their sum is ``100 * (risk - reference_risk)``.
    risk, reference_risk : ndarray, shape (n_landmarks, n_horizons)
    """

    players: tuple[str, ...]
    points: Floats
    risk: Floats
    reference_risk: Floats


def contributions(
    model: RiskModel, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
) -> Contributions:
    """Contributions of every player to the displayed risk of every landmark.

    The reference is a landmark with the same day, horizon and threshold whose columns all sit at
    their training mean.
    """
    groups = ["clinical_state", "measurement"]
    players = tuple(dict.fromkeys([meta.player for meta in matrix.metas] + groups))
    shape = (len(matrix.values), len(horizons))
    phi = np.zeros((*shape, len(players)))
    base = np.zeros(shape)
    known = model.state_known(matrix)
    for flag in (True, False):
        rows = np.flatnonzero(known == flag)
        if len(rows) == 0:
            continue
        part = matrix.take(rows)
        asked = query(len(rows), horizons, threshold)
        share, start = _variant_log_odds(model.variant_of(flag), part, asked, players)
        phi[rows] = share.reshape(len(rows), len(horizons), -1)
        base[rows] = start.reshape(len(rows), len(horizons))
    total = phi.sum(axis=2)
    risk, reference = sigmoid(base + total), sigmoid(base)
    flat = np.abs(total) < 1e-9
    rate = np.where(
        flat, reference * (1 - reference), (risk - reference) / np.where(flat, 1.0, total)
    )
    return Contributions(players, 100.0 * phi * rate[:, :, None], risk, reference)


def _variant_log_odds(
    variant: Variant, matrix: FeatureMatrix, asked: StackedRows, players: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """Calibrated log-odds per stacked row and player, and the reference log-odds."""
    metas = {meta.name: meta for meta in matrix.metas}
    share = np.zeros((len(asked.landmark), len(players)))
    base = np.zeros(len(asked.landmark))
    for member in variant.linear:
        part, start = _linear(member, matrix, asked, metas, players)
        share += part
        base += start
    for booster in variant.boosters:
        part, start = _booster(booster, matrix, asked, metas, players)
        share += part
        base += start
    count = len(variant.linear) + len(variant.boosters)
    slope = variant.calibration.slope / count
    return share * slope, base * slope + variant.calibration.shift(asked)


def _linear(
    member: LinearMember,
    matrix: FeatureMatrix,
    asked: StackedRows,
    metas: dict[str, FeatureMeta],
    players: tuple[str, ...],
) -> tuple[Floats, Floats]:
    columns, parts = member.contributions(matrix)
    share = np.zeros((len(matrix.values), len(players)))
    for number, column in enumerate(columns):
        share[:, players.index(metas[column.rstrip("?")].player)] += parts[:, number]
    share = share[asked.landmark]
    full = member.log_odds(matrix, asked)
    context = full - parts.sum(axis=1)[asked.landmark]
    start = context
    if member.design.grade is not None:
        start = member.log_odds_at_mean_grade(matrix, asked)
        share[:, players.index("clinical_state")] += context - start
    return share, start


def _booster(
    member: BoosterMember,
    matrix: FeatureMatrix,
    asked: StackedRows,
    metas: dict[str, FeatureMeta],
    players: tuple[str, ...],
) -> tuple[Floats, Floats]:
    parts = member.contributions(matrix, asked)
    share = np.zeros((len(parts), len(players)))
    measurement = players.index("measurement")
    for number, column in enumerate(member.columns):
        # what the booster reads from an absent value is about measuring, not about the analyte
        absent = np.isnan(matrix.column(column))[asked.landmark] & (
            metas[column].group == "analyte"
        )
        share[:, players.index(metas[column].player)] += np.where(absent, 0.0, parts[:, number])
        share[:, measurement] += np.where(absent, parts[:, number], 0.0)
    horizon, threshold, distance = len(member.columns), -3, -2
    start = parts[:, horizon] + parts[:, threshold] + parts[:, -1]
    if member.grade is None:
        start = start + parts[:, distance]
    else:
        share[:, players.index("clinical_state")] += parts[:, distance]
    # TreeSHAP is computed in float32: let the reference absorb the rounding, so sums are exact
    return share, start + (member.log_odds(matrix, asked) - share.sum(axis=1) - start)
