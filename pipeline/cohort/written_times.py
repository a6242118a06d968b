"""Rewrites times of exports as ISO 8601 where they are unambiguous."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.resources import schema_yaml

DateOrder = Literal["day_first", "month_first"]

# already ISO 8601; fractions of a second beyond six digits are cut
_DIGITAL = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_ISO = re.compile(_DIGITAL)
_WORD = r"[^\W\d_]+"
_WEEKDAY = re.compile(rf"(?P<weekday>{_WORD})(?:\.?,|\.)?\s+(?=\w)")
_NUMBERED = re.compile(
    r"(?P<first>\d{1,2})(?P<between>[./-])\s?(?P<second>\d{1,2})(?P=between)\s?(?P<year>\d{4})"
    r"(?!\d)",
    re.ASCII,
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})", re.ASCII)
_DATES = (
    re.compile(
        r"(?P<year>[0-9]{4})(?P<between>[./-])(?P<month>[0-9]{1,2})(?P=between)(?P<day>[0-9]{1,2})"
    ),
    re.compile(
        r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er|\.)?[\s/-]*(?:de\s+)?"
        rf"(?P<name>{_WORD})\.?(?:\s+de\s+|[\s,/-]*)(?P<year>[0-9]{{4}})(?!\d)"
    ),
    re.compile(
        rf"(?P<name>{_WORD})\.?[\s/-]*(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:,\s*|[\s/-]+)"
        r"(?P<year>[0-9]{4})(?!\d)"
    ),
    re.compile(rf"(?P<year>[0-9]{{4}})[\s/-]*(?P<name>{_WORD})\.?[\s/-]*(?P<day>[0-9]{{1,2}})"),
)
_TIME = (
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,:](?P<part>\d+))?)?)"
    r"|(?P<HH>\d{2})(?:(?P<MM>\d{2})(?:(?P<SS>\d{2})(?:[.,](?P<ff>\d+))?)?)?"
    r"|(?P<dotted>\d{2}\.\d{2}\.\d{2}(?:\.\d+)?)"
    r"|(?P<whole>\d{1,2})(?=\s?[ap]\.?m))"
)
_TAIL = re.compile(
    rf"(?P<join>T|,?\s+(?:(?:at|um)\s+)?|\s?[:@]\s?|-|){_TIME}"
    r"(?:\s?(?P<half>[ap])\.?m\.?|\s?uhr)?"
    r"(?:\s?(?P<zulu>z|utc|gmt)|\s?(?:(?:utc|gmt)\s?)?(?P<offset>[+-]\d{2}(?::?\d{2})?)"
    r"(?:\s\([^()]*\))?)?",
    re.ASCII | re.IGNORECASE,
)
# Sun Mar  1 08:00:00 2026, the format of C asctime
_YEAR_LAST = re.compile(r"(\D*\d{1,2}) (\d{1,2}:\d{2}(?::\d{2})?) (\d{4})", re.ASCII)
_BARE_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?.*|\d{1,2}\s?[ap]\.?m\.?", re.IGNORECASE)
_HALF_DAY = re.compile(
    r"\d{4}.*?[T ](\d{1,2})(?::\d{2}){0,2}\s?[ap]\.?m\b", re.IGNORECASE | re.ASCII
)
_MINUS, _ORDERS = "\u2212", ("day_first", "month_first")
_NOON, _DAY_HOURS = 12, 24
IMPOSSIBLE_HALF = (
    "has an hour that does not fit AM or PM; write an hour from 1 to 12, or 24-hour time"
)


def iso_times(cells: pd.Series, order: str | None = None) -> pd.Series:
    """Rewrite unambiguous times as ISO 8601; other cells stay unchanged.

    Parameters
    ----------
    cells : Series of str
        Times as exported.
    order : {"day_first", "month_first"}, optional
        Order of numeric dates with the year last; None leaves them unchanged.

    Returns
    -------
    Series of str

    Examples
    --------
    >>> iso_times(pd.Series(["01MAR2026:08:00:00", "3/1/2026 8:00 AM"]), "month_first").tolist()
    ['2026-03-01T08:00:00', '2026-03-01T08:00']
    """
    text = cells.fillna("").astype("str")
    odd = ~(text.str.fullmatch(_DIGITAL) | (text == ""))
    if not odd.any():
        return text
    meant = {cell: iso_time(cell, order) for cell in text[odd].unique()}
    return text.mask(odd, text.map(meant)).astype("str")


def iso_time(text: str, order: str | None = None) -> str:
    """Rewrite an unambiguous time as ISO 8601; other text stays unchanged.

    The time 24:00 is the following midnight. A numeric date with the year last is rewritten even
    where its time cannot be read.

    Examples
    --------
    >>> iso_time("2026-3-1 9:30"), iso_time("1. März 2026"), iso_time("3/1/2026")
    ('2026-03-01T09:30', '2026-03-01', '3/1/2026')
    >>> iso_time("20260301093000.5+0100"), iso_time("March 1, 2026 12:00 AM")
    ('2026-03-01T09:30:00.5+01:00', '2026-03-01T00:00')
    """
    if not text or _ISO.fullmatch(text):
        return text
    plain = " ".join(text.split()).replace(_MINUS, "-")
    weekday, plain = _without_weekday(plain)
    plain = _YEAR_LAST.sub(r"\1 \3 \2", plain)
    dated = _date(plain, order)
    if dated is None:
        return text
    day, end, shape = dated
    if weekday and _weekday(day) != weekday:
        return text
    if end == len(plain):
        return day
    tail = _TAIL.fullmatch(plain, end)
    clock = None if tail is None else _clock(tail, shape)
    if tail is None or clock is None:
        return f"{day} {plain[end:].strip()}" if shape == "numbered" else text
    if clock.startswith("24:"):
        following = _next_day(day) if not clock.strip("24:0.") else ""
        if not following:
            return text
        day, clock = following, clock.replace("24:", "00:", 1)
    return f"{day}T{clock}{_offset(tail)}"


def on_day(text: str, day: str) -> str:
    """Combine a time of day with a separate date; "" if they do not match.

    Parameters
    ----------
    text : str
        A time of day, alone or with a numeric date in either order.
    day : str
        Date in ISO 8601.

    Examples
    --------
    >>> on_day("9:30:00", "2026-03-01"), on_day("3/1/2026 8:00 AM", "2026-03-01")
    ('2026-03-01T09:30:00', '2026-03-01T08:00')
    >>> on_day("5/1/2026 8:00 AM", "2026-03-01")
    ''
    """
    if _BARE_TIME.fullmatch(text):
        moment = iso_time(f"{day} {text}")
        return moment if _ISO.fullmatch(moment) else ""
    for order in _ORDERS:
        moment = iso_time(text, order)
        if moment.startswith(day) and _ISO.fullmatch(moment):
            return moment
    return ""


def on_days(cells: pd.Series, days: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Moments in ISO 8601 from a column of times and a column of days.

    Parameters
    ----------
    cells, days : Series of str
        From :func:`iso_times`.

    Returns
    -------
    moments : Series of str
        The time if it can be read, else :func:`on_day` of both, else the day. Without a day, the
        unchanged cell.
    lost : Series of bool
        Whether the time cannot be read, so only the day is known.

    Examples
    --------
    >>> on_days(pd.Series(["9:30", "soon"]), pd.Series(["2026-03-01"] * 2))[0].tolist()
    ['2026-03-01T09:30', '2026-03-01']
    """
    pairs = pd.DataFrame({"cell": cells, "day": days}).fillna("")
    code = pairs.groupby(["cell", "day"], sort=False).ngroup().to_numpy()
    placed = [_placed(*pair) for pair in pairs.drop_duplicates().itertuples(index=False)]
    moments = pd.array([moment for moment, _ in placed], dtype="str")
    lost = np.array([lost for _, lost in placed], dtype=bool)
    return pd.Series(moments.take(code), index=cells.index), pd.Series(lost[code], cells.index)


