"""Whether the grades of a patient end at the worst one, and how often chance alone does that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

MIN_GRADES, MIN_PATIENTS = 3, 15
MIN_SHARE, MIN_Z = 0.4, 5.0


@dataclass(frozen=True)
class RecordEnds:
    """Patients whose last grade is the worst, of those whose grade changed.

    Attributes
    ----------
    patients, of : int
    by_chance : float
        Share expected if the record ended after a random grade of the patient.
    is_excessive : bool
        Whether at least 40% end there, five standard errors more than by chance, among at least
        15 patients.
    """

    patients: int
    of: int
    by_chance: float
    is_excessive: bool


def grade_ends(grades: pd.DataFrame) -> pd.DataFrame:
    """By patient with at least three grades that differ: ``at_worst`` and its chance.

    Parameters
    ----------
    grades : DataFrame
        Columns ``patient``, ``hours`` and ``grade`` of one scale.

    Returns
    -------
    DataFrame
        ``at_worst`` (bool) and ``chance`` (share), with the patient as index.

    Examples
    --------
    >>> grades = pd.DataFrame({"patient": 0, "hours": [1.0, 2, 3], "grade": [1.0, 0, 2]})
    >>> grade_ends(grades).round(2).to_dict("list")
    {'at_worst': [True], 'chance': [0.33]}
    """
    rows = grades.dropna(subset=["hours", "grade"])
    rows = rows.sort_values(["patient", "hours"], kind="stable")
    by = rows.groupby("patient")["grade"]
    table = by.agg(["max", "min", "last", "size"])
    worst = rows["grade"].eq(by.transform("max")).groupby(rows["patient"]).sum()
    kept = (table["max"] > table["min"]) & (table["size"] >= MIN_GRADES)
    ends = {"at_worst": table["last"] == table["max"], "chance": worst / table["size"]}
    return pd.DataFrame(ends)[kept]


def count_record_ends(table: pd.DataFrame) -> RecordEnds:
    """Count the records of :func:`grade_ends` that end at the worst grade.

    Parameters
    ----------
    table : DataFrame
        Columns ``at_worst`` and ``chance``.

    Returns
    -------
    RecordEnds

    Examples
    --------
    >>> table = pd.DataFrame({"at_worst": [True] * 30, "chance": 0.25})
    >>> count_record_ends(table)
    RecordEnds(patients=30, of=30, by_chance=0.25, is_excessive=True)
    """
    if len(table) == 0:
        return RecordEnds(0, 0, 0.0, False)
    ends, chance = table["at_worst"], table["chance"]
    spread = float(np.sqrt((chance * (1 - chance)).sum()))
    z = (ends.sum() - chance.sum()) / spread if spread > 0 else 0.0
    excessive = len(table) >= MIN_PATIENTS and ends.mean() >= MIN_SHARE and z >= MIN_Z
    return RecordEnds(int(ends.sum()), len(table), float(chance.mean()), bool(excessive))
