"""Risks at earlier landmarks of the same patients, from results visible then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.explain.contributions import contributions
from pipeline.explain.risk_changes import is_large_change
from pipeline.features.build import build_features
from pipeline.features.host import products_of
from pipeline.features.landmarks import EARLIER_STEP_HOURS, earlier_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import abstention_codes
from pipeline.model.background import Background
from pipeline.model.bundle import model_features
from pipeline.model.risk_model import RiskModel, prior_available
from pipeline.predict.prepare import PreparedBatch, batch_statuses

COLUMNS = (
    "patient_id",
    "outcome",
    "landmark_hours",
    "risk",
    "risk_lo",
    "risk_hi",
    "points",
    "reference_risk",
)
Explained = tuple[dict[str, float], float]
"""Points by player, and the reference risk."""
_NOT_EXPLAINED: Explained = ({}, float("nan"))
_SAME_MOMENT = 1e-6


def past_risks(prepared: PreparedBatch, horizon: float) -> pd.DataFrame:
    """Estimates of the same model at earlier landmarks.

    Patients with mostly rejected results are excluded.

    Parameters
    ----------
    prepared : PreparedBatch
    horizon : float
        Hours ahead.

    Returns
    -------
    DataFrame
        ``patient_id, outcome, landmark_hours, risk, risk_lo, risk_hi``, one row per earlier
        landmark with an estimate. ``points`` (by player) and ``reference_risk`` are filled 24 h
        before, where the risk has changed much since and both risks come from the same members;
        elsewhere they are empty and NaN.
    """
    bundle, cohort = prepared.bundle, prepared.cohort
    usable = ~prepared.patient_ids.isin(list(prepared.mostly_rejected)).to_numpy()
    present = prepared.landmarks.loc[usable]
    moments = earlier_landmarks(present, bundle.config.landmarks.first_hours)
    if moments.empty:
        return pd.DataFrame(columns=COLUMNS)
    measured = build_features(cohort, moments, bundle.reference.spec)
    matrix = model_features(measured, prepared.read.cohort, bundle)
    products = products_of(cohort, moments["patient"].to_numpy())
    abstentions = abstention_codes(measured, products, prepared.support, bundle.config.predict)
    statuses = batch_statuses(cohort, moments, bundle, abstentions)
    frames = [
        _outcome_rows(prepared, matrix, rows, name, horizon)
        for name, status in statuses.items()
        if len(rows := status.estimated())
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def _outcome_rows(
    prepared: PreparedBatch, matrix: FeatureMatrix, rows: Ints, name: str, horizon: float
) -> pd.DataFrame:
    """Estimates of one outcome at the given rows of the earlier landmarks."""
    bundle, outcome = prepared.bundle, prepared.bundle.config.outcomes[name]
    model, part = bundle.models[outcome.scale], matrix.take(rows)
    risk = model.risk(part, outcome.threshold, (horizon,))[:, 0]
    level = bundle.config.model.interval_level
    low, high = model.interval(part, outcome.threshold, (horizon,), level)
    changed = _largely_changed(prepared, part, risk, name, horizon)
    background = bundle.reference.background[name]
    explained = _explained(model, part, changed, outcome.threshold, horizon, background)
    points = [explained.get(row, _NOT_EXPLAINED) for row in range(len(rows))]
    ids = prepared.cohort.patients["patient_id"].to_numpy()
    return pd.DataFrame(
        {
            "patient_id": ids[part.landmarks["patient"].to_numpy()],
            "outcome": name,
            "landmark_hours": part.landmarks["hours"],
            "risk": risk,
            "risk_lo": low[:, 0],
            "risk_hi": high[:, 0],
            "points": [by_player for by_player, _ in points],
            "reference_risk": [reference for _, reference in points],
        }
    )


def _largely_changed(
    prepared: PreparedBatch, earlier: FeatureMatrix, risk: Floats, name: str, horizon: float
) -> Ints:
    """Rows 24 h before whose risk, from the same members, has changed much since."""
    outcome = prepared.bundle.config.outcomes[name]
    model = prepared.bundle.models[outcome.scale]
    known = prepared.statuses[name].estimated()
    now = np.full(len(prepared.landmarks), np.nan)
    if len(known):
        matrix = prepared.matrix.take(known)
        now[known] = model.risk(matrix, outcome.threshold, (horizon,))[:, 0]
    patient = prepared.landmarks["patient"].to_numpy()
    place = pd.Series(np.arange(len(patient)), index=patient)
    present = place[earlier.landmarks["patient"]].to_numpy()
    since = prepared.landmarks["hours"].to_numpy(dtype=float)[present] - earlier.landmarks["hours"]
    same = _members(model, earlier) == _members(model, prepared.matrix)[present]
    day_before = (np.abs(since.to_numpy() - EARLIER_STEP_HOURS) <= _SAME_MOMENT) & same
    return np.array(
        [
            row
            for row in np.flatnonzero(day_before & ~np.isnan(now[present]))
            if is_large_change(risk[row], now[present[row]])
        ],
        dtype=np.intp,
    )


def _members(model: RiskModel, matrix: FeatureMatrix) -> Ints:
    """Code of the members used at each landmark: with clinical state or not, prior or not."""
    return 2 * model.state_used(matrix).astype(int) + prior_available(matrix)


def _explained(
    model: RiskModel,
    matrix: FeatureMatrix,
    rows: Ints,
    threshold: int,
    horizon: float,
    background: Background,
) -> dict[int, Explained]:
    """Points and reference risk of the given rows, by row."""
    if not len(rows):
        return {}
    result = contributions(model, matrix.take(rows), threshold, (horizon,), background)
    points = [dict(zip(result.players, row.tolist(), strict=True)) for row in result.points[:, 0]]
    reference = result.reference_risk[:, 0].tolist()
    return dict(zip(rows.tolist(), zip(points, reference, strict=True), strict=True))
