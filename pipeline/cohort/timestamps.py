"""Text to timestamps; times need an offset or a stated time zone."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from pipeline.cohort.written_times import IMPOSSIBLE_HALF, impossible_half, iso_times
from pipeline.errors import UsageError
from pipeline.remedy import Audience, Remedy, render

# years 1900 to 2899, which include shifted dates (2100 to 2300); 2999-12-31 and 9999-12-31 mean
# "never" in some exports
_DATE = r"(?:19|2[0-8])\d{2}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
_OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})"
_NUMBERED = r"\d{1,2}[./-] ?\d{1,2}[./-] ?"
_SECOND = pd.Timedelta(seconds=1)
CLOCK_CHANGE = "because clocks go"
NO_OFFSET = "has no offset and no time zone is stated"
_DAY_OR_MONTH = (
    "may be day first or month first; write the year first (2026-03-01), or state the order"
    " (cohort.date_order)"
)
_SHORT_YEAR = (
    "may be day first or month first, and its year has two digits; write a four-digit year first"
)
_ORDER_NOT_STATED = Remedy(
    train=_DAY_OR_MONTH,
    operator="may be day first or month first; write the year first (2026-03-01), or state "
    "cohort.date_order with --config",
    option=("config",),
)


def zone(name: str | None) -> ZoneInfo | None:
    """Time zone by name.

    Parameters
    ----------
    name : str or None
        IANA name.

    Returns
    -------
    ZoneInfo or None
        None without a name.

    Raises
    ------
    UsageError
        If the name is not in the IANA database.

    Examples
    --------
    >>> zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"unknown time zone {name!r}; use an IANA name, for example Europe/Berlin"
        ) from error


def parse_timestamps(cells: pd.Series, time_zone: str | None) -> tuple[pd.Series, pd.Series]:
    """Text to UTC timestamps and, per cell, the reason why it cannot be read.

    Reads ISO 8601 and the forms that :func:`pipeline.cohort.written_times.iso_time` rewrites. A
    local time that a clock change skips or repeats needs an offset. A date without a time of day
    is not read here; see :func:`parse_dates`.

    Parameters
    ----------
    cells : Series of str
        Times as exported.
    time_zone : str or None
        IANA name, for times without an offset.

    Returns
    -------
    times : Series of datetime64[us, UTC]
        NaT where the text is blank or unreadable.
    reason : Series of str
        "" where the cell is blank or readable.

    Examples
    --------
    >>> times, reason = parse_timestamps(pd.Series(["2026-03-01T08:00:00+01:00", "soon"]), None)
    >>> times[0].isoformat(), reason[1]
    ('2026-03-01T07:00:00+00:00', 'is not an ISO 8601 time')
    """
    code, unique = pd.factorize(cells.fillna("").astype("str"))
    times, reason = _parse_unique(pd.Series(unique, dtype="str"), zone(time_zone), time_zone)
    return (
        pd.Series(times.array.take(code), index=cells.index),
        pd.Series(reason.array.take(code), index=cells.index),
    )


def _parse_unique(
    cells: pd.Series, local_zone: ZoneInfo | None, time_zone: str | None
) -> tuple[pd.Series, pd.Series]:
    """:func:`parse_timestamps` of distinct cells."""
    text = iso_times(cells)
    filled = text != ""
    aware = text.str.fullmatch(_DATE + _TIME + _OFFSET)
    naive = text.str.fullmatch(_DATE + _TIME)
    reason = pd.Series("", index=text.index, dtype="str")
    times = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    times[aware] = pd.to_datetime(
        text[aware], format="ISO8601", utc=True, errors="coerce"
    ).dt.as_unit("us")
    if naive.any() and local_zone is not None:
        local = pd.to_datetime(text[naive], format="ISO8601", errors="coerce").dt.as_unit("us")
        times[naive] = local.dt.tz_localize(
            local_zone, ambiguous="NaT", nonexistent="NaT"
        ).dt.tz_convert("UTC")
        lost = naive & times.isna() & local.notna().reindex(text.index, fill_value=False)
        forward = local[lost[naive]].dt.tz_localize(
            local_zone, ambiguous="NaT", nonexistent="shift_forward"
        )
        reason[lost] = f"occurs twice in {time_zone}, {CLOCK_CHANGE} back"
        reason[forward.index[forward.notna()]] = (
            f"does not exist in {time_zone}, {CLOCK_CHANGE} forward"
        )
    elif naive.any():
        parsed = pd.to_datetime(text[naive], format="ISO8601", errors="coerce")
        reason[parsed.index[parsed.notna()]] = NO_OFFSET
    reason[text.str.fullmatch(_DATE)] = "is a date without a time of day"
    odd = text[filled & times.isna()]
    reason[odd.index[_no_such_day(odd)]] = "is not a day of the calendar"
    unread = filled & times.isna() & (reason == "")
    reason[unread] = "is not an ISO 8601 time"
    other = text[unread]
    for why, fits in (
        (IMPOSSIBLE_HALF, other.map(impossible_half).astype(bool)),
        (_ORDER_NOT_STATED.train, other.str.match(rf"{_NUMBERED}\d{{4}}(?!\d)")),
        (_SHORT_YEAR, other.str.match(rf"{_NUMBERED}\d{{2,3}}(?!\d)")),
    ):
        reason[other.index[fits]] = why
    return times, reason


