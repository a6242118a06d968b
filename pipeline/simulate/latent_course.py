"""Latent state of every simulated patient and its changes: axes, grades and treatment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.simulated_patients import People

_NEVER_YET = ("crs_onset", "icans_onset", "first_toci", "first_steroid", "died")
_NEVER_BEFORE = ("last_toci", "last_steroid", "last_anakinra")
_WHOLE = ("crs", "icans", "toci_doses")
Doses = dict[str, Bools]


@dataclass
class State:
    """Axes, grades, hazards since the last assessment, and drugs given; one entry per patient.

    Attributes
    ----------
    fluctuation : ndarray
        AR(1) deviation of inflammation, natural log.
    inflammation, cytokine, acute_phase, macrophage, endothelium, barrier, neuronal, myeloid
        Axes, zero at rest.
    crs, icans : ndarray of int
        Grade as of the last assessment.
    crs_onset, icans_onset : ndarray
        Hour of the first grade of at least 1; inf before.
    crs_hazard, crs_up_hazard, icans_hazard, icans_up_hazard : ndarray
        Integrated since the last assessment.
    first_toci, last_toci, first_steroid, last_steroid, last_anakinra : ndarray
        Hours; inf or -inf if never given.
    died : ndarray
        Hour of death; inf if alive.
    """

    fluctuation: Floats
    inflammation: Floats
    cytokine: Floats
    acute_phase: Floats
    macrophage: Floats
    endothelium: Floats
    barrier: Floats
    neuronal: Floats
    myeloid: Floats
    crs: Ints
    icans: Ints
    crs_onset: Floats
    icans_onset: Floats
    crs_hazard: Floats
    crs_up_hazard: Floats
    icans_hazard: Floats
    icans_up_hazard: Floats
    first_toci: Floats
    last_toci: Floats
    toci_doses: Ints
    first_steroid: Floats
    last_steroid: Floats
    last_anakinra: Floats
    died: Floats

    def take(self, rows: Ints) -> State:
        """Copy of the given patients, repeats allowed."""
        return State(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @property
    def alive(self) -> Bools:
        """Whether each patient is alive."""
        return np.isinf(self.died)


def initial_state(count: int) -> State:
    """Return the state at infusion."""
    parts: dict[str, np.ndarray] = {}
    for item in fields(State):
        fill = 0.0
        if item.name in _NEVER_YET:
            fill = np.inf
        elif item.name in _NEVER_BEFORE:
            fill = -np.inf
        kind = np.int64 if item.name in _WHOLE else np.float64
        parts[item.name] = np.full(count, fill, dtype=kind)
    return State(**parts)


def give_treatment(
    state: State,
    people: People,
    hour: float,
    due: Bools,
    policies: Mapping[str, Any],
    random: np.random.Generator,
) -> Doses:
    """Treat the patients assessed now, and record the doses in the state."""
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
    # prophylaxis does not count as a failed treatment
    started = steroid & ((state.crs > 0) | (state.icans > 0))
    state.first_steroid = np.where(
        started, np.minimum(state.first_steroid, hour), state.first_steroid
    )
    state.last_steroid = np.where(steroid, hour, state.last_steroid)
    state.last_anakinra = np.where(anakinra, hour, state.last_anakinra)
    return {"tocilizumab": toci, "dexamethasone": steroid, "anakinra": anakinra}


def advance(
    state: State,
    people: People,
    hour: float,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> tuple[Bools, Doses]:
    """Advance the state in place by one step, then assess the patients who are due.

    Returns
    -------
    assessed : ndarray of bool
        Whether the patient was assessed at the end of the step.
    doses : dict of str to ndarray of bool
        Whether the patient was given the drug at the end of the step.
    """
    time = settings["time"]
    _move_axes(state, people, hour, settings, random)
    after = hour + time["step_hours"]
    due = ((after - people.phase) % time["assessment_hours"] == 0) & state.alive
    _regrade(state, people, after, due, settings, random)
    doses = give_treatment(state, people, after, due, settings["policies"], random)
    return due & state.alive, doses


def expansion(hour: float, peak: Floats, power: float) -> Floats:
    """Return the expansion curve, with its maximum of 1 at the peak.

    Examples
    --------
    >>> expansion(60.0, np.array([60.0]), 3.0).tolist()
    [1.0]
    """
    part = hour / peak
    return np.asarray(part**power * np.exp(power * (1.0 - part)))


def _move_axes(
    state: State,
    people: People,
    hour: float,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> None:
    course, policies, time = settings["course"], settings["policies"], settings["time"]
    step, lag = float(time["step_hours"]), course["lag_hours"]
    rho = course["fluctuation_autocorrelation"] ** (step / 24.0)
    noise = random.standard_normal(len(people)) * course["fluctuation_sd"] * np.sqrt(1 - rho**2)
    state.fluctuation = rho * state.fluctuation + noise
    middle = hour + step / 2
    strength = np.exp(course["propensity_sd"] * people.z + state.fluctuation)
    growing = expansion(middle, people.crs_peak, course["expansion_power"])
    since = np.where(np.isfinite(state.crs_onset), middle - state.crs_onset, 0.0)
    peak = np.full(len(people), float(course["surge_peak_hours"]))
    surge = _surge(since, peak, course["surge_power"])
    calm = np.where(hour >= state.first_toci, policies["toci_surge_factor"], 1.0)
    steroid = hour - state.last_steroid < policies["steroid_acts_hours"]
    calm = calm * np.where(steroid, policies["steroid_surge_factor"], 1.0)
    source = strength * (course["before_onset"] * growing + surge) * calm
    state.inflammation = _relax(state.inflammation, source, step, lag["inflammation"])
    # in severe CRS, cytokines in the blood exceed the level explained by inflammation
    spill = state.inflammation * (1 + course["spill_per_grade"] * np.maximum(state.crs - 1, 0))
    state.cytokine = _relax(state.cytokine, spill, step, lag["cytokine"])
    # the liver makes CRP in response to IL-6; with its receptor blocked it makes little
    blocked = hour >= state.first_toci
    decay = policies["crp_half_life_hours"] / np.log(2.0)
    state.acute_phase = np.where(
        blocked,
        _relax(state.acute_phase, policies["toci_crp_leak"] * spill, step, decay),
        _relax(state.acute_phase, spill, step, lag["acute_phase"]),
    )
    state.macrophage = _relax(state.macrophage, spill, step, lag["macrophage"])
    leak = state.inflammation * np.exp(course["endothelial_sd"] * people.ze)
    state.endothelium = _relax(state.endothelium, leak, step, lag["endothelium"])
    window = expansion(middle, people.icans_peak, course["icans_power"])
    neuro = np.exp(course["neuro_sd"] * people.zn) * window
    share = course["endothelium_to_barrier"]
    opened = share * state.endothelium + (1 - share) * neuro
    state.barrier = _relax(state.barrier, opened, step, lag["barrier"])
    engaged = neuro + course["inflammation_to_myeloid"] * state.inflammation
    state.myeloid = _relax(state.myeloid, engaged, step, lag["myeloid"])
    injury = (
        course["neuronal_gain"] * step * (state.icans + course["neuronal_barrier"] * state.barrier)
    )
    state.neuronal = state.neuronal * np.exp(-step / lag["neuronal_decay"]) + injury
    open_window = hour < time["risk_window_hours"]
    state.crs_hazard += step * people.crs_rate * strength * growing * open_window
    rising = np.array(course["crs_up"])[np.minimum(state.crs, 3)]
    drive = state.inflammation ** course["crs_up_power"]
    drive = drive * state.endothelium ** course["crs_up_endothelium_power"]
    state.crs_up_hazard += step * rising * people.severity * drive
    weight = course["endothelium_to_icans"]
    state.icans_hazard += (
        step * people.icans_rate * neuro * (1 - weight + weight * state.barrier) * open_window
    )
    climbing = np.array(course["icans_up"])[np.minimum(state.icans, 3)]
    state.icans_up_hazard += (
        step * climbing * people.icans_severity * state.barrier ** course["icans_up_power"]
    )


def _relax(level: Floats, target: Floats, step: float, hours: float) -> Floats:
    return np.asarray(target + (level - target) * np.exp(-step / hours))


def _surge(since: Floats, peak: Floats, power: float) -> Floats:
    part = np.maximum(since, 0.0) / peak
    return np.asarray(part**power * np.exp(power * (1.0 - part)))


def _regrade(
    state: State,
    people: People,
    hour: float,
    due: Bools,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> None:
    course, policies = settings["course"], settings["policies"]
    every = float(settings["time"]["assessment_hours"])
    draw = random.uniform(size=(7, len(people)))
    toci = np.where(hour > state.first_toci, policies["toci_recovery"], 1.0)
    steroid = np.where(
        hour - state.last_steroid < policies["steroid_acts_hours"] + every,
        policies["steroid_recovery"],
        1.0,
    )
    anakinra = np.where(
        hour - state.last_anakinra < policies["anakinra_acts_hours"],
        policies["anakinra_recovery"],
        1.0,
    )
    ease = 1.0 / (1.0 + 0.5 * state.inflammation)
    crs_down = np.array(course["crs_down"])[state.crs] * every * toci * ease
    icans_down = np.array(course["icans_down"])[state.icans] * every * steroid * anakinra
    deadly = (state.crs == 4) | (state.icans == 4)
    hazard = every * (course["death_other"] + course["death_grade4"] * deadly)
    dies = due & (draw[4] < -np.expm1(-hazard))
    state.died[dies] = hour
    due = due & ~dies
    new = due & np.isinf(state.crs_onset) & (draw[0] < -np.expm1(-state.crs_hazard))
    _step_grade(state.crs, due & ~new, draw[1], state.crs_up_hazard, crs_down)
    start = _first_grade(draw[5], course["crs_start"], people.severity)
    state.crs[new] = start[new]
    state.crs_onset[new] = hour
    new = due & np.isinf(state.icans_onset) & (draw[2] < -np.expm1(-state.icans_hazard))
    _step_grade(state.icans, due & ~new, draw[3], state.icans_up_hazard, icans_down)
    start = _first_grade(draw[6], course["icans_start"], people.icans_severity)
    state.icans[new] = start[new]
    state.icans_onset[new] = hour
    for name in ("crs_hazard", "crs_up_hazard", "icans_hazard", "icans_up_hazard"):
        getattr(state, name)[due] = 0.0


def _first_grade(draw: Floats, shares: list[float], severity: Floats) -> Ints:
    """First charted grade: 3 or 2 with the given shares times severity, else 1."""
    third = np.minimum(shares[1] * severity, 0.5)
    second = third + np.minimum(shares[0] * severity, 0.5)
    return np.where(draw < third, 3, np.where(draw < second, 2, 1)).astype(np.int64)


def _step_grade(grade: Ints, due: Bools, draw: Floats, up: Floats, down: Floats) -> None:
    """Move each grade up or down by one, in place; an ended syndrome does not recur."""
    active = due & (grade > 0)
    total = up + down
    leaves = active & (draw < -np.expm1(-total))
    share = np.divide(up, total, out=np.zeros_like(up), where=total > 0)
    # given that the grade changes, the rescaled draw is uniform again
    rescaled = np.divide(draw, -np.expm1(-total), out=np.ones_like(draw), where=total > 0)
    rises = leaves & (rescaled < share) & (grade < 4)
    grade[rises] += 1
    grade[leaves & ~rises] -= 1
