"""Comparison of simulated with published figures, with bounds and a verdict for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pipeline.arrays import Bools, Floats
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulated_tables import Tables

Line = dict[str, Any]


_FEWEST = 12


def report_line(
    name: str,
    value: float,
    n: int,
    entry: Mapping[str, Any],
    quartiles: list[float] | None = None,
) -> Line:
    """Compare one figure with its target.

    Parameters
    ----------
    name : str
        Name of the figure.
    value : float
        Simulated figure.
    n : int
        Patients or events behind the figure.
    entry : mapping
        ``target``, ``tolerance``, ``near`` and ``source`` of ``simulation.yaml``.
    quartiles : list of float, optional
        Simulated quartiles, shown with the value.

    Returns
    -------
    dict
        ``name, simulated, n, target, low, high, quartiles, target_quartiles, pass, source``.

    Examples
    --------
    >>> entry = {"target": 0.4, "tolerance": 0.05, "near": "share", "source": "[I]"}
    >>> line = report_line("ICANS", 0.45, 100, entry)
    >>> line["low"], line["high"], line["pass"]
    (0.2226, 0.5774, True)
    """
    target = entry["target"]
    middle, spread = (target[0], list(target[1:])) if isinstance(target, list) else (target, [])
    tolerance, near = float(entry["tolerance"]), entry.get("near", "factor")
    if near == "factor":
        low, high = middle / tolerance, middle * tolerance
    else:
        margin = {
            "share": 2.6 * float(np.sqrt(max(middle * (1 - middle), 0.0) / max(n, 1))),
            "days": 7.5 / float(np.sqrt(max(n, 1))),
            "auroc": 0.8 / float(np.sqrt(max(n, 1))),
        }[near]
        low = middle - tolerance - margin
        high = middle + tolerance + margin
        low, high = (max(low, 0.0), min(high, 1.0)) if near != "days" else (max(low, 0.0), high)
    return {
        "name": name,
        "simulated": round(float(value), 4),
        "n": int(n),
        "target": middle,
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "quartiles": [round(float(item), 4) for item in quartiles or []],
        "target_quartiles": spread,
        "pass": bool(low <= value <= high),
        "source": entry["source"],
    }


def markdown(lines: list[Line], patients: int) -> str:
    """Format the report in Markdown.

    Parameters
    ----------
    lines : list of dict
        From :func:`compare`.
    patients : int
        Number of simulated patients.

    Returns
    -------
    str

    Examples
    --------
    >>> entry = {"target": 0.4, "tolerance": 0.05, "near": "share", "source": "[I]"}
    >>> print(markdown([report_line("ICANS", 0.45, 100, entry)], 100).splitlines()[-1])
    | ICANS | 100 | 0.45 | 0.4 | 0.223 to 0.577 | yes | [I] |
    """
    rows = [
        "# Synthetic cohort: simulated against published figures",
        "",
        f"SYNTHETIC: {patients} simulated patients; no row describes a real person. Sources are "
        "marked as in data_schema/simulation.yaml.",
        "",
        "| figure | n | simulated | published | bounds | within | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        simulated = _shown(line["simulated"], line["quartiles"])
        target = _shown(line["target"], line["target_quartiles"])
        bounds = f"{_number(line['low'])} to {_number(line['high'])}"
        verdict = "yes" if line["pass"] else "**no**"
        cells = [line["name"], str(line["n"]), simulated, target, bounds, verdict, line["source"]]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def read_results(labs: pd.DataFrame, history: History) -> pd.DataFrame:
    """Return the latest version of every result in canonical units, with the CRS course.

    Parameters
    ----------
    labs : DataFrame
        From :func:`~pipeline.simulate.simulated_tables.build_tables`.
    history : History
        Courses of the patients.

    Returns
    -------
    DataFrame
        ``patient, analyte, value, hours, since_onset, grade``; ``since_onset`` in days from the
        first CRS grade (NaN without one), ``grade`` the worst CRS grade of the patient.
    """
    rows = labs.loc[labs["value"] != ""].drop_duplicates(
        ["patient", "analyte", "collected_hours"], keep="last"
    )
    pairs = rows[["analyte", "unit"]].drop_duplicates()
    factor = {
        (key, unit): conversion(dictionary()[key], unit)[0]
        for key, unit in pairs.itertuples(index=False)
    }
    scale = np.array(
        [factor[pair] for pair in zip(rows["analyte"], rows["unit"], strict=True)], dtype=float
    )
    patient = rows["patient"].to_numpy(dtype=np.int64)
    onset = history.final.crs_onset[patient]
    hours = rows["collected_hours"].to_numpy(dtype=float)
    since = np.where(np.isfinite(onset), hours - np.where(np.isfinite(onset), onset, 0), np.nan)
    return pd.DataFrame(
        {
            "patient": patient,
            "analyte": rows["analyte"].to_numpy(),
            "value": parse_values(rows["value"])["value"].to_numpy() * scale,
            "hours": hours,
            "since_onset": since / 24.0,
            "grade": history.tracks["crs"].max(axis=0)[patient],
        }
    )


def compare(
    people: People,
    history: History,
    tables: Tables,
    risk: pd.DataFrame,
    settings: Mapping[str, Any],
) -> list[Line]:
    """Compare all figures of the report with their targets.

    Parameters
    ----------
    people : People
        Simulated patients.
    history : History
        Their courses.
    tables : dict of str to DataFrame
        From :func:`~pipeline.simulate.simulated_tables.build_tables`.
    risk : DataFrame
        From :func:`~pipeline.simulate.true_risk.true_risk`.
    settings : mapping
        ``simulation.yaml``.

    Returns
    -------
    list of dict
        As from :func:`report_line`; figures of fewer than 12 patients are left out.
    """
    lines = [*_products(people, history, settings), *_rates(history, settings)]
    results = read_results(tables["labs"], history)
    lines += _levels(results, settings["report"]["levels"])
    lines += _timing(results, settings["report"])
    lines += _oracle(history, risk, settings)
    return lines


def auroc(score: Floats, event: Bools) -> float:
    """Return the probability that an event scores higher than a non-event; NaN without both.

    Examples
    --------
    >>> auroc(np.array([0.1, 0.2, 0.9]), np.array([False, False, True]))
    1.0
    """
    events = int(event.sum())
    others = len(event) - events
    if events == 0 or others == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * others))


def _shown(value: float, quartiles: list[float]) -> str:
    text = _number(value)
    return f"{text} [{_number(quartiles[0])}-{_number(quartiles[1])}]" if quartiles else text


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _products(people: People, history: History, settings: Mapping[str, Any]) -> list[Line]:
    worst = {scale: history.tracks[scale].max(axis=0) for scale in ("crs", "icans")}
    onset = {"crs": history.final.crs_onset, "icans": history.final.icans_onset}
    tolerance = settings["report"]["product_tolerance"]
    lines = []
    for number, (product, entry) in enumerate(settings["products"].items()):
        here = people.product == number
        for name, target in entry["target"].items():
            base = {"target": target, "source": entry["source"]}
            scale = "icans" if "icans" in name else "crs"
            if name.endswith("_onset"):
                affected = here & (worst[scale] >= 1)
                near, n = "days", int(affected.sum())
                value = float(np.median(onset[scale][affected]) / 24.0) if n else np.nan
            else:
                threshold = 3 if name.startswith("severe") else 1
                near, n = "share", int(here.sum())
                value = float((worst[scale][here] >= threshold).mean()) if n else np.nan
            if n >= _FEWEST:
                title = f"{product}: {name.replace('_', ' ')}"
                entry_of = {**base, "near": near, "tolerance": tolerance[near]}
                lines.append(report_line(title, value, n, entry_of))
    return lines


def _rates(history: History, settings: Mapping[str, Any]) -> list[Line]:
    final, window = history.final, settings["time"]["risk_window_hours"]
    crs, icans = history.tracks["crs"], history.tracks["icans"]
    worst_crs, worst_icans = crs.max(axis=0), icans.max(axis=0)
    both = (worst_crs > 0) & (worst_icans > 0)
    given = {name: rows.any(axis=0) for name, rows in history.doses.items()}
    days = settings["time"]["step_hours"] / 24.0
    every = np.ones(len(worst_crs), dtype=bool)
    late: dict[str, Bools] = {
        "late_crs": np.asarray(np.isfinite(final.crs_onset) & (final.crs_onset > window + 12)),
        "late_icans": np.asarray(
            np.isfinite(final.icans_onset) & (final.icans_onset > window + 12)
        ),
    }
    shares: dict[str, tuple[Bools, Bools]] = {
        "severe_crs": (worst_crs >= 3, every),
        "icans": (worst_icans >= 1, every),
        "severe_icans": (worst_icans >= 3, every),
        "crs_first": (final.crs_onset < final.icans_onset, both),
        "tocilizumab": (np.asarray(given["tocilizumab"]), every),
        "steroids": (np.asarray(given["dexamethasone"]), every),
        "anakinra": (np.asarray(given["anakinra"]), every),
        "deaths": (~final.alive, every),
        **{name: (rows, every) for name, rows in late.items()},
    }
    lines = []
    for name, entry in settings["report"]["rates"].items():
        if name in shares:
            hit, among = shares[name]
            n, quartiles = int(among.sum()), None
            value = float(hit[among].mean()) if n else np.nan
        else:
            grade = crs if name == "crs_duration" else icans
            length = days * (grade > 0).sum(axis=0)[grade.max(axis=0) > 0]
            n = len(length)
            value = float(np.median(length)) if n else np.nan
            quartiles = list(np.percentile(length, [25, 75])) if n else None
        if n >= _FEWEST:
            lines.append(report_line(entry["words"], value, n, entry, quartiles))
    return lines


def _levels(results: pd.DataFrame, entries: list[Mapping[str, Any]]) -> list[Line]:
    lines = []
    for entry in entries:
        clock = results["hours"] / 24.0
        if entry.get("since") != "infusion":
            clock = results["since_onset"]
        low, high = entry["grades"]
        rows = results.loc[
            (results["analyte"] == entry["analyte"])
            & (clock >= entry["from"])
            & (clock < entry["to"])
            & results["grade"].between(low, high)
        ]
        values = rows["value"]
        if entry.get("peak"):
            values = rows.groupby("patient")["value"].max()
        if entry.get("trough"):
            values = rows.groupby("patient")["value"].min()
        if len(values) >= _FEWEST:
            q1, middle, q3 = np.percentile(values, [25, 50, 75])
            lines.append(report_line(entry["words"], float(middle), len(values), entry, [q1, q3]))
    return lines


def _timing(results: pd.DataFrame, entries: Mapping[str, Any]) -> list[Line]:
    lines = []
    wanted: list[tuple[str, str, str, str]] = [
        ("nadir_day", "fibrinogen", "hours", "idxmin"),
        ("ferritin_peak_day", "ferritin", "since_onset", "idxmax"),
        ("il6_peak_day", "il6", "since_onset", "idxmax"),
    ]
    for name, analyte, clock, which in wanted:
        after = results.loc[
            (results["analyte"] == analyte)
            & (results["grade"] >= 2)
            & (results["since_onset"] >= 0)
            & (results["since_onset"] < 16)
        ]
        often = after.groupby("patient")["value"].transform("size") >= 4
        place = after.loc[often].groupby("patient")["value"].agg(which)
        day = results.loc[place.to_numpy(), clock] / (24.0 if clock == "hours" else 1.0)
        if len(day) >= _FEWEST:
            q1, middle, q3 = np.percentile(day, [25, 50, 75])
            lines.append(
                report_line(
                    entries[name]["words"], float(middle), len(day), entries[name], [q1, q3]
                )
            )
    before = results.loc[(results["analyte"] == "il6") & (results["hours"] < 0)]
    if len(before) >= _FEWEST:
        entry = entries["il6_baseline_sd"]
        spread = float(np.log10(before["value"]).std())
        lines.append(report_line(entry["words"], spread, len(before), entry))
    return lines


def _oracle(history: History, risk: pd.DataFrame, settings: Mapping[str, Any]) -> list[Line]:
    entry, lines = settings["report"]["oracle"], []
    reached = history.tracks["crs"] >= 3
    first = np.where(reached.any(axis=0), history.hours[reached.argmax(axis=0)], np.inf)
    for horizon in entry["horizons"]:
        rows = risk.loc[
            (risk["outcome"] == "severe_crs")
            & (risk["landmark_hours"] == entry["landmark_hours"])
            & (risk["horizon_h"] == horizon)
        ]
        event = first[rows["patient"].to_numpy()] <= entry["landmark_hours"] + horizon
        value = auroc(rows["risk"].to_numpy(), event)
        if event.sum() >= _FEWEST:
            lines.append(
                report_line(f"{entry['words']}, {horizon} h", value, int(event.sum()), entry)
            )
    return lines
