"""One outcome's scores to its part of ``evaluation.json``, every figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.config import EvaluationConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.added_value import added_value, negative_control
from pipeline.evaluate.alerts import alert_burden
from pipeline.evaluate.calibration_curve import calibration_groups, calibration_smooth
from pipeline.evaluate.comparators import EXPECTED, PROBABILITIES
from pipeline.evaluate.competing_risks import (
    incidence_of_outcome,
    time_dependent_auroc,
    what_comes_first,
)
from pipeline.evaluate.decision_curve import decision_curves, threshold_grid
from pipeline.evaluate.discrimination import area_cell, estimable, known_rows
from pipeline.evaluate.intervals import estimate, number, patient_draws
from pipeline.evaluate.scored_rows import Scores
from pipeline.evaluate.subgroups import Mask, by_day, subgroup_table, within_grade
from pipeline.model.evaluation_cells import AlertTable

MODELS = ("model", "model_no_state")
BARS = ("grade_and_day", "clinical_state")
_SLOPE_DRAWS = 200
_MIN_LANDMARKS_PER_DAY = 10
_PROBABILITY = (
    "brier", "ipa", "cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept", "ici"
)  # fmt: skip
_SPREAD = tuple(
    f"{name}_{end}" for name in ("auprc", "brier", "ipa", "cal_intercept") for end in ("lo", "hi")
)


@dataclass(frozen=True)
class OutcomeContext:
    """What an outcome's evaluation needs beside its scores.

    Attributes
    ----------
    control : Scores or None
        The model refitted on other patients' labs.
    further : dict
        Name of another way to split to its scores, or to the reason why there are none.
    masks : dict
        Attribute to level to rows.
    rivals : dict
        Name to hours from each landmark until it happens.
    absent : dict
        Comparator to the reason why it has no input.
    answered : ndarray of bool or None
        Rows at which an estimate would be given.
    cutoffs : mapping or None
        Alerts of the training evaluation, whose cut-offs are applied unchanged.
    """

    control: Scores | None = None
    further: Mapping[str, Scores | str] = field(default_factory=dict)
    masks: dict[str, dict[str, Mask]] = field(default_factory=dict)
    rivals: dict[str, Floats] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    answered: Mask | None = None
    cutoffs: Mapping[str, AlertTable] | None = None
    ipcw_floor: float = 0.1


NO_CONTEXT = OutcomeContext()


def evaluate_scores(
    scores: Scores, config: EvaluationConfig, *, seed: int, aside: OutcomeContext = NO_CONTEXT
) -> dict[str, Any]:
    """Everything about one outcome.

    Intervals are 95 % percentile intervals over patients drawn with replacement, with the
    predictions held fixed; differences are paired on the same draws and the same landmarks.

    Returns
    -------
    dict
        ``model``, ``model_no_state``, ``comparators``, ``added_value``, ``by_day`` and ``canary``
        by the contract, and one entry per further question.
    """
    draws = patient_draws(scores.patient, config.bootstrap, seed)
    minimum = config.min_event_patients
    places = {f"{horizon:g}": place for place, horizon in enumerate(scores.horizons)}
    names = [name for name in scores.risks if name not in (*MODELS, "constant")]
    known = {name: ~np.isnan(scores.risks[name]).all() for name in names}
    result: dict[str, Any] = {
        name: {key: measure(scores, name, place, draws, config) for key, place in places.items()}
        for name in MODELS
    }
    comparators = {
        name: {
            key: measure(scores, name, place, draws, config, against="model")
            for key, place in places.items()
        }
        for name in names
        if known[name]
    }
    canary = [
        measure(scores, "constant", place, draws, config)["auroc"] for place in places.values()
    ]
    found = [value for value in canary if value is not None]
    result |= {
        "comparators": comparators,
        "probability_intervals": _taken_out({**{n: result[n] for n in MODELS}, **comparators}),
        "grade_unknown": _without_grade(scores),
        "comparators_absent": absent_comparators(comparators, aside.absent),
        "added_value": added_value(comparators),
        "by_day": days_at_longest(scores, draws, config),
        "by_day_and_horizon": by_day(scores, draws, minimum),
        "patient_weighted": weighted_by_patient(scores, draws, minimum),
        "within_grade": within_grade(scores, draws, minimum),
        "without_early_onsets": without_early_onsets(
            scores, draws, config.early_onset_hours, minimum
        ),
        "net_benefit": decision_curves(
            scores, draws, threshold_grid(*config.net_benefit_range), minimum
        ),
        "alerts": alert_burden(scores, draws, config.alert_rates, minimum, aside.cutoffs),
        "incidence": incidence_of_outcome(scores, draws, minimum),
        "what_comes_first": what_comes_first(scores, aside.rivals, draws, minimum),
        "time_dependent": time_dependent_auroc(scores, draws, aside.ipcw_floor, minimum),
        "subgroups": subgroup_table(scores, aside.masks, draws, minimum),
        "canary": float(np.mean(found)) if found else None,
        "further_splits": {
            name: other if isinstance(other, str) else _other_split(other, config, seed)
            for name, other in aside.further.items()
        },
        "negative_control": {},
    }
    if aside.answered is not None:
        result["answered"] = among(scores, draws, aside.answered, minimum)
    if aside.control is not None:
        result["negative_control"] = negative_control(
            scores, aside.control, config.bootstrap, seed, minimum
        )
    return result


def absent_comparators(present: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, str]:
    """Comparators that could not be scored, each with its reason."""
    return {
        name: reasons.get(name, "no landmark has the inputs it needs")
        for name in EXPECTED
        if name not in present
    }


def measure(
    scores: Scores,
    name: str,
    place: int,
    draws: Floats,
    config: EvaluationConfig,
    *,
    against: str | None = None,
) -> dict[str, Any]:
    """All metrics of one predictor at one horizon; None where they cannot be estimated."""
    other = None if against is None else scores.risks[against][:, place]
    rows = known_rows(scores, place, scores.risks[name][:, place])
    label, risk = scores.label[rows, place], scores.risks[name][rows, place]
    patient, group, weight = scores.patient[rows], scores.group[rows], draws[rows]
    minimum = config.min_event_patients
    result = area_cell(
        label,
        risk,
        patient,
        group,
        weight,
        repeats=scores.n_repeats,
        minimum=minimum,
        against=None if other is None else other[rows],
    )
    result |= dict.fromkeys(("auprc", *_PROBABILITY))
    if estimable(label, patient, minimum):
        result |= estimate(metrics.auprc(label, risk, weight, group), "auprc")
        if name in PROBABILITIES:
            result.update(_probability_metrics(label, risk, weight))
    return result


def weighted_by_patient(scores: Scores, draws: Floats, minimum: int) -> dict[str, Any]:
    """AUROC and difference when every patient counts the same, however many landmarks they have."""
    result: dict[str, Any] = {}
    for name in ("model", *(bar for bar in BARS if bar in scores.risks)):
        result[name] = {}
        for place, horizon in enumerate(scores.horizons):
            model = scores.risks["model"][:, place]
            rows = known_rows(scores, place, scores.risks[name][:, place])
            patient = scores.patient[rows]
            _, code, count = np.unique(patient, return_inverse=True, return_counts=True)
            result[name][f"{horizon:g}"] = area_cell(
                scores.label[rows, place],
                scores.risks[name][rows, place],
                patient,
                scores.group[rows],
                draws[rows] / count[code][:, None],
                repeats=scores.n_repeats,
                minimum=minimum,
                against=None if name == "model" else model[rows],
            )
    return result


def without_early_onsets(
    scores: Scores, draws: Floats, hours: float, minimum: int
) -> dict[str, Any]:
    """AUROC when landmarks shortly before an onset are left out: they may merely see it coming."""
    early = (scores.status == 1) & (scores.time <= hours)
    return {"hours": hours, **among(scores, draws, ~early, minimum)}


def among(scores: Scores, draws: Floats, chosen: Mask, minimum: int) -> dict[str, Any]:
    """AUROC and differences on part of the landmarks, with how many are ``left_out``."""
    kept = np.flatnonzero(chosen)
    part, weight = scores.take(kept), draws[kept]
    result: dict[str, Any] = {"left_out": round(int((~chosen).sum()) / scores.n_repeats)}
    for name in ("model", *(bar for bar in BARS if bar in scores.risks)):
        result[name] = {}
        for place, horizon in enumerate(scores.horizons):
            rows = known_rows(part, place, part.risks[name][:, place])
            result[name][f"{horizon:g}"] = area_cell(
                part.label[rows, place],
                part.risks[name][rows, place],
                part.patient[rows],
                part.group[rows],
                weight[rows],
                repeats=scores.n_repeats,
                minimum=minimum,
                against=None if name == "model" else part.risks["model"][rows, place],
            )
    return result


def _other_split(scores: Scores, config: EvaluationConfig, seed: int) -> dict[str, Any]:
    """Model and its difference from grade and day on another way to split the patients."""
    draws = patient_draws(scores.patient, config.bootstrap, seed)
    table: dict[str, Any] = {"model": {}, "grade_and_day": {}}
    for place, horizon in enumerate(scores.horizons):
        key = f"{horizon:g}"
        table["model"][key] = measure(scores, "model", place, draws, config)
        table["grade_and_day"][key] = measure(
            scores, "grade_and_day", place, draws, config, against="model"
        )
    return table


def _probability_metrics(label: Floats, risk: Floats, weight: Floats) -> dict[str, float | None]:
    intercept, slope = metrics.calibration_line(label, risk, weight[:, : _SLOPE_DRAWS + 1])
    return {
        **estimate(metrics.brier(label, risk, weight), "brier"),
        **estimate(metrics.ipa(label, risk, weight), "ipa"),
        **estimate(slope, "cal_slope"),
        **estimate(intercept, "cal_intercept"),
        "ici": number(metrics.ici(label, risk, weight)),
    }


def _without_grade(scores: Scores) -> dict[str, int]:
    """At how many landmarks the current grade is unknown; empty where none is ever charted."""
    unknown = np.isnan(scores.grade)
    if unknown.all():
        return {}
    counted = (int(unknown.sum()), len(unknown))
    return dict(zip(("n", "of"), (round(c / scores.n_repeats) for c in counted), strict=True))


def _taken_out(tables: Mapping[str, Mapping[str, dict[str, Any]]]) -> dict[str, Any]:
    """Intervals of AUPRC, Brier score, IPA and intercept, taken out of the contract's cells."""
    return {
        name: {
            key: {part: cell.pop(part) for part in _SPREAD if part in cell}
            for key, cell in table.items()
        }
        for name, table in tables.items()
    }


