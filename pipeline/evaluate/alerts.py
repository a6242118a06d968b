"""Alert burden: number of alerts, false alerts, and lead time before onset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import estimate, number, ratio
from pipeline.evaluate.scored_rows import TOO_FEW, HorizonRows, ScoredRows
from pipeline.model.evaluation_cells import AlertCell, AlertTable

ALERTED = ("model", "grade_and_day")


def cutoff_at_rate(risk: Floats, rate: float, weight: Floats | None = None) -> float:
    """Lowest risk that at most the given share of landmarks reach; inf where ties rule out any.

    Parameters
    ----------
    risk : ndarray, shape (n,)
    rate : float
        Share.
    weight : ndarray, shape (n,), optional
        Weights of the landmarks.

    Returns
    -------
    float

    Examples
    --------
    >>> cutoff_at_rate(np.array([0.1, 0.2, 0.3, 0.4]), 0.5)
    0.3
    >>> cutoff_at_rate(np.array([0.1, 0.4, 0.4, 0.4]), 0.5)
    inf
    """
    weight = np.ones(len(risk)) if weight is None else weight
    values, code = np.unique(risk, return_inverse=True)
    reached = np.cumsum(np.bincount(code, weight)[::-1])[::-1]
    allowed = np.flatnonzero(reached <= rate * weight.sum() + 1e-9)
    return float(values[allowed[0]]) if len(allowed) else float("inf")


def fold_cutoffs(
    risk: Floats, group: Ints, repeat: Ints, rate: float, weight: Floats | None = None
) -> Floats:
    """Cut-off of each row, learned on the other folds of the same repeat.

    All risks are out of fold, so the fit does not bias a cut-off. NaN where a repeat has one fold
    only.
    """
    result = np.full(len(risk), np.nan)
    weight = np.ones(len(risk)) if weight is None else weight
    for number_ in np.unique(repeat):
        inside = np.flatnonzero(repeat == number_)
        for fold in np.unique(group[inside]):
            others = inside[group[inside] != fold]
            if len(others):
                cutoff = cutoff_at_rate(risk[others], rate, weight[others])
                result[inside[group[inside] == fold]] = cutoff
    return result


def alert_burden(
    scores: ScoredRows,
    rates: Sequence[float],
    fixed: Mapping[str, AlertTable] | None = None,
) -> dict[str, AlertTable]:
    """Alerts of the model and of grade and day at each alert rate, per horizon.

    Parameters
    ----------
    rates : sequence of float
        Share of the training landmarks that may raise an alert.
    fixed : mapping, optional
        Table of the training evaluation; its mean cut-offs are applied unchanged. Needed where
        the scores have no folds, as in an external cohort.
    """
    tables: dict[str, AlertTable] = {}
    for hours, rows in scores.by_horizon():
        if not rows.is_estimable:
            tables[hours] = AlertTable(reason=TOO_FEW)
            continue
        part = scores.take(rows.rows)
        cells: dict[str, dict[str, AlertCell]] = {name: {} for name in ALERTED}
        for name, table in cells.items():
            risk = rows.risks[name]
            for rate in rates:
                if fixed is None:
                    cutoff = fold_cutoffs(risk, part.group, part.repeat, rate, rows.sample)
                else:
                    cutoff = np.full(len(risk), _stored(fixed, hours, name, rate))
                table[f"{rate:g}"] = _cell(part, rows, risk, cutoff)
        tables[hours] = AlertTable.model_validate(cells)
    return tables


def _stored(fixed: Mapping[str, AlertTable], horizon: str, name: str, rate: float) -> float:
    table = fixed.get(horizon, AlertTable())
    cells = table.model if name == "model" else table.grade_and_day
    value = cells.get(f"{rate:g}", AlertCell()).cutoff
    return float("nan") if value is None else float(value)


def _cell(scores: ScoredRows, rows: HorizonRows, risk: Floats, cutoff: Floats) -> AlertCell:
    if np.isnan(cutoff).any():
        return AlertCell(reason=evaluation_phrase("reasons", "no_cutoff"))
    label, weight = rows.label, rows.weight
    alert = (risk >= cutoff).astype(float)
    finite = np.isfinite(cutoff)
    true, raised = (alert * label) @ weight, alert @ weight
    total = weight.sum(axis=0)
    patient_days = _patient_days(scores) @ weight
    unit, lead = _by_patient(scores, label, alert)
    warned = np.isfinite(lead)
    early = warned.astype(float)
    figures = {
        "cutoff": number(np.average(cutoff[finite], weights=rows.sample[finite]))
        if finite.any()
        else None,
        "n_alerts": round(float(alert.sum()) / rows.n_repeats, 1),
        "n_event_patients": round(len(unit) / rows.n_repeats, 1),
        "n_warned": round(float(early.sum()) / rows.n_repeats, 1),
        **_lead_time(lead[warned], rows.sample[unit[warned]]),
    }
    shares = {
        "alert_rate": ratio(raised, total),
        "alerts_per_patient_day": ratio(raised, patient_days),
        "false_alerts_per_patient_day": ratio(raised - true, patient_days),
        "ppv": ratio(true, raised),
        "number_needed_to_alert": ratio(raised, true),
        "sensitivity": ratio(true, label @ weight),
        "patients_warned": ratio(early @ weight[unit], weight[unit].sum(axis=0)),
    }
    for name, values in shares.items():
        figures |= estimate(values, name)
    return AlertCell.model_validate(figures)


def _patient_days(scores: ScoredRows) -> Floats:
    """1 / rows of the same patient and day, so that the rows sum to patient-days."""
    key = np.stack([scores.repeat, scores.episode, scores.day], axis=1)
    _, code, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[code])


def _by_patient(scores: ScoredRows, label: Floats, alert: Floats) -> tuple[Ints, Floats]:
    """Event patients of each repeat: first row, and hours from the first alert to onset.

    Only alerts within the horizon before onset count; -inf without one.
    """
    event = np.flatnonzero(label == 1)
    key = np.stack([scores.repeat[event], scores.episode[event]], axis=1)
    _, first, code = np.unique(key, axis=0, return_index=True, return_inverse=True)
    lead = np.full(len(first), -np.inf)
    hours = np.where(alert[event] == 1, scores.time[event], -np.inf)
    np.maximum.at(lead, code, hours)
    return event[first], lead


def _lead_time(lead: Floats, weight: Floats) -> dict[str, float | None]:
    names = ("lead_hours_q1", "lead_hours_median", "lead_hours_q3")
    if len(lead) == 0:
        return dict.fromkeys(names)
    quartiles = _quantiles(lead, np.array([0.25, 0.5, 0.75]), weight)
    return {name: number(value) for name, value in zip(names, quartiles, strict=True)}


def _quantiles(values: Floats, shares: Floats, weight: Floats) -> Floats:
    """Quantiles interpolated between the middles of the weights, as ``np.quantile`` for equal ones.

    Examples
    --------
    >>> _quantiles(np.array([1.0, 2.0, 3.0]), np.array([0.5]), np.array([1.0, 1.0, 4.0]))
    array([2.3])
    """
    if np.ptp(weight) == 0.0:
        return np.asarray(np.quantile(values, shares))
    order = np.argsort(values)
    middle = np.cumsum(weight[order]) - weight[order] / 2
    return np.interp(shares, (middle - middle[0]) / (middle[-1] - middle[0]), values[order])
