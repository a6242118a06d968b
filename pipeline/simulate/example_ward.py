"""A ward of simulated patients whose newest results have just arrived, one of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.errors import UsageError
from pipeline.simulate.example_courses import (
    COURSES,
    Moments,
    choose_moments,
    result_moments,
)
from pipeline.simulate.export import cut_at_hour, to_exports
from pipeline.simulate.latent_history import History, simulate_history
from pipeline.simulate.planted_rows import plant_rows
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulated_tables import Tables, build_tables
from pipeline.simulate.simulation_settings import between, generators, load

_POOL = 400
_MINUTES = (2, 25)  # age of the newest result
_UNTIL_DOSE = 0.75  # from the decision to the dose, as in the table of treatments
UNREADABLE = "see report"
"""Value of every result of the patient whose export cannot be used."""


@dataclass(frozen=True)
class ExampleWard:
    """Tables of a ward and what is known about them.

    Attributes
    ----------
    exports : dict of str to DataFrame
        Text tables, as a hospital would export them.
    planted : DataFrame
        Rows of ``exports`` that are wrong on purpose.
    kinds : DataFrame
        ``patient_id, kind`` of the patients that were chosen by their course.
    """

    exports: Tables
    planted: pd.DataFrame
    kinds: pd.DataFrame


def draw_ward(patients: int, seed: int, now: datetime, *, panel: str | None = None) -> ExampleWard:
    """Draw patients in mid-course at one moment.

    Patients of every kind of ``COURSES`` are chosen from a larger pool by their simulated course,
    the others at random. One patient has results of CRP only, another none that can be read.

    Parameters
    ----------
    patients : int
        Number of patients; with fewer than there are kinds, the last kinds are omitted.
    seed : int
        The same seed and moment give the same ward.
    now : datetime
        With an offset; the record of every patient ends here.
    panel : str, optional
        As in :func:`pipeline.simulate.simulated_cohort.draw_cohort`.

    Returns
    -------
    ExampleWard

    Raises
    ------
    UsageError
        If ``now`` has no offset, or there is no such panel.

    Examples
    --------
    >>> from datetime import UTC
    >>> ward = draw_ward(9, 1, datetime(2026, 11, 29, 6, tzinfo=UTC))
    >>> len(ward.exports["patients"]), sorted(set(ward.kinds["kind"])) == sorted(COURSES)
    (9, True)
    """
    if now.tzinfo is None:
        raise UsageError(f"the time {now} has no offset; give one, such as 2026-11-29T06:00Z")
    settings, random = load(panel), generators(seed)
    people = draw_people(max(_POOL, 4 * patients), settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    tables = build_tables(people, history, settings, random)
    first, last = settings["batch"]["cut_hours"]
    moments = result_moments(history, tables["labs"], float(first), float(last))
    chosen = choose_moments(moments, list(COURSES)[:patients])
    places = [*chosen.values(), *_others(moments, list(chosen.values()), patients, random["truth"])]
    rows, hours = moments.patient[places], moments.hours[places]
    minutes = np.round(between(random["truth"], _MINUTES, len(rows)))
    cuts = np.full(len(people), -np.inf)
    cuts[rows] = hours + minutes / 60.0
    if "treated_since" in chosen:
        patient = rows[list(chosen).index("treated_since")]
        cuts[patient] = _after_dose(history, tables["labs"], int(patient))
    tables = _of_patients(cut_at_hour(tables, cuts), rows)
    kind_of = {name: int(rows[place]) for place, name in enumerate(chosen)}
    tables["labs"] = _spoiled(tables["labs"], kind_of)
    names = {int(row): f"B{seed}-{place + 1:04d}" for place, row in enumerate(np.sort(rows))}
    ids = [names.get(row, "") for row in range(len(people))]
    zero = now.timestamp() - 3600.0 * np.where(np.isfinite(cuts), cuts, 0.0)
    exports = to_exports(tables, ids, people, settings, zero)
    exports, planted = plant_rows(exports, random["planted"])
    kinds = pd.DataFrame(
        [(names[row], kind) for kind, row in kind_of.items()], columns=["patient_id", "kind"]
    )
    return ExampleWard(exports, planted, kinds.sort_values("patient_id", ignore_index=True))


def _others(
    moments: Moments, taken: list[int], patients: int, random: np.random.Generator
) -> list[int]:
    """One random moment of further random patients."""
    free = np.setdiff1d(np.unique(moments.patient), moments.patient[taken])
    wanted = random.permutation(free)[: patients - len(taken)]
    return [int(random.choice(np.flatnonzero(moments.patient == row))) for row in wanted]


def _after_dose(history: History, labs: pd.DataFrame, patient: int) -> float:
    """A moment after the first dose of tocilizumab, before any result that follows it."""
    given = history.hours[history.doses["tocilizumab"][:, patient].argmax()] + _UNTIL_DOSE
    arrived = labs.loc[labs["patient"] == patient, "resulted_hours"]
    following = float(arrived[arrived > given].min()) if (arrived > given).any() else np.inf
    return float(min(given + 0.4, (given + following) / 2))


def _of_patients(tables: Tables, rows: np.ndarray) -> Tables:
    kept = {name: table.loc[table["patient"].isin(rows)] for name, table in tables.items()}
    return {name: table.reset_index(drop=True) for name, table in kept.items()}


def _spoiled(labs: pd.DataFrame, kind_of: dict[str, int]) -> pd.DataFrame:
    """One patient sends CRP only, another only results without a number."""
    crp_only = (labs["patient"] == kind_of.get("abstained", -1)) & (labs["analyte"] != "crp")
    labs = labs.loc[~crp_only].reset_index(drop=True)
    unreadable = labs["patient"] == kind_of.get("rejected", -1)
    return labs.assign(value=labs["value"].where(~unreadable, UNREADABLE))
