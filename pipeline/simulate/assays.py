"""Simulated laboratory results: true levels of biomarkers, and the results assays report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulation_settings import between, named

_YOUNG = 20.0


def true_levels(
    key: str,
    patient: Ints,
    hours: Floats,
    people: People,
    history: History,
    background: Floats,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> Floats:
    """Return the level of one analyte in its canonical unit for each (patient, hour).

    Parameters
    ----------
    key : str
        Analyte of ``simulation.yaml``.
    patient, hours : ndarray
        One entry per draw.
    background : ndarray, shape (n_days, n_patients)
        From :func:`background_inflammation`.
    """
    entry, sampling = settings["analytes"][key], settings["sampling"]
    log = np.log10(float(entry["base"])) + _baseline(entry, people, random)[patient]
    rho = entry.get("autocorrelation", sampling["autocorrelation"])
    first, days = _days(settings)
    noise = autoregressive(days, len(people), rho, random)
    day = np.floor(hours / 24.0).astype(np.int64) - first
    log = log + entry["within"] * noise[day, patient]
    log = log + entry.get("background", 0.0) * background[day, patient]
    log = log + sampling["analytic_log10_sd"] * random.standard_normal(len(patient))
    for axis, (gain, scale) in entry.get("axes", {}).items():
        log = log + gain * np.log10(1.0 + scale * history.at(axis, patient, hours))
    if "days" in entry:
        log = log + np.interp(
            hours / 24.0, np.array(list(entry["days"]), dtype=float), list(entry["days"].values())
        )
    level = 10.0**log
    return _drugged(key, level, patient, hours, history, settings["policies"])


def background_inflammation(
    people: People, settings: Mapping[str, Any], random: np.random.Generator
) -> Floats:
    """Draw inflammation of other causes (tumour, infection), which changes labs and not grades.

    Returns
    -------
    ndarray, shape (n_days, n_patients)
        Standard normal: a part of the patient's own, and a part that changes from day to day.
    """
    entry = settings["background"]
    own = np.sqrt(entry["between"]) * random.standard_normal(len(people))
    daily = autoregressive(_days(settings)[1], len(people), entry["autocorrelation"], random)
    return np.asarray(own[None, :] + np.sqrt(1.0 - entry["between"]) * daily)


def _days(settings: Mapping[str, Any]) -> tuple[int, int]:
    """First day with labs, and number of days until the end of follow-up."""
    time = settings["time"]
    first = time["first_lab_hours"] // 24 - 1
    return first, time["follow_up_hours"] // 24 - first + 1


def autoregressive(
    steps: int, count: int, rho: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw a stationary AR(1) process with unit variance, shape (steps, count)."""
    noise = random.standard_normal((steps, count))
    for step in range(1, steps):
        noise[step] = rho * noise[step - 1] + np.sqrt(1 - rho**2) * noise[step]
    return noise


_SPECIMEN = {"coagulation": "plasma", "csf": "CSF and serum"}
_WEEK = 168.0


