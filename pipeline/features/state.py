"""Clinical state: CRS and ICANS grades charted before the landmark."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.features import segments
from pipeline.features.names import FeatureMeta, group_meta
from pipeline.features.spec import FeatureSpec

STATISTICS = {
    "grade": "1",
    "worst": "1",
    "hours_since_onset": "h",
    "change": "1",
    "n_ge1": "1",
    "n_ge2": "1",
}
# for the documentation: g are grades charted before L at hours t, newest last, one per hour
FORMULAS = {
    "grade": "newest g, unknown where L - its t is above features.grade_valid_hours",
    "worst": "largest g",
    "hours_since_onset": "L - first t with g >= 1",
    "change": "newest g - the g before it, unknown where the newest is",
    "n_ge1": "number of g >= 1, at most 5",
    "n_ge2": "number of g >= 2, at most 4",
}
SOURCE = "ASTCT grades: Lee et al. 2019, 10.1016/j.bbmt.2018.12.758"


def state_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`state_features` returns, in order."""
    return [
        group_meta(f"state_{scale}", statistic, "clinical_state", unit, scale.upper())
        for scale in spec.state_scales
        for statistic, unit in STATISTICS.items()
    ]


def state_features(assessments: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec) -> Floats:
    """Summarise the grades charted strictly before every landmark.

    The current grade is unknown (NaN) if the newest assessment is older than
    ``spec.grade_valid_hours``; unknown is never grade 0. If grades are charted at the same time,
    the highest is used.

    Returns
    -------
    ndarray, shape (n_landmarks, n_scales * len(STATISTICS))
    """
    parts = [
        _one_scale(assessments.loc[assessments["scale"] == scale], landmarks, spec)
        for scale in spec.state_scales
    ]
    return np.hstack(parts) if parts else np.empty((len(landmarks), 0))


def _one_scale(rows: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec) -> Floats:
    moment = landmarks["hours"].to_numpy(dtype=float)
    count = len(landmarks)
    rows = rows.sort_values(["patient", "assessed_hours", "grade"], kind="stable")
    rows = rows.drop_duplicates(["patient", "assessed_hours"], keep="last")
    patient = rows["patient"].to_numpy()
    start = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="left")
    stop = np.searchsorted(patient, landmarks["patient"].to_numpy(), side="right")
    cell, position = segments.expand(start, stop)
    time = rows["assessed_hours"].to_numpy(dtype=float)[position]
    seen = time < moment[cell]
    cell, time = cell[seen], time[seen]
    grade = rows["grade"].to_numpy(dtype=float)[position[seen]]
    newest = segments.last(cell, grade, count)
    age = moment - segments.last(cell, time, count)
    fresh = age <= spec.grade_valid_hours
    present = grade >= 1
    onset = segments.first(cell[present], time[present], count)
    rank_from_end = _rank_from_end(cell)
    earlier = rank_from_end == 1
    previous = segments.last(cell[earlier], grade[earlier], count)
    columns = [
        np.where(fresh, newest, np.nan),
        segments.maximum(cell, grade, count),
        moment - onset,
        np.where(fresh, newest - previous, np.nan),
        np.minimum(segments.count(cell[present], count), 5.0),
        np.minimum(segments.count(cell[grade >= 2], count), 4.0),
    ]
    return np.stack(columns, axis=1)


def _rank_from_end(cell: Ints) -> Ints:
    """Rank of each point from the end of its cell: 0 for the last, 1 for the one before."""
    if len(cell) == 0:
        return cell
    stops = np.flatnonzero(np.r_[cell[1:] != cell[:-1], True])
    return stops[np.searchsorted(stops, np.arange(len(cell)))] - np.arange(len(cell))
