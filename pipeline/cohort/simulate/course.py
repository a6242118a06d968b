"""How the latent state moves: axes every few hours, grades and treatment at assessments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.cohort.simulate.people import People
from pipeline.cohort.simulate.policies import Doses, treat
from pipeline.cohort.simulate.settings import Bools, Floats, Ints
from pipeline.cohort.simulate.state import State


def advance(
    state: State,
    people: People,
    hour: float,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> tuple[Bools, Doses]:
    """Move the state in place from ``hour`` to one step later; assess whoever is due then.

    Returns
    -------
    assessed : ndarray of bool
        Who was assessed at the end of the step.
    doses : dict
        Drug to who was given it at the end of the step.
    """
    time = settings["time"]
    _move_axes(state, people, hour, settings, random)
    after = hour + time["step_hours"]
    due = ((after - people.phase) % time["assessment_hours"] == 0) & state.alive
    _regrade(state, people, after, due, settings, random)
    doses = treat(state, people, after, due, settings["policies"], random)
    return due & state.alive, doses


def expansion(hour: float, peak: Floats, power: float) -> Floats:
    """Curve with maximum 1 at its peak.

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
    # severe CRS spills over into the blood more than its cause alone explains
    spill = state.inflammation * (1 + course["spill_per_grade"] * np.maximum(state.crs - 1, 0))
    state.cytokine = _relax(state.cytokine, spill, step, lag["cytokine"])
    # CRP is made by the liver under IL-6: without its receptor hardly any is made
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
    state.barrier = _relax(state.barrier, 0.5 * (state.endothelium + neuro), step, lag["barrier"])
    state.myeloid = _relax(state.myeloid, neuro + 0.3 * state.inflammation, step, lag["myeloid"])
    injury = course["neuronal_gain"] * step * (state.icans + 0.3 * state.barrier)
    state.neuronal = state.neuronal * np.exp(-step / lag["neuronal_decay"]) + injury
    open_window = hour < time["risk_window_hours"]
    state.crs_hazard += step * people.crs_rate * strength * growing * open_window
    rising = np.array(course["crs_up"])[np.minimum(state.crs, 3)]
    state.crs_up_hazard += (
        step * rising * people.severity * state.inflammation ** course["crs_up_power"]
    )
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
    """Grade charted first: 3 or 2 with the given shares times severity, else 1."""
    third = np.minimum(shares[1] * severity, 0.5)
    second = third + np.minimum(shares[0] * severity, 0.5)
    return np.where(draw < third, 3, np.where(draw < second, 2, 1)).astype(np.int64)


def _step_grade(grade: Ints, due: Bools, draw: Floats, up: Floats, down: Floats) -> None:
    """One grade up or down, in place; a syndrome that has ended does not come back."""
    active = due & (grade > 0)
    total = up + down
    leaves = active & (draw < -np.expm1(-total))
    share = np.divide(up, total, out=np.zeros_like(up), where=total > 0)
    # where within the leaving probability the draw fell is uniform again
    place = np.divide(draw, -np.expm1(-total), out=np.ones_like(draw), where=total > 0)
    rises = leaves & (place < share) & (grade < 4)
    grade[rises] += 1
    grade[leaves & ~rises] -= 1
