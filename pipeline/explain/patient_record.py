"""Labs, doses and grades of one patient that were available at the landmark."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.cohort.result_versions import REFERENCE_COLUMNS
from pipeline.cohort.tables import Cohort
from pipeline.explain.infusion_clock import InfusionClock, shifted


def newest_results(labs: pd.DataFrame, landmarks: pd.DataFrame) -> pd.DataFrame:
    """Return the newest result of every analyte visible at each landmark.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.
    landmarks : DataFrame
        ``patient`` and ``hours``.

    Returns
    -------
    DataFrame
        ``landmark`` (row number), ``analyte``, ``value`` (canonical unit; the limit if the
        result is a limit), ``side`` and ``collected_hours``.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> labs = empty_cohort(["P-1"]).labs
    >>> labs.loc[0, ["patient", "analyte", "value", "cancelled"]] = [0, "crp", 9.0, False]
    >>> labs.loc[0, ["collected_hours", "resulted_hours", "superseded_hours"]] = [5.0, 6.0, np.inf]
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [6.0, 24.0]})
    >>> newest_results(labs, landmarks)[["landmark", "analyte", "value"]].to_numpy().tolist()
    [[1, 'crp', 9.0]]
    """
    moments = pd.DataFrame(
        {
            "landmark": np.arange(len(landmarks)),
            "patient": landmarks["patient"].to_numpy(),
            "hours": landmarks["hours"].to_numpy(dtype=float),
        }
    )
    rows = labs.loc[~labs["cancelled"]].merge(moments, on="patient")
    visible = (rows["resulted_hours"] < rows["hours"]) & (rows["hours"] <= rows["superseded_hours"])
    rows = rows.loc[visible].sort_values(["landmark", "analyte", "collected_hours"], kind="stable")
    rows = rows.drop_duplicates(["landmark", "analyte"], keep="last")
    return rows[["landmark", "analyte", "value", "side", "collected_hours"]].reset_index(drop=True)


def of_analyte(newest: pd.DataFrame, analyte: str, count: int) -> pd.DataFrame:
    """Newest results of one analyte, one row per landmark; NaN if it was never measured."""
    mine = np.flatnonzero(newest["analyte"].to_numpy() == analyte)
    landmark = newest["landmark"].to_numpy()[mine]
    columns = {}
    for name in ("value", "side", "collected_hours"):
        columns[name] = np.full(count, np.nan)
        columns[name][landmark] = newest[name].to_numpy(dtype=float)[mine]
    return pd.DataFrame(columns)


class LabResult(NamedTuple):
    """One result: hour of collection, canonical value, side of a limit, own reference range."""

    hours: float
    value: float
    side: int = 0
    ref_low: float = math.nan
    ref_high: float = math.nan


@dataclass(frozen=True)
class PatientRecord:
    """One patient as known at a landmark.

    Attributes
    ----------
    product : str
        Empty if it is not stated.
    hours : float
        The landmark.
    clock : InfusionClock
        Clock of the patient.
    labs : DataFrame
        ``analyte, value, side, collected_hours, ref_low, ref_high``: the version of each result
        visible at the landmark, sorted by analyte and collection.
    doses : DataFrame
        ``drug, given_hours``, sorted by time.
    grades : DataFrame
        ``scale, grade, assessed_hours``, sorted by time; the highest grade of each hour.
    later_doses, later_grades : DataFrame
        Doses and grades charted at the landmark or after it: shown, not used.
    age_years : float
        NaN if unknown.
    """

    patient_id: str
    product: str
    hours: float
    clock: InfusionClock
    labs: pd.DataFrame
    doses: pd.DataFrame
    grades: pd.DataFrame
    later_doses: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)
    later_grades: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)
    age_years: float = field(default=float("nan"), kw_only=True)

    @cached_property
    def results(self) -> dict[str, list[LabResult]]:
        """Results of each measured analyte by collection time."""
        labs = self.labs
        blank = [math.nan] * len(labs)
        columns = (
            labs[name].tolist() if name in labs else blank
            for name in ("analyte", "collected_hours", "value", "side", *REFERENCE_COLUMNS)
        )
        result: dict[str, list[LabResult]] = {}
        for key, hours, value, side, low, high in zip(*columns, strict=True):
            row = LabResult(float(hours), float(value), int(side), float(low), float(high))
            result.setdefault(str(key), []).append(row)
        return result

    @cached_property
    def charted(self) -> dict[str, list[tuple[float, int]]]:
        """Hour and grade of each scale by time, before the landmark."""
        return _by_scale(self.grades)

    @cached_property
    def charted_since(self) -> dict[str, list[tuple[float, int]]]:
        """Hour and grade of each scale by time, from the landmark on."""
        return _by_scale(self.later_grades)

    def grade_course(self, scale: str) -> list[tuple[float, int]]:
        """Hour and grade of every assessment of a scale, before and after the landmark."""
        return [*self.charted.get(scale, []), *self.charted_since.get(scale, [])]

    def newest_grade(self, scale: str, at: float, valid_hours: float) -> int | None:
        """Newest grade of a scale, also from after the landmark; None if too old at hour ``at``."""
        rows = self.grade_course(scale)
        if not rows or at - rows[-1][0] > valid_hours:
            return None
        return rows[-1][1]

    def current_grade(self, scale: str, valid_hours: float) -> int | None:
        """Newest grade of a scale before the landmark; None if there is none or it is too old."""
        rows = self.charted.get(scale)
        if not rows or self.hours - rows[-1][0] > valid_hours:
            return None
        return rows[-1][1]


def records(cohort: Cohort, landmarks: pd.DataFrame) -> Iterator[PatientRecord]:
    """Yield the record of each landmark, in the order of the landmarks.

    Parameters
    ----------
    cohort : Cohort
        Validated tables.
    landmarks : DataFrame
        ``patient`` and ``hours``, at most one row per patient.

    Yields
    ------
    PatientRecord

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> landmarks = pd.DataFrame({"patient": [1], "hours": [72.0]})
    >>> [record] = records(empty_cohort(["P-1", "P-2"]), landmarks)
    >>> record.patient_id, record.hours, len(record.labs)
    ('P-2', 72.0, 0)
    """
    moment = pd.Series(landmarks["hours"].to_numpy(), index=landmarks["patient"].to_numpy())
    labs = _labs(cohort.labs, moment)
    doses, later_doses = _split(doses_of(cohort), moment, "given_hours")
    grades, later_grades = _split(grades_of(cohort), moment, "assessed_hours")
    # object columns: comparing a few strings is far quicker than with Arrow
    labs = labs.astype({"analyte": object})
    every = [labs, doses, grades, later_doses, later_grades]
    tables = [_by_patient(table) for table in every]
    empty = [table.iloc[:0].drop(columns="patient") for table in every]
    for patient, hours in zip(moment.index.to_numpy(), moment.to_numpy(), strict=True):
        row = cohort.patients.iloc[patient]
        product = row.get("product")
        parts = [table.get(patient, blank) for table, blank in zip(tables, empty, strict=True)]
        yield PatientRecord(
            str(row["patient_id"]),
            "" if pd.isna(product) else str(product).strip(),
            float(hours),
            clock_of(row),
            *parts[:3],
            later_doses=parts[3],
            later_grades=parts[4],
            age_years=float(row.get("age_years", np.nan)),
        )


def doses_of(cohort: Cohort) -> pd.DataFrame:
    """Doses of every patient by time: ``patient, drug, given_hours``.

    Parameters
    ----------
    cohort : Cohort
        Validated tables.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> list(doses_of(empty_cohort(["P-1"])).columns)
    ['patient', 'drug', 'given_hours']
    """
    doses = cohort.treatments[["patient", "drug", "given_hours"]]
    return doses.sort_values(["patient", "given_hours"], kind="stable").astype({"drug": object})


def grades_of(cohort: Cohort) -> pd.DataFrame:
    """Grades of every patient by time; the highest grade of each hour and scale.

    Parameters
    ----------
    cohort : Cohort
        Validated tables.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P-1"])
    >>> cohort.assessments.loc[0] = [0, "crs", 2, 30.0]
    >>> cohort.assessments.loc[1] = [0, "crs", 1, 30.0]
    >>> grades_of(cohort)["grade"].tolist()
    [2]
    """
    columns = ["patient", "assessed_hours", "scale"]
    grades = cohort.assessments.sort_values([*columns, "grade"], kind="stable")
    return grades.drop_duplicates(columns, keep="last").astype({"scale": object})


def clock_of(patient: pd.Series) -> InfusionClock:
    """Return the clock of a patient, with the UTC offset of the export.

    Parameters
    ----------
    patient : Series
        Row of ``Cohort.patients``.

    Returns
    -------
    InfusionClock

    Examples
    --------
    >>> time = pd.Timestamp("2026-11-19T07:00Z")
    >>> row = pd.Series({"infusion_time": time, "utc_offset_minutes": 60.0})
    >>> clock_of(row).words(0.0)
    '19 Nov 08:00'
    """
    zero = patient["infusion_time"]
    if pd.isna(zero):
        return InfusionClock(None)
    return InfusionClock(
        shifted(zero.to_pydatetime(), float(patient.get("utc_offset_minutes", 0.0)))
    )


def _labs(labs: pd.DataFrame, moment: pd.Series) -> pd.DataFrame:
    hours = labs["patient"].map(moment)
    visible = (labs["resulted_hours"] < hours) & (hours <= labs["superseded_hours"])
    rows = labs.loc[visible & ~labs["cancelled"]]
    rows = rows.sort_values(["patient", "analyte", "collected_hours"], kind="stable")
    columns = ["patient", "analyte", "value", "side", "collected_hours", *REFERENCE_COLUMNS]
    return rows.reindex(columns=columns)


def _split(table: pd.DataFrame, moment: pd.Series, clock: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows before the landmark of their patient, and rows from then on."""
    hours = table["patient"].map(moment)
    return table.loc[table[clock] < hours], table.loc[table[clock] >= hours]


def _by_scale(grades: pd.DataFrame) -> dict[str, list[tuple[float, int]]]:
    result: dict[str, list[tuple[float, int]]] = {}
    if len(grades):
        columns = (grades[name].tolist() for name in ("scale", "assessed_hours", "grade"))
        for scale, hours, grade in zip(*columns, strict=True):
            result.setdefault(str(scale), []).append((float(hours), int(grade)))
    return result


def _by_patient(table: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return {
        patient: rows.drop(columns="patient").reset_index(drop=True)
        for patient, rows in table.groupby("patient", sort=False)
    }
