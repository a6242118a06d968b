"""Landmarks: (patient, hour) pairs at which a prediction is made, and their days."""

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
    """Landmarks of every patient at each given hour, up to and including the end of the record.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``hours``, ``source`` = ``grid``, sorted.
    """
    end = cohort.patients["record_end_hours"].to_numpy()
    patient, which = np.nonzero(hours[None, :] <= end[:, None])
    return pd.DataFrame({"patient": patient, "hours": hours[which], "source": "grid"})


def result_landmarks(cohort: Cohort, last_hours: float) -> pd.DataFrame:
    """Landmarks at the end of each hour in which a patient had results.

    Landmarks are whole hours since time zero. Each includes all results of its hour and nothing
    later.
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
    """Landmarks at the first whole minute after each new result.

    ``cytocast predict`` would use these landmarks if it ran after every result.

    Parameters
    ----------
    cohort : Cohort
    last_hours : float
        Latest hour of a landmark.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``hours``, ``source`` = ``result``, sorted.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1"])
    >>> cohort.patients["record_end_hours"] = 72.0
    >>> cohort.labs["patient"], cohort.labs["resulted_hours"] = [0, 0], [30.25, 90.0]
    >>> every_result_landmarks(cohort)["hours"].round(2).tolist()  # the second is after the end
    [30.27]
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
    cohort : Cohort
    moments : DataFrame
        ``patient_id`` and ``hours`` since time zero.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``hours``, ``source`` = ``asked``, sorted.

    Raises
    ------
    UsageError
        If a patient is not in the cohort, an hour is not a finite number, or a column is missing.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> moments = pd.DataFrame({"patient_id": ["P2", "P1"], "hours": [24, 48]})
    >>> given_landmarks(empty_cohort(["P1", "P2"]), moments)
       patient  hours source
    0        0   48.0  asked
    1        1   24.0  asked
    """
    if not {"patient_id", "hours"} <= set(moments.columns):
        named = ", ".join(map(str, moments.columns))
        raise UsageError(
            "landmarks need the columns 'patient_id' and 'hours', "
            f"got {named or 'no column'}; rename or add them"
        )
    number = pd.Series(np.arange(len(cohort)), index=cohort.patients["patient_id"])
    patient = moments["patient_id"].map(number)
    if patient.isna().any():
        unknown = ", ".join(sorted(set(moments["patient_id"][patient.isna()].astype("str"))))
        raise UsageError(
            f"landmarks of patients who are not in the cohort: {unknown}; "
            "use values of its column 'patient_id'"
        )
    hours = pd.to_numeric(moments["hours"], errors="coerce").astype(float)
    invalid = ~np.isfinite(hours.to_numpy())
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise UsageError(
            f"landmark row {row}, column 'hours': got '{moments['hours'].iloc[row]}', "
            "expected a finite number of hours since time zero"
        )
    table = pd.DataFrame({"patient": patient.astype(np.intp), "hours": hours, "source": "asked"})
    return table.sort_values(["patient", "hours"], ignore_index=True)


def batch_landmarks(cohort: Cohort, as_of_hours: np.ndarray | None) -> pd.DataFrame:
    """One landmark per patient with results: just after the newest result, or at the as-of hour.

    Parameters
    ----------
    cohort : Cohort
    as_of_hours : ndarray of float, shape (n_patients,), or None
        Hours since time zero at which to predict.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``hours``, ``source`` = ``asked``, sorted.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.labs["patient"], cohort.labs["resulted_hours"] = [1, 1], [30.0, 31.0]
    >>> batch_landmarks(cohort, np.array([48.0, 40.0]))
       patient  hours source
    0        1   40.0  asked
    """
    newest = cohort.labs.groupby("patient", sort=True)["resulted_hours"].max()
    patient = newest.index.to_numpy().astype(np.intp)
    hours = next_minute(newest.to_numpy(dtype=float))
    if as_of_hours is not None:
        hours = as_of_hours[patient]
    return pd.DataFrame({"patient": patient, "hours": hours, "source": "asked"})


def earlier_landmarks(landmarks: pd.DataFrame, first_hours: float) -> pd.DataFrame:
    """Landmarks every 24 h before each given one, for at most a week.

    Parameters
    ----------
    landmarks : DataFrame
        ``patient`` and ``hours``.
    first_hours : float
        Earliest hour since time zero.

    Returns
    -------
    DataFrame
        ``patient``, ``hours``, ``source`` = ``asked``; newest first per given landmark.

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
    """Whether a scale is assessed more than once a day (median gap under 20 h)."""
    rows = cohort.assessments.query("scale == @scale")
    gaps = rows.groupby("patient", sort=False)["assessed_hours"].diff().dropna()
    return len(gaps) > 0 and float(gaps.median()) < _FINE_GAP_HOURS


