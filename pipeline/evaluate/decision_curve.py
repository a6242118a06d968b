"""Net benefit of treating above a risk threshold, compared with treating all and none."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.evaluate.intervals import interval, number, ratio
from pipeline.evaluate.patient_weights import PatientWeights
from pipeline.evaluate.scored_rows import TOO_FEW, HorizonRows, ScoredRows
from pipeline.model.evaluation_cells import NetBenefit

STEP = 0.01
SHOWN = ("model", "model_no_state", "grade_and_day", "plain_logistic", "clinical_state")


def net_benefit(
    label: Floats, risk: Floats, weight: Floats | PatientWeights, thresholds: Floats
) -> Floats:
    """True positives minus false positives weighted by the odds of the threshold, per landmark.

    ``TP/n - FP/n * t/(1-t)`` (Vickers and Elkin, 10.1177/0272989X06295361); a risk equal to the
    threshold counts as positive.

    Parameters
    ----------
    label, risk : ndarray, shape (n,)
    weight : ndarray or PatientWeights, shape (n, n_draws)
    thresholds : ndarray, shape (n_thresholds,)
        Probabilities above 0 and below 1.

    Returns
    -------
    ndarray, shape (n_thresholds, n_draws)

    Examples
    --------
    >>> label, risk = np.array([1, 0, 0, 1.0]), np.array([0.6, 0.3, 0.1, 0.1])
    >>> net_benefit(label, risk, np.ones((4, 1)), np.array([0.2, 0.5])).round(4)
    array([[0.1875],
           [0.25  ]])
    """
    positive = (risk[None, :] >= thresholds[:, None]).astype(float)
    total = weight.sum(axis=0)
    odds = (thresholds / (1.0 - thresholds))[:, None]
    gained = (positive * label) @ weight - odds * ((positive * (1.0 - label)) @ weight)
    return ratio(gained, np.broadcast_to(total, gained.shape))


def threshold_grid(low: float, high: float) -> Floats:
    """Thresholds in steps of one percentage point, both ends included.

    Examples
    --------
    >>> threshold_grid(0.05, 0.08).tolist()
    [0.05, 0.06, 0.07, 0.08]
    """
    return np.round(np.arange(low, high + STEP / 2, STEP), 6)


def decision_curves(scores: ScoredRows, thresholds: Floats) -> dict[str, NetBenefit]:
    """Net benefit per horizon of the model, its comparators, and treating all or none.

    ``diff`` is the model minus grade and day and ``gain`` the model minus the better of treating
    all and none, each with its interval, paired on the same draws; ``better_than_all_and_none`` is
    true where the model's estimate exceeds both policies.
    """
    return {hours: _curves(rows, thresholds) for hours, rows in scores.by_horizon()}


def _curves(rows: HorizonRows, thresholds: Floats) -> NetBenefit:
    if not rows.is_estimable:
        return NetBenefit(reason=TOO_FEW)
    label, weight = rows.label, rows.weight
    curves = {
        name: net_benefit(label, rows.risks[name], weight, thresholds)
        for name in SHOWN
        if name in rows.risks and not np.isnan(rows.risks[name]).any()
    }
    everyone = net_benefit(label, np.ones(len(label)), weight, thresholds)
    model = curves["model"]
    gain = model - np.maximum(everyone, 0.0)
    low, high = _ends(model)
    parts: dict[str, Any] = {name: _numbers(curve[:, 0]) for name, curve in curves.items()}
    if "grade_and_day" in curves:
        difference = model - curves["grade_and_day"]
        parts["diff"] = _numbers(difference[:, 0])
        parts["diff_lo"], parts["diff_hi"] = _ends(difference)
    parts["gain"] = _numbers(gain[:, 0])
    parts["gain_lo"], parts["gain_hi"] = _ends(gain)
    return NetBenefit(
        thresholds=thresholds.tolist(),
        model_lo=low,
        model_hi=high,
        treat_all=_numbers(everyone[:, 0]),
        treat_none=[0.0] * len(thresholds),
        better_than_all_and_none=(gain[:, 0] > 0).tolist(),
        **parts,
    )


def _numbers(curve: Floats) -> list[float | None]:
    return [number(value) for value in curve]


def net_benefit_at(cell: NetBenefit, threshold: float) -> float | None:
    """The model's net benefit at one threshold.

    Parameters
    ----------
    cell : NetBenefit
    threshold : float
        Probability.

    Returns
    -------
    float or None
        None where the curve does not cover the threshold.

    Examples
    --------
    >>> net_benefit_at(NetBenefit(thresholds=[0.05, 0.1], model=[0.02, 0.01]), 0.1)
    0.01
    >>> net_benefit_at(NetBenefit(reason="too few event patients"), 0.1) is None
    True
    """
    for value, gained in zip(cell.thresholds, cell.model or (), strict=True):
        if abs(value - threshold) < STEP / 2:
            return None if gained is None else float(gained)
    return None


def _ends(curve: Floats) -> tuple[list[float | None], list[float | None]]:
    pairs = [interval(row) for row in curve]
    return [low for low, _ in pairs], [high for _, high in pairs]