def _placed(cell: str, day: str) -> tuple[str, bool]:
    known = re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) is not None
    if cell == "" or _ISO.fullmatch(cell) or not known:
        return cell or day, False
    moment = on_day(cell, day)
    return (moment, False) if moment else (day, True)


def impossible_half(text: str) -> bool:
    """Whether the hour of a time of day does not fit AM or PM.

    Examples
    --------
    >>> impossible_half("2026-03-01 13:00 PM"), impossible_half("2026-03-01 25:00")
    (True, False)
    """
    match = _HALF_DAY.search(" ".join(text.split()))
    return match is not None and not 1 <= int(match[1]) <= _NOON


def _date(text: str, order: str | None) -> tuple[str, int, str] | None:
    """Date in ISO 8601, its end in the text, and its shape; None without a date."""
    numbered = _NUMBERED.match(text)
    if numbered is not None:
        if order is None:
            return None
        first, second = numbered["first"], numbered["second"]
        day, month = (first, second) if order == "day_first" else (second, first)
        return _written(numbered["year"], month, day), numbered.end(), "numbered"
    compact = _COMPACT.match(text)
    if compact is not None:
        parts = (compact["year"], compact["month"], compact["day"])
        return _written(*parts), compact.end(), "compact"
    for shape in _DATES:
        match = shape.match(text)
        if match is None:
            continue
        if "name" not in shape.groupindex:
            parts = (match["year"], match["month"], match["day"])
            return _written(*parts), match.end(), "dashed"
        month = str(_numbers("months").get(_folded(match["name"]), ""))
        if month:
            return _written(match["year"], month, match["day"]), match.end(), "named"
    return None


