"""When each lab row was collected and resulted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.book import AnalyteBook
from pipeline.cohort.clock import clock_hours, note_dated, read_clock
from pipeline.cohort.rejects import Ledger
from pipeline.config import CohortConfig


def read_times(
    raw: pd.DataFrame,
    infusion_time: pd.Series | None,
    file: str,
    config: CohortConfig,
    book: AnalyteBook,
    ledger: Ledger,
) -> tuple[pd.DataFrame, pd.Series]:
    """Read both clocks; a missing result time is imputed as the config says.

    Returns
    -------
    labs : DataFrame
        With ``collected_hours`` and ``resulted_hours``, both finite; ``dated`` where only a day
        is stated, and ``placeable`` where the result time is imputed or the end of a day. A draw
        of which only the day is known counts from its start, its result from the end of that day.
    imputed : Series of bool
        Where ``resulted_hours`` was imputed.
    """
    labs = read_clock(
        raw,
        "collected",
        infusion_time,
        file=file,
        time_zone=config.time_zone,
        required=True,
        ledger=ledger,
        at_end=False,
    )
    zero = None if infusion_time is None else infusion_time.loc[labs.index]
    read = clock_hours(labs, "resulted", zero, file=file, time_zone=config.time_zone)
    labs = ledger.reject(
        labs,
        read.reason != "",
        file=file,
        column=read.column,
        code="time_unusable",
        reason=f"'{read.column}' " + read.reason + ".",
        remedy="Give ISO 8601 with offset, hours as a number, or leave it blank.",
    )
    note_dated(labs, read, file, ledger)
    resulted = read.hours.loc[labs.index]
    imputed = resulted.isna()
    delay = labs["key"].map({key: _turnaround(key, config, book) for key in labs["key"].unique()})
    usual = np.maximum(labs["collected_hours"] + delay.astype("float64"), labs["_until"])
    resulted = resulted.where(~imputed, usual)
    dated = read.dated.loc[labs.index]
    labs = labs.assign(
        resulted_hours=resulted,
        dated=dated | (labs["_until"] > labs["_start"]),
        placeable=imputed | dated,
    )
    labs = ledger.reject(
        labs,
        labs["resulted_hours"] < labs["collected_hours"],
        file=file,
        column=read.column,
        code="resulted_before_collected",
        reason="The result time lies before the collection time.",
        remedy="Check which of the two clocks is wrong.",
    )
    return labs, imputed.loc[labs.index]


def cap_imputed(
    labs: pd.DataFrame, imputed: pd.Series, limit: np.ndarray, *, live: bool
) -> pd.DataFrame:
    """Bring imputed result times to a moment at which the row is known to exist.

    A row that stands in an export has its result by then. In a live batch the export is as old as
    the patient's newest stated time, so an imputed result time never lies after that; a slow
    assay then cannot move the landmark into the future.

    Parameters
    ----------
    labs : DataFrame
        With ``patient``, ``collected_hours`` and ``resulted_hours``.
    imputed : Series of bool
        Where ``resulted_hours`` was imputed.
    limit : ndarray of float
        Per row, the hour before which its result must lie (inf where unknown).
    live : bool
        Whether this is a batch to be scored rather than a finished record.
    """
    resulted = np.minimum(labs["resulted_hours"], np.nextafter(limit, -np.inf))
    if live:
        known = labs["_until"] if "_until" in labs else labs["collected_hours"]
        stated = resulted.mask(imputed, np.minimum(known, resulted))
        newest = stated.groupby(labs["patient"]).transform("max")
        resulted = resulted.where(~imputed, np.minimum(resulted, newest))
    return labs.assign(resulted_hours=resulted)


def _turnaround(key: str, config: CohortConfig, book: AnalyteBook) -> float:
    setting = config.turnaround
    if setting == "none":
        return 0.0
    default = book.get(key).turnaround_hours
    if isinstance(setting, dict):
        return float(setting.get(key, setting.get("hours", default)))
    return default
