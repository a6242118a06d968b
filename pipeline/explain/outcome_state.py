"""Whether an outcome that has occurred is still present, from the grades charted so far."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.explain.patient_record import PatientRecord


@dataclass(frozen=True)
class OutcomeState:
    """State of an outcome that has occurred.

    Attributes
    ----------
    present : bool
        Whether the newest grade is at or above the threshold.
    grade : int
        The newest grade.
    since : float
        Hour from which on the grade is at or above the threshold if ``present``, else hour from
        which on it is the newest grade.
    onset : float
        Hour at which the threshold was first reached.
    """

    present: bool
    grade: int
    since: float
    onset: float


def outcome_state(record: PatientRecord, scale: str, threshold: int) -> OutcomeState | None:
    """State of an outcome by the newest grade, also from after the landmark.

    Parameters
    ----------
    record : PatientRecord
        The patient.
    scale : str
        Scale of the outcome.
    threshold : int
        Lowest grade of the outcome.

    Returns
    -------
    OutcomeState or None
        None if the threshold was never reached.

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.explain.patient_record import records
    >>> cohort = empty_cohort(["P-1"])
    >>> cohort.assessments.loc[0] = [0, "icans", 2, 50.0]
    >>> cohort.assessments.loc[1] = [0, "icans", 0, 70.0]
    >>> [record] = records(cohort, pd.DataFrame({"patient": [0], "hours": [72.0]}))
    >>> outcome_state(record, "icans", 1)
    OutcomeState(present=False, grade=0, since=70.0, onset=50.0)
    """
    course = record.grade_course(scale)
    reached = [hours for hours, grade in course if grade >= threshold]
    if not reached:
        return None
    newest = course[-1][1]
    present = newest >= threshold
    since = course[-1][0]
    for hours, grade in reversed(course):
        if (grade < threshold) if present else (grade != newest):
            break
        since = hours
    return OutcomeState(present, newest, since, min(reached))
