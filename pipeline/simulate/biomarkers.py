"""What a marker would truly be at a moment: baseline, rhythm of its axis, drug effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People

_YOUNG = 20.0


def true_levels(
    key: str,
    patient: Ints,
    hours: Floats,
    people: People,
    history: History,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> Floats:
    """Level of one analyte in its canonical unit for each (patient, hour).

    Parameters
    ----------
    key : str
        Analyte of ``simulation.yaml``.
    patient, hours : ndarray
        One entry per draw.
    """
    entry, sampling = settings["analytes"][key], settings["sampling"]
    log = np.log10(float(entry["base"])) + _baseline(entry, people, random)[patient]
    rho = entry.get("autocorrelation", sampling["autocorrelation"])
    first = settings["time"]["first_lab_hours"] // 24 - 1
    days = settings["time"]["follow_up_hours"] // 24 - first + 1
    noise = autoregressive(days, len(people), rho, random)
    day = np.floor(hours / 24.0).astype(np.int64) - first
    log = log + entry["within"] * noise[day, patient]
    log = log + sampling["analytic_log10_sd"] * random.standard_normal(len(patient))
    for axis, (gain, scale) in entry.get("axes", {}).items():
        log = log + gain * np.log10(1.0 + scale * history.at(axis, patient, hours))
    if "days" in entry:
        log = log + np.interp(
            hours / 24.0, np.array(list(entry["days"]), dtype=float), list(entry["days"].values())
        )
    level = 10.0**log
    return _drugged(key, level, patient, hours, history, settings["policies"])


def autoregressive(
    steps: int, count: int, rho: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Stationary AR(1) with unit variance, shape (steps, count)."""
    noise = random.standard_normal((steps, count))
    for step in range(1, steps):
        noise[step] = rho * noise[step - 1] + np.sqrt(1 - rho**2) * noise[step]
    return noise


def _baseline(entry: Mapping[str, Any], people: People, random: np.random.Generator) -> Floats:
    """Patient's own deviation, log10: partly the propensity that also drives the grades."""
    own = random.standard_normal(len(people))
    if "propensity" in entry:
        name, weight = entry["propensity"]
        own = weight * getattr(people, name) + np.sqrt(1 - weight**2) * own
    aged = entry.get("age_log10_per_year", 0.0) * np.maximum(people.age - _YOUNG, 0.0)
    return np.asarray(entry["between"] * own + aged)


def _drugged(
    key: str,
    level: Floats,
    patient: Ints,
    hours: Floats,
    history: History,
    policies: Mapping[str, Any],
) -> Floats:
    if key == "il6":
        after = hours > history.at("first_toci", patient, hours)
        return np.where(after, level * 10.0 ** policies["toci_il6_log10"], level)
    if key == "il1ra":
        since = hours - history.at("last_anakinra", patient, hours)
        reads_drug = (since >= 0) & (since < policies["anakinra_acts_hours"])
        drug = policies["anakinra_level"] * np.exp(-since.clip(0.0, 1e3) / 24.0)
        return np.where(reads_drug, level + drug, level)
    return level
