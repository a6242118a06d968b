"""Several infusions of one patient: each is an episode with its own time zero and rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger
from pipeline.cohort.tables import TABLES, Cohort

# results and doses of the week before an infusion belong to its baseline
BEFORE_HOURS = 168.0
_CARRIED = ("record_end_hours", "followed_until_hours", "death_hours", "new_therapy_hours")
_SAME = ("sex", "site", "disease")
_HOURS_PER_YEAR = 8766.0
_CLOCKS = {
    "labs": "collected_hours",
    "treatments": "given_hours",
    "observations": "observed_hours",
    "assessments": "assessed_hours",
}
_SHARED = ("labs", "treatments")


def number_episodes(table: pd.DataFrame, file: str, ledger: Ledger) -> pd.DataFrame:
    """Start of every infusion of a patient; rows of later infusions without one are rejected.

    Parameters
    ----------
    table : DataFrame
        One row per infusion with ``patient_id``, ``episode``, ``start_hours`` (NaN where no time
        of the infusion is given) and the clocks of ``patients``, all in hours since the patient's
        first infusion.
    file : str
        Name of the table in rejects.
    ledger : Ledger
        Receives the rejected rows.

    Returns
    -------
    DataFrame
        Sorted by patient and start. ``second_infusion_hours`` is at most the next start. A blank
        end of the record, death, sex or site is filled from the patient's previous row.
    """
    table = table.sort_values(["patient_id", "episode"], kind="stable")
    first = ~table.duplicated("patient_id")
    before = table.groupby("patient_id")["second_infusion_hours"].shift(1)
    start = table["start_hours"].fillna(before).mask(first, 0.0)
    ids = table["patient_id"]
    highest = start.groupby(ids).cummax().groupby(ids).shift(1)
    placed = first | (start > highest.fillna(0.0))
    table = ledger.reject(
        table.assign(start_hours=start),
        ~placed,
        file=file,
        column="episode",
        code="later_episode",
        reason="No time shows that this infusion follows the patient's earlier one.",
        remedy="Give infusion_time on every row of the patient; if all times are hours, give "
        "second_infusion_hours on the row before. Hours count from the first infusion.",
    )
    by_patient = table.groupby("patient_id")
    following = by_patient["start_hours"].shift(-1)
    table = table.assign(second_infusion_hours=np.fmin(table["second_infusion_hours"], following))
    later = table.duplicated("patient_id")
    if not later.any():
        return table
    for name in _CARRIED:
        carried = by_patient[name].ffill()
        table[name] = table[name].fillna(carried.where(later & (carried >= table["start_hours"])))
    for name in (name for name in _SAME if name in table):
        filled = table[name].mask(table[name] == "").groupby(table["patient_id"]).ffill()
        table[name] = filled.fillna("").astype("str")
    if "age_years" in table:
        age = by_patient["age_years"].transform("first") + table["start_hours"] / _HOURS_PER_YEAR
        table["age_years"] = table["age_years"].fillna(age)
    return table


def patients_of_episodes(episodes: pd.DataFrame) -> pd.DataFrame:
    """One row per patient: the first infusion, with the end of the record of the last.

    Parameters
    ----------
    episodes : DataFrame
        One row per infusion, from :func:`number_episodes`.

    Returns
    -------
    DataFrame
        ``record_end_hours`` and ``death_hours`` are those of the last infusion, whose start is
        ``last_start_hours``.

    Examples
    --------
    >>> episodes = pd.DataFrame({"patient_id": ["A", "A"], "start_hours": [0.0, 700.0],
    ...                          "record_end_hours": [700.0, 900.0], "death_hours": np.nan})
    >>> patients_of_episodes(episodes)[["record_end_hours", "last_start_hours"]].values.tolist()
    [[900.0, 700.0]]
    """
    last = episodes.drop_duplicates("patient_id", keep="last")
    people = episodes.drop_duplicates("patient_id").reset_index(drop=True)
    ends = ["record_end_hours", "death_hours"]
    return people.assign(
        last_start_hours=last["start_hours"].to_numpy(),
        **{name: last[name].to_numpy() for name in ends},
    )


def split_episodes(cohort: Cohort, episodes: pd.DataFrame) -> Cohort:
    """Give every infusion its own row of ``patients``, its own clock and its own rows.

    A row belongs to the infusion before it. Results and doses of the week before a later infusion
    also belong to that infusion as its baseline; grades and observations do not.

    Parameters
    ----------
    cohort : Cohort
        One row per patient, all times in hours since the first infusion.
    episodes : DataFrame
        From :func:`number_episodes`.

    Returns
    -------
    Cohort
        ``patients`` with ``person_id`` (the patient) and ``start_hours``; ``patient_id`` of a later
        infusion is ``<patient>#<episode>``. Unchanged if there is no later infusion.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> people = empty_cohort(["A", "A"]).patients
    >>> episodes = people.assign(episode=[1.0, 2.0], start_hours=[0.0, 700.0])
    >>> cohort = split_episodes(empty_cohort(["A"]), episodes)
    >>> cohort.patients[["patient_id", "person_id", "start_hours"]].values.tolist()
    [['A', 'A', 0.0], ['A#2', 'A', 700.0]]
    """
    number = episodes["episode"].to_numpy(dtype=float)
    if (number <= 1).all():
        plain = cohort.patients.drop(columns=["episode", "start_hours", "last_start_hours"])
        return replace(cohort, patients=plain)
    rows = episodes.assign(patient=episodes.groupby("patient_id", sort=False).ngroup())
    rows = rows.assign(row=np.arange(len(rows)))
    start = rows["start_hours"].to_numpy(dtype=float)
    stop = rows.groupby("patient")["start_hours"].shift(-1).fillna(np.inf).to_numpy()
    parts: dict[str, Any] = {
        name: _own_rows(getattr(cohort, name), name, rows, start, stop) for name in TABLES[1:]
    }
    shifted = {
        name: hours_since(rows[name].to_numpy(dtype=float), start)
        for name in rows.columns
        if name.endswith("_hours") and name != "start_hours"
    }
    patients = rows.drop(columns=["patient", "row"]).assign(
        **shifted, person_id=rows["patient_id"], patient_id=_labels(rows)
    )
    return Cohort(patients.reset_index(drop=True), **parts)


def _own_rows(
    table: pd.DataFrame, name: str, rows: pd.DataFrame, start: np.ndarray, stop: np.ndarray
) -> pd.DataFrame:
    """Rows of every episode of one table, on the clock of that episode."""
    later = rows["episode"].to_numpy(dtype=float) > 1
    earliest = np.where(later, start - (BEFORE_HOURS if name in _SHARED else 0.0), -np.inf)
    spans = pd.DataFrame(
        {
            "patient": rows["patient"].to_numpy(),
            "_row": rows["row"].to_numpy(),
            "_start": start,
            "_from": earliest,
            "_stop": stop,
        }
    )
    joined = table.assign(_order=np.arange(len(table))).merge(spans, on="patient", how="left")
    clock = joined[_CLOCKS[name]]
    joined = joined.loc[(clock >= joined["_from"]) & (clock < joined["_stop"])]
    joined = joined.sort_values(["_row", "_order"], kind="stable", ignore_index=True)
    own = joined["_start"].to_numpy(dtype=float)
    shifted: dict[str, Any] = {
        column: hours_since(joined[column].to_numpy(dtype=float), own)
        for column in table.columns
        if column.endswith("_hours")
    }
    moved = joined.assign(patient=joined["_row"].to_numpy(dtype=np.intp), **shifted)
    return moved[list(table.columns)].astype(table.dtypes.to_dict())


def hours_since(hours: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Hours since another time zero, identical to reading the time against that zero.

    Examples
    --------
    >>> float(hours_since(np.array([480.1]), np.array([480.0]))[0])
    0.1
    """
    return np.asarray(np.where(start == 0.0, hours, np.round((hours - start) * 3600.0, 6) / 3600.0))


