"""What was charted after the moment of an estimate: no part of it, and told beside it."""

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
_TOLD = 4


@dataclass(frozen=True)
class SubsequentEvents:
    """One fact from the moment of an estimate on.

    Attributes
    ----------
    scale : str
        Scale of a grade, ``death``, or blank for a dose.
    grade : int
        The highest grade charted since; 0 for a dose.
    drug : str
        Key of the drug; blank for a grade.
    hours : float
        When it was first so, hours since time zero.
    """

    scale: str
    grade: int
    drug: str
    hours: float


def subsequent_events(
    cohort: Cohort, landmarks: pd.DataFrame, until: np.ndarray
) -> dict[str, list[SubsequentEvents]]:
    """Changed grades, doses and deaths from each landmark on.

    A grade counts where the highest one since differs from the newest one before.

    Parameters
    ----------
    landmarks : DataFrame
        ``patient`` and ``hours``, at most one row per patient.
    until : ndarray of float, shape (n_patients,)
        Latest hour of each patient that may be looked at.

    Returns
    -------
    dict
        Patient id to facts by time; patients without any are left out.
    """
    moment = pd.Series(
        landmarks["hours"].to_numpy(dtype=float), index=landmarks["patient"].to_numpy()
    )
    ids = cohort.patients["patient_id"]
    found: dict[str, list[SubsequentEvents]] = {}
    for row in _grades(cohort.assessments, moment):
        found.setdefault(str(ids.iloc[row[0]]), []).append(row[1])
    doses = cohort.treatments
    given = doses.loc[doses["given_hours"] >= doses["patient"].map(moment)]
    first = given.sort_values("given_hours", kind="stable").drop_duplicates(["patient", "drug"])
    for dose in first.to_dict("records"):
        fact = SubsequentEvents("", 0, str(dose["drug"]), float(dose["given_hours"]))
        found.setdefault(str(ids.iloc[dose["patient"]]), []).append(fact)
    deaths = cohort.patients["death_hours"].to_numpy(dtype=float)
    for patient in moment.index.to_numpy(dtype=np.intp):
        if moment[patient] <= deaths[patient] < until[patient]:
            mine = found.setdefault(str(ids.iloc[patient]), [])
            if all(fact.scale != _DEATH for fact in mine):
                mine.append(SubsequentEvents(_DEATH, 1, "", float(deaths[patient])))
    return {key: sorted(facts, key=lambda fact: fact.hours) for key, facts in found.items()}


def _grades(assessments: pd.DataFrame, moment: pd.Series) -> list[tuple[int, SubsequentEvents]]:
    """The highest grade since, per patient and scale, where it is another than before."""
    known = assessments.loc[assessments["patient"].isin(moment.index)]
    known = known.sort_values(["assessed_hours", "grade"], kind="stable")
    since = known["assessed_hours"] >= known["patient"].map(moment)
    keys = ["patient", "scale"]
    before = known.loc[~since].groupby(keys)["grade"].last()
    worst = known.loc[since].sort_values("grade", ascending=False, kind="stable")
    found = []
    for row in worst.drop_duplicates(keys).to_dict("records"):
        patient, scale, grade = int(row["patient"]), str(row["scale"]), int(row["grade"])
        if grade != before.get((patient, scale), 0):
            found.append(
                (patient, SubsequentEvents(scale, grade, "", float(row["assessed_hours"])))
            )
    return found


def is_grave(later: Iterable[SubsequentEvents], outcomes: Collection[OutcomeConfig]) -> bool:
    """Whether a death, or what an estimate is about, has come in the meantime."""
    return any(
        (fact.scale == _DEATH and fact.grade > 0)
        or any(
            fact.scale == outcome.scale and fact.grade >= outcome.threshold for outcome in outcomes
        )
        for fact in later
    )


def subsequent_event_text(later: Sequence[SubsequentEvents], clock: InfusionClock) -> str:
    """The facts in one list, with their times."""
    return listed_phrases([_text(fact, clock) for fact in later], _TOLD)


def _text(fact: SubsequentEvents, clock: InfusionClock) -> str:
    when = clock.words(fact.hours)
    if fact.drug:
        return phrase("afterwards", "given", drug=drug_name(fact.drug).lower(), when=when)
    if fact.scale == _DEATH:
        return phrase("afterwards", "death", when=when)
    return phrase(
        "afterwards",
        "grade",
        scale=fact.scale.upper().replace("_", "-"),
        grade=fact.grade,
        when=when,
    )
