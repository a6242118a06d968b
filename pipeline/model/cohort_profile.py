"""Profile of a cohort: counts by day with which monitoring compares later batches.

It contains only aggregates. A day has at least five patients, counts of one to four patients are
raised to five, and every group has at least five results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats, Ints
from pipeline.features.landmarks import neighbourhood

MIN_PATIENTS = 5
FIFTHS = 5
_PER_FIFTH = 10
_TENTHS = 10


@dataclass(frozen=True)
class DayOfAnalyte:
    """Newest results of one analyte at the landmarks of one day.

    Attributes
    ----------
    measured, below, above : int
        Landmarks with a recent result, and those where it is below or above a limit.
    edges : tuple of float
        Values (canonical unit) that split the recent results into about fifths; a group excludes
        its lower edge and includes its upper one. Empty if there are too few results.
    counts : tuple of int
        Number of results in each group.
    """

    measured: int
    below: int
    above: int
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Day:
    """Landmarks of one day, each just after a patient's last result of that day.

    Attributes
    ----------
    n, patients : int
        Number of landmarks and of patients; a day with fewer than 30 patients also uses
        neighbouring days.
    """

    n: int
    patients: int
    analytes: Mapping[str, DayOfAnalyte]


@dataclass(frozen=True)
class Profile:
    """Aggregates of the training cohort for monitoring.

    Attributes
    ----------
    days : mapping of int to Day
    units : mapping
        Analyte to ``{patients, units: {unit: patients}}``.
    delays : mapping
        Analyte to ``{patients, median, slow_hours, slow}``: hours from collection to result of
        each patient's first sample after time zero with a stated result time; ``slow`` patients
        have more than ``slow_hours``.
    refused : mapping
        ``patients`` and the number of them with a rejected row.
    abstained : mapping of int to mapping
        Day to ``n, patients, abstained`` among grid landmarks with a result in the last 24 h.
    risks : mapping
        Outcome to ``{horizon, days: {day: {patients, counts, means}}}``: out-of-fold risks in up
        to ten groups by risk, ascending.
    """

    days: Mapping[int, Day]
    units: Mapping[str, Mapping[str, Any]]
    delays: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, int]
    abstained: Mapping[int, Mapping[str, int]]
    risks: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def profile_from_dict(content: Mapping[str, Any] | None) -> Profile | None:
    """Rebuild a profile stored with :meth:`Profile.to_dict`; None if the bundle has none."""
    if content is None:
        return None
    days = {
        int(day): Day(
            item["n"],
            item["patients"],
            {
                key: DayOfAnalyte(**{**each, **{n: tuple(each[n]) for n in ("edges", "counts")}})
                for key, each in item["analytes"].items()
            },
        )
        for day, item in content["days"].items()
    }
    risks = {
        name: {**item, "days": {int(day): each for day, each in item["days"].items()}}
        for name, item in content["risks"].items()
    }
    abstained = {int(day): item for day, item in content["abstained"].items()}
    rest = {name: content[name] for name in ("units", "delays", "refused")}
    return Profile(days=days, abstained=abstained, risks=risks, **rest)


def recent_results(
    newest: pd.DataFrame, landmarks: pd.DataFrame, keys: Sequence[str], stale_hours: float
) -> pd.DataFrame:
    """Select the newest results of the given analytes that are not stale at their landmark.

    Parameters
    ----------
    newest : DataFrame
        From :func:`pipeline.explain.patient_record.newest_results`.
    landmarks : DataFrame
        ``patient`` and ``hours``.
    keys : sequence of str
        Analytes.
    stale_hours : float
        Largest hours from collection to landmark.

    Returns
    -------
    DataFrame
        ``landmark`` (row number), ``analyte``, ``value`` and ``side``.

    Examples
    --------
    >>> newest = pd.DataFrame({"landmark": [0, 0], "analyte": ["crp", "il6"], "value": [80.0, 9.0]})
    >>> newest = newest.assign(side=0, collected_hours=[40.0, 2.0])
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [48.0]})
    >>> recent_results(newest, landmarks, ["crp", "il6"], stale_hours=24.0)
       landmark analyte  value  side
    0         0     crp   80.0     0
    """
    hours = landmarks["hours"].to_numpy(dtype=float)[newest["landmark"].to_numpy()]
    fresh = hours - newest["collected_hours"].to_numpy(dtype=float) <= stale_hours
    kept = newest.loc[fresh & newest["analyte"].isin(list(keys)).to_numpy()]
    columns = ["landmark", "analyte", "value", "side"]
    result: pd.DataFrame = kept[columns].reset_index(drop=True)
    return result


def profile_days(hours: Floats, person: Ints, recent: pd.DataFrame) -> dict[int, Day]:
    """Count each day's landmarks and recent results.

    Parameters
    ----------
    hours, person : ndarray, shape (n_landmarks,)
        Hours since time zero and person of each landmark.
    recent : DataFrame
        From :func:`recent_results` for the same landmarks.

    Returns
    -------
    dict of int to Day
        By whole day since time zero; days with fewer than five patients are omitted.

    Examples
    --------
    >>> recent = pd.DataFrame({"landmark": [0, 1], "analyte": "crp", "value": 80.0, "side": [0, 1]})
    >>> day = profile_days(np.full(6, 30.0), np.arange(6), recent)[1]
    >>> day.patients, day.analytes["crp"].measured, day.analytes["crp"].above  # raised to five
    (6, 5, 5)
    """
    day = np.floor(hours / 24.0 + 1e-9)
    everyone = np.ones(len(day), dtype=bool)
    parts = {
        str(key): tuple(part[name].to_numpy(dtype=float) for name in ("landmark", "value", "side"))
        for key, part in recent.groupby("analyte", sort=True)
    }
    days = {}
    for centre in np.unique(day):
        rows = neighbourhood(day, everyone, person, centre)
        patients = len(np.unique(person[rows]))
        if patients < MIN_PATIENTS:
            continue
        chosen = np.zeros(len(day), dtype=bool)
        chosen[rows] = True
        analytes = {}
        for key, (landmark, value, side) in parts.items():
            mine = chosen[landmark.astype(np.intp)]
            analytes[key] = _count_results(value[mine], side[mine])
        days[int(centre)] = Day(len(rows), patients, analytes)
    return days


def first_delays(sources: pd.DataFrame) -> pd.DataFrame:
    """Each patient's first sample after time zero whose result time is stated.

    Parameters
    ----------
    sources : DataFrame
        ``patient_id, collected_hours, delay_hours`` of one analyte.

    Returns
    -------
    DataFrame
        One row per patient, the same columns.

    Examples
    --------
    >>> hours = {"collected_hours": [-5.0, 9.0, 20.0], "delay_hours": [1.0, np.nan, 2.5]}
    >>> first_delays(pd.DataFrame({"patient_id": ["P1"] * 3, **hours}))
      patient_id  collected_hours  delay_hours
    0         P1             20.0          2.5
    """
    stated = sources.loc[(sources["collected_hours"] >= 0) & sources["delay_hours"].notna()]
    ordered = stated.sort_values(["patient_id", "collected_hours"], kind="stable")
    return ordered.drop_duplicates("patient_id").reset_index(drop=True)


def profile_risks(risk: Floats, day: Ints, person: Ints) -> dict[int, dict[str, Any]]:
    """Mean risk by day in up to ten equally large groups, from lowest to highest risk.

    Parameters
    ----------
    risk, day, person : ndarray, shape (n_landmarks,)
        Risk (0 to 1), whole day since time zero, and person of each landmark.

    Returns
    -------
    dict of int to dict
        Day to ``patients``, ``counts`` and ``means``; a group has five patients or more.

    Examples
    --------
    >>> risk = np.arange(10) / 10
    >>> profile_risks(risk, np.full(10, 3), np.arange(10))
    {3: {'patients': 10, 'counts': [5, 5], 'means': [0.2, 0.7]}}
    """
    everyone = np.ones(len(day), dtype=bool)
    days = {}
    for centre in np.unique(day):
        rows = neighbourhood(day, everyone, person, centre)
        patients = len(np.unique(person[rows]))
        if patients < MIN_PATIENTS:
            continue
        groups = np.array_split(np.sort(risk[rows]), min(_TENTHS, patients // MIN_PATIENTS))
        days[int(centre)] = {
            "patients": patients,
            "counts": [len(group) for group in groups],
            "means": [rounded(float(group.mean())) for group in groups],
        }
    return days


def fifths(values: Floats) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Split values into up to five groups of about the same size, at least five each.

    Examples
    --------
    >>> fifths(np.arange(50.0))
    ((9.0, 19.0, 29.0, 39.0), (10, 10, 10, 10, 10))
    >>> fifths(np.array([1.0] * 30 + [2.0] * 10)), fifths(np.arange(9.0))
    (((1.0,), (30, 10)), ((), ()))
    """
    most = min(FIFTHS, len(values) // _PER_FIFTH)
    if most < 2:
        return (), ()
    levels = np.arange(1, most) / most
    cuts = np.quantile(values, levels, method="inverted_cdf")
    edges = np.unique([rounded(float(cut)) for cut in cuts])
    while len(edges):
        counts = np.bincount(group_of(values, edges), minlength=len(edges) + 1)
        least = int(counts.argmin())
        if counts[least] >= MIN_PATIENTS:
            return tuple(edges.tolist()), tuple(counts.tolist())
        edges = np.delete(edges, max(least - 1, 0))
    return (), ()


def group_of(values: Floats, edges: Sequence[float] | Floats) -> Ints:
    """Group of each value; a value on an edge belongs to the group below.

    Parameters
    ----------
    values : ndarray, shape (n,)
    edges : sequence of float
        Ascending.

    Returns
    -------
    ndarray of int, shape (n,)
        0 for the lowest group.

    Examples
    --------
    >>> group_of(np.array([1.0, 2.0, 3.0]), (2.0,)).tolist()
    [0, 0, 1]
    """
    return np.searchsorted(np.asarray(edges, dtype=float), values, side="left").astype(np.intp)


def at_least_five(count: int) -> int:
    """Raise a count of one to four patients to five.

    Parameters
    ----------
    count : int

    Returns
    -------
    int

    Examples
    --------
    >>> [at_least_five(count) for count in (0, 1, 4, 7)]
    [0, 5, 5, 7]
    """
    return max(count, MIN_PATIENTS) if count else 0


def rounded(number: float) -> float:
    """Round to six significant digits, so that a profile is the same on every machine.

    Parameters
    ----------
    number : float

    Returns
    -------
    float

    Examples
    --------
    >>> rounded(2 / 3)
    0.666667
    """
    return float(f"{number:.6g}")


def _count_results(value: Floats, side: Floats) -> DayOfAnalyte:
    edges, counts = fifths(value)
    return DayOfAnalyte(
        measured=at_least_five(len(value)),
        below=at_least_five(int((side < 0).sum())),
        above=at_least_five(int((side > 0).sum())),
        edges=edges,
        counts=counts,
    )
