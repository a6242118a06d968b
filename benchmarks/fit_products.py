"""Fit the rates, times and severity of every product of the simulator to its published figures.

Prints the six fitted keys of each product of data_schema/simulation.yaml: stochastic approximation,
in which every round simulates new patients and moves each key by the ratio of target and figure.
Run it after any change to the latent course.

    python benchmarks/fit_products.py --rounds 12 --patients 15000
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.simulate.latent_history import History, simulate_history
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulation_settings import generators, load

KEYS = {  # fitted key: target, power of one step
    "crs_rate": ("crs", 1.0),
    "severity": ("severe_crs", 0.9),
    "icans_rate": ("icans", 1.0),
    "icans_severity": ("severe_icans", 0.7),
    "crs_peak_hours": ("crs_onset", 0.8),
    "icans_peak_hours": ("icans_onset", 0.8),
}
FIRST_SEED = 100


def figures(history: History, rows: np.ndarray) -> dict[str, float]:
    """Figures of the patients of one product, named as its targets."""
    worst = {scale: history.tracks[scale][:, rows].max(axis=0) for scale in ("crs", "icans")}
    onset = {"crs": history.final.crs_onset[rows], "icans": history.final.icans_onset[rows]}
    shares = {
        "crs": worst["crs"] >= 1,
        "severe_crs": worst["crs"] >= 3,
        "icans": worst["icans"] >= 1,
        "severe_icans": worst["icans"] >= 3,
    }
    days = {
        f"{scale}_onset": float(np.median(hours[np.isfinite(hours)])) / 24.0
        for scale, hours in onset.items()
    }
    return {name: float(np.clip(hit.mean(), 1e-3, 0.999)) for name, hit in shares.items()} | days


def step(settings: Mapping[str, Any], patients: int, seed: int, size: float) -> None:
    """Move the keys of every product once, in place."""
    random = generators(seed)
    people = draw_people(patients, settings, random["people"])
    history = simulate_history(people, settings, random["course"])
    for number, product in enumerate(settings["products"].values()):
        found = figures(history, people.product == number)
        for key, (name, power) in KEYS.items():
            got, wanted = found[name], product["target"][name]
            if key in ("crs_rate", "icans_rate"):
                got, wanted = -np.log1p(-got), -np.log1p(-wanted)
            ratio = float(np.clip((wanted / got) ** (power * size), 0.5, 2.0))
            product[key] = product[key] * ratio


def main() -> None:
    """Fit all products and print their keys."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--patients", type=int, default=15_000)
    given = parser.parse_args()
    settings = copy.deepcopy(load())
    settings["time"]["follow_up_hours"] = 480
    settings["truth"]["landmarks_hours"] = []
    for number in range(given.rounds):
        size = 1.0 if number < 4 else 4.0 / (number + 1)  # smaller steps average the noise out
        step(settings, given.patients, FIRST_SEED + number, size)
    for name, product in settings["products"].items():
        print(name, {key: float(f"{product[key]:.3g}") for key in KEYS})


if __name__ == "__main__":
    main()
