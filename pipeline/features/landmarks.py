"""Landmarks: the (patient, hour) moments at which a prediction is made, and their days."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Bools, Ints
from pipeline.cohort.tables import Cohort
from pipeline.config import LandmarkConfig
from pipeline.errors import UsageError
from pipeline.features.matrix import FeatureMatrix

_FINE_GAP_HOURS = 20.0
EARLIER_STEP_HOURS, _MOST_EARLIER = 24.0, 7


MIN_PATIENTS_PER_DAY = 30
_MAX_REACH = 30


def grid_landmarks(cohort: Cohort, hours: NDArray[np.float64]) -> pd.DataFrame:
    """Every patient at every given hour up to and including the end of the record.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``hours``, ``source`` = ``grid``, sorted.
    """
    end = cohort.patients["record_end_hours"].to_numpy()
    patient, which = np.nonzero(hours[None, :] <= end[:, None])
    return pd.DataFrame({"patient": patient, "hours": hours[which], "source": "grid"})


def result_landmarks(cohort: Cohort, last_hours: float) -> pd.DataFrame:
    """Every patient at the end of each hour in which results came in.

    The hours are whole hours since time zero, so a landmark gathers the results of one draw and
    yet depends on nothing that comes after it.
    """
    rows = cohort.labs.loc[cohort.labs["resulted_hours"] >= 0, ["patient", "resulted_hours"]]
    hours = np.floor(rows["resulted_hours"].to_numpy(dtype=float)) + 1.0
    moments = pd.DataFrame(
        {"patient": rows["patient"].to_numpy(), "hours": hours, "source": "result"}
    ).drop_duplicates(["patient", "hours"])
    end = cohort.patients["record_end_hours"].to_numpy()[moments["patient"].to_numpy()]
    in_time: pd.DataFrame = moments.loc[moments["hours"] <= np.minimum(end, last_hours)]
    return in_time


def every_result_landmarks(cohort: Cohort, last_hours: float = np.inf) -> pd.DataFrame:
    """Every patient at the first whole minute after each moment at which a result came in.

    What ``cytocast predict`` asks, had it been run after every new result.
    """
    rows = cohort.labs.loc[cohort.labs["resulted_hours"] >= 0, ["patient", "resulted_hours"]]
    hours = next_minute(rows["resulted_hours"].to_numpy(dtype=float))
    patient = rows["patient"].to_numpy()
    moments = pd.DataFrame({"patient": patient, "hours": hours, "source": "result"})
    end = cohort.patients["record_end_hours"].to_numpy()[patient]
    kept: pd.DataFrame = moments.loc[hours <= np.minimum(end, last_hours)]
    return kept.drop_duplicates(["patient", "hours"]).sort_values(
        ["patient", "hours"], ignore_index=True
    )


def given_landmarks(cohort: Cohort, moments: pd.DataFrame) -> pd.DataFrame:
    """Landmarks at given times.

    Parameters
    ----------
    moments : DataFrame
        ``patient_id`` and ``hours`` since time zero.

    Raises
    ------
    UsageError
        If a patient is not in the cohort, an hour is no number, or a column is missing.
    """
    if not {"patient_id", "hours"} <= set(moments.columns):
        named = ", ".join(map(str, moments.columns))
        raise UsageError(f"given landmarks need 'patient_id' and 'hours'; the table has {named}")
    number = pd.Series(np.arange(len(cohort)), index=cohort.patients["patient_id"])
    patient = moments["patient_id"].map(number)
    if patient.isna().any():
        unknown = ", ".join(sorted(set(moments["patient_id"][patient.isna()].astype("str"))))
        raise UsageError(f"no such patient in the cohort: {unknown}")
    hours = pd.to_numeric(moments["hours"], errors="coerce").astype(float)
    strange = ~np.isfinite(hours.to_numpy())
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise UsageError(
            "a given landmark is a number of hours since time zero, "
            f"got '{moments['hours'].iloc[row]}' in row {row}"
        )
    table = pd.DataFrame({"patient": patient.astype(np.intp), "hours": hours, "source": "asked"})
    return table.sort_values(["patient", "hours"], ignore_index=True)


def batch_landmarks(cohort: Cohort, as_of_hours: np.ndarray | None) -> pd.DataFrame:
    """One landmark per patient with results: just after the newest one, or at the as-of hour."""
    newest = cohort.labs.groupby("patient", sort=True)["resulted_hours"].max()
    patient = newest.index.to_numpy().astype(np.intp)
    hours = next_minute(newest.to_numpy(dtype=float))
    if as_of_hours is not None:
        hours = as_of_hours[patient]
    return pd.DataFrame({"patient": patient, "hours": hours, "source": "asked"})


def earlier_landmarks(landmarks: pd.DataFrame, first_hours: float) -> pd.DataFrame:
    """Every 24 h back from each landmark, for at most a week and not before ``first_hours``.

    Examples
    --------
    >>> now = pd.DataFrame({"patient": [0, 1], "hours": [78.0, 30.0]})
    >>> earlier_landmarks(now, 24.0)["hours"].tolist()
    [54.0, 30.0]
    """
    steps = EARLIER_STEP_HOURS * np.arange(1, _MOST_EARLIER + 1)
    hours = landmarks["hours"].to_numpy(dtype=float)[:, None] - steps[None, :]
    row, step = np.nonzero(hours >= first_hours)
    patient = landmarks["patient"].to_numpy()[row]
    return pd.DataFrame({"patient": patient, "hours": hours[row, step], "source": "asked"})


def next_minute(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """First whole minute strictly after each hour.

    Examples
    --------
    >>> (next_minute(np.array([1.0, 1.001])) * 60).round(6).tolist()
    [61.0, 61.0]
    """
    minutes = np.floor(np.asarray(hours, dtype=float) * 60.0 + 1e-9)
    moment = (minutes + 1.0) / 60.0
    return np.where(moment > hours, moment, (minutes + 2.0) / 60.0)


def assessed_several_times_a_day(cohort: Cohort, scale: str) -> bool:
    """Whether assessments of a scale stand less than a day apart (median gap under 20 h)."""
    rows = cohort.assessments.query("scale == @scale")
    gaps = rows.groupby("patient", sort=False)["assessed_hours"].diff().dropna()
    return len(gaps) > 0 and float(gaps.median()) < _FINE_GAP_HOURS


def training_landmarks(cohort: Cohort, config: LandmarkConfig, scale: str) -> pd.DataFrame:
    """Landmarks of a training cohort with weights that sum to 1 per patient and day.

    Returns
    -------
    DataFrame
        ``patient, hours, source, weight``, sorted by patient and hour, one row per moment.
    """
    hours = np.arange(config.first_hours, config.last_hours + 1e-9, config.grid_hours)
    hours = np.unique(np.concatenate([hours, np.asarray(config.extra_hours, dtype=float)]))
    parts = [grid_landmarks(cohort, hours)]
    wanted = config.at_results == "always" or (
        config.at_results == "auto" and assessed_several_times_a_day(cohort, scale)
    )
    if wanted:
        parts.append(result_landmarks(cohort, config.at_results_last_hours))
    return weighted(pd.concat(parts, ignore_index=True))


def on_grid(landmarks: pd.DataFrame) -> Bools:
    """Whether each landmark is one of the grid, rather than at a new result."""
    grid: Bools = (landmarks["source"] == "grid").to_numpy()
    return grid


def weighted(moments: pd.DataFrame) -> pd.DataFrame:
    """Sort, drop repeated moments (the grid wins) and weigh by 1 / moments of the patient-day."""
    result = moments.sort_values(["patient", "hours", "source"], kind="stable")
    result = result.drop_duplicates(["patient", "hours"]).reset_index(drop=True)
    day = np.floor(result["hours"] / 24.0)
    count = result.groupby([result["patient"], day])["hours"].transform("size")
    return result.assign(weight=1.0 / count.to_numpy())


def landmark_days(matrix: FeatureMatrix) -> Ints:
    """Whole days since time zero of every landmark."""
    return np.floor(matrix.landmarks["hours"].to_numpy(dtype=float) / 24.0 + 1e-9).astype(np.intp)


def neighbourhood(
    day: Ints, known: np.typing.NDArray[np.bool_], patient: Ints, centre: int
) -> Ints:
    """Known rows of a day and, below 30 patients, of one more day on each side until there are."""
    for reach in range(_MAX_REACH):
        rows = np.flatnonzero(known & (np.abs(day - centre) <= reach))
        if len(np.unique(patient[rows])) >= MIN_PATIENTS_PER_DAY:
            break
    return rows
