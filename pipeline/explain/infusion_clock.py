"""Hours since infusion in words: clock time where the infusion time is known, else day and hour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pipeline.explain.phrases import age_text

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class InfusionClock:
    """The clock of one patient.

    Attributes
    ----------
    zero : datetime or None
        Infusion with the offset in which times are shown; None where only hours are known.

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
        """A moment to the minute; None where only hours are known."""
        if self.zero is None:
            return None
        return self.zero + timedelta(minutes=math.floor(hours * 60 + 1e-6))

    def words(self, hours: float, *, year: bool = False) -> str:
        """A moment to the minute, or to the hour where only hours are known."""
        moment = self.moment(hours)
        if moment is None:
            return day_and_hour(hours)
        date = f"{moment.day} {_MONTHS[moment.month - 1]}"
        return f"{date} {moment:%Y %H:%M}" if year else f"{date} {moment:%H:%M}"

    def zone_words(self) -> str:
        """The offset of all clock times, said once per page; blank where only hours are known."""
        if self.zero is None:
            return ""
        return f"Times in {_offset(self.zero)}."


def day_and_hour(hours: float) -> str:
    """Day and hour since the infusion.

    Examples
    --------
    >>> [day_and_hour(hours).replace(chr(160), " ") for hours in (78.5, -3.0)]
    ['day 3, 6 h', 'day −1, 21 h']
    """
    day, hour = divmod(math.floor(hours + 1e-6), 24)
    return f"{day_text(day)}, {hour}\u00a0h"


def since_infusion(hours: float) -> str:
    """How long after the infusion, or before it, a moment lies.

    Examples
    --------
    >>> [since_infusion(hours).replace(chr(160), " ") for hours in (78.5, -5.2)]
    ['day 3, 6 h after infusion', '5 h before infusion']
    """
    if hours < 0:
        return f"{age_text(-hours)} before infusion"
    return f"{day_and_hour(hours)} after infusion"


def day_text(day: int) -> str:
    """One day since the infusion, with a real minus before it.

    Examples
    --------
    >>> day_text(3), day_text(-1)
    ('day 3', 'day −1')
    """
    return f"day {day}" if day >= 0 else f"day −{-day}"


def shifted(moment: datetime, offset_minutes: float) -> datetime:
    """The same moment on a clock with the given offset."""
    if not math.isfinite(offset_minutes):
        return moment
    return moment.astimezone(timezone(timedelta(minutes=offset_minutes)))


def timestamp_text(moment: datetime, clock: InfusionClock | None = None) -> str:
    """When a page was made, on the clock of its patient or with the offset beside it.

    Examples
    --------
    >>> from datetime import UTC
    >>> timestamp_text(datetime(2026, 11, 22, 6, 20, tzinfo=UTC))
    '22 Nov 2026 06:20 UTC'
    """
    zero = clock.zero if clock else None
    here = moment.astimezone(zero.tzinfo) if zero else moment
    said = f"{here.day} {_MONTHS[here.month - 1]} {here:%Y %H:%M}"
    return said if zero else f"{said} {_offset(moment)}"


def _offset(moment: datetime) -> str:
    seconds = moment.utcoffset() or timedelta()
    minutes = round(seconds.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else "−"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
