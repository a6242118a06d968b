"""Risks at earlier landmarks of the same patients, and what moved them, as was visible then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.explain.contributions import contributions
from pipeline.explain.risk_changes import is_large_change
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.background import Background
from pipeline.model.bundle import Bundle, read_features
from pipeline.model.risk_model import RiskModel, prior_speaks
from pipeline.model.status import OK, outcome_statuses

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
"""Points by player, and the risk that they start from."""
_NOT_EXPLAINED: Explained = ({}, float("nan"))
_STEP, _SAME_MOMENT = 24.0, 1e-6
_MOST_DAYS = 7


def earlier_landmarks(landmarks: pd.DataFrame, first_hours: float) -> pd.DataFrame:
    """Every 24 h back from each landmark, for at most a week and not before ``first_hours``.

    Examples
    --------
    >>> now = pd.DataFrame({"patient": [0, 1], "hours": [78.0, 30.0]})
    >>> earlier_landmarks(now, 24.0)["hours"].tolist()
    [54.0, 30.0]
    """
    steps = _STEP * np.arange(1, _MOST_DAYS + 1)
    hours = landmarks["hours"].to_numpy(dtype=float)[:, None] - steps[None, :]
    row, step = np.nonzero(hours >= first_hours)
    patient = landmarks["patient"].to_numpy()[row]
    return pd.DataFrame({"patient": patient, "hours": hours[row, step], "source": "asked"})


def past_risks(
    cohort: Cohort, landmarks: pd.DataFrame, bundle: Bundle, horizon: float
) -> pd.DataFrame:
    """The same model asked at earlier landmarks, by the one path that builds features.

    Parameters
    ----------
    cohort : Cohort
        As read, without silent limits.
    landmarks : DataFrame
        ``patient`` and ``hours`` of the present estimates.
    horizon : float
        Hours ahead.

    Returns
    -------
    DataFrame
        ``patient_id, outcome, landmark_hours, risk, risk_lo, risk_hi``, where an estimate could
        be given at that landmark. ``points`` (by player) and ``reference_risk`` are known for the
        landmark of 24 h before, where the risk has changed much since and both moments were
        estimated by the same members; elsewhere no points and NaN.
    """
    first = bundle.config.landmarks.first_hours
    earlier = earlier_landmarks(landmarks, first)
    if earlier.empty:
        return pd.DataFrame(columns=COLUMNS)
    count = len(earlier)
    present = landmarks[["patient", "hours"]].assign(source="asked")
    moments = pd.concat([earlier, present], ignore_index=True)
    seen = cohort.with_labs(apply_limits(cohort.labs, bundle.reference.limits))
    raw, matrix = read_features(cohort, moments, bundle)
    ids = cohort.patients["patient_id"].to_numpy()[moments["patient"].to_numpy()]
    level = bundle.config.model.interval_level
    frames = []
    for name, outcome in bundle.config.outcomes.items():
        status, _ = outcome_statuses(seen, raw, outcome, bundle.reference, bundle.config.predict)
        known = np.flatnonzero(status == OK)
        rows = known[known < count]
        if len(rows) == 0:
            continue
        model, part = bundle.models[outcome.scale], matrix.take(rows)
        risk = np.full(len(moments), np.nan)
        risk[known] = model.risk(matrix.take(known), outcome.threshold, (horizon,))[:, 0]
        low, high = model.interval(part, outcome.threshold, (horizon,), level)
        moved = _moved(moments, count, risk, _members(model, matrix))
        background = bundle.reference.background[name]
        found = _explained(model, matrix, moved, (outcome.threshold, horizon), background)
        told = [found.get(row, _NOT_EXPLAINED) for row in rows]
        frames.append(
            pd.DataFrame(
                {
                    "patient_id": ids[rows],
                    "outcome": name,
                    "landmark_hours": part.landmarks["hours"],
                    "risk": risk[rows],
                    "risk_lo": low[:, 0],
                    "risk_hi": high[:, 0],
                    "points": [points for points, _ in told],
                    "reference_risk": [reference for _, reference in told],
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def _members(model: RiskModel, matrix: FeatureMatrix) -> Ints:
    """A number for the members that answer at each landmark: with grades or not, prior or not."""
    return 2 * model.state_used(matrix).astype(int) + prior_speaks(matrix)


def _moved(moments: pd.DataFrame, count: int, risk: Floats, members: Ints) -> Ints:
    """Rows of 24 h before whose risk has changed much since, by the same members.

    The first ``count`` rows are earlier landmarks, the others the present ones.
    """
    hours = moments["hours"].to_numpy(dtype=float)
    patient = moments["patient"].to_numpy()
    now = {int(patient[row]): row for row in range(count, len(moments))}
    found = []
    for row in range(count):
        present = now[int(patient[row])]
        if abs(hours[present] - hours[row] - _STEP) > _SAME_MOMENT:
            continue
        known = not np.isnan(risk[[row, present]]).any()
        if known and members[row] == members[present] and is_large_change(risk[row], risk[present]):
            found.append(row)
    return np.array(found, dtype=np.intp)


def _explained(
    model: RiskModel,
    matrix: FeatureMatrix,
    rows: Ints,
    asked: tuple[int, float],
    background: Background,
) -> dict[int, Explained]:
    """Points of the given rows, by row; ``asked`` are threshold and horizon."""
    if not len(rows):
        return {}
    threshold, horizon = asked
    found = contributions(model, matrix.take(rows), threshold, (horizon,), background)
    points = [dict(zip(found.players, row.tolist(), strict=True)) for row in found.points[:, 0]]
    reference = found.reference_risk[:, 0].tolist()
    return dict(zip(rows.tolist(), zip(points, reference, strict=True), strict=True))
