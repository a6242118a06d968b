"""Lab rows: collection and result time, value and version."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipeline.cohort import events, lab_values, result_versions
from pipeline.cohort.analyte_resolver import AnalyteResolver, check_settings, resolve_analytes
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.clock import clock_hours, flag_dates_without_time, read_clock, reject_untimed
from pipeline.cohort.lab_codes import agree_codes
from pipeline.cohort.lab_specimens import agree_specimens
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.schema import TableSchema, enforce
from pipeline.cohort.stated_limits import check_limit_settings
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.config_cohort import CohortConfig

RATIO, SPINAL, SERUM = "csf_serum_albumin", "csf_albumin", "albumin"
_MG_DL_PER_G_DL = 1000.0


RESULT_COLUMNS = [
    *("patient", "key", "value", "side", "collected_hours", "resulted_hours", "rank"),
    *("cancelled", "limit_source", "flag", *result_versions.REFERENCE_COLUMNS),
]


def derive_ratio(labs: pd.DataFrame, window_hours: float) -> pd.DataFrame:
    """Derive the albumin ratio of every CSF albumin with a serum albumin drawn within a window.

    The ratio is collected with the CSF and resulted with the later of the two. Each serum result
    at least as near as the nearest so far makes a new version, so at any moment the ratio uses the
    nearest serum albumin known by then. Cancelling a part cancels the ratio. Results beyond a limit
    give no ratio, and a ratio that the export states for the same draw is kept.

    Parameters
    ----------
    labs : DataFrame
        ``patient, key, value, side, collected_hours, resulted_hours, rank, cancelled``; canonical
        units (CSF mg/dL, serum g/dL).
    window_hours : float
        Largest distance between the two draws.

    Returns
    -------
    DataFrame
        The derived rows in the columns of ``labs``, flagged ``derived``.
    """
    usable = labs.loc[labs["cancelled"] | ((labs["side"] == 0) & (labs["value"] > 0))]
    spinal, serum = (usable.loc[usable["key"] == key] for key in (SPINAL, SERUM))
    if spinal.empty or serum.empty:
        return labs.iloc[:0]
    stated = labs.loc[labs["key"] == RATIO, ["patient", "collected_hours"]].drop_duplicates()
    pairs = spinal.merge(serum, on="patient", suffixes=("", "_serum"))
    distance = (pairs["collected_hours"] - pairs["collected_hours_serum"]).abs()
    pairs = pairs.assign(distance=distance).loc[distance <= window_hours]
    pairs = pairs.merge(stated.assign(stated=1), on=["patient", "collected_hours"], how="left")
    pairs = pairs.loc[pairs["stated"].isna()]
    pairs = pairs.assign(
        resulted_hours=pairs[["resulted_hours", "resulted_hours_serum"]].max(axis=1),
        rank=pairs[["rank", "rank_serum"]].max(axis=1),
        cancelled=pairs["cancelled"] | pairs["cancelled_serum"],
        value=pairs["value"] / (pairs["value_serum"] * _MG_DL_PER_G_DL),
    )
    order = ["patient", "collected_hours", "resulted_hours", "rank", "distance", "value"]
    pairs = pairs.sort_values(order, kind="stable", ignore_index=True)
    chosen = pairs.loc[list(_as_near_as_any_before(pairs))]
    low, high = dictionary()[RATIO].plausible
    possible = chosen["value"].between(low or 0.0, high or float("inf"))
    chosen = chosen.loc[possible | chosen["cancelled"]]
    derived = chosen.assign(key=RATIO, side=0, limit_source="none", flag="derived")
    derived = derived.drop(columns=[*result_versions.REFERENCE_COLUMNS], errors="ignore")
    return derived.reindex(columns=labs.columns).astype(labs.dtypes.to_dict())


def read_labs(
    raw: pd.DataFrame,
    patients: pd.DataFrame,
    file: str,
    config: CohortConfig,
    book: AnalyteResolver,
    ledger: Ledger,
    frontier: np.ndarray,
    *,
    live: bool,
) -> tuple[pd.DataFrame, AnalyteResolver, int, pd.DataFrame]:
    """Read ``labs``: every version of every result, in order.

    Parameters
    ----------
    raw : DataFrame
        Text rows with ``patient``.
    patients : DataFrame
        One row per patient.
    frontier : ndarray of float, shape (n_patients,)
        Hour from which rows count as future.

    Returns
    -------
    labs : DataFrame
        ``Cohort.labs``.
    book : AnalyteResolver
        In training, with the local analytes and limits of this cohort.
    imputed : int
        Accepted rows whose result time is imputed.
    sources : DataFrame
        Per accepted row ``patient_id, analyte, unit`` as exported, ``collected_hours`` and
        ``delay_hours`` from collection to result (NaN if the result time is imputed).
    """
    table = enforce(raw, TableSchema.load("labs"), file, ledger, decisive=("status",))
    table = result_versions.status_columns(table)
    table, book = resolve_analytes(table, file, config, book, ledger)
    table, book = agree_specimens(table, file, book, ledger)
    table = agree_codes(table, file, book, ledger)
    check_settings(config, book)
    check_limit_settings(config)
    table, imputed = read_times(
        table, events.time_zero_of(table, patients), file, config, book, ledger
    )
    limit = frontier[table["patient"].to_numpy()]
    table = events.reject_future(
        table, table["collected_hours"].to_numpy(), limit, file, "collected", ledger
    )
    limit = frontier[table["patient"].to_numpy()]
    stated = table["resulted_hours"].mask(table["placeable"], -np.inf).to_numpy()
    table = events.reject_future(table, stated, limit, file, "resulted", ledger)
    limit = frontier[table["patient"].to_numpy()]
    table = cap_imputed(table, imputed.loc[table.index], limit, live=live)
    table, book = lab_values.read_values(table, file, config, book, ledger)
    table = ledger.collapse(
        table,
        table.duplicated(
            ["patient", "key", "value", "side", "collected_hours", "resulted_hours", "rank"]
        ),
        file=file,
    )
    table = result_versions.flag_conflicts(table, file, ledger)
    table = events.flag_after_end(table, patients, file, ledger)
    guessed = imputed.loc[table.index]
    sources = _sources(table, guessed)
    count = int(guessed.sum())
    table = table.drop(columns="analyte")[RESULT_COLUMNS]
    parts = [table]
    if RATIO not in book.local and SERUM not in book.local and SPINAL not in book.local:
        parts.append(derive_ratio(table, config.albumin_ratio_window_hours))
    joined = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    ordered = result_versions.order_versions(joined.rename(columns={"key": "analyte"}))
    return ordered, book, count, sources


def read_times(
    raw: pd.DataFrame,
    infusion_time: pd.Series | None,
    file: str,
    config: CohortConfig,
    book: AnalyteResolver,
    ledger: Ledger,
) -> tuple[pd.DataFrame, pd.Series]:
    """Read both clocks; a missing result time is imputed by ``config.turnaround``.

    Returns
    -------
    labs : DataFrame
        With finite ``collected_hours`` and ``resulted_hours``. ``dated``: a time is only a day;
        ``placeable``: the result time is imputed or only a day. For a day without a time, the
        collection is its start and the result its end.
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
    remedy = "Give ISO 8601 with offset, hours as a number, or leave it blank."
    labs = reject_untimed(
        labs, read.reason, file=file, column=read.column, remedy=remedy, ledger=ledger
    )
    flag_dates_without_time(labs, read, file, ledger)
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
        reason="The result time is before the collection time.",
        remedy="Check both times and correct the wrong one.",
    )
    return labs, imputed.loc[labs.index]


