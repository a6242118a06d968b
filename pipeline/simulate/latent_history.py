"""Course of every simulated patient by step, with saved states for the true risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.latent_course import State, advance, initial_state
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulation_settings import between

AXES = (
    "inflammation",
    "cytokine",
    "acute_phase",
    "macrophage",
    "endothelium",
    "barrier",
    "neuronal",
    "myeloid",
)
_KEPT = (*AXES, "crs", "icans", "first_toci", "last_anakinra")


@dataclass(frozen=True)
class History:
    """Courses as arrays of shape (n_steps, n_patients); row k is the state at ``hours[k]``.

    Attributes
    ----------
    hours : ndarray, shape (n_steps,)
        Hours since infusion at the end of each step.
    tracks : dict
        Axes, ``crs``, ``icans``, ``first_toci`` and ``last_anakinra``.
    assessed : ndarray of bool
        Whether the patient was assessed at that hour.
    doses : dict of str to ndarray of bool
        Whether the patient was given the drug at that hour.
    saved : dict of int to State
        State at each landmark of ``truth``.
    final : State
        State at the end of follow-up.
    record_end, followed_until : ndarray, shape (n_patients,)
        Hours since infusion.
    """

    hours: Floats
    tracks: dict[str, np.ndarray]
    assessed: Bools
    doses: dict[str, Bools]
    saved: dict[int, State]
    final: State
    record_end: Floats
    followed_until: Floats

    def at(self, name: str, patient: Ints, hours: Floats) -> Floats:
        """Value of a track at the given hours; its initial value before the infusion."""
        step = np.clip(np.floor(hours / self.hours[0]).astype(np.int64) - 1, -1, len(self.hours))
        value = self.tracks[name][np.clip(step, 0, len(self.hours) - 1), patient]
        rest = np.inf if name == "first_toci" else -np.inf if name == "last_anakinra" else 0.0
        return np.where(step < 0, rest, value).astype(float)


def simulate_history(
    people: People, settings: Mapping[str, Any], random: np.random.Generator
) -> History:
    """Simulate every patient from infusion to the end of follow-up.

    Parameters
    ----------
    people : People
        Simulated patients.
    settings : mapping
        ``simulation.yaml``.
    random : numpy.random.Generator
        Stream ``course``.

    Returns
    -------
    History

    Examples
    --------
    >>> from pipeline.simulate.simulated_patients import draw_people
    >>> from pipeline.simulate.simulation_settings import generators, load
    >>> settings, random = load(), generators(1)
    >>> people = draw_people(3, settings, random["people"])
    >>> history = simulate_history(people, settings, random["course"])
    >>> history.tracks["crs"].max(axis=0).tolist()
    [1, 3, 1]
    """
    time = settings["time"]
    step = time["step_hours"]
    count = time["follow_up_hours"] // step
    state = initial_state(len(people))
    state.fluctuation = settings["course"]["fluctuation_sd"] * random.standard_normal(len(people))
    tracks: dict[str, list[np.ndarray]] = {name: [] for name in _KEPT}
    assessed, doses, saved = [], [], {}
    wanted = set(settings["truth"]["landmarks_hours"])
    for number in range(count):
        now, given = advance(state, people, float(number * step), settings, random)
        assessed.append(now)
        doses.append(given)
        for name in _KEPT:
            tracks[name].append(getattr(state, name).copy())
        if (number + 1) * step in wanted:
            saved[(number + 1) * step] = state.take(np.arange(len(people)))
    hours = step * np.arange(1, count + 1, dtype=float)
    stacked = {name: np.stack(rows) for name, rows in tracks.items()}
    ill = (stacked["crs"] > 0) | (stacked["icans"] > 0)
    last_ill = np.where(ill, hours[:, None], 0.0).max(axis=0)
    home = np.round(between(random, time["discharge_hours"], len(people)))
    end = np.maximum(home, last_ill + time["discharge_after_grade_hours"])
    follow_up = float(time["follow_up_hours"])
    record_end = np.minimum(np.minimum(end, follow_up), state.died)
    return History(
        hours=hours,
        tracks=stacked,
        assessed=np.stack(assessed) & (hours[:, None] <= record_end[None, :]),
        doses={
            name: np.stack([given[name] for given in doses])
            & (hours[:, None] <= record_end[None, :])
            for name in doses[0]
        },
        saved=saved,
        final=state,
        record_end=record_end,
        followed_until=np.full(len(people), follow_up),
    )
