"""Figures that describe the daily course of labs and grades, of real and of simulated patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pipeline.arrays import Bools, Floats

_DAY = 24.0
_FEWEST_DAYS = 3


def auroc(score: Floats, event: Bools) -> float:
    """Return the probability that an event scores higher than a non-event; NaN without both.

    Parameters
    ----------
    score : ndarray of float, shape (n,)
    event : ndarray of bool, shape (n,)

    Returns
    -------
    float

    Examples
    --------
    >>> auroc(np.array([0.1, 0.2, 0.9]), np.array([False, False, True]))
    1.0
    """
    events = int(event.sum())
    others = len(event) - events
    if events == 0 or others == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * others))


def daily_levels(results: pd.DataFrame, last_day: int) -> pd.DataFrame:
    """Return the mean log10 value of every analyte on every day since the infusion.

    Parameters
    ----------
    results : DataFrame
        ``patient, analyte, value, hours``; values of at most 0 are left out.
    last_day : int
        Days 0 to ``last_day`` are used.

    Returns
    -------
    DataFrame
        One row per patient and day, one column per analyte; NaN where nothing was measured.

    Examples
    --------
    >>> results = pd.DataFrame({"patient": 0, "analyte": "crp", "value": [10.0, 1000.0],
    ...                         "hours": [1.0, 23.0]})
    >>> daily_levels(results, 14)["crp"].tolist()
    [2.0]
    """
    day = np.floor(results["hours"] / _DAY)
    kept = results.loc[(results["value"] > 0) & day.between(0, last_day)]
    logs = kept.assign(day=day, level=np.log10(kept["value"]))
    levels: pd.DataFrame = logs.pivot_table(
        index=["patient", "day"], columns="analyte", values="level"
    )
    return levels


def rank_correlation(levels: pd.DataFrame, first: str, second: str) -> tuple[float, int]:
    """Return Spearman's correlation of two analytes on the same day, over all patients and days.

    Parameters
    ----------
    levels : DataFrame
        From :func:`daily_levels`.
    first, second : str
        Analytes.

    Returns
    -------
    correlation : float
    patients : int
        Patients with both on a day.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([[0, 1], [0, 1]], names=["patient", "day"])
    >>> levels = pd.DataFrame({"crp": [1, 2, 3, 4], "albumin": [4, 3, 2, 1]}, index=index)
    >>> rank_correlation(levels, "crp", "albumin")
    (-1.0, 2)
    """
    both = levels.reindex(columns=[first, second]).dropna()
    value = both[first].rank().corr(both[second].rank()) if len(both) > 1 else np.nan
    return round(float(value), 6), both.index.get_level_values("patient").nunique()


def within_patient_sd(levels: pd.DataFrame, analyte: str) -> tuple[float, int]:
    """Return the standard deviation of log10 values within patients, pooled over patients.

    Parameters
    ----------
    levels : DataFrame
        From :func:`daily_levels`.
    analyte : str

    Returns
    -------
    sd : float
        log10.
    patients : int
        Patients with at least three days.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([[0], [0, 1, 2]], names=["patient", "day"])
    >>> within_patient_sd(pd.DataFrame({"crp": [1.0, 2.0, 3.0]}, index=index), "crp")
    (1.0, 1)
    """
    groups = levels.reindex(columns=[analyte])[analyte].dropna().groupby("patient")
    days, variance = groups.size(), groups.var()
    often = days >= _FEWEST_DAYS
    free = (days - 1)[often]
    if free.empty:
        return float("nan"), 0
    return float(np.sqrt((variance[often] * free).sum() / free.sum())), int(often.sum())


def lab_auroc(
    results: pd.DataFrame,
    analyte: str,
    event_hours: Floats,
    end_hours: Floats,
    *,
    horizon: int = 72,
    recent: int = 96,
) -> tuple[float, int]:
    """Return the AUROC of one lab alone for an event after daily landmarks.

    The landmarks are every 24 hours from 24 on, while the patient is in record and up to the
    event. The score is the latest value collected before the landmark, at most ``recent`` hours
    old; landmarks without one are left out.

    Parameters
    ----------
    results : DataFrame
        ``patient, analyte, value, hours``; ``patient`` is the position in the arrays below.
    analyte : str
    event_hours, end_hours : ndarray, shape (n_patients,)
        Hour of the event (inf without one) and end of the record.
    horizon : int
        Hours after the landmark within which the event counts.
    recent : int
        Greatest age of a value in hours.

    Returns
    -------
    auroc : float
    patients : int
        Patients with the event after a landmark with a value.

    Examples
    --------
    >>> results = pd.DataFrame({"patient": [0, 1], "analyte": "crp", "value": [90.0, 10.0],
    ...                         "hours": [20.0, 20.0]})
    >>> lab_auroc(results, "crp", np.array([50.0, np.inf]), np.array([30.0, 30.0]))
    (1.0, 1)
    """
    marks = _landmarks(np.minimum(event_hours, end_hours))
    values = results.loc[results["analyte"] == analyte, ["patient", "hours", "value"]]
    latest = pd.merge_asof(
        marks,
        values.sort_values("hours", kind="stable").rename(columns={"hours": "collected"}),
        left_on="hours",
        right_on="collected",
        by="patient",
        tolerance=recent,
        allow_exact_matches=False,
    ).dropna(subset="value")
    patient = latest["patient"].to_numpy(dtype=np.intp)
    event = event_hours[patient] <= latest["hours"].to_numpy(dtype=float) + horizon
    return auroc(latest["value"].to_numpy(dtype=float), event), len(np.unique(patient[event]))


def daily_worsening(grades: pd.DataFrame, grade: int) -> tuple[float, int]:
    """Return the share of days at a grade that are followed by a day with a higher grade.

    Parameters
    ----------
    grades : DataFrame
        ``patient, hours, grade``; the worst grade of a day counts.
    grade : int

    Returns
    -------
    share : float
        NaN if no such day is followed by a graded day.
    days : int
        Such days.

    Examples
    --------
    >>> grades = pd.DataFrame({"patient": 0, "hours": [1.0, 30.0, 50.0], "grade": [2, 2, 3]})
    >>> daily_worsening(grades, 2)
    (0.5, 2)
    """
    day = np.floor(grades["hours"] / _DAY).astype(int)
    worst = grades.assign(day=day).groupby(["patient", "day"])["grade"].max()
    following = worst.reset_index().assign(day=lambda rows: rows["day"] - 1)
    pairs = worst.reset_index().merge(following, on=["patient", "day"], suffixes=("", "_next"))
    here = pairs.loc[pairs["grade"] == grade]
    return float((here["grade_next"] > grade).mean()) if len(here) else float("nan"), len(here)


def onset_and_days(grades: pd.DataFrame) -> pd.DataFrame:
    """Return the first day and the number of days with a grade above 0, per affected patient.

    Parameters
    ----------
    grades : DataFrame
        ``patient, hours, grade``.

    Returns
    -------
    DataFrame
        ``onset`` (day 0 is the day of the infusion) and ``days``, by patient.

    Examples
    --------
    >>> grades = pd.DataFrame({"patient": [0, 0, 1], "hours": [30.0, 50.0, 9.0],
    ...                        "grade": [1, 2, 0]})
    >>> onset_and_days(grades).to_numpy().tolist()
    [[1, 2]]
    """
    affected = grades.loc[grades["grade"] > 0]
    day = np.floor(affected["hours"] / _DAY).astype(int)
    days = day.groupby(affected["patient"])
    return pd.DataFrame({"onset": days.min(), "days": days.nunique()})


def _landmarks(until: Floats) -> pd.DataFrame:
    """Daily landmarks of each patient up to an hour, sorted by hour."""
    days = np.arange(1, int(max(np.max(until, initial=0.0), 0.0) // _DAY) + 1)
    day, patient = np.nonzero(days[:, None] * _DAY <= until[None, :])
    return pd.DataFrame({"patient": patient, "hours": days[day] * _DAY})
