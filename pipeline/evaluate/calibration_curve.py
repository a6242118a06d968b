"""Calibration curve: observed rate by risk given, in groups and smoothed, with intervals."""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.intervals import patient_draws, ratio
from pipeline.evaluate.metrics import logistic_draws
from pipeline.model.evaluation_curves import CalibrationGroups, SmoothCalibration
from pipeline.model.logistic import logit, sigmoid

_GROUPS = 8
_POINTS = 41
_DRAWS = 200


def calibration_groups(
    label: Floats, risk: Floats, patient: Ints, repeats: int
) -> CalibrationGroups:
    """Observed rate in at most eight equally large groups of risk, with patient-bootstrap bars."""
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, _GROUPS + 1)))
    group = np.clip(np.searchsorted(edges, risk, side="right") - 1, 0, max(len(edges) - 2, 0))
    draws = patient_draws(patient, _DRAWS, 0)
    points: dict[str, list[float]] = {
        name: [] for name in ("predicted", "observed", "lo", "hi", "n")
    }
    for number in np.unique(group):
        rows = group == number
        rate = ratio(label[rows] @ draws[rows], draws[rows].sum(axis=0))
        low, high = np.nanquantile(rate[1:], [0.025, 0.975])
        points["predicted"].append(float(risk[rows].mean()))
        points["observed"].append(float(rate[0]))
        points["lo"].append(float(low))
        points["hi"].append(float(high))
        points["n"].append(round(int(rows.sum()) / repeats))
    return CalibrationGroups(**points)


def calibration_smooth(label: Floats, risk: Floats, patient: Ints) -> SmoothCalibration:
    """Smoothed observed rate over the central 98 % of the risks, with a pointwise 95 % band.

    Logistic regression of the outcome on the log-odds and its square, refitted in every patient
    bootstrap draw; a flexible calibration curve in the sense of 10.1016/j.jclinepi.2015.12.005
    that stays stable at few events.
    """
    if np.ptp(risk) < 1e-9:
        return SmoothCalibration()
    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    centre, spread = float(x.mean()), max(float(x.std()), 1e-9)
    low_end, high_end = np.quantile(risk, [0.01, 0.99])
    grid = np.linspace(low_end, high_end, _POINTS)
    theta = logistic_draws(_columns(x, centre, spread), label, patient_draws(patient, _DRAWS, 0))
    shown = logit(np.clip(grid, 1e-6, 1 - 1e-6))
    curve = sigmoid(_columns(shown, centre, spread) @ theta)
    settled = curve[:, 1:][:, ~np.isnan(curve[0, 1:])]
    if np.isnan(curve[:, 0]).any() or settled.shape[1] < 0.9 * _DRAWS:
        return SmoothCalibration()
    low, high = np.quantile(settled, [0.025, 0.975], axis=1)
    return SmoothCalibration(*(values.tolist() for values in (grid, curve[:, 0], low, high)))


def _columns(x: Floats, centre: float, spread: float) -> Floats:
    z = (x - centre) / spread
    return np.stack([np.ones(len(z)), z, z**2], axis=1)
