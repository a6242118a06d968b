"""Times as hours since time zero, and the cut-off after which rows count as future."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger
from pipeline.cohort.schema import to_number
from pipeline.cohort.timestamps import parse_dates, parse_timestamps, reasons_for
from pipeline.cohort.written_times import iso_times
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError, UsageError, shown
from pipeline.remedy import Remedy

EARLIEST_HOURS = -90 * 24.0
LATEST_HOURS = 2 * 365 * 24.0
_MOST_HOURS = 1e6  # far beyond, hours overflow as dates
NO_INFUSION_TIME = "no_infusion_time"
FILL_INFUSION_TIME = "Fill in infusion_time in the patient's row of patients."
CHECK_TIMES = "Check this time and the patient's infusion_time."
_ISO = "Give ISO 8601 with offset (2026-03-01T08:00:00+01:00)"
GIVE_TIME = f"{_ISO}, or hours as a number."
GIVE_TIME_OR_ZONE = Remedy(f"{_ISO}, hours as a number, or --tz.", option=("tz",))
GIVE_MOMENT = f"{_ISO}."
GIVE_MOMENT_OR_ZONE = Remedy(f"{_ISO} or state --tz.", option=("tz",))
_NEVER = pd.Timestamp("9999-12-31T00:00:00+00:00")
_OUTSIDE = "lies outside"
_NO_ZERO = "cannot be placed in time: the patient has no infusion_time"


class Clock(NamedTuple):
    """One clock of a table.

    Attributes
    ----------
    hours : Series of float
        NaN where blank or unreadable. Of a day without a time, its end or its start.
    reason : Series of str
        Why a cell cannot be read; empty for a readable or blank cell.
    column : str
        The column that was read.
    start, until : Series of float
        Earliest and latest hour the cell can mean; they differ for a day without a time.
    """

    hours: pd.Series
    reason: pd.Series
    column: str
    start: pd.Series
    until: pd.Series

    @property
    def dated(self) -> pd.Series:
        """Cells that state a day without a time."""
        return self.until > self.start


def clock_hours(
    table: pd.DataFrame,
    clock: str,
    infusion_time: pd.Series | None,
    *,
    file: str,
    time_zone: str | None,
    at_end: bool = True,
) -> Clock:
    """Hours since time zero of one clock of a table.

    Parameters
    ----------
    table : DataFrame
        Raw text table with ``<clock>_hours``, ``<clock>_days`` or ``<clock>_at`` (or none).
        Optional: ``_offset_minutes``, the offset of each patient's infusion time, and
        ``_latest_hours``, the latest legal hour of the patient.
    clock : str
        Name without suffix, for example ``collected``.
    infusion_time : Series or None
        Time zero per row of ``table``, UTC.
    file : str
        Name of the table in messages.
    time_zone : str or None
        IANA name, for timestamps without an offset.
    at_end : bool
        Whether a day without a time is read as its end (default) or its start.

    Returns
    -------
    Clock

    Raises
    ------
    InputError
        If timestamps are used without any ``patients.infusion_time``.

    Examples
    --------
    >>> table = pd.DataFrame({"given_hours": ["5.5", "soon"]}, dtype="str")
    >>> read = clock_hours(table, "given", None, file="treatments.csv", time_zone=None)
    >>> read.hours.tolist(), read.reason.tolist()
    ([5.5, nan], ['', 'is not a finite number of hours'])
    """
    if f"{clock}_hours" in table:
        column = f"{clock}_hours"
        start = to_number(table[column])
        until = start
        reason = pd.Series("", index=table.index, dtype="str")
        reason[(table[column] != "") & ~np.isfinite(start)] = "is not a finite number of hours"
    elif f"{clock}_days" in table:
        column = f"{clock}_days"
        days = to_number(table[column])
        start = days * 24.0
        until = start.mask(days == np.floor(days), start + 24.0 - 1.0 / 3600.0)
        reason = pd.Series("", index=table.index, dtype="str")
        reason[(table[column] != "") & ~np.isfinite(days)] = "is not a finite number of days"
    elif f"{clock}_at" in table:
        column = f"{clock}_at"
        if infusion_time is None:
            raise InputError(
                f"{file} gives '{column}' but patients has no 'infusion_time'; add it (ISO 8601 "
                f"with offset) or give '{clock}_hours'"
            )
        start, until, reason = _since(table, column, infusion_time, time_zone)
    else:
        empty = pd.Series(np.nan, index=table.index)
        blank = pd.Series("", index=table.index, dtype="str")
        return Clock(empty, blank, f"{clock}_hours", empty, empty)
    latest = table.get("_latest_hours", LATEST_HOURS)
    outside = start.notna() & ~((start >= EARLIEST_HOURS) & (start <= latest))
    reason[outside & (reason == "")] = (
        f"{_OUTSIDE} {EARLIEST_HOURS:.0f} to {LATEST_HOURS:.0f} h from time zero"
    )
    start, until = start.where(reason == ""), until.where(reason == "")
    return Clock(until if at_end else start, reason, column, start, until)


def read_clock(
    table: pd.DataFrame,
    clock: str,
    infusion_time: pd.Series | None,
    *,
    file: str,
    time_zone: str | None,
    required: bool,
    ledger: Ledger,
    at_end: bool = True,
) -> pd.DataFrame:
    """Add ``<clock>_hours`` as float and reject rows whose time cannot be used.

    ``_start`` and ``_until`` are the earliest and latest hour the cell can mean.
    """
    read = clock_hours(table, clock, infusion_time, file=file, time_zone=time_zone, at_end=at_end)
    reason = read.reason
    if required:
        reason = reason.where(~((reason == "") & read.hours.isna()), "is blank")
    source = table
    if read.column == f"{clock}_hours" and read.column in table:
        source = table.assign(**{read.column: table[read.column].astype("str")})
    remedy = GIVE_TIME_OR_ZONE if time_zone is None else GIVE_TIME
    kept = reject_untimed(
        source, reason, file=file, column=read.column, remedy=remedy, ledger=ledger
    )
    flag_dates_without_time(kept, read, file, ledger)
    return kept.assign(
        **{f"{clock}_hours": read.hours.loc[kept.index]},
        _start=read.start.loc[kept.index],
        _until=read.until.loc[kept.index],
    )


def reject_untimed(
    table: pd.DataFrame,
    reason: pd.Series,
    *,
    file: str,
    column: str,
    remedy: str | Remedy,
    ledger: Ledger,
) -> pd.DataFrame:
    """Reject rows whose time cannot be used; a missing time zero has a code of its own."""
    reason = reason.loc[table.index]
    table = ledger.reject(
        table,
        reason == _NO_ZERO,
        file=file,
        column=column,
        code=NO_INFUSION_TIME,
        reason=f"'{column}' {_NO_ZERO}.",
        remedy=FILL_INFUSION_TIME,
    )
    reason = reason.loc[table.index]
    table = ledger.reject(
        table,
        reason.str.startswith(_OUTSIDE),
        file=file,
        column=column,
        code="time_unusable",
        reason=f"'{column}' " + reason + ".",
        remedy=CHECK_TIMES,
    )
    reason = reason.loc[table.index]
    return ledger.reject(
        table,
        reason != "",
        file=file,
        column=column,
        code="time_unusable",
        reason=f"'{column}' " + reasons_for(reason, ledger.audience) + ".",
        remedy=remedy,
    )


def flag_dates_without_time(table: pd.DataFrame, read: Clock, file: str, ledger: Ledger) -> None:
    """Flag the rows of a table that state a day without a time."""
    ledger.note(
        table,
        read.dated.loc[table.index],
        file=file,
        column=read.column,
        code="date_only",
        reason=f"'{read.column}' is a day without a time; the end of that day is used.",
        remedy="Export the time of day, so that the row can be used hours earlier.",
    )


def future_cutoff_hours(
    patients: pd.DataFrame,
    as_of: str | None,
    config: CohortConfig,
    ledger: Ledger,
    *,
    dated: bool,
) -> np.ndarray:
    """Cut-off hour per patient, from which rows count as future.

    If every infusion lies in the future, dates are treated as shifted and ``as_of`` may also lie in
    the future. In training this applies to single patients, because their records are finished.

    Parameters
    ----------
    patients : DataFrame
        ``patient_id`` and ``infusion_time`` (UTC, NaT where unknown).
    as_of : str or None
        Hours since time zero or an ISO 8601 time; None for the present.
    config : CohortConfig
        ``date_order``, ``time_zone`` and ``time_zero`` are used.
    ledger : Ledger
        Receives remarks on shifted dates.
    dated : bool
        Whether labs carry timestamps.

    Returns
    -------
    ndarray of float, shape (n_patients,)
        Hours since time zero; inf where time zero is unknown.

    Raises
    ------
    UsageError
        If ``as_of`` cannot be read, or lies in the future for every patient.

    Examples
    --------
    >>> patients = pd.DataFrame({"infusion_time": pd.to_datetime(["2026-01-01"], utc=True)})
    >>> future_cutoff_hours(patients, "96", CohortConfig(), Ledger(), dated=False).tolist()
    [96.0]
    """
    zero = patients["infusion_time"]
    now = pd.Timestamp(datetime.now(UTC))
    ahead = ((now - zero).dt.total_seconds() / 3600.0).fillna(np.inf)
    frontier = np.asarray(ahead, dtype=float)
    shifted = np.asarray(zero > now)
    if as_of is not None and shifted.any() and bool((zero > now)[zero.notna()].all()):
        ledger.remarks.append(
            f"Every infusion_time lies in the future ({_utc(zero.min())} or later), so dates are "
            f"treated as shifted; --as-of {as_of} refers to shifted time."
        )
        now = _NEVER
        frontier = np.full(len(frontier), np.inf)
    elif shifted.any() and ledger.live:
        ledger.shifted_patients |= set(patients.loc[shifted, "patient_id"].astype("str"))
    elif shifted.any():
        ledger.remarks.append(
            f"{int(shifted.sum())} infusions lie in the future, so dates are treated as shifted; "
            "no row of these patients is rejected as future."
        )
        frontier = np.where(shifted, np.inf, frontier)
    if as_of is None:
        return frontier
    hours = to_number(pd.Series([as_of], dtype="str"))[0]
    if np.isfinite(hours):
        return _cut_at_hour(frontier, float(hours), as_of, now, config, ledger)
    asked_at = iso_times(pd.Series([as_of], dtype="str"), config.date_order)
    moment, reason = parse_timestamps(asked_at, config.time_zone)
    if pd.isna(moment[0]):
        raise UsageError(
            f"--as-of {as_of} {reason[0] or 'is blank'}; give hours since {config.time_zero}, or a "
            "date with time and offset such as 2026-03-01T08:00+01:00",
            options=("as-of",),
        )
    if moment[0] > now:
        raise UsageError(
            f"--as-of {as_of} lies in the future (now: {_utc(now)}). Give an earlier time, or omit "
            "it to score each patient at the newest result",
            options=("as-of",),
        )
    if zero.isna().all() or (zero.isna().any() and not dated):
        raise UsageError(
            "--as-of as a time needs patients.infusion_time; give hours instead",
            options=("as-of",),
        )
    asked = ((moment[0] - zero).dt.total_seconds() / 3600.0).fillna(-np.inf)
    return np.asarray(asked, dtype=float)


def _cut_at_hour(
    frontier: np.ndarray,
    hours: float,
    as_of: str,
    now: pd.Timestamp,
    config: CohortConfig,
    ledger: Ledger,
) -> np.ndarray:
    """The hour of ``as_of``, or the present for patients who have not reached it."""
    if abs(hours) > _MOST_HOURS:
        raise UsageError(
            f"--as-of {shown(as_of)} is over a century away; give hours since {config.time_zero}",
            options=("as-of",),
        )
    early = int((frontier < hours).sum())
    if early == len(frontier):
        raise UsageError(
            f"--as-of {as_of} lies in the future: no patient of this batch has reached hour "
            f"{hours:g} after {config.time_zero} (now: {_utc(now)}). Give an earlier hour, or omit "
            "it to score each patient at the newest result",
            options=("as-of",),
        )
    if early:
        ledger.remarks.append(
            f"{early} of {len(frontier)} patients have not reached hour {hours:g} yet; they are "
            f"scored as of now ({_utc(now)})."
        )
    return np.asarray(np.minimum(frontier, hours), dtype=float)


def _since(
    table: pd.DataFrame, column: str, infusion_time: pd.Series, time_zone: str | None
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Earliest and latest hour since time zero of each timestamp or date, and problems."""
    moments, reason = parse_timestamps(table[column], time_zone)
    first, last = parse_dates(table[column], time_zone, table.get("_offset_minutes"))
    reason = reason.mask(first.notna(), "")
    start = (moments.fillna(first) - infusion_time).dt.total_seconds() / 3600.0
    until = (moments.fillna(last) - infusion_time).dt.total_seconds() / 3600.0
    placed = moments.notna() | first.notna()
    reason[placed & start.isna()] = _NO_ZERO
    return start, until, reason


def _utc(moment: pd.Timestamp) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
