"""Moments of simulated courses that show each kind of patient a ward list must handle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.latent_history import History

_DAY = 24.0


@dataclass(frozen=True)
class Moments:
    """Arrivals of results in the course of simulated patients, as arrays of one length.

    Attributes
    ----------
    patient : ndarray of int
        Row number.
    hours : ndarray
        Hours since infusion at which a result arrives.
    """

    history: History
    patient: Ints
    hours: Floats

    def at(self, track: str, later: float = 0.0) -> Floats:
        """Value of a track so many hours after each moment; negative for before."""
        return self.history.at(track, self.patient, self.hours + later)

    def worst(self, scale: str, start: float, end: float) -> Floats:
        """Highest grade between two hours relative to each moment."""
        step = self.history.hours[0]
        grades = [self.at(scale, float(hour)) for hour in np.arange(start, end + step, step)]
        return np.asarray(np.max(grades, axis=0), dtype=float)

    def charted(self, scale: str, low: int, high: int) -> Bools:
        """Whether the grade lies between two grades now and at the last two assessments."""
        grades = [self.at(scale, -hours) for hours in (0.0, 6.0, 12.0)]
        return np.asarray(np.all([(low <= each) & (each <= high) for each in grades], axis=0))


def result_moments(history: History, labs: pd.DataFrame, first: float, last: float) -> Moments:
    """Arrivals of quick results between two hours, each patient's in the order of the table.

    Parameters
    ----------
    history : History
    labs : DataFrame
        ``patient, collected_hours, resulted_hours``.
    first, last : float
        Hours since infusion.

    Returns
    -------
    Moments

    Examples
    --------
    >>> from pipeline.simulate.simulated_cohort import draw_cohort
    >>> cohort = draw_cohort(2, seed=1)
    >>> moments = result_moments(cohort.history, cohort.tables["labs"], 48, 72)
    >>> set(moments.patient.tolist()), bool((moments.hours < 72).all())
    ({0, 1}, True)
    """
    quick = labs["resulted_hours"] - labs["collected_hours"] < 6
    inside = quick & labs["resulted_hours"].between(first, last)
    rows = labs.loc[inside].drop_duplicates(["patient", "resulted_hours"])
    patient = rows["patient"].to_numpy(dtype=np.int64)
    hours = rows["resulted_hours"].to_numpy(dtype=float)
    kept = hours < history.record_end[patient] - _DAY
    return Moments(history, patient[kept], hours[kept])


def _severe_crs_rising(now: Moments) -> tuple[Bools, Floats]:
    fits = now.charted("crs", 1, 2) & (now.at("crs") == 2) & (now.worst("icans", -144, 0) == 0)
    fits &= now.worst("crs", 4, 36) >= 3
    return fits, now.at("inflammation") + now.at("inflammation") - now.at("inflammation", -_DAY)


def _icans_after_crs(now: Moments) -> tuple[Bools, Floats]:
    fits = (now.worst("crs", -96, -12) >= 1) & (now.worst("icans", -144, 4) == 0)
    fits &= (now.worst("crs", -144, 72) < 3) & (now.worst("icans", 8, 48) >= 1)
    return fits, now.at("barrier") + now.at("myeloid")


def _icans_present(now: Moments) -> tuple[Bools, Floats]:
    fits = now.charted("icans", 1, 2) & (now.worst("icans", 0, 96) <= 2)
    return fits & (now.worst("icans", -144, -36) == 0), now.at("barrier")


def _severe_icans_risk(now: Moments) -> tuple[Bools, Floats]:
    fits = now.charted("icans", 1, 2) & (now.at("icans") == 2) & (now.worst("icans", -144, 0) <= 2)
    return fits & (now.worst("icans", 4, 36) >= 3), now.at("barrier") + now.at("neuronal")


def _low_risk(now: Moments) -> tuple[Bools, Floats]:
    calm = (now.worst("crs", -144, 168) == 0) & (now.worst("icans", -144, 168) == 0)
    return calm & (now.hours >= 96), -now.at("inflammation")


def _any_mild(now: Moments) -> tuple[Bools, Floats]:
    fits = (now.worst("crs", -144, 24) <= 1) & (now.worst("icans", -144, 24) == 0)
    return fits, np.zeros(len(now.hours))


def _before_tocilizumab(now: Moments) -> tuple[Bools, Floats]:
    """A first dose within 6 hours of the result, the sooner the better."""
    doses = now.history.doses["tocilizumab"]
    given = np.where(doses.any(axis=0), now.history.hours[doses.argmax(axis=0)], np.inf)
    wait = given[now.patient] - now.hours
    return (wait > 0) & (wait < 6), -wait


COURSES: dict[str, Callable[[Moments], tuple[Bools, Floats]]] = {
    "severe_crs_rising": _severe_crs_rising,
    "severe_icans_risk": _severe_icans_risk,
    "icans_after_crs": _icans_after_crs,
    "icans_present": _icans_present,
    "treated_since": _before_tocilizumab,
    "abstained": _any_mild,
    "rejected": _any_mild,
    "low_risk": _low_risk,
}
"""Kind to whether each moment fits, and how well; only the simulated course counts."""


def choose_moments(moments: Moments, kinds: list[str]) -> dict[str, int]:
    """Choose one moment for each kind, of distinct patients; kinds without one are omitted.

    Parameters
    ----------
    moments : Moments
    kinds : list of str
        Keys of ``COURSES``, in the order of choice.

    Returns
    -------
    dict of str to int
        Kind to the position of its moment.

    Examples
    --------
    >>> from pipeline.simulate.simulated_cohort import draw_cohort
    >>> cohort = draw_cohort(30, seed=1)
    >>> moments = result_moments(cohort.history, cohort.tables["labs"], 48, 144)
    >>> list(choose_moments(moments, ["low_risk"]))
    ['low_risk']
    """
    chosen: dict[str, int] = {}
    free = np.ones(len(moments.patient), dtype=bool)
    for kind in kinds:
        fits, merit = COURSES[kind](moments)
        places = np.flatnonzero(fits & free)
        if len(places):
            place = int(places[np.argmax(merit[places])])
            chosen[kind] = place
            free &= moments.patient != moments.patient[place]
    return chosen
