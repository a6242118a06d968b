"""The true risk given the latent state at a landmark, by letting many futures start from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.simulate.latent_course import advance
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People

_AT_ONCE = 15_000  # futures; so that their state stays in the processor's cache


def true_risk(
    people: People,
    history: History,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Probability that each outcome is first charted within a horizon after each landmark.

    The simulator itself is restarted from the state at the landmark, so the answer is exact up to
    the number of replicas, and cannot fall as the horizon grows.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``landmark_hours, horizon_h, outcome, risk``, for patients alive,
        in record and without the outcome so far.
    """
    truth = settings["truth"]
    parts = []
    for landmark, state in history.saved.items():
        here = np.flatnonzero(state.alive & (history.record_end >= landmark))
        size = max(1, _AT_ONCE // truth["replicas"])
        chunks = [here[start : start + size] for start in range(0, len(here), size)]
        found = [
            _first_charted(people, history, rows, landmark, settings, random) for rows in chunks
        ]
        for outcome, (scale, threshold) in truth["outcomes"].items():
            reached = history.tracks[scale] >= threshold
            past = (reached & (history.hours[:, None] < landmark)).any(axis=0)[here]
            for horizon in truth["horizons_hours"]:
                within = [(first[outcome] <= landmark + horizon).mean(axis=1) for first in found]
                risk = np.concatenate([np.empty(0), *within])
                part = pd.DataFrame(
                    {
                        "patient": here,
                        "landmark_hours": landmark,
                        "horizon_h": horizon,
                        "outcome": outcome,
                        "risk": np.round(risk, 4),
                    }
                )
                parts.append(part.loc[~past])
    table = pd.concat(parts, ignore_index=True)
    ordered: pd.DataFrame = table.sort_values(
        ["patient", "landmark_hours", "outcome", "horizon_h"], kind="stable", ignore_index=True
    )
    return ordered


def _first_charted(
    people: People,
    history: History,
    here: np.ndarray,
    landmark: int,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> dict[str, Floats]:
    """Hour at which each outcome is first charted, shape (n_patients, replicas)."""
    truth, step = settings["truth"], settings["time"]["step_hours"]
    replicas = truth["replicas"]
    rows = np.repeat(here, replicas)
    state, many = history.saved[landmark].take(rows), people.take(rows)
    # a grade charted at the landmark itself is not known before it
    first = {
        name: np.where(getattr(state, scale) >= threshold, float(landmark), np.inf)
        for name, (scale, threshold) in truth["outcomes"].items()
    }
    for hour in range(landmark, landmark + max(truth["horizons_hours"]), step):
        advance(state, many, float(hour), settings, random)
        for name, (scale, threshold) in truth["outcomes"].items():
            hit = (getattr(state, scale) >= threshold) & np.isinf(first[name])
            first[name][hit] = hour + step
    return {name: item.reshape(len(here), replicas) for name, item in first.items()}
