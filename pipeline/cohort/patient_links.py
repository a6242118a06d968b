"""Links rows to their patients; rejects rows of unknown or rejected patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.clock import FILL_INFUSION_TIME, LATEST_HOURS, NO_INFUSION_TIME
from pipeline.cohort.ledger import CONTRADICTING, KEEP_ONE_ROW, RAGGED, Ledger, quoted
from pipeline.cohort.schema import TableSchema

UNKNOWN_PATIENT = "unknown_patient"


def link_patients(
    raw: pd.DataFrame,
    patients: pd.DataFrame,
    name: str,
    file: str,
    ledger: Ledger,
    *,
    known_from: str = "patients",
) -> pd.DataFrame:
    """Add the row number of each row's patient; reject rows of unknown patients.

    Parameters
    ----------
    raw : DataFrame
        Table as text, with ``patient_id`` and ``_line``.
    patients : DataFrame
        One row per patient: ``patient_id, last_start_hours``.
    name, file : str
        Name of the table, and its file in rejects.
    ledger : Ledger
        Receives the rejected rows.
    known_from : str
        Table that defines the patients: ``labs`` in a batch without ``patients``.

    Returns
    -------
    DataFrame
        With ``patient``, ``_offset_minutes`` and ``_latest_hours``.

    Examples
    --------
    >>> patients = pd.DataFrame({"patient_id": ["A", "B"], "last_start_hours": 0.0})
    >>> raw = pd.DataFrame({"patient_id": ["B", "C"], "drug": "x", "given_hours": "5", "_line": 2})
    >>> ledger = Ledger()
    >>> link_patients(raw, patients, "treatments", "treatments.csv", ledger)["patient"].tolist()
    [1]
    >>> ledger.frame()["code"].tolist()
    ['unknown_patient']
    """
    TableSchema.load(name).check_columns(raw, file)
    number = pd.Series(np.arange(len(patients)), index=patients["patient_id"])
    position = raw["patient_id"].map(number)
    lost = raw["patient_id"].map(lambda name: ledger.lost_patients.get(name, "")).astype("str")
    ids = quoted(raw["patient_id"])
    in_patients = _refused_there(raw["patient_id"], lost, ledger)
    cases: list[tuple[pd.Series, str, str | pd.Series, str]] = [
        (
            lost == NO_INFUSION_TIME,
            NO_INFUSION_TIME,
            "The row cannot be placed in time: " + ids + " has no infusion_time.",
            FILL_INFUSION_TIME,
        ),
        (
            lost == CONTRADICTING,
            CONTRADICTING,
            "The row cannot be placed in time: in patients, "
            + ids
            + " is on "
            + ledger.contradicting(raw["patient_id"])
            + ".",
            KEEP_ONE_ROW,
        ),
        (
            raw["patient_id"] == "",
            UNKNOWN_PATIENT,
            "'patient_id' is blank.",
            "Fill in 'patient_id'.",
        ),
        (
            in_patients != "",
            UNKNOWN_PATIENT,
            "The row of " + ids + " in patients was rejected (" + in_patients + ").",
            "Correct the patient's row of patients; see its own entry.",
        ),
        (
            pd.Series(True, index=raw.index),
            UNKNOWN_PATIENT,
            ids + f" has no row in {known_from}." + _lost_zeros(raw["patient_id"], patients),
            "Correct the id, or add the patient to the patients table."
            if known_from == "patients"
            else "Correct the id, or add the patient's results to labs; without a patients table, "
            "labs defines the patients.",
        ),
    ]
    for mask, code, reason, remedy in cases:
        raw = ledger.reject(
            raw,
            position.loc[raw.index].isna() & mask.loc[raw.index],
            file=file,
            column="patient_id",
            code=code,
            reason=reason if isinstance(reason, str) else reason.loc[raw.index],
            remedy=remedy,
        )
    where = position.loc[raw.index].astype(np.intp)
    offsets: Any = np.nan
    if "utc_offset_minutes" in patients:
        offsets = patients["utc_offset_minutes"].to_numpy()[where]
    last = patients["last_start_hours"].to_numpy(dtype=float)[where]
    return raw.assign(patient=where, _offset_minutes=offsets, _latest_hours=last + LATEST_HOURS)


def _refused_there(ids: pd.Series, lost: pd.Series, ledger: Ledger) -> pd.Series:
    """Reject code of each id's row of patients; "" if it is not rejected."""
    ragged = {
        patient
        for file, patients in ledger.ragged_patients.items()
        if file.lower().startswith("patients.")
        for patient in patients
    }
    other = lost.mask(lost.isin([UNKNOWN_PATIENT, RAGGED]), "")
    return other.mask(ids.isin(ragged), RAGGED)


def _lost_zeros(cells: pd.Series, patients: pd.DataFrame) -> pd.Series:
    """Hint for an id that differs from a known one by leading zeros only."""
    bare = {str(name).lstrip("0"): str(name) for name in patients["patient_id"]}
    meant = {
        name: bare.get(str(name).lstrip("0"), "") for name in cells.unique() if str(name).strip()
    }
    hints = {
        name: f" Is '{other}' meant? Spreadsheets drop leading zeros."
        for name, other in meant.items()
        if other and other != name
    }
    return cells.map(lambda name: hints.get(name, "")).astype("str")
