"""Events charted after an estimate: shown with it, but not used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig
from pipeline.explain.drug_caveats import drug_name
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.phrases import listed_phrases, phrase

_DEATH = "death"
_MOST_LISTED = 4


@dataclass(frozen=True)
class SubsequentEvents:
    """One event at or after the landmark of an estimate.

    Attributes
    ----------
    scale : str
        Scale of a grade, ``death``, or empty for a dose.
    grade : int
        The highest grade charted since; 0 for a dose.
    drug : str
        Key of the drug; empty for a grade.
    hours : float
        Hours since time zero of the first dose or of the highest grade.
    """

    scale: str
    grade: int
    drug: str
    hours: float


def subsequent_events(
    cohort: Cohort, landmarks: pd.DataFrame, until: np.ndarray
) -> dict[str, list[SubsequentEvents]]:
    """Return changed grades, doses and deaths at or after each landmark.

    A grade is returned if the highest grade since the landmark differs from the newest before.

    Parameters
    ----------
    cohort : Cohort
        Validated tables.
    landmarks : DataFrame
        ``patient`` and ``hours``, at most one row per patient.
    until : ndarray of float, shape (n_patients,)
        Hour of each patient before which a death counts.

    Returns
    -------
    dict of str to list of SubsequentEvents
        By patient id, sorted by time; patients without events are left out.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P-1"])
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 80.0]
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [72.0]})
    >>> subsequent_events(cohort, landmarks, np.array([np.inf]))
    {'P-1': [SubsequentEvents(scale='crs', grade=3, drug='', hours=80.0)]}
    """
    moment = pd.Series(
        landmarks["hours"].to_numpy(dtype=float), index=landmarks["patient"].to_numpy()
    )
    ids = cohort.patients["patient_id"]
    by_patient: dict[str, list[SubsequentEvents]] = {}
    for row, event in _grades(cohort.assessments, moment):
        by_patient.setdefault(str(ids.iloc[row]), []).append(event)
    doses = cohort.treatments
    given = doses.loc[doses["given_hours"] >= doses["patient"].map(moment)]
    first = given.sort_values("given_hours", kind="stable").drop_duplicates(["patient", "drug"])
    for dose in first.to_dict("records"):
        event = SubsequentEvents("", 0, str(dose["drug"]), float(dose["given_hours"]))
        by_patient.setdefault(str(ids.iloc[dose["patient"]]), []).append(event)
    deaths = cohort.patients["death_hours"].to_numpy(dtype=float)
    for patient in moment.index.to_numpy(dtype=np.intp):
        if moment[patient] <= deaths[patient] < until[patient]:
            events = by_patient.setdefault(str(ids.iloc[patient]), [])
            if all(event.scale != _DEATH for event in events):
                events.append(SubsequentEvents(_DEATH, 1, "", float(deaths[patient])))
    return {
        key: sorted(events, key=lambda event: event.hours) for key, events in by_patient.items()
    }


def _grades(assessments: pd.DataFrame, moment: pd.Series) -> list[tuple[int, SubsequentEvents]]:
    """Highest grade since the landmark by patient and scale, if it differs from the last before."""
    known = assessments.loc[assessments["patient"].isin(moment.index)]
    known = known.sort_values(["assessed_hours", "grade"], kind="stable")
    since = known["assessed_hours"] >= known["patient"].map(moment)
    keys = ["patient", "scale"]
    before = known.loc[~since].groupby(keys)["grade"].last()
    worst = known.loc[since].sort_values("grade", ascending=False, kind="stable")
    changed = []
    for row in worst.drop_duplicates(keys).to_dict("records"):
        patient, scale, grade = int(row["patient"]), str(row["scale"]), int(row["grade"])
        if grade != before.get((patient, scale), 0):
            changed.append(
                (patient, SubsequentEvents(scale, grade, "", float(row["assessed_hours"])))
            )
    return changed


def is_grave(later: Iterable[SubsequentEvents], outcomes: Collection[OutcomeConfig]) -> bool:
    """Whether the events include a death or one of the outcomes.

    Parameters
    ----------
    later : iterable of SubsequentEvents
        Events of one patient.
    outcomes : collection of OutcomeConfig
        Estimated outcomes.

    Returns
    -------
    bool

    Examples
    --------
    >>> crs = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
    >>> [is_grave([SubsequentEvents("crs", grade, "", 80.0)], [crs]) for grade in (2, 3)]
    [False, True]
    """
    return any(
        (event.scale == _DEATH and event.grade > 0)
        or any(
            event.scale == outcome.scale and event.grade >= outcome.threshold
            for outcome in outcomes
        )
        for event in later
    )


def subsequent_event_text(later: Sequence[SubsequentEvents], clock: InfusionClock) -> str:
    """List the events with their times as text."""
    return listed_phrases([_text(event, clock) for event in later], _MOST_LISTED)


def _text(event: SubsequentEvents, clock: InfusionClock) -> str:
    when = clock.words(event.hours)
    if event.drug:
        return phrase("afterwards", "given", drug=drug_name(event.drug).lower(), when=when)
    if event.scale == _DEATH:
        return phrase("afterwards", "death", when=when)
    return phrase(
        "afterwards",
        "grade",
        scale=event.scale.upper().replace("_", "-"),
        grade=event.grade,
        when=when,
    )
