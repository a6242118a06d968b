"""The patients table: identities, products, follow-up; and which patient a row belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.clock import (
    FILL_INFUSION_TIME,
    GIVE_MOMENT,
    GIVE_MOMENT_OR_ZONE,
    LATEST_HOURS,
    NO_INFUSION_TIME,
    clock_hours,
    flag_dates_without_time,
    reject_untimed,
)
from pipeline.cohort.episodes import number_episodes
from pipeline.cohort.ledger import CONTRADICTING, KEEP_ONE_ROW, RAGGED, Ledger, quoted
from pipeline.cohort.schema import TableSchema, enforce
from pipeline.cohort.tables import Cohort, empty_cohort
from pipeline.cohort.timestamps import parse_dates, parse_timestamps, utc_offsets
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError, listed
from pipeline.format import joined
from pipeline.resources import schema_json

CLOCKS = ("record_end", "followed_until", "death", "second_infusion", "new_therapy")
_MOST = 5  # lines or columns named in a reason


def read_patients(
    raw: pd.DataFrame, file: str, config: CohortConfig, ledger: Ledger
) -> pd.DataFrame:
    """Validate the patients table.

    Identical repeats collapse. Rows of one infusion that contradict each other are all rejected,
    because it cannot be known which holds the right time zero.

    Returns
    -------
    DataFrame
        One row per infusion, sorted by ``patient_id`` and start, all clocks in hours since the
        patient's first infusion; see :func:`pipeline.cohort.episodes.number_episodes`.
    """
    table = enforce(raw, TableSchema.load("patients"), file, ledger)
    content = [name for name in table.columns if name != "_line"]
    table = ledger.collapse(table, table.duplicated(content), file=file)
    stated = table["episode"] if "episode" in table else pd.Series(np.nan, index=table.index)
    table = table.assign(episode=stated.astype("float64").fillna(1.0))
    several = table.duplicated(["patient_id", "episode"], keep=False)
    ledger.contradictions |= _contradictions(table.loc[several], content)
    table = ledger.reject(
        table,
        several,
        file=file,
        column="patient_id",
        code=CONTRADICTING,
        reason=quoted(table["patient_id"])
        + " stands on "
        + ledger.contradicting(table["patient_id"])
        + ", so none of them is used.",
        remedy=KEEP_ONE_ROW,
    )
    table, zero = _read_infusion_time(table, file, config, ledger)
    ids = table["patient_id"]
    earliest = table.sort_values("episode", kind="stable").drop_duplicates("patient_id")
    first = zero.loc[earliest.index].set_axis(earliest["patient_id"]).reindex(ids)
    first = first.set_axis(ids.index)
    start = (zero - first).dt.total_seconds() / 3600.0
    table = table.assign(_latest_hours=_latest(start.groupby(ids).transform("max")))
    times = {}
    for clock in CLOCKS:
        read = clock_hours(
            table,
            clock,
            first.loc[table.index],
            file=file,
            time_zone=config.time_zone,
            at_end=clock not in ("second_infusion", "new_therapy"),
        )
        remedy = "Give ISO 8601 with offset, hours as a number, or leave it blank."
        table = reject_untimed(
            table, read.reason, file=file, column=read.column, remedy=remedy, ledger=ledger
        )
        flag_dates_without_time(table, read, file, ledger)
        times[f"{clock}_hours"] = read.hours
    table = table.assign(
        infusion_time=zero.loc[table.index],
        start_hours=start.loc[table.index],
        **{name: hours.loc[table.index].astype("float64") for name, hours in times.items()},
    )
    table = number_episodes(table, file, ledger)
    hidden = ["_line", "_offset_minutes", "_latest_hours"]
    return table.drop(columns=hidden).reset_index(drop=True)


def derive_patients(labs: pd.DataFrame, file: str) -> pd.DataFrame:
    """Patients of a batch that has no patients table: the ids of its labs.

    Raises
    ------
    InputError
        If the labs give timestamps, because time zero is then unknown.
    """
    if "collected_hours" not in labs and "collected_days" not in labs:
        raise InputError(
            f"{file} gives timestamps, so a patients table with infusion_time is needed; "
            "or give collected_hours"
        )
    people = empty_cohort(sorted(set(labs["patient_id"]) - {""})).patients
    return people.assign(episode=1.0, start_hours=0.0)


def finish_patients(cohort: Cohort) -> Cohort:
    """Fill the defaults: record end = last row of the patient, followed until = record end.

    A stated end of follow-up stays, also before the end of the record: what was filed after it
    says nothing of the outcomes; a grade does, on its scale, see
    :func:`pipeline.model.outcomes.followed_hours`.

    A second infusion starts another episode, so the record ends with it at the latest.
    Deaths charted on the ``death`` scale and in ``patients.death_*`` are merged (the earlier).
    Without either, a fatal grade (5 of CRS, ICANS or IEC-HS) counts as the death.
    """
    count = len(cohort)
    last = np.full(count, -np.inf)
    for table, column in (
        (cohort.labs, "resulted_hours"),
        (cohort.treatments, "given_hours"),
        (cohort.observations, "observed_hours"),
        (cohort.assessments, "assessed_hours"),
    ):
        np.maximum.at(last, table["patient"].to_numpy(), table[column].to_numpy())
    deaths = cohort.assessments.query("scale == 'death' and grade >= 1")
    charted = np.full(count, np.inf)
    np.minimum.at(charted, deaths["patient"].to_numpy(), deaths["assessed_hours"].to_numpy())
    patients = cohort.patients
    stated = patients["death_hours"].fillna(np.inf).to_numpy()
    death = np.minimum(stated, charted)
    death = np.where(np.isinf(death), _fatal_hours(cohort), death)
    record_end = patients["record_end_hours"].fillna(pd.Series(np.maximum(last, 0.0)))
    record_end = record_end.clip(upper=patients["second_infusion_hours"].fillna(np.inf))
    return replace(
        cohort,
        patients=patients.assign(
            record_end_hours=record_end,
            followed_until_hours=patients["followed_until_hours"].fillna(record_end),
            death_hours=np.where(np.isinf(death), np.nan, death),
        ),
    )


def _fatal_hours(cohort: Cohort) -> np.ndarray:
    """Hour of the first grade that means death in ``assessments.json``, inf where none."""
    fatal = cohort.assessments["scale"].map(schema_json("assessments.json")["fatalGrades"])
    rows = cohort.assessments.loc[cohort.assessments["grade"] >= fatal.astype("float64")]
    hours = np.full(len(cohort), np.inf)
    np.minimum.at(hours, rows["patient"].to_numpy(), rows["assessed_hours"].to_numpy())
    return hours


def category(cells: pd.Series) -> pd.Series:
    """One spelling per category; missing stays missing."""
    text = cells.astype("str").where(cells.notna(), "")
    return text.map(normalise_name).replace("", np.nan)


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


def _contradictions(rows: pd.DataFrame, content: list[str]) -> dict[str, str]:
    """Per patient, on which lines contradicting rows stand and in which columns they differ."""
    words = {}
    for patient, part in rows.groupby("patient_id", sort=False):
        by_episode = part.groupby("episode")[content].nunique(dropna=False)
        differ = [name for name in content if (by_episode[name] > 1).any()]
        lines = [str(line) for line in part["_line"]]
        where = joined(lines) if len(lines) <= _MOST else listed(lines, most=_MOST)
        words[str(patient)] = f"lines {where}, which differ in {listed(differ, most=_MOST)}"
    return words


def _latest(last_start: pd.Series) -> pd.Series:
    """Latest legal hour of a patient, counted from the first infusion."""
    return last_start.fillna(0.0).clip(lower=0.0) + LATEST_HOURS


def _read_infusion_time(
    table: pd.DataFrame, file: str, config: CohortConfig, ledger: Ledger
) -> tuple[pd.DataFrame, pd.Series]:
    if "infusion_time" not in table:
        table = table.assign(_offset_minutes=np.nan)
        return table, pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
    moments, reason = parse_timestamps(table["infusion_time"], config.time_zone)
    first, _ = parse_dates(table["infusion_time"], config.time_zone)
    zero, reason = moments.fillna(first), reason.mask(first.notna(), "")
    ledger.note(
        table,
        first.notna(),
        file=file,
        column="infusion_time",
        code="date_only",
        reason="'infusion_time' is a day without a time; the start of that day is hour 0.",
        remedy="Export the time of day; labs before the infusion on that day count as after it.",
    )
    table = reject_untimed(
        table,
        reason,
        file=file,
        column="infusion_time",
        remedy=GIVE_MOMENT if config.time_zone else GIVE_MOMENT_OR_ZONE,
        ledger=ledger,
    )
    offset = utc_offsets(table["infusion_time"], zero.loc[table.index], config.time_zone)
    return table.assign(utc_offset_minutes=offset, _offset_minutes=offset), zero.loc[table.index]


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
