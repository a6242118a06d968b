"""Rows to their patients: who is not known, why, and what to do about it."""

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
    known_from : str
        Table that says who is a patient: ``labs`` in a batch without ``patients``.
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
            "The row cannot be placed: " + ids + " has no infusion_time.",
            FILL_INFUSION_TIME,
        ),
        (
            lost == CONTRADICTING,
            CONTRADICTING,
            "The row cannot be placed: in patients, "
            + ids
            + " stands on "
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
            "Correct the patient's row of patients; its own entry says what is wrong with it.",
        ),
        (
            pd.Series(True, index=raw.index),
            UNKNOWN_PATIENT,
            ids + f" has no row in {known_from}." + _lost_zeros(raw["patient_id"], patients),
            "Correct the id, or add the patient to the patients table."
            if known_from == "patients"
            else "Correct the id, or add the patient's results to labs, which says who is a "
            "patient where there is no patients table.",
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
    """Code with which each id's row of patients was refused; "" where there is none."""
    ragged = {
        patient
        for file, patients in ledger.ragged_patients.items()
        if file.lower().startswith("patients.")
        for patient in patients
    }
    other = lost.mask(lost.isin([UNKNOWN_PATIENT, RAGGED]), "")
    return other.mask(ids.isin(ragged), RAGGED)


def _lost_zeros(cells: pd.Series, patients: pd.DataFrame) -> pd.Series:
    """Hint where an id differs from a known one by leading zeros only."""
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
