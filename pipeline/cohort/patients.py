"""The patients table: identities, host columns, follow-up and competing events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.clock import clock_hours, parse_timestamps, utc_offsets
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
    table = ledger.reject(
        table,
        table.duplicated("patient_id", keep=False),
        file=file,
        column="patient_id",
        code="duplicate_patient",
        reason=quoted(table["patient_id"]) + " stands on several rows that differ.",
        remedy="Keep one row per patient.",
    )
    if "episode" in table:
        table = ledger.reject(
            table,
            table["episode"].notna() & (table["episode"] != 1),
            file=file,
            column="episode",
            code="later_episode",
            reason="Only the first infusion of a patient is modelled.",
            remedy="Leave later episodes out; give their start as second_infusion_hours or _at.",
        )
    table, zero = _read_infusion_time(table, file, config, ledger)
    times = {}
    for clock in CLOCKS:
        hours, reason, column = clock_hours(
            table, clock, zero.loc[table.index], file=file, time_zone=config.time_zone
        )
        table = ledger.reject(
            table,
            reason != "",
            file=file,
            column=column,
            code="time_unusable",
            reason=f"'{column}' " + reason + ".",
            remedy="Give ISO 8601 with offset, hours as a number, or leave it blank.",
        )
        times[f"{clock}_hours"] = hours
    order = table["patient_id"].sort_values(kind="stable").index
    table = table.loc[order].assign(
        infusion_time=zero.loc[order],
        **{name: hours.loc[order].astype("float64") for name, hours in times.items()},
    )
    return table.drop(columns="_line").reset_index(drop=True)


def _read_infusion_time(
    table: pd.DataFrame, file: str, config: CohortConfig, ledger: Ledger
) -> tuple[pd.DataFrame, pd.Series]:
    if "infusion_time" not in table:
        return table, pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
    zero, reason = parse_timestamps(table["infusion_time"], config.time_zone)
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
    return table.assign(utc_offset_minutes=offset), zero.loc[table.index]


def derive_patients(labs: pd.DataFrame, file: str) -> pd.DataFrame:
    """Patients of a batch that has no patients table: the ids of its labs.

    Raises
    ------
    InputError
        If the labs give timestamps, because time zero is then unknown.
    """
    if "collected_hours" not in labs:
        raise InputError(
            f"{file} gives timestamps, so a patients table with infusion_time is needed; "
            "or give collected_hours"
        )
    return empty_cohort(sorted(set(labs["patient_id"]) - {""})).patients


def finish_patients(cohort: Cohort) -> Cohort:
    """Fill the defaults: record end = last row of the patient, followed until = record end.

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
    followed = patients["followed_until_hours"].fillna(record_end)
    return replace(
        cohort,
        patients=patients.assign(
            record_end_hours=record_end,
            followed_until_hours=np.maximum(followed, record_end),
            death_hours=np.where(np.isinf(death), np.nan, death),
        ),
    )
