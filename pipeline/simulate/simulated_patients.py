"""Simulated patients: product, site, host and latent propensities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.simulation_settings import choose, named


@dataclass(frozen=True)
class People:
    """One entry per patient.

    Attributes
    ----------
    product, site : ndarray of int
        Position in the settings.
    z, zn, ze : ndarray
        Inflammatory, neuronal and endothelial propensity (standard normal, correlated).
    phase : ndarray of int
        Offset in hours of the patient's assessments from multiples of the assessment interval.
    """

    product: Ints
    site: Ints
    age: Floats
    female: Bools
    prior_lines: Floats
    dose_cells: Floats
    infusion: Floats
    z: Floats
    zn: Floats
    ze: Floats
    phase: Ints
    crs_rate: Floats
    crs_peak: Floats
    severity: Floats
    icans_rate: Floats
    icans_peak: Floats
    icans_severity: Floats
    toci_prob: Floats
    prophylaxis: Bools

    def __len__(self) -> int:
        return len(self.product)

    def take(self, rows: Ints) -> People:
        """Return the given patients, repeats allowed."""
        return People(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})


def draw_people(count: int, settings: Mapping[str, Any], random: np.random.Generator) -> People:
    """Draw simulated patients.

    Parameters
    ----------
    count : int
        Number of patients.
    settings : mapping
        ``simulation.yaml``.
    random : numpy.random.Generator
        Stream ``people``.

    Returns
    -------
    People

    Examples
    --------
    >>> from pipeline.simulate.simulation_settings import generators, load
    >>> draw_people(3, load(), generators(1)["people"]).age.tolist()
    [59.0, 39.0, 45.0]
    """
    products = list(settings["products"].values())
    sites = list(named(settings["sites"]).values())
    course, host, time = settings["course"], settings["host"], settings["time"]
    product = choose(_of(products, "share"), random.uniform(size=count))
    site = choose(_of(sites, "share"), random.uniform(size=count))
    mean, spread, low, high = np.array([item["age"] for item in products], dtype=float)[product].T
    z, neuro, endothelial = random.standard_normal((3, count))
    rho = course["correlation"]
    rest = np.sqrt(1 - rho**2)
    spread_of_peak = np.array([[course["peak_log_sd"]], [course["icans_peak_log_sd"]]])
    jitter = np.exp(spread_of_peak * random.standard_normal((2, count)))
    prior = 1.0 + random.poisson(host["prior_lines_mean"], count)
    prior[random.uniform(size=count) < host["missing_prior_lines"]] = np.nan
    step, every = time["step_hours"], time["assessment_hours"]
    day = np.floor(random.uniform(0, time["infusion_days"], count))
    return People(
        product=product,
        site=site,
        age=np.round(np.clip(mean + spread * random.standard_normal(count), low, high)),
        female=random.uniform(size=count) < host["female"],
        prior_lines=prior.astype(float),
        dose_cells=host["dose_cells_median"]
        * np.exp(host["dose_cells_log_sd"] * random.standard_normal(count)),
        infusion=24.0 * day + np.round(random.uniform(8, 15, count) * 60) / 60,
        z=z,
        zn=rho * z + rest * neuro,
        ze=rho * z + rest * endothelial,
        phase=step * random.integers(0, every // step, count),
        crs_rate=_of(products, "crs_rate")[product],
        crs_peak=_of(products, "crs_peak_hours")[product] * jitter[0],
        severity=_of(products, "severity")[product],
        icans_rate=_of(products, "icans_rate")[product],
        icans_peak=_of(products, "icans_peak_hours")[product] * jitter[1],
        icans_severity=_of(products, "icans_severity")[product],
        toci_prob=_of(sites, "toci_prob")[site],
        prophylaxis=random.uniform(size=count) < _of(sites, "prophylaxis")[site],
    )


def _of(entries: list[Mapping[str, Any]], key: str) -> Floats:
    return np.array([entry[key] for entry in entries], dtype=float)
