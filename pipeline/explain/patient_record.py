"""What the ward could see of one patient at the landmark: labs, doses and grades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.result_versions import REFERENCE_COLUMNS
from pipeline.cohort.tables import Cohort
from pipeline.explain.infusion_clock import InfusionClock, shifted


def newest_results(labs: pd.DataFrame, landmarks: pd.DataFrame) -> pd.DataFrame:
    """Newest result of every analyte visible at each landmark.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.
    landmarks : DataFrame
        ``patient`` and ``hours``.

    Returns
    -------
    DataFrame
        ``landmark`` (row number), ``analyte``, ``value`` (canonical unit; the limit where the
        result is a limit), ``side`` and ``collected_hours``.
    """
    asked = pd.DataFrame(
        {
            "landmark": np.arange(len(landmarks)),
            "patient": landmarks["patient"].to_numpy(),
            "hours": landmarks["hours"].to_numpy(dtype=float),
        }
    )
    rows = labs.loc[~labs["cancelled"]].merge(asked, on="patient")
    seen = (rows["resulted_hours"] < rows["hours"]) & (rows["hours"] <= rows["superseded_hours"])
    rows = rows.loc[seen].sort_values(["landmark", "analyte", "collected_hours"], kind="stable")
    rows = rows.drop_duplicates(["landmark", "analyte"], keep="last")
    return rows[["landmark", "analyte", "value", "side", "collected_hours"]].reset_index(drop=True)


def of_analyte(newest: pd.DataFrame, analyte: str, count: int) -> pd.DataFrame:
    """Newest results of one analyte, one row per landmark; NaN where it was never measured."""
    mine = np.flatnonzero(newest["analyte"].to_numpy() == analyte)
    landmark = newest["landmark"].to_numpy()[mine]
    columns = {}
    for name in ("value", "side", "collected_hours"):
        columns[name] = np.full(count, np.nan)
        columns[name][landmark] = newest[name].to_numpy(dtype=float)[mine]
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class PatientRecord:
    """One patient as known at a landmark.

    Attributes
    ----------
    product : str
        Blank where it is not stated.
    hours : float
        The landmark.
    labs : DataFrame
        ``analyte, value, side, collected_hours, ref_low, ref_high``: the version of each result
        that counted, sorted by analyte and collection.
    doses : DataFrame
        ``drug, given_hours``, sorted by time.
    grades : DataFrame
        ``scale, grade, assessed_hours``, sorted by time; of one hour the highest.
    age_years : float
        NaN where it is not known.
    """

    patient_id: str
    product: str
    hours: float
    clock: InfusionClock
    labs: pd.DataFrame
    doses: pd.DataFrame
    grades: pd.DataFrame
    age_years: float = field(default=float("nan"), kw_only=True)

    def series(self, analyte: str) -> pd.DataFrame:
        """Results of one analyte by collection time."""
        return self._by_analyte.get(analyte, self.labs.iloc[:0])

    @cached_property
    def _by_analyte(self) -> dict[str, pd.DataFrame]:
        return {str(key): rows for key, rows in self.labs.groupby("analyte", sort=False)}

    def first_grade(self, scale: str, threshold: int) -> float | None:
        """Hour at which a grade of at least ``threshold`` was first charted."""
        rows = self.grades
        hours = rows.loc[(rows["scale"] == scale) & (rows["grade"] >= threshold), "assessed_hours"]
        return float(hours.min()) if len(hours) else None

    def current_grade(self, scale: str, valid_hours: float) -> int | None:
        """Newest grade of a scale; None where there is none or it is too old."""
        rows = self.grades.loc[self.grades["scale"] == scale]
        if rows.empty or self.hours - float(rows["assessed_hours"].iloc[-1]) > valid_hours:
            return None
        return int(rows["grade"].iloc[-1])


def records(cohort: Cohort, landmarks: pd.DataFrame) -> Iterator[PatientRecord]:
    """The record of each landmark, in their order.

    Parameters
    ----------
    cohort : Cohort
    landmarks : DataFrame
        ``patient`` and ``hours``, at most one row per patient.
    """
    moment = pd.Series(landmarks["hours"].to_numpy(), index=landmarks["patient"].to_numpy())
    labs = _labs(cohort.labs, moment)
    doses = _before(cohort.treatments, moment, "given_hours")[["patient", "drug", "given_hours"]]
    grades = _before(cohort.assessments, moment, "assessed_hours")
    grades = grades.sort_values(["patient", "assessed_hours", "scale", "grade"], kind="stable")
    grades = grades.drop_duplicates(["patient", "assessed_hours", "scale"], keep="last")
    # object columns: comparing a few strings is far quicker than with Arrow
    labs, doses, grades = (
        table.astype({name: object})
        for table, name in ((labs, "analyte"), (doses, "drug"), (grades, "scale"))
    )
    tables = [_by_patient(table) for table in (labs, doses, grades)]
    empty = [table.iloc[:0].drop(columns="patient") for table in (labs, doses, grades)]
    for patient, hours in zip(moment.index.to_numpy(), moment.to_numpy(), strict=True):
        row = cohort.patients.iloc[patient]
        product = row.get("product")
        parts = [found.get(patient, blank) for found, blank in zip(tables, empty, strict=True)]
        yield PatientRecord(
            str(row["patient_id"]),
            "" if pd.isna(product) else str(product).strip(),
            float(hours),
            clock_of(row),
            *parts,
            age_years=float(row.get("age_years", np.nan)),
        )


def clock_of(patient: pd.Series) -> InfusionClock:
    """The clock of a row of ``Cohort.patients``, in the offset in which its times were written."""
    zero = patient["infusion_time"]
    if pd.isna(zero):
        return InfusionClock(None)
    return InfusionClock(
        shifted(zero.to_pydatetime(), float(patient.get("utc_offset_minutes", 0.0)))
    )


def _labs(labs: pd.DataFrame, moment: pd.Series) -> pd.DataFrame:
    hours = labs["patient"].map(moment)
    seen = (labs["resulted_hours"] < hours) & (hours <= labs["superseded_hours"])
    rows = labs.loc[seen & ~labs["cancelled"]]
    rows = rows.sort_values(["patient", "analyte", "collected_hours"], kind="stable")
    columns = ["patient", "analyte", "value", "side", "collected_hours", *REFERENCE_COLUMNS]
    return rows.reindex(columns=columns)


def _before(table: pd.DataFrame, moment: pd.Series, clock: str) -> pd.DataFrame:
    rows = table.loc[table[clock] < table["patient"].map(moment)]
    return rows.sort_values(["patient", clock], kind="stable")


def _by_patient(table: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return {
        patient: rows.drop(columns="patient").reset_index(drop=True)
        for patient, rows in table.groupby("patient", sort=False)
    }
