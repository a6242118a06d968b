"""True risk given the latent state at a landmark, by simulating many futures from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.simulate.latent_course import advance
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People

_AT_ONCE = 15_000  # futures whose state fits into the processor's cache


def true_risk(
    people: People,
    history: History,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Compute the probability that each outcome is first charted within each horizon.

    The simulator is restarted from the state at the landmark. The result is exact up to the
    number of replicas and does not decrease with the horizon.

    Parameters
    ----------
    people : People
        Simulated patients.
    history : History
        Their courses.
    settings : mapping
        ``simulation.yaml``; ``truth`` lists landmarks, horizons, outcomes and replicas.
    random : numpy.random.Generator
        Stream ``truth``.

    Returns
    -------
    DataFrame
        ``patient`` (row number), ``landmark_hours, horizon_h, outcome, risk``, for patients alive,
        in record and without the outcome so far.

    Examples
    --------
    >>> from pipeline.simulate.latent_history import simulate_history
    >>> from pipeline.simulate.simulated_patients import draw_people
    >>> from pipeline.simulate.simulation_settings import generators, load
    >>> settings, random = load(), generators(1)
    >>> truth = {**settings["truth"], "landmarks_hours": [24], "replicas": 10}
    >>> time = {**settings["time"], "follow_up_hours": 24}
    >>> settings = {**settings, "truth": truth, "time": time}
    >>> people = draw_people(2, settings, random["people"])
    >>> history = simulate_history(people, settings, random["course"])
    >>> risk = true_risk(people, history, settings, random["truth"])
    >>> risk.loc[risk["outcome"] == "icans", "risk"].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.5, 0.8]
    """
    truth = settings["truth"]
    parts = []
    for landmark, state in history.saved.items():
        here = np.flatnonzero(state.alive & (history.record_end >= landmark))
        size = max(1, _AT_ONCE // truth["replicas"])
        chunks = [here[start : start + size] for start in range(0, len(here), size)]
        futures = [
            _first_charted(people, history, rows, landmark, settings, random) for rows in chunks
        ]
        for outcome, (scale, threshold) in truth["outcomes"].items():
            reached = history.tracks[scale] >= threshold
            past = (reached & (history.hours[:, None] < landmark)).any(axis=0)[here]
            for horizon in truth["horizons_hours"]:
                within = [(first[outcome] <= landmark + horizon).mean(axis=1) for first in futures]
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
    # a grade charted exactly at the landmark is a future event
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
