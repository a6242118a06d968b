"""The patients table: identity, infusions, product and follow-up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.clock import (
    GIVE_MOMENT,
    GIVE_MOMENT_OR_ZONE,
    LATEST_HOURS,
    clock_hours,
    flag_dates_without_time,
    reject_untimed,
)
from pipeline.cohort.episodes import number_episodes
from pipeline.cohort.ledger import CONTRADICTING, KEEP_ONE_ROW, Ledger, quoted
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

    Identical rows collapse. Contradicting rows of one infusion are all rejected, because the
    correct time zero is unknown.

    Parameters
    ----------
    raw : DataFrame
        The table as text, with ``_line``.
    file : str
        Name of the table in rejects.
    config : CohortConfig
        ``time_zone`` is used.
    ledger : Ledger
        Receives rejects and flags.

    Returns
    -------
    DataFrame
        One row per infusion, sorted by ``patient_id`` and start, all clocks in hours since the
        patient's first infusion; see :func:`pipeline.cohort.episodes.number_episodes`.

    Examples
    --------
    >>> raw = pd.DataFrame({"patient_id": ["A"], "death_hours": ["99"], "_line": [2]})
    >>> people = read_patients(raw, "patients.csv", CohortConfig(), Ledger())
    >>> people[["patient_id", "episode", "death_hours"]].values.tolist()
    [['A', 1.0, 99.0]]
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
        + " is on "
        + ledger.contradicting(table["patient_id"])
        + "; none of them is used.",
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
    """Patients of a batch without a patients table, from the ids of its labs.

    Parameters
    ----------
    labs : DataFrame
        The table as text.
    file : str
        Its name in messages.

    Returns
    -------
    DataFrame
        One row per id, as :func:`read_patients` returns.

    Raises
    ------
    InputError
        If the labs have timestamps, because time zero is then unknown.

    Examples
    --------
    >>> labs = pd.DataFrame({"patient_id": ["B", "A", "B"], "collected_hours": "24"})
    >>> derive_patients(labs, "labs.csv")["patient_id"].tolist()
    ['A', 'B']
    """
    if "collected_hours" not in labs and "collected_days" not in labs:
        raise InputError(
            f"{file} has timestamps, which need infusion_time. Add a patients table with it, or "
            "give collected_hours"
        )
    people = empty_cohort(sorted(set(labs["patient_id"]) - {""})).patients
    return people.assign(episode=1.0, start_hours=0.0)


def finish_patients(cohort: Cohort) -> Cohort:
    """Fill defaults: the record ends with the patient's last row, the follow-up with the record.

    A stated end of follow-up is kept, even before the end of the record: later rows give no
    information on outcomes, except grades on their own scale, see
    :func:`pipeline.model.outcomes.followed_hours`.

    The record ends at the latest with a second infusion, which starts another episode. Deaths of
    the ``death`` scale and of ``patients.death_*`` are merged (the earlier). Without either, a
    fatal grade (5 of CRS, ICANS or IEC-HS) is the death.

    Parameters
    ----------
    cohort : Cohort
        One row per infusion.

    Returns
    -------
    Cohort

    Examples
    --------
    >>> cohort = empty_cohort(["A"])
    >>> dose = pd.DataFrame({"patient": [0], "drug": "anakinra", "given_hours": [50.0]})
    >>> cohort = finish_patients(replace(cohort, treatments=dose))
    >>> cohort.patients[["record_end_hours", "followed_until_hours"]].values.tolist()
    [[50.0, 50.0]]
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
    """Hour of the first fatal grade (``assessments.json``), inf if there is none."""
    fatal = cohort.assessments["scale"].map(schema_json("assessments.json")["fatalGrades"])
    rows = cohort.assessments.loc[cohort.assessments["grade"] >= fatal.astype("float64")]
    hours = np.full(len(cohort), np.inf)
    np.minimum.at(hours, rows["patient"].to_numpy(), rows["assessed_hours"].to_numpy())
    return hours


def category(cells: pd.Series) -> pd.Series:
    """Normalise the spelling of categories; missing stays missing.

    Parameters
    ----------
    cells : Series
        Categories as exported.

    Returns
    -------
    Series of str
        NaN where missing or blank.

    Examples
    --------
    >>> category(pd.Series(["DLBCL ", "dlbcl", ""])).tolist()
    ['dlbcl', 'dlbcl', nan]
    """
    text = cells.astype("str").where(cells.notna(), "")
    return text.map(normalise_name).replace("", np.nan)


def _contradictions(rows: pd.DataFrame, content: list[str]) -> dict[str, str]:
    """Per patient, the lines of contradicting rows and the columns in which they differ."""
    lines_by_patient = {}
    for patient, part in rows.groupby("patient_id", sort=False):
        by_episode = part.groupby("episode")[content].nunique(dropna=False)
        differ = [name for name in content if (by_episode[name] > 1).any()]
        lines = [str(line) for line in part["_line"]]
        where = joined(lines) if len(lines) <= _MOST else listed(lines, most=_MOST)
        differing = listed(differ, most=_MOST)
        lines_by_patient[str(patient)] = f"lines {where}, which differ in {differing}"
    return lines_by_patient


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
        remedy="Export the time of day; until then labs of that day count as after the infusion.",
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
