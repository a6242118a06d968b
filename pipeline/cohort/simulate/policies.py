"""What the ward gives: tocilizumab, steroids and anakinra, by the grades charted so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.cohort.simulate.people import People
from pipeline.cohort.simulate.settings import Bools
from pipeline.cohort.simulate.state import State

Doses = dict[str, Bools]


def treat(
    state: State,
    people: People,
    hour: float,
    due: Bools,
    policies: Mapping[str, Any],
    random: np.random.Generator,
) -> Doses:
    """Decide on each drug for those assessed now, and note the doses in the state."""
    draw = random.uniform(size=(3, len(people)))
    due = due & state.alive
    persistent = (
        (state.crs == 1)
        & (hour - state.crs_onset >= policies["toci_persistent_grade1_hours"])
        & (draw[0] < policies["toci_persistent_prob"])
    )
    wanted = (state.crs >= policies["toci_from_grade"]) & (draw[0] < people.toci_prob)
    toci = (
        due
        & (wanted | persistent)
        & (state.toci_doses < policies["toci_max_doses"])
        & (hour - state.last_toci >= policies["toci_gap_hours"])
    )
    sick = (state.icans >= policies["steroid_icans_grade"]) | (
        state.crs >= policies["steroid_crs_grade"]
    )
    continued = (hour - state.last_steroid <= policies["steroid_acts_hours"]) & (state.icans >= 1)
    steroid = due & (sick | continued) & (draw[1] < policies["steroid_prob"])
    if hour <= max(policies["prophylaxis_hours"]) + 12:
        times = np.array(policies["prophylaxis_hours"], dtype=float)
        near = bool(np.any((times > hour - 4) & (times <= hour)))
        steroid = steroid | (people.prophylaxis & near & state.alive)
    refractory = (hour - state.first_steroid >= policies["anakinra_after_steroid_hours"]) & (
        (state.icans >= 3) | (state.crs >= 3)
    )
    running = (hour - state.last_anakinra <= 24) & ((state.icans >= 2) | (state.crs >= 2))
    anakinra = (
        due
        & (hour - state.last_anakinra >= 24)
        & ((refractory & (draw[2] < policies["anakinra_prob"])) | running)
    )
    state.first_toci = np.where(toci, np.minimum(state.first_toci, hour), state.first_toci)
    state.last_toci = np.where(toci, hour, state.last_toci)
    state.toci_doses = state.toci_doses + toci
    # prophylaxis is no treatment that failed
    started = steroid & ((state.crs > 0) | (state.icans > 0))
    state.first_steroid = np.where(
        started, np.minimum(state.first_steroid, hour), state.first_steroid
    )
    state.last_steroid = np.where(steroid, hour, state.last_steroid)
    state.last_anakinra = np.where(anakinra, hour, state.last_anakinra)
    return {"tocilizumab": toci, "dexamethasone": steroid, "anakinra": anakinra}