def cap_imputed(
    labs: pd.DataFrame, imputed: pd.Series, limit: np.ndarray, *, live: bool
) -> pd.DataFrame:
    """Limit imputed result times to the time of the export.

    A row of an export has its result by then. In a live batch, the export is as old as the
    patient's newest stated time, so an imputed result time is never later; a long turnaround
    then cannot move the landmark into the future.

    Parameters
    ----------
    labs : DataFrame
        With ``patient``, ``collected_hours`` and ``resulted_hours``.
    imputed : Series of bool
        Where ``resulted_hours`` was imputed.
    limit : ndarray of float
        Per row, the hour before which the result exists (inf where unknown).
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


def _as_near_as_any_before(pairs: pd.DataFrame) -> Iterator[int]:
    """Yield rows whose distance is the smallest so far within their draw."""
    draw: tuple[int, float] | None = None
    best = float("inf")
    columns = ["patient", "collected_hours", "distance"]
    for row, patient, collected, distance in pairs[columns].itertuples(name=None):
        if (patient, collected) != draw:
            draw, best = (patient, collected), float("inf")
        if distance <= best:
            best = distance
            yield row


def _sources(labs: pd.DataFrame, imputed: pd.Series) -> pd.DataFrame:
    units = {unit: normalise_unit(unit) for unit in labs["meant"].unique()}
    table = pd.DataFrame(
        {
            "patient_id": labs["patient_id"],
            "analyte": labs["key"],
            "unit": labs["meant"].map(units),
            "collected_hours": labs["collected_hours"],
            "delay_hours": (labs["resulted_hours"] - labs["collected_hours"]).mask(imputed),
        }
    )
    return table.loc[~labs["cancelled"]].reset_index(drop=True)


def _turnaround(key: str, config: CohortConfig, book: AnalyteResolver) -> float:
    setting = config.turnaround
    if setting == "none":
        return 0.0
    default = book.get(key).turnaround_hours
    if isinstance(setting, dict):
        return float(setting.get(key, setting.get("hours", default)))
    return default