def days_at_longest(scores: Scores, draws: Floats, config: EvaluationConfig) -> dict[str, Any]:
    """Count landmarks, with observed rate, mean risk and AUROC, per day at the longest horizon."""
    place = len(scores.horizons) - 1
    result = {}
    known = ~np.isnan(scores.label[:, place])
    for day in np.unique(scores.day[known]):
        rows = np.flatnonzero(known & (scores.day == day))
        label, risk = scores.label[rows, place], scores.risks["model"][rows, place]
        shown = len(rows) / scores.n_repeats >= _MIN_LANDMARKS_PER_DAY
        cell = area_cell(
            label,
            risk,
            scores.patient[rows],
            scores.group[rows],
            draws[rows],
            repeats=scores.n_repeats,
            minimum=config.min_event_patients,
        )
        cell["base_rate"] = number(label.mean()) if shown else None
        cell["mean_risk"] = number(risk.mean()) if shown else None
        result[str(int(day))] = cell
    return result


def curves(scores: Scores, minimum: int) -> dict[str, Any]:
    """ROC, calibration and risk distribution per horizon, for the page and the figures.

    Only where the figures are given too: the curve of a few event patients is that of them alone.
    """
    result = {}
    for place, horizon in enumerate(scores.horizons):
        rows = known_rows(scores, place)
        label, group = scores.label[rows, place], scores.group[rows]
        if not estimable(label, scores.patient[rows], minimum):
            continue
        lines = {}
        for name in ("model", "model_no_state", "grade_and_day"):
            false, true = metrics.roc_points(label, scores.risks[name][rows, place], group)
            if not np.isnan(true).any():
                lines[name] = {"fpr": false.tolist(), "tpr": true.tolist()}
        risk, patient = scores.risks["model"][rows, place], scores.patient[rows]
        result[f"{horizon:g}"] = {
            "roc": lines,
            "calibration": calibration_groups(label, risk, patient, scores.n_repeats),
            "calibration_smooth": calibration_smooth(label, risk, patient),
            "risk_distribution": _distribution(label, risk, scores.n_repeats),
        }
    return result


def _distribution(label: Floats, risk: Floats, repeats: int) -> dict[str, list[Any]]:
    edges = np.linspace(0.0, 1.0, 21)
    events = np.histogram(risk[label == 1], edges)[0] / repeats
    others = np.histogram(risk[label == 0], edges)[0] / repeats
    return {
        "edges": edges.tolist(),
        "events": np.round(events, 2).tolist(),
        "non_events": np.round(others, 2).tolist(),
        "means": [number(risk[label == value].mean()) for value in (1, 0)],
    }
