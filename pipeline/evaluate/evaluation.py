"""Scores to ``evaluation.json``: every metric with its patient-bootstrap interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.config import EvaluationConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.scores import Scores
from pipeline.model.stack import Floats, Ints

RANKING_ONLY = frozenset({"last_crp", "last_ferritin", "constant"})
MODELS = ("model", "model_no_state")
_SLOPE_DRAWS = 200
_MIN_LANDMARKS_PER_DAY = 10


def evaluate_scores(scores: Scores, config: EvaluationConfig, *, seed: int) -> dict[str, Any]:
    """Metrics of the model and its comparators for one outcome.

    Intervals are 95 % percentile intervals over patients drawn with replacement, with the
    predictions held fixed; differences are paired on the same draws and the same landmarks.

    Returns
    -------
    dict
        ``model``, ``model_no_state``, ``comparators``, ``added_value``, ``by_day`` and ``canary``.
    """
    draws = patient_draws(scores.patient, config.bootstrap, seed)
    result: dict[str, Any] = {name: {} for name in MODELS}
    comparators: dict[str, dict[str, Any]] = {
        name: {} for name in scores.risks if name not in (*MODELS, "constant")
    }
    canary = []
    for number, horizon in enumerate(scores.horizons):
        key = f"{horizon:g}"
        for name in MODELS:
            result[name][key] = measure(scores, name, number, draws, config)
        for name, table in comparators.items():
            table[key] = measure(scores, name, number, draws, config, against="model")
        canary.append(measure(scores, "constant", number, draws, config)["auroc"])
    result["comparators"] = comparators
    result["added_value"] = {
        key: {name: table[key][name] for name in ("diff_auroc", "diff_lo", "diff_hi")}
        for key in comparators["grade_and_day"]
        for table in (comparators["grade_and_day"],)
    }
    result["by_day"] = by_day(scores, config)
    known = [value for value in canary if value is not None]
    result["canary"] = float(np.mean(known)) if known else None
    return result


def patient_draws(patient: Ints, draws: int, seed: int) -> Floats:
    """Weights per row: column 0 is the sample, the others count each row's patient in a draw."""
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(unique), np.full(len(unique), 1 / len(unique)), size=draws)
    return np.hstack([np.ones((len(patient), 1)), times[:, code].T.astype(float)])


def measure(
    scores: Scores,
    name: str,
    number: int,
    draws: Floats,
    config: EvaluationConfig,
    *,
    against: str | None = None,
) -> dict[str, Any]:
    """All metrics of one predictor at one horizon; None where they cannot be estimated."""
    label, risk = scores.label[:, number], scores.risks[name][:, number]
    rows = np.flatnonzero(~np.isnan(label) & ~np.isnan(risk))
    label, risk, group = label[rows], risk[rows], scores.group[rows]
    patient, weight = scores.patient[rows], draws[rows]
    event_patients = len(np.unique(patient[label == 1]))
    result: dict[str, Any] = {
        "n": round(len(rows) / scores.n_repeats),
        "n_patients": len(np.unique(patient)),
        "n_events": round(float(label.sum()) / scores.n_repeats),
        "n_event_patients": event_patients,
    }
    names = ["auroc", "auroc_lo", "auroc_hi", "auprc", "brier", "ipa", "cal_slope", "cal_slope_lo"]
    names += ["cal_slope_hi", "cal_intercept", "ici"]
    if against is not None:
        names += ["diff_auroc", "diff_lo", "diff_hi"]
    result.update(dict.fromkeys(names))
    others = len(np.unique(patient[label == 0]))
    if event_patients < config.min_event_patients or others < config.min_event_patients:
        return result
    area = metrics.auroc(label, risk, weight, group)
    result["auroc"] = _number(area[0])
    result["auroc_lo"], result["auroc_hi"] = _interval(area)
    result["auprc"] = _number(metrics.auprc(label, risk, weight, group))
    if name not in RANKING_ONLY:
        result.update(_probability_metrics(label, risk, weight))
    if against is not None:
        other = metrics.auroc(label, scores.risks[against][rows, number], weight, group)
        result["diff_auroc"] = _number(other[0] - area[0])
        result["diff_lo"], result["diff_hi"] = _interval(other - area)
    return result