def reasons_for(reason: pd.Series, audience: Audience) -> pd.Series:
    """Reasons of :func:`parse_timestamps` for one audience.

    Examples
    --------
    >>> reason = parse_timestamps(pd.Series(["01/03/2026"]), None)[1]
    >>> "--config" in reason[0], "--config" in reasons_for(reason, Audience.SCORING)[0]
    (False, True)
    """
    return reason.mask(reason == _ORDER_NOT_STATED.train, render(_ORDER_NOT_STATED, audience))


def _no_such_day(text: pd.Series) -> pd.Series:
    """Whether cells begin with a date that does not exist, for example 31 February."""
    dates = text.str.extract(rf"^({_DATE})(?:{_TIME}|$)", expand=False)
    day = pd.to_datetime(dates, format="%Y-%m-%d", errors="coerce")
    missing: pd.Series = dates.notna() & day.isna()
    return missing


def year_first(table: pd.DataFrame, order: str | None) -> pd.DataFrame:
    """Rewrite time columns as ISO 8601; ambiguous cells stay unchanged.

    Parameters
    ----------
    table : DataFrame
        Text table; columns ``*_at`` and ``infusion_time`` are rewritten.
    order : str or None
        ``day_first`` or ``month_first`` for numeric dates with the year last; None leaves
        ``01/03/2026`` unchanged, so that it is rejected.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> table = pd.DataFrame({"collected_at": ["1.3.2026 8:05", "2026-03-01"]}, dtype="str")
    >>> year_first(table, "day_first")["collected_at"].tolist()
    ['2026-03-01T08:05', '2026-03-01']
    """
    times = [name for name in table.columns if name.endswith("_at") or name == "infusion_time"]
    return table.assign(**{name: iso_times(table[name], order) for name in times})


def utc_offsets(cells: pd.Series, times: pd.Series, time_zone: str | None) -> pd.Series:
    """UTC offset of timestamps as written.

    Parameters
    ----------
    cells, times : Series
        Text, and its times from :func:`parse_timestamps`.
    time_zone : str or None
        IANA name, for times without an offset.

    Returns
    -------
    Series of float
        Minutes east of UTC; NaN where unknown.

    Examples
    --------
    >>> cells = pd.Series(["2026-03-01T08:00:00+01:00", "2026-03-01T08:00:00Z"])
    >>> utc_offsets(cells, parse_timestamps(cells, None)[0], None).tolist()
    [60.0, 0.0]
    """
    text = iso_times(cells)
    parts = text.str.extract(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})$")
    written = text.str.fullmatch(_DATE + _TIME + _OFFSET)
    size = parts["hours"].astype(float) * 60 + parts["minutes"].astype(float)
    sign = parts["sign"].map({"+": 1.0, "-": -1.0}).astype(float)
    stated = (size * sign).where(written).astype(float)
    stated = stated.mask(written & text.str.endswith("Z"), 0.0)
    local_zone = zone(time_zone)
    naive = stated.isna() & times.notna()
    if local_zone is None or not naive.any():
        return stated
    local = times[naive].map(
        lambda moment: moment.astimezone(local_zone).utcoffset().total_seconds() / 60
    )
    stated[naive] = local.astype(float)
    return stated


def parse_dates(
    cells: pd.Series, time_zone: str | None, offset_minutes: pd.Series | None = None
) -> tuple[pd.Series, pd.Series]:
    """Start and last second of dates without a time of day, UTC; NaT for every other cell.

    Days are those of ``time_zone``, else of ``offset_minutes``, else of UTC.

    Parameters
    ----------
    cells : Series of str
        Times as exported.
    time_zone : str or None
        IANA name.
    offset_minutes : Series of float, optional
        Per cell, the offset of the patient's infusion time.

    Returns
    -------
    first, last : Series of datetime64[us, UTC]

    Examples
    --------
    >>> start, until = parse_dates(pd.Series(["2026-03-01"]), "Europe/Berlin")
    >>> start[0].isoformat(), until[0].isoformat()
    ('2026-02-28T23:00:00+00:00', '2026-03-01T22:59:59+00:00')
    """
    text = iso_times(cells)
    dated = text.str.fullmatch(_DATE)
    day = pd.to_datetime(text.where(dated), format="ISO8601", errors="coerce").dt.as_unit("us")
    local_zone = zone(time_zone)

    def in_utc(midnight: pd.Series) -> pd.Series:
        if local_zone is not None:
            placed: pd.Series = midnight.dt.tz_localize(
                local_zone,
                ambiguous=np.ones(len(midnight), dtype=bool),
                nonexistent="shift_forward",
            )
            return pd.Series(placed.dt.tz_convert("UTC"))
        shift = pd.Series(0.0, index=cells.index)
        if offset_minutes is not None:
            shift = offset_minutes.fillna(0.0)
        moved: pd.Series = midnight.dt.tz_localize("UTC") - pd.to_timedelta(shift, unit="min")
        return moved

    return in_utc(day), in_utc(day + pd.Timedelta(days=1)) - _SECOND
