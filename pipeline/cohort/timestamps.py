"""Text to timestamps: ISO 8601 with an offset, or of a stated zone; nothing is guessed."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from pipeline.errors import UsageError
from pipeline.remedy import Audience, Remedy, render

# years 1900 to 2199, so that the "never" of some exports (9999-12-31) is no time
_DATE = r"(?:19|2[01])\d{2}(?:-\d{2}-\d{2}|/\d{2}/\d{2}|\d{4})"
_TIME = r"[T ]\d{2}(?::?\d{2}(?::?\d{2}(?:[.,]\d+)?)?)?"
_OFFSET = r" ?(?:[zZ]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_SECOND = pd.Timedelta(seconds=1)
CLOCK_CHANGE = "because clocks go"
NO_OFFSET = "has no offset and no time zone is stated"
_DAY_OR_MONTH = (
    "may be day first or month first; write the year first (2026-03-01), or state the order"
)
_ORDER_NOT_STATED = Remedy(train=f"{_DAY_OR_MONTH} (cohort.date_order)", operator=_DAY_OR_MONTH)


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

    A local time that clocks skip or show twice is no moment without its offset.

    A date without a time of day is no moment and refused here; see :func:`parse_dates`.

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
    text = text.str.replace("/", "-").str.replace("UTC", "Z").str.replace("GMT", "Z")
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
    reason[odd.index[_no_such_day(odd)]] = "names a day that no calendar has"
    reason[filled & times.isna() & (reason == "")] = "is not an ISO 8601 time"
    ambiguous = cells.astype("str").str.match(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
    reason[ambiguous & (reason != "")] = _ORDER_NOT_STATED.train
    return times, reason


def reasons_for(reason: pd.Series, audience: Audience) -> pd.Series:
    """Reasons of :func:`parse_timestamps` for one audience.

    Examples
    --------
    >>> reason = parse_timestamps(pd.Series(["01/03/2026"]), None)[1]
    >>> "cohort.date_order" in reason[0]
    True
    >>> "cohort.date_order" in reasons_for(reason, Audience.SCORING)[0]
    False
    """
    return reason.mask(reason == _ORDER_NOT_STATED.train, render(_ORDER_NOT_STATED, audience))


def _no_such_day(text: pd.Series) -> pd.Series:
    """Cells that begin with a date that does not exist, such as 31 February."""
    parts = text.str.extract(rf"^(\d{{4}})-?(\d{{2}})-?(\d{{2}})(?={_TIME}|$)")
    dates = parts[0] + parts[1] + parts[2]
    shaped = text.str.match(rf"{_DATE}(?:{_TIME}|$)") & dates.notna()
    day = pd.to_datetime(dates.where(shaped), format="%Y%m%d", errors="coerce")
    missing: pd.Series = shaped & day.isna()
    return missing


def year_first(table: pd.DataFrame, order: str | None) -> pd.DataFrame:
    """Dates of every time column with the year first, where the configuration states their order.

    Parameters
    ----------
    order : str or None
        ``day_first`` or ``month_first``; None changes nothing, so that ``01/03/2026`` is refused.

    Examples
    --------
    >>> table = pd.DataFrame({"collected_at": ["1.3.2026 8:05", "2026-03-01"]}, dtype="str")
    >>> year_first(table, "day_first")["collected_at"].tolist()
    ['2026-03-01 08:05', '2026-03-01']
    """
    if order is None:
        return table
    days = {"day_first": ("day", "month"), "month_first": ("month", "day")}[order]
    pattern = re.compile(
        rf"(?P<{days[0]}>\d{{1,2}})([./-])(?P<{days[1]}>\d{{1,2}})\2(?P<year>\d{{4}})"
        r"(?:[T ]+(?P<hour>\d{1,2})(?P<rest>:.*))?"
    )

    def turned(text: str) -> str:
        found = pattern.fullmatch(text)
        if found is None:
            return text
        date = f"{found['year']}-{found['month']:0>2}-{found['day']:0>2}"
        return f"{date} {found['hour']:0>2}{found['rest']}" if found["hour"] else date

    times = [name for name in table.columns if name.endswith("_at") or name == "infusion_time"]
    return table.assign(**{name: table[name].map(turned).astype("str") for name in times})


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
    sign = parts["sign"].map({"+": 1.0, "-": -1.0}).astype(float)
    stated = (size * sign).where(written).astype(float)
    stated = stated.mask(written & text.str.lower().str.endswith(("z", "utc", "gmt")), 0.0)
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
    """First and last second of dates without a time of day, UTC; NaT for every other cell.

    Days are those of ``time_zone``; without one, those of ``offset_minutes`` (of the patient's
    infusion time), else of UTC.

    Examples
    --------
    >>> start, until = parse_dates(pd.Series(["2026-03-01"]), "Europe/Berlin")
    >>> start[0].isoformat(), until[0].isoformat()
    ('2026-02-28T23:00:00+00:00', '2026-03-01T22:59:59+00:00')
    """
    text = cells.astype("str").str.replace("/", "-")
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
