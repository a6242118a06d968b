"""Draws a synthetic cohort: its people, their courses, and the tables a hospital would export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import UsageError
from pipeline.simulate.export import cut_at_hour, draw_cuts, to_exports
from pipeline.simulate.latent_history import History, simulate_history
from pipeline.simulate.planted_rows import plant_rows
from pipeline.simulate.simulated_patients import People, draw_people
from pipeline.simulate.simulated_tables import Tables, build_tables
from pipeline.simulate.simulation_settings import generators, load

MOST_PATIENTS = 100_000


@dataclass(frozen=True)
class SimulatedCohort:
    """A synthetic cohort and what is known about it.

    Attributes
    ----------
    people : People
    history : History
        The latent course of every patient.
    tables : Tables
        By row number of the patient and hours since infusion, before rows were planted.
    ids : list of str
        Pseudonym of each patient.
    exports : Tables
        Text tables by name, as a hospital would export them.
    planted : DataFrame
        Rows of ``exports`` that are wrong on purpose.
    settings : mapping
        Content of ``simulation.yaml``.
    random : Generator
        For the true risks.
    """

    people: People
    history: History
    tables: Tables
    ids: list[str]
    exports: Tables
    planted: pd.DataFrame
    settings: Mapping[str, Any]
    random: np.random.Generator


def draw_cohort(
    patients: int, seed: int, *, batch: bool = False, panel: str | None = None
) -> SimulatedCohort:
    """Draw a synthetic cohort.

    Parameters
    ----------
    patients : int
        How many, 1 to 100,000.
    seed : int
        The same seed gives the same cohort.
    batch : bool
        Whether each patient is cut in mid-course, to be scored.
    panel : str, optional
        ``research``: every patient has NfL, IL-1RA, GM-CSF and CSF/serum albumin on fixed days.

    Returns
    -------
    SimulatedCohort

    Raises
    ------
    UsageError
        If ``patients`` or ``seed`` is out of range, or there is no such panel.

    Examples
    --------
    >>> sorted(draw_cohort(3, seed=1).exports)
    ['assessments', 'labs', 'observations', 'patients', 'treatments']
    """
    if not isinstance(patients, int) or not 1 <= patients <= MOST_PATIENTS:
        raise UsageError(
            f"the number of patients must lie between 1 and {MOST_PATIENTS}, got {patients}"
        )
    if not isinstance(seed, int) or seed < 0:
        raise UsageError(f"the seed must be a whole number of at least 0, got {seed}")
    settings, random = load(panel), generators(seed)
    people = draw_people(patients, settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    tables = build_tables(people, history, settings, random)
    ids = [f"{'B' if batch else 'S'}{seed}-{number + 1:04d}" for number in range(patients)]
    if batch:
        tables = cut_at_hour(tables, draw_cuts(patients, settings, random["truth"]))
    exports, planted = plant_rows(to_exports(tables, ids, people, settings), random["planted"])
    return SimulatedCohort(
        people, history, tables, ids, exports, planted, settings, random["truth"]
    )
