"""Hours since infusion as text: clock time if the infusion time is known, else day and hour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pipeline.explain.phrases import age_text, phrase

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class InfusionClock:
    """The clock of one patient.

    Attributes
    ----------
    zero : datetime or None
        Infusion with the offset in which times are shown; None if only hours are known.

    Examples
    --------
    >>> from datetime import UTC
    >>> InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC)).words(71.2)
    '22 Nov 06:12'
    >>> InfusionClock(None).words(78.0).replace(chr(160), " ")
    'day 3, 6 h'
    """

    zero: datetime | None

    def moment(self, hours: float) -> datetime | None:
        """Time to the minute; None if only hours are known."""
        if self.zero is None:
            return None
        return self.zero + timedelta(minutes=math.floor(hours * 60 + 1e-6))

    def words(self, hours: float, *, year: bool = False) -> str:
        """Format a time to the minute, or to the hour if only hours are known."""
        moment = self.moment(hours)
        if moment is None:
            return day_and_hour(hours)
        date = f"{moment.day} {_MONTHS[moment.month - 1]}"
        return f"{date} {moment:%Y %H:%M}" if year else f"{date} {moment:%H:%M}"

    def zone_words(self) -> str:
        """Sentence with the offset of all clock times; empty if only hours are known."""
        if self.zero is None:
            return ""
        return phrase("times", "zone", offset=_offset(self.zero))


def day_and_hour(hours: float) -> str:
    """Format a time as day and hour since the infusion.

    Parameters
    ----------
    hours : float
        Hours since the infusion.

    Returns
    -------
    str

    Examples
    --------
    >>> [day_and_hour(hours).replace(chr(160), " ") for hours in (78.5, -3.0)]
    ['day 3, 6 h', 'day −1, 21 h']
    """
    day, hour = divmod(math.floor(hours + 1e-6), 24)
    return f"{day_text(day)}, {hour}\u00a0h"


def since_infusion(hours: float) -> str:
    """Format the time after or before the infusion.

    Parameters
    ----------
    hours : float
        Hours since the infusion, negative before it.

    Returns
    -------
    str

    Examples
    --------
    >>> [since_infusion(hours).replace(chr(160), " ") for hours in (78.5, -5.2)]
    ['day 3, 6 h after infusion', '5 h before infusion']
    """
    if hours < 0:
        return phrase("times", "before", age=age_text(-hours))
    return phrase("times", "after", age=day_and_hour(hours))


def day_text(day: int) -> str:
    """Format a day since the infusion; days before it have a typographic minus.

    Parameters
    ----------
    day : int
        0 is the day of the infusion.

    Returns
    -------
    str

    Examples
    --------
    >>> day_text(3), day_text(-1)
    ('day 3', 'day −1')
    """
    return f"day {day}" if day >= 0 else f"day −{-day}"


def shifted(moment: datetime, offset_minutes: float) -> datetime:
    """Return the same time with the given UTC offset."""
    if not math.isfinite(offset_minutes):
        return moment
    return moment.astimezone(timezone(timedelta(minutes=offset_minutes)))


def timestamp_text(moment: datetime, clock: InfusionClock | None = None) -> str:
    """Format the time at which a page was made.

    Parameters
    ----------
    moment : datetime
        Time with an offset.
    clock : InfusionClock, optional
        Clock of the patient, whose offset is used if known; else the offset is appended.

    Returns
    -------
    str

    Examples
    --------
    >>> from datetime import UTC
    >>> timestamp_text(datetime(2026, 11, 22, 6, 20, tzinfo=UTC))
    '22 Nov 2026 06:20 UTC'
    """
    zero = clock.zero if clock else None
    here = moment.astimezone(zero.tzinfo) if zero else moment
    text = f"{here.day} {_MONTHS[here.month - 1]} {here:%Y %H:%M}"
    return text if zero else f"{text} {_offset(moment)}"


def _offset(moment: datetime) -> str:
    seconds = moment.utcoffset() or timedelta()
    minutes = round(seconds.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else "−"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