def _clock(tail: re.Match[str], shape: str) -> str | None:
    """Time of day as HH:MM, with seconds and fractions where stated; None if unreadable."""
    join, half = tail["join"].strip().lower(), tail["half"]
    bare = tail["join"] == ""
    if bare and not (shape == "compact" and tail["MM"]):
        return None
    if (join in (":", "@") and shape != "named") or ((join == "-") != bool(tail["dotted"])):
        return None
    if tail["dotted"]:
        hour, minute, second, *parts = tail["dotted"].split(".")
        part = parts[0] if parts else None
    else:
        hour = tail["hour"] or tail["HH"] or tail["whole"]
        minute, second = tail["minute"] or tail["MM"], tail["second"] or tail["SS"]
        part = tail["part"] or tail["ff"]
    number = int(hour)
    if half:
        if not 1 <= number <= _NOON:
            return None
        number = number % _NOON + (_NOON if half.lower() == "p" else 0)
    if number > _DAY_HOURS or any(int(item or 0) > 59 for item in (minute, second)):
        return None
    clock = f"{number:02d}:{minute or '00'}"
    if second:
        clock += f":{second}" + (f".{part[:6]}" if part else "")
    return clock


def _offset(tail: re.Match[str]) -> str:
    if tail["zulu"]:
        return "Z"
    digits = (tail["offset"] or "").replace(":", "")
    return f"{digits[:3]}:{digits[3:] or '00'}" if digits else ""


def _without_weekday(text: str) -> tuple[int, str]:
    """Number of the weekday at the start of a text (0 without one), and the rest."""
    match = _WEEKDAY.match(text)
    number = 0 if match is None else _numbers("weekdays").get(_folded(match["weekday"]), 0)
    return (number, text[match.end() :]) if match is not None and number else (0, text)


def _weekday(day: str) -> int:
    try:
        return date.fromisoformat(day).isoweekday()
    except ValueError:
        return 0


def _next_day(day: str) -> str:
    """The following day, "" for an invalid date."""
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _written(year: str, month: str, day: str) -> str:
    return f"{year}-{month:0>2}-{day:0>2}"


def _folded(word: str) -> str:
    """Word in lower case without accents."""
    parts = unicodedata.normalize("NFKD", word.lower())
    return "".join(part for part in parts if not unicodedata.combining(part))


@cache
def _numbers(kind: str) -> dict[str, int]:
    """Number of each month or weekday by its name."""
    words = schema_yaml("times.yaml")[kind]
    return {str(word): int(number) for number, names in words.items() for word in names}
