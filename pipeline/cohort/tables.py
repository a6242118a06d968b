"""The Cohort: five validated tables, all times in hours since time zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TABLES = ("patients", "labs", "treatments", "observations", "assessments")


@dataclass(frozen=True, eq=False)
class Cohort:
    """Five tables; ``patient`` in the last four is the row number in ``patients``.

    Attributes
    ----------
    patients : DataFrame
        One row per patient, sorted by ``patient_id``, with at least ``patient_id``,
        ``record_end_hours``, ``followed_until_hours``, ``death_hours``,
        ``second_infusion_hours``, ``new_therapy_hours`` (hours, NaN where none) and
        ``infusion_time`` (UTC, NaT where only hours are known). ``utc_offset_minutes``
        (optional) is the offset of the infusion time as written. If patients have later infusions,
        one row per infusion, with ``person_id`` (see :meth:`persons`) and ``start_hours``, hours
        since the patient's first infusion.
    labs : DataFrame
        ``patient, analyte, value, side, collected_hours, resulted_hours, superseded_hours,
        cancelled, limit_source, flag``. ``value`` is in the canonical unit; ``side`` is -1 below
        a limit, +1 above, 0 exact; ``limit_source`` is ``stated``, ``inferred`` or ``none``;
        ``flag`` holds the flags of the row. A version of a result is used at landmark L iff
        ``resulted_hours < L <= superseded_hours`` and it is not cancelled. ``ref_low`` and
        ``ref_high`` (optional) are reference limits in the canonical unit, NaN where not stated.
    treatments : DataFrame
        ``patient, drug, given_hours, intent, dose_mg``; ``dose_mg`` is NaN without a dose in a
        unit of mass.
    observations : DataFrame
        ``patient, item, value, observed_hours``; never a feature.
    assessments : DataFrame
        ``patient, scale, grade, assessed_hours``.
    """

    patients: pd.DataFrame
    labs: pd.DataFrame
    treatments: pd.DataFrame
    observations: pd.DataFrame
    assessments: pd.DataFrame

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def n_patients(self) -> int:
        """Number of patients; a patient with several infusions counts once."""
        return len(np.unique(self.persons()))

    def persons(self) -> NDArray[np.intp]:
        """Row number of the first episode of each row's patient, the group of every split.

        Returns
        -------
        ndarray of int, shape (n_rows,)

        Examples
        --------
        >>> from pipeline.cohort.tables import empty_cohort
        >>> empty_cohort(["a", "b"]).persons().tolist()
        [0, 1]
        """
        rows = np.arange(len(self), dtype=np.intp)
        if "person_id" not in self.patients:
            return rows
        first = pd.Series(rows).groupby(self.patients["person_id"].to_numpy()).transform("min")
        return first.to_numpy(dtype=np.intp)

    def take(self, patients: NDArray[np.intp]) -> Cohort:
        """Cohort of the given patients, renumbered in the given order.

        Parameters
        ----------
        patients : ndarray of int
            Row numbers of ``patients``, without repeats.

        Returns
        -------
        Cohort

        Raises
        ------
        ValueError
            If a row number is repeated.

        Examples
        --------
        >>> from pipeline.cohort.tables import empty_cohort
        >>> len(empty_cohort(["a", "b"]).take(np.array([1])))
        1
        """
        if len(np.unique(patients)) != len(patients):
            raise ValueError("'patients' repeats a row number; give each one once")
        new_number = np.full(len(self), -1, dtype=np.intp)
        new_number[patients] = np.arange(len(patients))
        parts = {}
        for name in TABLES[1:]:
            table = getattr(self, name)
            number = new_number[table["patient"].to_numpy()]
            kept = table.loc[number >= 0].copy()
            kept["patient"] = number[number >= 0]
            parts[name] = kept.sort_values("patient", kind="stable", ignore_index=True)
        return Cohort(self.patients.iloc[patients].reset_index(drop=True), **parts)

    def __sklearn_clone__(self) -> Self:
        """Share the cohort between clones of an estimator; its tables are never changed."""
        return self

    def with_labs(self, labs: pd.DataFrame) -> Cohort:
        """Return the same cohort with another labs table."""
        return Cohort(self.patients, labs, self.treatments, self.observations, self.assessments)


def empty_cohort(patient_ids: list[str]) -> Cohort:
    """Cohort of patients without rows in any other table.

    Parameters
    ----------
    patient_ids : list of str
        Ids in the order of the rows.

    Returns
    -------
    Cohort

    Examples
    --------
    >>> cohort = empty_cohort(["A", "B"])
    >>> len(cohort), len(cohort.labs)
    (2, 0)
    """
    count = len(patient_ids)
    hours = ["record_end", "followed_until", "death", "second_infusion", "new_therapy"]
    patients = pd.DataFrame({"patient_id": pd.Series(patient_ids, dtype="str")})
    for name in hours:
        patients[f"{name}_hours"] = np.full(count, np.nan)
    patients["infusion_time"] = pd.Series([pd.NaT] * count, dtype="datetime64[us, UTC]")
    return Cohort(
        patients,
        _empty(
            patient=np.intp,
            analyte="str",
            value=float,
            side=np.int8,
            collected_hours=float,
            resulted_hours=float,
            superseded_hours=float,
            cancelled=bool,
            limit_source="str",
            flag="str",
            ref_low=float,
            ref_high=float,
        ),
        _empty(patient=np.intp, drug="str", given_hours=float, intent="str", dose_mg=float),
        _empty(patient=np.intp, item="str", value="str", observed_hours=float),
        _empty(patient=np.intp, scale="str", grade=np.int64, assessed_hours=float),
    )


def _empty(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})  # type: ignore[call-overload]
