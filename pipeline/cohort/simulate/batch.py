"""A batch in mid-course: each patient as the ward knows them at one hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.simulate.settings import Floats, between
from pipeline.cohort.simulate.tables import Tables

_CLOCKS = {
    "treatments": "given_hours",
    "observations": "observed_hours",
    "assessments": "assessed_hours",
}
_UNKNOWN = ["record_end_hours", "followed_until_hours", "death_hours"]


def draw_cuts(count: int, settings: Mapping[str, Any], random: np.random.Generator) -> Floats:
    """Hour at which each patient is looked at."""
    return np.asarray(np.round(between(random, settings["batch"]["cut_hours"], count), 2))


def cut(tables: Tables, hours: Floats) -> Tables:
    """Keep what was known before each patient's hour; the end of the record is not known yet.

    A result whose time was left out is kept when its sample is a week old.
    """
    patients = tables["patients"].drop(columns=_UNKNOWN)
    result: dict[str, pd.DataFrame] = {"patients": patients}
    labs = tables["labs"]
    limit = hours[labs["patient"].to_numpy()]
    known = labs["resulted_hours"].fillna(labs["collected_hours"] + 168.0) < limit
    result["labs"] = labs.loc[known].reset_index(drop=True)
    for name, clock in _CLOCKS.items():
        rows = tables[name]
        before = rows[clock].to_numpy() < hours[rows["patient"].to_numpy()]
        result[name] = rows.loc[before].reset_index(drop=True)
    return result
