"""Times of simulated samples: by routine, by illness and by the habits of the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulation_settings import between, named


@dataclass(frozen=True)
class Rounds:
    """The morning and evening draws of every patient, shape (n_days, n_patients)."""

    days: Ints
    morning: Floats
    ill: Bools
    evening: Bools
    routine: Bools
    within: Bools


def plan_rounds(
    people: People, history: History, settings: Mapping[str, Any], random: np.random.Generator
) -> Rounds:
    """Plan the daily draws in hours since infusion, in the morning of the site's local time."""
    sampling, count = settings["sampling"], len(people)
    first = settings["time"]["first_lab_hours"] // 24
    days = np.arange(first, settings["time"]["follow_up_hours"] // 24, dtype=np.int64)
    shape = (len(days), count)
    wall = between(random, sampling["draw_local_hour"], shape)
    hour_of_infusion = people.infusion % 24.0
    morning = 24.0 * (days[:, None] + 1) + wall - hour_of_infusion[None, :]
    morning = np.round(morning * 60.0) / 60.0
    patient = np.broadcast_to(np.arange(count), shape)
    grade = history.at("crs", patient, morning) + history.at("icans", patient, morning)
    ill = grade > 0
    late = days[:, None] + 1 >= sampling["thin_from_day"]
    parity = (days[:, None] + np.arange(count)[None, :]) % 2 == 0
    within = morning < history.record_end[None, :]
    return Rounds(
        days=days,
        morning=morning,
        ill=ill,
        evening=within & ill & (random.uniform(size=shape) < sampling["second_draw_prob"]),
        routine=within & (morning > 0) & (ill | ~late | parity),
        within=within,
    )


def order_samples(
    key: str,
    people: People,
    history: History,
    rounds: Rounds,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> tuple[Ints, Floats]:
    """Plan the draws of one analyte.

    Returns
    -------
    patient, hours : ndarray
        Row number and hour of collection of each draw.
    """
    entry, sampling = settings["analytes"][key], settings["sampling"]
    site = _site_factor(entry, settings)[people.site]
    shape = rounds.morning.shape
    chance = entry["order"] * site[None, :] * np.where(rounds.ill, entry["sick"], 1.0)
    drawn = rounds.routine & (random.uniform(size=shape) < chance)
    for day, share in entry.get("scheduled", {}).items():
        row = int(np.searchsorted(rounds.days, int(day) - 1))
        planned = random.uniform(size=shape[1]) < share * np.minimum(site, 1.0)
        drawn[row] |= planned & rounds.within[row] & (rounds.morning[row] > 0)
    low, high = sampling["baseline_days"]
    chosen = random.integers(low, high + 1, shape[1])
    if entry["batch"] in ("routine", "coagulation", "cytokine"):
        chosen = np.full(shape[1], high)
    row_of = chosen - rounds.days[0] - 1
    row_of = np.maximum(row_of, 0)
    wanted = random.uniform(size=shape[1]) < entry["baseline"] * np.minimum(site, 1.0)
    drawn[row_of[wanted], np.flatnonzero(wanted)] = True
    day, patient = np.nonzero(drawn)
    hours = rounds.morning[day, patient]
    if entry["batch"] in ("routine", "coagulation"):
        day, again = np.nonzero(drawn & rounds.evening)
        extra = rounds.morning[day, again] + sampling["second_draw_hours"]
        inside = extra < history.record_end[again]
        patient = np.concatenate([patient, again[inside]])
        hours = np.concatenate([hours, extra[inside]])
    if "after_icans" in entry:
        onset = history.final.icans_onset
        tap = onset + between(random, sampling["tap_after_icans_hours"], shape[1])
        ordered = random.uniform(size=shape[1]) < entry["after_icans"] * np.minimum(site, 1.0)
        tapped = np.flatnonzero(ordered & (tap < history.record_end))
        patient = np.concatenate([patient, tapped])
        hours = np.concatenate([hours, np.round(tap[tapped] * 60) / 60])
    sorted_rows = np.lexsort((hours, patient))
    return patient[sorted_rows].astype(np.int64), hours[sorted_rows]


def _site_factor(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> Floats:
    sites = named(settings["sites"])
    if entry.get("every_site"):
        return np.ones(len(sites))
    factor = np.array([site["orders"] for site in sites.values()], dtype=float)
    if entry["batch"] == "routine":
        factor = np.minimum(factor, 1.0)
    if entry["batch"] == "research":
        habits = settings["sampling"]["research_sites"]
        factor = factor * np.array([habits[name] for name in sites], dtype=float)
    return np.asarray(factor)