def _labels(rows: pd.DataFrame) -> pd.Series:
    """Unique names of episodes: the patient's id, then ``id#2``."""
    taken = set(rows["patient_id"])
    names = []
    later = rows.duplicated("patient_id").to_numpy()
    for patient, episode, is_later in zip(rows["patient_id"], rows["episode"], later, strict=True):
        name = f"{patient}#{episode:g}" if is_later else patient
        while is_later and name in taken:
            name += "'"
        taken.add(name)
        names.append(name)
    return pd.Series(names, index=rows.index, dtype="str")


def current_episodes(cohort: Cohort, frontier: np.ndarray) -> tuple[Cohort, np.ndarray]:
    """Select the current infusion of each patient of a batch: the last that has begun.

    Parameters
    ----------
    cohort : Cohort
        From :func:`split_episodes`.
    frontier : ndarray of float, shape (n_patients,)
        Cut-off in hours since the first infusion (inf where unknown).

    Returns
    -------
    cohort : Cohort
        One row per patient, under the patient's own id.
    frontier : ndarray of float
        The same cut-off in hours since the current infusion.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> both = empty_cohort(["A", "A#2"])
    >>> patients = both.patients.assign(person_id="A", start_hours=[0.0, 700.0])
    >>> current, frontier = current_episodes(replace(both, patients=patients), np.array([750.0]))
    >>> current.patients["patient_id"].tolist(), frontier.tolist()
    (['A'], [50.0])
    """
    if "person_id" not in cohort.patients:
        return cohort, frontier
    patients = cohort.patients
    person = patients.groupby("person_id", sort=False).ngroup().to_numpy()
    start = patients["start_hours"].to_numpy(dtype=float)
    begun = (start < frontier[person]) | (start == 0.0)
    last = pd.Series(np.flatnonzero(begun)).groupby(person[begun]).max().to_numpy()
    own = cohort.take(last)
    plain = own.patients.assign(patient_id=own.patients["person_id"])
    return replace(own, patients=plain.drop(columns=["person_id", "start_hours"])), np.asarray(
        frontier - start[last]
    )


def episode_remarks(
    infusions: pd.DataFrame, surplus: Mapping[str, int], *, live: bool
) -> list[str]:
    """Remarks on the rows of later infusions.

    Parameters
    ----------
    infusions : DataFrame
        ``patient_id, episode``, one row per infusion.
    surplus : mapping
        Per table, rows of the cohort minus accepted rows.
    live : bool
        Whether this is a batch to be scored.

    Returns
    -------
    list of str
        Empty if there is no later infusion.

    Examples
    --------
    >>> infusions = pd.DataFrame({"patient_id": ["A", "A"], "episode": [1, 2]})
    >>> episode_remarks(infusions, {"labs": -3}, live=True)
    ['1 patients have a later infusion; each is scored from the latest infusion, without 3 rows of \
earlier ones.']
    """
    later = infusions.loc[infusions["episode"] > 1, "patient_id"].nunique()
    if later == 0:
        return []
    if live:
        unused = -sum(count for name, count in surplus.items() if name != "patients" and count < 0)
        return [
            f"{later} patients have a later infusion; each is scored from the latest infusion, "
            f"without {unused} rows of earlier ones."
        ]
    return [
        f"{later} patients have a later infusion, which is an episode of its own. Results of the "
        "week before it are used in both episodes."
    ]
