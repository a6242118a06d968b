"""Risks at earlier landmarks of the same patients, from what was visible then."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.model.bundle import Bundle, read_features
from pipeline.predict.statuses import OK, outcome_statuses

COLUMNS = ("patient_id", "outcome", "landmark_hours", "risk", "risk_lo", "risk_hi")
_STEP = 24.0
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
        be given at that landmark.
    """
    first = bundle.config.landmarks.first_hours
    moments = earlier_landmarks(landmarks, first)
    if moments.empty:
        return pd.DataFrame(columns=COLUMNS)
    seen = cohort.with_labs(apply_limits(cohort.labs, bundle.reference.limits))
    raw, matrix = read_features(cohort, moments, bundle)
    ids = cohort.patients["patient_id"].to_numpy()[moments["patient"].to_numpy()]
    level = bundle.config.model.interval_level
    frames = []
    for name, outcome in bundle.config.outcomes.items():
        status, _ = outcome_statuses(seen, raw, outcome, bundle.reference, bundle.config.predict)
        rows = np.flatnonzero(status == OK)
        if len(rows) == 0:
            continue
        model, part = bundle.models[outcome.scale], matrix.take(rows)
        low, high = model.interval(part, outcome.threshold, (horizon,), level)
        frames.append(
            pd.DataFrame(
                {
                    "patient_id": ids[rows],
                    "outcome": name,
                    "landmark_hours": part.landmarks["hours"],
                    "risk": model.risk(part, outcome.threshold, (horizon,))[:, 0],
                    "risk_lo": low[:, 0],
                    "risk_hi": high[:, 0],
                }
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)
