"""What alerts would mean on the ward: how many, how many for nothing, how long before onset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.discrimination import TOO_FEW, estimable, known_rows
from pipeline.evaluate.intervals import estimate, number, ratio
from pipeline.evaluate.scored_rows import Scores
from pipeline.model.evaluation_cells import AlertCell, AlertTable

ALERTED = ("model", "grade_and_day")


def cutoff_at_rate(risk: Floats, rate: float) -> float:
    """Lowest risk such that at most this share of landmarks reach it; inf where ties forbid any.

    Examples
    --------
    >>> cutoff_at_rate(np.array([0.1, 0.2, 0.3, 0.4]), 0.5)
    0.3
    >>> cutoff_at_rate(np.array([0.1, 0.4, 0.4, 0.4]), 0.5)
    inf
    """
    values, count = np.unique(risk, return_counts=True)
    reached = np.cumsum(count[::-1])[::-1]
    allowed = np.flatnonzero(reached <= rate * len(risk) + 1e-9)
    return float(values[allowed[0]]) if len(allowed) else float("inf")


def fold_cutoffs(risk: Floats, group: Ints, repeat: Ints, rate: float) -> Floats:
    """Cut-off of each row, learned on the other folds of the same repeat, never on its own.

    The risks looked at are out of fold themselves, so a cut-off is not flattered by the fit.
    NaN where a repeat has one fold only.
    """
    result = np.full(len(risk), np.nan)
    for number_ in np.unique(repeat):
        inside = np.flatnonzero(repeat == number_)
        for fold in np.unique(group[inside]):
            others = inside[group[inside] != fold]
            if len(others):
                result[inside[group[inside] == fold]] = cutoff_at_rate(risk[others], rate)
    return result


def alert_burden(
    scores: Scores,
    draws: Floats,
    rates: Sequence[float],
    minimum: int,
    fixed: Mapping[str, AlertTable] | None = None,
) -> dict[str, Any]:
    """Alerts of the model and of grade and day at each wished alert rate, per horizon.

    Parameters
    ----------
    rates : sequence of float
        Share of the training landmarks that may raise an alert.
    fixed : mapping, optional
        Table of a training evaluation whose mean cut-offs are applied unchanged; needed where
        the scores have no folds, as in an external cohort.

    Returns
    -------
    dict
        Horizon to predictor to rate to a cell, or to a ``reason``.
    """
    result: dict[str, Any] = {}
    for place, horizon in enumerate(scores.horizons):
        key = f"{horizon:g}"
        rows = known_rows(scores, place)
        part = scores.take(rows)
        if not estimable(part.label[:, place], part.patient, minimum):
            result[key] = {"reason": TOO_FEW}
            continue
        result[key] = {}
        for name in ALERTED:
            table = {}
            for rate in rates:
                risk = part.risks[name][:, place]
                if fixed is None:
                    cutoff = fold_cutoffs(risk, part.group, part.repeat, rate)
                else:
                    cutoff = np.full(len(risk), _stored(fixed, key, name, rate))
                table[f"{rate:g}"] = _cell(part, place, risk, cutoff, draws[rows])
            result[key][name] = table
    return result


def _stored(fixed: Mapping[str, AlertTable], horizon: str, name: str, rate: float) -> float:
    table = fixed.get(horizon, AlertTable())
    cells = table.model if name == "model" else table.grade_and_day
    value = cells.get(f"{rate:g}", AlertCell()).cutoff
    return float("nan") if value is None else float(value)


def _cell(
    scores: Scores, place: int, risk: Floats, cutoff: Floats, weight: Floats
) -> dict[str, Any]:
    if np.isnan(cutoff).any():
        return {"reason": "no cut-off from training patients is known"}
    label = scores.label[:, place]
    alert = (risk >= cutoff).astype(float)
    finite = cutoff[np.isfinite(cutoff)]
    cell: dict[str, Any] = {
        "cutoff": number(finite.mean()) if len(finite) else None,
        "n_alerts": round(float(alert.sum()) / scores.n_repeats, 1),
    }
    true, raised = (alert * label) @ weight, alert @ weight
    total = weight.sum(axis=0)
    patient_days = _patient_days(scores) @ weight
    cell |= estimate(ratio(raised, total), "alert_rate")
    cell |= estimate(ratio(raised, patient_days), "alerts_per_patient_day")
    cell |= estimate(ratio(raised - true, patient_days), "false_alerts_per_patient_day")
    cell |= estimate(ratio(true, raised), "ppv")
    cell |= estimate(ratio(raised, true), "number_needed_to_alert")
    cell |= estimate(ratio(true, label @ weight), "sensitivity")
    unit, early, lead = _by_patient(scores, place, alert)
    cell |= estimate(ratio(early @ weight[unit], weight[unit].sum(axis=0)), "patients_warned")
    cell["n_event_patients"] = round(len(unit) / scores.n_repeats, 1)
    cell["n_warned"] = round(float(early.sum()) / scores.n_repeats, 1)
    cell |= _lead_time(lead)
    return cell


def _patient_days(scores: Scores) -> Floats:
    """Share of its patient-day that each row stands for, so that the rows sum to patient-days."""
    key = np.stack([scores.repeat, scores.episode, scores.day], axis=1)
    _, code, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[code])


def _by_patient(scores: Scores, place: int, alert: Floats) -> tuple[Ints, Floats, Floats]:
    """Event patients of each repeat: a row of theirs, whether warned, hours from alert to onset.

    Only alerts within the horizon before onset count; the first of them gives the lead time.
    """
    event = np.flatnonzero(scores.label[:, place] == 1)
    key = np.stack([scores.repeat[event], scores.episode[event]], axis=1)
    _, first, code = np.unique(key, axis=0, return_index=True, return_inverse=True)
    lead = np.full(len(first), -np.inf)
    hours = np.where(alert[event] == 1, scores.time[event], -np.inf)
    np.maximum.at(lead, code, hours)
    warned = np.isfinite(lead)
    return event[first], warned.astype(float), lead[warned]


def _lead_time(lead: Floats) -> dict[str, float | None]:
    names = ("lead_hours_q1", "lead_hours_median", "lead_hours_q3")
    if len(lead) == 0:
        return dict.fromkeys(names)
    return {
        name: number(value)
        for name, value in zip(names, np.quantile(lead, [0.25, 0.5, 0.75]), strict=True)
    }
