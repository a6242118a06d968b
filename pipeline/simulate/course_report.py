"""Lines of the report on the course of labs and grades, compared with public cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.cohort.analytes import dictionary
from pipeline.simulate.course_figures import (
    daily_levels,
    daily_worsening,
    lab_auroc,
    onset_and_days,
    rank_correlation,
    within_patient_sd,
)
from pipeline.simulate.latent_history import History
from pipeline.simulate.report_lines import FEWEST, Line, report_line
from pipeline.simulate.simulated_patients import People

_OUTCOMES = {"severe_crs": ("crs", 3, "severe CRS"), "icans": ("icans", 1, "ICANS")}


def course_lines(
    people: People, history: History, results: pd.DataFrame, settings: Mapping[str, Any]
) -> list[Line]:
    """Compare correlations, spread, single labs and grade courses with their targets.

    Parameters
    ----------
    people : People
        Simulated patients.
    history : History
        Their courses.
    results : DataFrame
        From :func:`~pipeline.simulate.calibration_report.read_results`.
    settings : mapping
        ``simulation.yaml``.

    Returns
    -------
    list of dict
        As from :func:`~pipeline.simulate.report_lines.report_line`; figures of fewer than 12
        patients, events or days are left out.

    Examples
    --------
    >>> from pipeline.simulate.simulated_cohort import draw_cohort
    >>> from pipeline.simulate.calibration_report import read_results
    >>> cohort = draw_cohort(20, seed=1)
    >>> results = read_results(cohort.tables["labs"], cohort.history)
    >>> lines = course_lines(cohort.people, cohort.history, results, cohort.settings)
    >>> lines[0]["name"], lines[0]["n"]
    ('correlation of CRP and Albumin', 20)
    """
    entries = settings["report"]["courses"]
    levels = daily_levels(results, entries["last_day"])
    lines = []
    for pair in entries["correlations"]["pairs"]:
        first, second = pair["analytes"]
        value, n = rank_correlation(levels, first, second)
        entry = {"near": "correlation", "tolerance": entries["correlations"]["tolerance"], **pair}
        lines.append(
            report_line(f"correlation of {_short(first)} and {_short(second)}", value, n, entry)
        )
    for analyte, target in entries["spread"].items():
        value, n = within_patient_sd(levels, analyte)
        name = f"SD of {_short(analyte)} within patients, log10"
        lines.append(report_line(name, value, n, {"near": "spread", **target}))
    lines += _single_labs(history, results, entries["single_labs"])
    lines += _grades(people, history, settings, entries)
    return [line for line in lines if line["n"] >= FEWEST]


def _single_labs(history: History, results: pd.DataFrame, entries: Mapping[str, Any]) -> list[Line]:
    lines = []
    for outcome, (scale, threshold, words) in _OUTCOMES.items():
        event = first_hours(history, scale, threshold)
        for analyte, target in entries[outcome].items():
            value, n = lab_auroc(
                results,
                analyte,
                event,
                history.record_end,
                horizon=entries["horizon_hours"],
                recent=entries["recent_hours"],
            )
            entry = {"near": "auroc", "tolerance": entries["tolerance"], **target}
            name = f"AUROC of {_short(analyte)} alone, {words} within {entries['horizon_hours']} h"
            lines.append(report_line(name, value, n, entry))
    return lines


def _short(analyte: str) -> str:
    return dictionary()[analyte].short


def _grades(
    people: People, history: History, settings: Mapping[str, Any], entries: Mapping[str, Any]
) -> list[Line]:
    crs, icans = (charted_grades(history, scale) for scale in ("crs", "icans"))
    target = {"near": "share", **entries["worsening"]}
    value, days = daily_worsening(crs, target["grade"])
    name = f"CRS grade {target['grade']}, worse on the next day"
    lines = [report_line(name, value, days, target)]
    wanted = entries["icans"]
    weight = _weights(people, settings, wanted["mix"])
    course = onset_and_days(icans)
    both = course.join(onset_and_days(crs).add_suffix("_crs"), how="inner")
    earlier = (both["onset_crs"] < both["onset"]).astype(float)
    for key, values in (("onset", course["onset"]), ("days", course["days"])):
        value, n = _weighted_median(values, weight)
        lines.append(report_line(wanted[key]["words"], value, n, wanted[key]))
    shares = weight[earlier.index]
    value = float(np.average(earlier, weights=shares)) if shares.any() else np.nan
    entry = wanted["after_crs"]
    lines.append(report_line(entry["words"], value, int((shares > 0).sum()), entry))
    return lines


def first_hours(history: History, scale: str, threshold: int) -> Floats:
    """Return the hour at which each patient first reaches a grade; inf if never."""
    reached = history.tracks[scale] >= threshold
    return np.where(reached.any(axis=0), history.hours[reached.argmax(axis=0)], np.inf)


def charted_grades(history: History, scale: str) -> pd.DataFrame:
    """Return the grades of all assessments as ``patient, hours, grade``.

    An assessment at midnight belongs to the day that ends.
    """
    step, patient = np.nonzero(history.assessed)
    grade = history.tracks[scale][step, patient]
    return pd.DataFrame({"patient": patient, "hours": history.hours[step] - 0.1, "grade": grade})


def _weights(people: People, settings: Mapping[str, Any], mix: Mapping[str, int]) -> Floats:
    """Weight of each patient, so that the products are as common as in the mix."""
    wanted = np.array([mix.get(name, 0) for name in settings["products"]], dtype=float)
    count = np.bincount(people.product, minlength=len(wanted))
    return np.asarray((wanted / np.maximum(count, 1))[people.product])


def _weighted_median(values: pd.Series, weight: Floats) -> tuple[float, int]:
    """Weighted median, and number of patients with a weight."""
    ordered = values.sort_values(kind="stable")
    shares = weight[ordered.index]
    if not shares.any():
        return float("nan"), 0
    total = np.cumsum(shares)
    place = int(np.searchsorted(total, total[-1] / 2))
    return float(ordered.iloc[place]), int((shares > 0).sum())
