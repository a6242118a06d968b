"""Days since time zero, and whose landmarks stand for a day with few patients."""

from __future__ import annotations

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.stack import Floats, Ints

MIN_PATIENTS_PER_DAY = 30
_MAX_REACH = 30


def landmark_days(matrix: FeatureMatrix) -> Floats:
    """Whole days since time zero."""
    return np.floor(matrix.landmarks["hours"].to_numpy(dtype=float) / 24.0 + 1e-9)


def neighbourhood(
    day: Floats, known: np.typing.NDArray[np.bool_], patient: Ints, centre: float
) -> Ints:
    """Known rows of a day and, below 30 patients, of one more day on each side until there are."""
    for reach in range(_MAX_REACH):
        rows = np.flatnonzero(known & (np.abs(day - centre) <= reach))
        if len(np.unique(patient[rows])) >= MIN_PATIENTS_PER_DAY:
            break
    return rows
