"""A small simulated world before it is written: people, their course and the five tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.simulate.latent_history import History, simulate_history
from pipeline.simulate.simulated_patients import People, draw_people
from pipeline.simulate.simulated_tables import build_tables
from pipeline.simulate.simulation_settings import generators, load


@dataclass(frozen=True)
class World:
    settings: dict[str, Any]
    people: People
    history: History
    tables: dict[str, pd.DataFrame]
    random: dict[str, np.random.Generator]


def make_world(patients: int, seed: int) -> World:
    settings, random = load(), generators(seed)
    people = draw_people(patients, settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    tables = build_tables(people, history, settings, random)
    return World(settings, people, history, tables, random)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(150, 5)
