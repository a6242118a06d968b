"""Calibration curves: observed incidence by risk group, and a smooth curve with a band."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.competing_risks import aalen_johansen
from pipeline.evaluate.intervals import patient_draws
from pipeline.evaluate.patient_weights import PatientWeights
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.evaluate.weighted_logistic import condense, logistic_draws
from pipeline.model.evaluation_curves import CalibrationGroups, SmoothCalibration
from pipeline.model.logistic import logit, sigmoid

_GROUPS = 8
_POINTS = 41
DRAWS = 200  # at most; the bands are drawn, not printed
_SAME_HOURS = 1e-6


def calibration_groups(
    scores: ScoredRows, horizon: float, name: str = "model", draws: int = DRAWS
) -> CalibrationGroups:
    """Observed incidence in at most eight equally large risk groups, with bootstrap intervals.

    The incidence is that of :func:`incidence_at` (Aalen-Johansen), so that landmarks lost to
    follow-up count until then; with complete follow-up it is the share with the event. Landmarks
    from which too few patients are followed to the horizon are excluded.

    Parameters
    ----------
    scores : ScoredRows
    horizon : float
        Hours.
    name : str
        Predictor.
    draws : int
        Bootstrap draws of patients.
    """
    scores = scores.take(np.flatnonzero(scores.reach >= horizon - _SAME_HOURS))
    risk = scores.risks[name][:, scores.horizons.index(horizon)]
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, _GROUPS + 1)))
    group = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    weights = patient_draws(scores.patient, draws, 0)
    points: dict[str, list[float]] = {
        name: [] for name in ("predicted", "observed", "lo", "hi", "n")
    }
    for number in np.unique(group):
        rows = np.flatnonzero(group == number)
        rate = incidence_at(scores.time[rows], scores.status[rows], weights[rows], horizon)
        low, high = np.nanquantile(rate[1:], [0.025, 0.975])
        points["predicted"].append(float(risk[rows].mean()))
        points["observed"].append(float(rate[0]))
        points["lo"].append(float(low))
        points["hi"].append(float(high))
        points["n"].append(round(len(rows) / scores.n_repeats))
    return CalibrationGroups(**points)


def incidence_at(
    time: Floats, status: NDArray[np.int8], weight: Floats | PatientWeights, horizon: float
) -> Floats:
    """Cumulative incidence of the outcome at one horizon, for every weighting.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Hours to the end of follow-up of a landmark.
    status : ndarray of int, shape (n,)
        0 lost, 1 event, 2 competing event.
    weight : ndarray, shape (n, n_draws)
    horizon : float
        Hours.

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN for a draw without rows.

    Examples
    --------
    >>> time, status = np.array([9.0, 12.0, 30.0, 90.0]), np.array([1, 0, 1, 0], dtype=np.int8)
    >>> incidence_at(time, status, np.ones((4, 1)), 24.0), incidence_at(
    ...     time, status, np.ones((4, 1)), 48.0)
    (array([0.25]), array([0.625]))
    """
    cause: Ints = np.where(time <= horizon, status, 0).astype(np.intp)
    table = aalen_johansen(np.minimum(time, horizon), cause, weight, np.array([horizon]), 2)
    return np.where(weight.sum(axis=0) > 0, table[0, 0], np.nan)


def calibration_smooth(
    rows: HorizonRows, name: str = "model", draws: int = DRAWS
) -> SmoothCalibration:
    """Smoothed observed rate over the central 98% of the risks, with a pointwise 95% band.

    Logistic regression of the outcome on the log-odds and its square, refitted in every bootstrap
    draw of patients: a flexible calibration curve (10.1016/j.jclinepi.2015.12.005) that is stable
    with few events. Landmarks have their weights for censoring.
    """
    risk = rows.risks[name]
    if np.ptp(risk) < 1e-9:
        return SmoothCalibration()
    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    centre, spread = float(x.mean()), max(float(x.std()), 1e-9)
    low_end, high_end = np.quantile(risk, [0.01, 0.99])
    grid = np.linspace(low_end, high_end, _POINTS)
    weight = patient_draws(rows.patient, draws, 0) * rows.sample[:, None]
    nodes = condense(x, rows.label, weight)
    theta = logistic_draws(nodes, lambda score: _columns(score, centre, spread))
    shown = logit(np.clip(grid, 1e-6, 1 - 1e-6))
    curve = sigmoid(_columns(shown, centre, spread) @ theta)
    settled = curve[:, 1:][:, ~np.isnan(curve[0, 1:])]
    if np.isnan(curve[:, 0]).any() or settled.shape[1] < 0.9 * draws:
        return SmoothCalibration()
    low, high = np.quantile(settled, [0.025, 0.975], axis=1)
    return SmoothCalibration(*(values.tolist() for values in (grid, curve[:, 0], low, high)))


def _columns(x: Floats, centre: float, spread: float) -> Floats:
    z = (x - centre) / spread
    return np.stack([np.ones(len(z)), z, z**2], axis=1)