def _probability_metrics(label: Floats, risk: Floats, weight: Floats) -> dict[str, float | None]:
    intercept, slope = metrics.calibration_line(label, risk, weight[:, : _SLOPE_DRAWS + 1])
    low, high = _interval(slope)
    return {
        "brier": _number(metrics.brier(label, risk, weight[:, :1])[0]),
        "ipa": _number(metrics.ipa(label, risk, weight)),
        "cal_slope": _number(slope[0]),
        "cal_slope_lo": low,
        "cal_slope_hi": high,
        "cal_intercept": _number(intercept[0]),
        "ici": _number(metrics.ici(label, risk, weight)),
    }


def by_day(scores: Scores, config: EvaluationConfig) -> dict[str, Any]:
    """Count landmarks, with mean risk and AUROC, per landmark day at the longest horizon."""
    number = len(scores.horizons) - 1
    result = {}
    known = ~np.isnan(scores.label[:, number])
    for day in np.unique(scores.day[known]):
        rows = np.flatnonzero(known & (scores.day == day))
        label, risk = scores.label[rows, number], scores.risks["model"][rows, number]
        event_patients = len(np.unique(scores.patient[rows][label == 1]))
        shown = len(rows) / scores.n_repeats >= _MIN_LANDMARKS_PER_DAY
        enough = event_patients >= config.min_event_patients and (label == 0).any()
        area = metrics.auroc(label, risk, np.ones((len(rows), 1)), scores.group[rows])
        result[str(int(day))] = {
            "n": round(len(rows) / scores.n_repeats),
            "n_events": round(float(label.sum()) / scores.n_repeats),
            "base_rate": _number(label.mean()) if shown else None,
            "mean_risk": _number(risk.mean()) if shown else None,
            "auroc": _number(area[0]) if enough else None,
        }
    return result


def curves(scores: Scores) -> dict[str, Any]:
    """ROC, calibration and risk distribution per horizon, for the page and the figures."""
    result = {}
    for number, horizon in enumerate(scores.horizons):
        label = scores.label[:, number]
        rows = np.flatnonzero(~np.isnan(label))
        label, group = label[rows], scores.group[rows]
        if label.min(initial=1) == label.max(initial=0) or len(rows) == 0:
            continue
        lines = {}
        for name in ("model", "model_no_state", "grade_and_day"):
            false, true = metrics.roc_points(label, scores.risks[name][rows, number], group)
            if not np.isnan(true).any():
                lines[name] = {"fpr": false.tolist(), "tpr": true.tolist()}
        risk = scores.risks["model"][rows, number]
        result[f"{horizon:g}"] = {
            "roc": lines,
            "calibration": _calibration_points(label, risk, scores.patient[rows], scores.n_repeats),
            "risk_distribution": _distribution(label, risk, scores.n_repeats),
        }
    return result


def _calibration_points(
    label: Floats, risk: Floats, patient: Ints, repeats: int
) -> dict[str, list[float]]:
    """Observed rate in at most eight equally large groups of risk, with patient-bootstrap bars."""
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, 9)))
    group = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    draws = patient_draws(patient, 200, 0)
    points: dict[str, list[float]] = {
        name: [] for name in ("predicted", "observed", "lo", "hi", "n")
    }
    for number in np.unique(group):
        rows = group == number
        weight = draws[rows]
        total = weight.sum(axis=0)
        rate = np.divide(
            label[rows] @ weight, total, out=np.full(len(total), np.nan), where=total > 0
        )
        low, high = np.nanquantile(rate[1:], [0.025, 0.975])
        points["predicted"].append(float(risk[rows].mean()))
        points["observed"].append(float(rate[0]))
        points["lo"].append(float(low))
        points["hi"].append(float(high))
        points["n"].append(round(int(rows.sum()) / repeats))
    return points


def _distribution(label: Floats, risk: Floats, repeats: int) -> dict[str, list[float]]:
    edges = np.linspace(0.0, 1.0, 21)
    events = np.histogram(risk[label == 1], edges)[0] / repeats
    others = np.histogram(risk[label == 0], edges)[0] / repeats
    return {
        "edges": edges.tolist(),
        "events": np.round(events, 2).tolist(),
        "non_events": np.round(others, 2).tolist(),
    }


def _interval(values: Floats) -> tuple[float | None, float | None]:
    drawn = values[1:][~np.isnan(values[1:])]
    if len(drawn) < 0.9 * (len(values) - 1):
        return None, None
    low, high = np.quantile(drawn, [0.025, 0.975])
    return _number(low), _number(high)


def _number(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), 6)