def training_landmarks(cohort: Cohort, config: LandmarkConfig, scale: str) -> pd.DataFrame:
    """Landmarks of a training cohort with weights that sum to 1 per patient and day.

    Parameters
    ----------
    cohort : Cohort
    config : LandmarkConfig
    scale : str
        Scale whose assessment times decide on landmarks at results when ``at_results`` is
        ``auto``.

    Returns
    -------
    DataFrame
        ``patient, hours, source, weight``, sorted by patient and hour, without repeats.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1"])
    >>> cohort.patients["record_end_hours"] = 60.0
    >>> training_landmarks(cohort, LandmarkConfig(extra_hours=(36,)), "crs")
       patient  hours source  weight
    0        0   24.0   grid     0.5
    1        0   36.0   grid     0.5
    2        0   48.0   grid     1.0
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
    """Whether each landmark is on the grid rather than at a new result.

    Parameters
    ----------
    landmarks : DataFrame
        With ``source``.

    Returns
    -------
    ndarray of bool, shape (n_landmarks,)

    Examples
    --------
    >>> on_grid(pd.DataFrame({"source": ["grid", "result"]})).tolist()
    [True, False]
    """
    grid: Bools = (landmarks["source"] == "grid").to_numpy()
    return grid


def weighted(moments: pd.DataFrame) -> pd.DataFrame:
    """Sort, drop repeats (the grid row is kept) and weight by 1 / landmarks of the patient-day.

    Parameters
    ----------
    moments : DataFrame
        ``patient, hours, source``.

    Returns
    -------
    DataFrame
        With ``weight``; the weights of a patient's day sum to 1.

    Examples
    --------
    >>> moments = pd.DataFrame({"patient": 0, "hours": [30.0, 24.0, 48.0], "source": "grid"})
    >>> weighted(moments)["weight"].tolist()
    [0.5, 0.5, 1.0]
    """
    result = moments.sort_values(["patient", "hours", "source"], kind="stable")
    result = result.drop_duplicates(["patient", "hours"]).reset_index(drop=True)
    day = np.floor(result["hours"] / 24.0)
    count = result.groupby([result["patient"], day])["hours"].transform("size")
    return result.assign(weight=1.0 / count.to_numpy())


def landmark_days(matrix: FeatureMatrix) -> Ints:
    """Whole days since time zero of every landmark.

    Parameters
    ----------
    matrix : FeatureMatrix

    Returns
    -------
    ndarray of int, shape (n_landmarks,)

    Examples
    --------
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [23.5, 48.0]})
    >>> landmark_days(FeatureMatrix(np.empty((2, 0)), (), landmarks)).tolist()
    [0, 2]
    """
    return np.floor(matrix.landmarks["hours"].to_numpy(dtype=float) / 24.0 + 1e-9).astype(np.intp)


def neighbourhood(
    day: Ints, known: np.typing.NDArray[np.bool_], patient: Ints, centre: int
) -> Ints:
    """Known rows of a day, with neighbouring days added until they cover 30 patients.

    Parameters
    ----------
    day : ndarray of int, shape (n_rows,)
    known : ndarray of bool, shape (n_rows,)
        Rows that may be used.
    patient : ndarray of int, shape (n_rows,)
    centre : int
        Day to start from; one day is added on each side at a time, up to 29.

    Returns
    -------
    ndarray of int
        Positions of the rows.

    Examples
    --------
    >>> day, known = np.repeat([1, 2, 3, 9], 20), np.ones(80, dtype=bool)
    >>> np.unique(day[neighbourhood(day, known, np.arange(80), centre=1)]).tolist()
    [1, 2]
    """
    for reach in range(_MAX_REACH):
        rows = np.flatnonzero(known & (np.abs(day - centre) <= reach))
        if len(np.unique(patient[rows])) >= MIN_PATIENTS_PER_DAY:
            break
    return rows
