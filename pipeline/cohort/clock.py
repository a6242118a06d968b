"""Times to hours since time zero: ``*_hours`` as they are, ``*_at`` with an offset."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from pipeline.cohort.rejects import Ledger
from pipeline.cohort.schema import to_number
from pipeline.errors import InputError, UsageError

EARLIEST_HOURS = -90 * 24.0
LATEST_HOURS = 2 * 365 * 24.0
# years 1900 to 2199, so that the "never" of some exports (9999-12-31) is no time
_DATE = r"(?:19|2[01])\d{2}-?\d{2}-?\d{2}"
_TIME = r"[T ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?"
_OFFSET = r" ?(?:[zZ]|[+-]\d{2}(?::?\d{2})?)"


def zone(name: str | None) -> ZoneInfo | None:
    """Time zone for naive timestamps.

    Raises
    ------
    UsageError
        If the name is not in the IANA database.
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin"
        ) from error


def parse_timestamps(cells: pd.Series, time_zone: str | None) -> tuple[pd.Series, pd.Series]:
    """ISO 8601 text to UTC timestamps and, per cell, the reason why it could not be read.

    A date without a time of day is refused: read as midnight, a result would count hours too early.

    Returns
    -------
    times : Series of datetime64[us, UTC]
        NaT where the text is blank or unreadable.
    reason : Series of str
        Empty where the cell is blank or fine.

    Examples
    --------
    >>> times, reason = parse_timestamps(pd.Series(["2026-03-01T08:00:00+01:00", "soon"]), None)
    >>> times[0].isoformat(), reason[1]
    ('2026-03-01T07:00:00+00:00', 'is not an ISO 8601 time')
    """
    text = cells.astype("str")
    filled = text != ""
    aware = text.str.fullmatch(_DATE + _TIME + _OFFSET)
    naive = text.str.fullmatch(_DATE + _TIME)
    reason = pd.Series("", index=text.index, dtype="str")
    times = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    times[aware] = pd.to_datetime(
        text[aware], format="ISO8601", utc=True, errors="coerce"
    ).dt.as_unit("us")
    local_zone = zone(time_zone)
    if naive.any() and local_zone is not None:
        local = pd.to_datetime(text[naive], format="ISO8601", errors="coerce").dt.as_unit("us")
        times[naive] = local.dt.tz_localize(
            local_zone, ambiguous="NaT", nonexistent="NaT"
        ).dt.tz_convert("UTC")
        in_gap = naive & times.isna() & local.notna().reindex(text.index, fill_value=False)
        reason[in_gap] = f"does not exist or occurs twice in {time_zone} (clock change)"
    elif naive.any():
        parsed = pd.to_datetime(text[naive], format="ISO8601", errors="coerce")
        reason[parsed.index[parsed.notna()]] = "has no offset and no time zone is stated"
    reason[text.str.fullmatch(_DATE)] = "is a date without a time of day"
    reason[filled & times.isna() & (reason == "")] = "is not an ISO 8601 time"
    return times, reason


def utc_offsets(cells: pd.Series, times: pd.Series, time_zone: str | None) -> pd.Series:
    """Minutes east of UTC in which timestamps were written; NaN where that is unknown.

    Parameters
    ----------
    cells, times : Series
        Text and what :func:`parse_timestamps` made of it.

    Examples
    --------
    >>> cells = pd.Series(["2026-03-01T08:00:00+01:00", "2026-03-01T08:00:00Z"])
    >>> utc_offsets(cells, parse_timestamps(cells, None)[0], None).tolist()
    [60.0, 0.0]
    """
    text = cells.astype("str")
    parts = text.str.extract(r"(?P<sign>[+-])(?P<hours>\d{2})(?::?(?P<minutes>\d{2}))?$")
    written = text.str.fullmatch(_DATE + _TIME + _OFFSET)
    size = parts["hours"].astype(float) * 60 + parts["minutes"].fillna("0").astype(float)
    stated = (size * parts["sign"].map({"+": 1.0, "-": -1.0})).where(written).astype(float)
    stated = stated.mask(written & text.str.lower().str.endswith("z"), 0.0)
    local_zone = zone(time_zone)
    if local_zone is None:
        return stated
    naive = stated.isna() & times.notna()
    local = times[naive].map(
        lambda moment: moment.astimezone(local_zone).utcoffset().total_seconds() / 60
    )
    stated[naive] = local.astype(float)
    return stated


def clock_hours(
    table: pd.DataFrame,
    clock: str,
    infusion_time: pd.Series | None,
    *,
    file: str,
    time_zone: str | None,
) -> tuple[pd.Series, pd.Series, str]:
    """Hours since time zero of one clock of a table.

    Parameters
    ----------
    table : DataFrame
        Raw text table with ``<clock>_hours`` or ``<clock>_at`` (or neither).
    infusion_time : Series or None
        Time zero per row of ``table``, UTC.

    Returns
    -------
    hours : Series of float
        NaN where blank or unreadable.
    reason : Series of str
        Why a filled cell could not be read, else empty.
    column : str
        The column that was read.

    Raises
    ------
    InputError
        If timestamps are used without any ``patients.infusion_time``.
    """
    if f"{clock}_hours" in table:
        column = f"{clock}_hours"
        hours = to_number(table[column])
        reason = pd.Series("", index=table.index, dtype="str")
        reason[(table[column] != "") & ~np.isfinite(hours)] = "is not a finite number of hours"
    elif f"{clock}_at" in table:
        column = f"{clock}_at"
        if infusion_time is None:
            raise InputError(
                f"{file} gives '{column}' but patients has no 'infusion_time'; add it (ISO 8601 "
                f"with offset) or give '{clock}_hours'"
            )
        times, reason = parse_timestamps(table[column], time_zone)
        hours = (times - infusion_time).dt.total_seconds() / 3600.0
        reason[times.notna() & hours.isna()] = "cannot be placed: the patient has no infusion_time"
    else:
        empty = pd.Series(np.nan, index=table.index)
        return empty, pd.Series("", index=table.index, dtype="str"), f"{clock}_hours"
    outside = hours.notna() & ~hours.between(EARLIEST_HOURS, LATEST_HOURS)
    reason[outside & (reason == "")] = (
        f"lies outside {EARLIEST_HOURS:.0f} to {LATEST_HOURS:.0f} h from time zero"
    )
    return hours.where(reason == ""), reason, column


def read_clock(
    table: pd.DataFrame,
    clock: str,
    infusion_time: pd.Series | None,
    *,
    file: str,
    time_zone: str | None,
    required: bool,
    ledger: Ledger,
) -> pd.DataFrame:
    """Add ``<clock>_hours`` as float and reject rows whose time cannot be used."""
    hours, reason, column = clock_hours(table, clock, infusion_time, file=file, time_zone=time_zone)
    if required:
        reason = reason.where(~((reason == "") & hours.isna()), "is blank")
    source = table
    if column == f"{clock}_hours" and column in table:
        source = table.assign(**{column: table[column].astype("str")})
    kept = ledger.reject(
        source,
        reason != "",
        file=file,
        column=column,
        code="time_unusable",
        reason=f"'{column}' " + reason + ".",
        remedy="Give ISO 8601 with offset (2026-03-01T08:00:00+01:00), hours as a number, or --tz.",
    )
    return kept.assign(**{f"{clock}_hours": hours.loc[kept.index]})
