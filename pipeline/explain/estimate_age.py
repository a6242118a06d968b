"""How much later than its moment an estimate is read: the age of a page in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, phrase, section, whole
from pipeline.format import integer, is_missing

_IN_DAYS = 96.0


@dataclass(frozen=True)
class EstimateAge:
    """When an estimate was made for, against when its page was made.

    Attributes
    ----------
    hours : float
        From the moment of the estimate to the page; 0 where the estimate lies ahead of the page.
    when, end : str
        Moment of the estimate and end of its horizon, with the year where the page has another.
    horizon : float
        Hours that the estimate looks ahead.
    """

    hours: float
    when: str
    end: str
    horizon: float

    @property
    def past(self) -> bool:
        """Whether the whole horizon had passed when the page was made."""
        return self.hours >= self.horizon

    @property
    def late(self) -> bool:
        """Whether the page was made so long after the estimate that it must say so."""
        return self.hours > float(section("reliance")["limits"]["late_hours"])

    def words(self, name: str) -> str:
        """That the estimate is old or past, by a section of ``sentences.yaml``; else blank."""
        if not self.late and not self.past:
            return ""
        return phrase(
            name,
            "past" if self.past else "late",
            when=self.when,
            end=self.end,
            age=span_text(self.hours),
            gone=whole(self.hours),
            horizon=f"{self.horizon:g}",
        )


def estimate_age(record: PatientRecord, made: datetime, horizon: float) -> EstimateAge | None:
    """How late a page is; None where the clock or the moment of the estimate is unknown.

    Examples
    --------
    >>> from datetime import UTC
    >>> import pandas as pd
    >>> clock, none = InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC)), pd.DataFrame()
    >>> person = PatientRecord("P-1", "", 72.0, clock, none, none, none)
    >>> found = estimate_age(person, datetime(2026, 11, 24, 7, 0, tzinfo=UTC), 72.0)
    >>> found.hours, found.when, found.past
    (48.0, '22 Nov 07:00', False)
    """
    at = None if is_missing(record.hours) else record.clock.moment(record.hours)
    if at is None:
        return None
    hours = max(0.0, (made - at).total_seconds() / 3600.0)
    when, end = (moment_text(record.clock, record.hours + more, made) for more in (0.0, horizon))
    return EstimateAge(hours, when, end, horizon)


def moment_text(clock: InfusionClock, hours: float, made: datetime) -> str:
    """A moment, with the year where it is not the year in which the page was made."""
    at = clock.moment(hours)
    same = at is None or at.year == made.astimezone(at.tzinfo).year
    return clock.words(hours) if same else clock.words(hours, year=True)


def span_text(hours: float) -> str:
    """A time that may be long, in hours and from four days in days.

    Examples
    --------
    >>> [span_text(hours).replace(chr(160), " ") for hours in (40.2, 30000.0)]
    ['40 h', '1,250 days']
    """
    return age_text(hours) if hours < _IN_DAYS else f"{integer(whole(hours / 24))}\u00a0days"