def report_results(
    key: str,
    patient: Ints,
    hours: Floats,
    level: Floats,
    people: People,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Return the lab rows of one analyte as exported.

    Returns
    -------
    DataFrame
        ``patient, analyte, value, unit, collected_hours, resulted_hours, loinc, specimen, status,
        lloq, uloq``; ``resulted_hours`` is NaN if the export omits it.
    """
    entry, analyte = settings["analytes"][key], dictionary()[key]
    sites = named(settings["sites"])
    names = np.array(list(sites))[people.site[patient]]
    limits = _limits(entry, patient, hours, random)
    low, high = analyte.plausible
    level = np.clip(level, (low or 0.0) * 1.001, np.inf if high is None else high * 0.999)
    unit, factor = _units(key, entry, names, patient)
    value = _print(level, limits, factor, entry, names)
    status = np.full(len(patient), "final", dtype=object)
    coded = np.array([sites[name]["loinc"] for name in names], dtype=bool)
    # codes that prescribe a unit are left out, because the unit differs between sites
    code = next(iter(analyte.loinc), "") if not analyte.loinc_units else ""
    shown = np.array([sites[name]["limits"] for name in names], dtype=bool)
    rows = pd.DataFrame(
        {
            "patient": patient,
            "analyte": key,
            "value": value,
            "unit": unit,
            "collected_hours": hours,
            "resulted_hours": hours + _turnaround(entry, patient, hours, people, settings, random),
            "loinc": np.where(coded, code, ""),
            "specimen": _SPECIMEN.get(entry["batch"], "serum"),
            "status": status,
            "lloq": np.where(shown & (limits[0] > 0), limits[0] / factor, np.nan),
            "uloq": np.where(shown & np.isfinite(limits[1]), limits[1] / factor, np.nan),
        }
    )
    return _versions(rows, level, limits, factor, entry, names, settings["sampling"], random)


def _baseline(entry: Mapping[str, Any], people: People, random: np.random.Generator) -> Floats:
    """Deviation of each patient in log10, correlated with the propensity behind the grades."""
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


def _limits(
    entry: Mapping[str, Any], patient: Ints, hours: Floats, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """Detection limits of each sample's plate; samples of one patient and week share a plate."""
    week = np.floor(hours / _WEEK).astype(np.int64) + 2
    weeks = int(week.max(initial=0)) + 1
    size = (int(patient.max(initial=0)) + 1, weeks)
    limits = []
    for name, none in (("lower", 0.0), ("upper", np.inf)):
        options = np.array(entry.get(name, [none]), dtype=float)
        limits.append(options[random.integers(0, len(options), size)][patient, week])
    return limits[0], limits[1]


def _units(
    key: str, entry: Mapping[str, Any], names: np.ndarray, patient: Ints
) -> tuple[np.ndarray, Floats]:
    """Reported unit of each row, and the factor to the canonical unit."""
    unit = np.full(len(names), "", dtype=object)
    factor = np.ones(len(names))
    for site, options in entry["units"].items():
        for number, option in enumerate(options):
            rows = (names == site) & (patient % len(options) == number)
            unit[rows] = option
            factor[rows] = conversion(dictionary()[key], option)[0]
    return unit, factor


def _print(
    level: Floats,
    limits: tuple[Floats, Floats],
    factor: Floats,
    entry: Mapping[str, Any],
    names: np.ndarray,
) -> np.ndarray:
    """Text of each value: rounded, with ``<`` or ``>`` at limits, or a silent cap one above."""
    digits = int(entry["digits"])
    text = np.array([_digits(item, digits) for item in level / factor], dtype=object)
    below, above = level < limits[0], level > limits[1]
    bounds = [np.where(np.isfinite(item), item, 0.0) / factor for item in limits]
    text[below] = ["<" + _digits(item, 4) for item in bounds[0][below]]
    style = np.array([entry["show"][name] for name in names], dtype=object)
    loud, silent = above & (style == "comparator"), above & (style == "cap")
    text[loud] = [">" + _digits(item, 5) for item in bounds[1][loud]]
    step = np.where(bounds[1] >= 100, 1.0, 0.01)
    text[silent] = [_digits(item, 6) for item in (bounds[1] + step)[silent]]
    return text


def _digits(value: float, digits: int) -> str:
    """Format a number in decimal notation with the given significant digits.

    Examples
    --------
    >>> _digits(0.004567, 3), _digits(12345.6, 3), _digits(3.0, 2)
    ('0.00457', '12346', '3')
    """
    if value <= 0:
        return "0"
    places = max(digits - 1 - int(np.floor(np.log10(value))), 0)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _turnaround(
    entry: Mapping[str, Any],
    patient: Ints,
    hours: Floats,
    people: People,
    settings: Mapping[str, Any],
    random: np.random.Generator,
) -> Floats:
    """Hours from collection to result; some results are late, some assays run once a week."""
    sampling = settings["sampling"]
    middle, spread = entry["turnaround"]
    delay = middle * np.exp(spread * random.standard_normal(len(patient)))
    late = random.uniform(size=len(patient)) < sampling["late"]
    delay = delay + np.where(late, between(random, sampling["late_hours"], len(patient)), 0.0)
    if entry.get("run_weekday") is not None:
        start = pd.Timestamp(settings["time"]["first_infusion"])
        offset = 24.0 * ((entry["run_weekday"] - start.weekday()) % 7) + 14.0
        since = people.infusion[patient] + hours + delay - offset
        delay = delay + (-since) % _WEEK
    return np.asarray(np.round(delay * 60.0) / 60.0 + 1.0 / 60.0)


def _versions(
    rows: pd.DataFrame,
    level: Floats,
    limits: tuple[Floats, Floats],
    factor: Floats,
    entry: Mapping[str, Any],
    names: np.ndarray,
    sampling: Mapping[str, Any],
    random: np.random.Generator,
) -> pd.DataFrame:
    """Add corrections and cancellations, and remove some result times."""
    draw = random.uniform(size=len(rows))
    edges = np.cumsum([sampling[name] for name in ("corrected", "cancelled", "preliminary")])
    kind = np.searchsorted(edges, draw, side="right")
    wait = np.round(between(random, sampling["corrected_after_hours"], len(rows)) * 60) / 60
    wrong = level * between(random, sampling["corrected_factor"], len(rows))
    blank = (random.uniform(size=len(rows)) < sampling["no_result_time"]) & (kind == 3)
    later = rows.copy()
    later["resulted_hours"] = rows["resulted_hours"] + wait
    later["status"] = np.array(["corrected", "cancelled", "final", ""], dtype=object)[kind]
    later.loc[kind == 1, "value"] = ""
    first = rows.copy()
    first.loc[kind == 2, "status"] = "preliminary"
    spoilt = kind == 0
    part = (limits[0][spoilt], limits[1][spoilt])
    text = _print(wrong[spoilt], part, factor[spoilt], entry, names[spoilt])
    first.loc[spoilt, "value"] = text
    first.loc[blank, "resulted_hours"] = np.nan
    return pd.concat([first, later.loc[kind < 3]], ignore_index=True)
