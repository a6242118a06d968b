"""Comparison of simulated with published figures, with bounds and a verdict for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Bools
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values
from pipeline.simulate.course_figures import auroc
from pipeline.simulate.course_report import course_lines
from pipeline.simulate.latent_history import History
from pipeline.simulate.report_lines import FEWEST, Line, report_line
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulated_tables import Tables


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
        As from :func:`~pipeline.simulate.report_lines.report_line`; figures of fewer than 12
        patients are left out.
    """
    lines = [*_products(people, history, settings), *_rates(history, settings)]
    results = read_results(tables["labs"], history)
    lines += _levels(results, settings["report"]["levels"])
    lines += _timing(results, settings["report"])
    lines += course_lines(people, history, results, settings)
    lines += _oracle(history, risk, settings)
    return lines


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
            if n >= FEWEST:
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
        if n >= FEWEST:
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
        if len(values) >= FEWEST:
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
        if len(day) >= FEWEST:
            q1, middle, q3 = np.percentile(day, [25, 50, 75])
            lines.append(
                report_line(
                    entries[name]["words"], float(middle), len(day), entries[name], [q1, q3]
                )
            )
    before = results.loc[(results["analyte"] == "il6") & (results["hours"] < 0)]
    if len(before) >= FEWEST:
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
        if event.sum() >= FEWEST:
            lines.append(
                report_line(f"{entry['words']}, {horizon} h", value, int(event.sum()), entry)
            )
    return lines
