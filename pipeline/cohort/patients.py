"""The patients table: identities, host columns, follow-up and competing events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.clock import (
    clock_hours,
    note_dated,
    parse_dates,
    parse_timestamps,
    utc_offsets,
)
from pipeline.cohort.rejects import Ledger, quoted
from pipeline.cohort.schema import TableSchema, enforce
from pipeline.cohort.tables import Cohort, empty_cohort
from pipeline.config import CohortConfig
from pipeline.errors import InputError

CLOCKS = ("record_end", "followed_until", "death", "second_infusion", "new_therapy")


def read_patients(
    raw: pd.DataFrame, file: str, config: CohortConfig, ledger: Ledger
) -> pd.DataFrame:
    """Validate the patients table.

    Identical repeats collapse. Rows of one id that contradict each other are all rejected,
    because it cannot be known which holds the right time zero.

    Returns
    -------
    DataFrame
        Sorted by ``patient_id``, numbered from 0.
    """
    table = enforce(raw, TableSchema.load("patients"), file, ledger)
    content = [name for name in table.columns if name != "_line"]
    table = ledger.collapse(table, table.duplicated(content), file=file)
    table, later = _first_episodes(table, file, ledger)
    table = ledger.reject(
        table,
        table.duplicated("patient_id", keep=False),
        file=file,
        column="patient_id",
        code="duplicate_patient",
        reason=quoted(table["patient_id"]) + " stands on several rows that differ.",
        remedy="Keep one row per patient.",
    )
    table, zero = _read_infusion_time(table, file, config, ledger)
    times = {}
    for clock in CLOCKS:
        read = clock_hours(
            table,
            clock,
            zero.loc[table.index],
            file=file,
            time_zone=config.time_zone,
            at_end=clock not in ("second_infusion", "new_therapy"),
        )
        table = ledger.reject(
            table,
            read.reason != "",
            file=file,
            column=read.column,
            code="time_unusable",
            reason=f"'{read.column}' " + read.reason + ".",
            remedy="Give ISO 8601 with offset, hours as a number, or leave it blank.",
        )
        note_dated(table, read, file, ledger)
        times[f"{clock}_hours"] = read.hours
    second = _later_infusions(table, zero.loc[table.index], later, config)
    times["second_infusion_hours"] = times["second_infusion_hours"].fillna(second)
    order = table["patient_id"].sort_values(kind="stable").index
    table = table.loc[order].assign(
        infusion_time=zero.loc[order],
        **{name: hours.loc[order].astype("float64") for name, hours in times.items()},
    )
    return table.drop(columns=["_line", "_offset_minutes"]).reset_index(drop=True)


def _first_episodes(
    table: pd.DataFrame, file: str, ledger: Ledger
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of first infusions, and those of later ones, which are rejected but tell when."""
    if "episode" not in table:
        return table, table.iloc[:0]
    later = table["episode"].notna() & (table["episode"] != 1)
    kept = ledger.reject(
        table,
        later,
        file=file,
        column="episode",
        code="later_episode",
        reason="Only the first infusion of a patient is modelled; a later one ends its episode.",
        remedy="Nothing needs doing where infusion_time is given: it is taken as second_infusion.",
    )
    return kept, table.loc[later]


def _later_infusions(
    table: pd.DataFrame, zero: pd.Series, later: pd.DataFrame, config: CohortConfig
) -> pd.Series:
    """Hours from the first to the next infusion, where a row of a later episode states it."""
    if later.empty or "infusion_time" not in later:
        return pd.Series(np.nan, index=table.index)
    moments, _ = parse_timestamps(later["infusion_time"], config.time_zone)
    first, _ = parse_dates(later["infusion_time"], config.time_zone)
    earliest = moments.fillna(first).groupby(later["patient_id"]).min()
    hours = (table["patient_id"].map(earliest) - zero).dt.total_seconds() / 3600.0
    return hours.where(hours > 0)


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
    table = ledger.reject(
        table,
        reason != "",
        file=file,
        column="infusion_time",
        code="time_unusable",
        reason="'infusion_time' " + reason + ".",
        remedy="Give ISO 8601 with offset (2026-03-01T08:00:00+01:00) or state --tz.",
    )
    offset = utc_offsets(table["infusion_time"], zero.loc[table.index], config.time_zone)
    return table.assign(utc_offset_minutes=offset, _offset_minutes=offset), zero.loc[table.index]


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
    return empty_cohort(sorted(set(labs["patient_id"]) - {""})).patients


def finish_patients(cohort: Cohort) -> Cohort:
    """Fill the defaults: record end = last row of the patient, followed until = record end.

    A second infusion starts another episode, so the record ends with it at the latest.
    Deaths charted on the ``death`` scale and in ``patients.death_*`` are merged (the earlier).
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
    record_end = patients["record_end_hours"].fillna(pd.Series(np.maximum(last, 0.0)))
    record_end = record_end.clip(upper=patients["second_infusion_hours"].fillna(np.inf))
    followed = patients["followed_until_hours"].fillna(record_end)
    return replace(
        cohort,
        patients=patients.assign(
            record_end_hours=record_end,
            followed_until_hours=np.maximum(followed, record_end),
            death_hours=np.where(np.isinf(death), np.nan, death),
        ),
    )
