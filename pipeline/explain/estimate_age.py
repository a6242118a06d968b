"""Age of an estimate when its page was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.explain.drug_caveats import doses_by_drug
from pipeline.explain.infusion_clock import (
    InfusionClock,
    day_and_hour,
    day_text,
    since_infusion,
)
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, phrase, section, whole
from pipeline.format import is_missing


@dataclass(frozen=True)
class EstimateAge:
    """Time from the landmark of an estimate to the making of its page.

    Attributes
    ----------
    hours : float
        Hours from the landmark to the page; 0 if the landmark is later.
    when, end : str
        Landmark and end of the horizon as text, with the year if it is not that of the page.
    horizon : float
        Horizon in hours.
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
        """Whether the page was made so long after the landmark that it must state the age."""
        return self.hours > float(section("reliance")["limits"]["late_hours"])

    def words(self, name: str) -> str:
        """Sentence of a section that the estimate is old or expired; empty if it is neither."""
        if not self.late and not self.past:
            return ""
        return phrase(
            name,
            "past" if self.past else "late",
            when=self.when,
            end=self.end,
            age=age_text(self.hours),
            gone=whole(self.hours),
            horizon=f"{self.horizon:g}",
        )


def estimate_age(record: PatientRecord, made: datetime, horizon: float) -> EstimateAge | None:
    """Compute the age of an estimate when its page is made.

    Parameters
    ----------
    record : PatientRecord
        The patient at the landmark.
    made : datetime
        When the page is made.
    horizon : float
        Horizon of the estimate in hours.

    Returns
    -------
    EstimateAge or None
        None if the infusion time or the landmark is unknown.

    Examples
    --------
    >>> from datetime import UTC
    >>> import pandas as pd
    >>> clock, none = InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC)), pd.DataFrame()
    >>> person = PatientRecord("P-1", "", 72.0, clock, none, none, none)
    >>> age = estimate_age(person, datetime(2026, 11, 24, 7, 0, tzinfo=UTC), 72.0)
    >>> age.hours, age.when, age.past
    (48.0, '22 Nov 07:00', False)
    """
    at = None if is_missing(record.hours) else record.clock.moment(record.hours)
    if at is None:
        return None
    hours = max(0.0, (made - at).total_seconds() / 3600.0)
    when, end = (moment_text(record.clock, record.hours + more, made) for more in (0.0, horizon))
    return EstimateAge(hours, when, end, horizon)


def hours_at(record: PatientRecord, made: datetime) -> float:
    """Hour at which a page states day and grades of a patient.

    Parameters
    ----------
    record : PatientRecord
        The patient.
    made : datetime
        When the page is made.

    Returns
    -------
    float
        The landmark; without one, the time of the page, or that of the newest grade or dose if
        only hours are known. NaN if nothing is known.

    Examples
    --------
    >>> from datetime import UTC
    >>> import pandas as pd
    >>> clock, none = InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC)), pd.DataFrame()
    >>> person = PatientRecord("P-1", "", float("nan"), clock, none, none, none)
    >>> hours_at(person, datetime(2026, 11, 22, 7, 0, tzinfo=UTC))
    72.0
    """
    if not is_missing(record.hours):
        return record.hours
    if record.clock.zero is not None:
        return (made - record.clock.zero).total_seconds() / 3600.0
    charted = [hour for rows in record.charted.values() for hour, _ in rows]
    charted += [hour for hours in doses_by_drug(record.doses).values() for hour in hours]
    return max(charted, default=float("nan"))


def estimate_moment(record: PatientRecord, made: datetime) -> str:
    """Format the landmark as day and time.

    Parameters
    ----------
    record : PatientRecord
        The patient at the landmark.
    made : datetime
        When the page is made.

    Returns
    -------
    str

    Examples
    --------
    >>> from datetime import UTC
    >>> import pandas as pd
    >>> clock, none = InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC)), pd.DataFrame()
    >>> person = PatientRecord("P-1", "", 71.5, clock, none, none, none)
    >>> estimate_moment(person, datetime(2026, 11, 22, 7, 0, tzinfo=UTC))
    'day 2, 22 Nov 06:30'
    """
    if record.hours >= 0 and record.clock.zero is None:
        return day_and_hour(record.hours)
    before = record.hours < 0
    day = since_infusion(record.hours) if before else day_text(int(record.hours // 24))
    if record.clock.zero is None:
        return day
    return f"{day}, {moment_text(record.clock, record.hours, made)}"


def moment_text(clock: InfusionClock, hours: float, made: datetime) -> str:
    """Format a time, with the year if it is not that of the page.

    Parameters
    ----------
    clock : InfusionClock
        Clock of the patient.
    hours : float
        Hours since the infusion.
    made : datetime
        When the page is made.

    Returns
    -------
    str

    Examples
    --------
    >>> from datetime import UTC
    >>> clock = InfusionClock(datetime(2026, 11, 19, 7, 0, tzinfo=UTC))
    >>> moment_text(clock, 72.0, datetime(2027, 1, 2, tzinfo=UTC))
    '22 Nov 2026 07:00'
    """
    at = clock.moment(hours)
    same = at is None or at.year == made.astimezone(at.tzinfo).year
    return clock.words(hours) if same else clock.words(hours, year=True)
