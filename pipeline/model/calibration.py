"""Calibrates the blend: one slope, rising horizon intercepts and falling threshold intercepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.model.logistic import fit_logistic, penalty
from pipeline.model.stacked_rows import StackedRows, horizon_steps, threshold_steps

MIN_EVENT_PATIENTS = 5


@dataclass(frozen=True)
class Calibration:
    """logit risk = intercept + slope * z + rising horizon steps + falling threshold steps."""

    intercept: float
    slope: float
    horizon: Floats
    threshold: Floats
    knots: tuple[float, ...]
    thresholds: tuple[int, ...]

    def log_odds(self, blend: Floats, rows: StackedRows) -> Floats:
        """Return calibrated log-odds; ``blend`` may have several draws as columns."""
        shift = self.shift(rows)
        return self.slope * blend + (shift if blend.ndim == 1 else shift[:, None])

    def shift(self, rows: StackedRows) -> Floats:
        """Return the term added to ``slope * z`` in each row."""
        return (
            self.intercept
            + horizon_steps(rows.horizon, self.knots) @ self.horizon
            + threshold_steps(rows.threshold, self.thresholds) @ self.threshold
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "horizon": self.horizon.tolist(),
            "threshold": self.threshold.tolist(),
            "knots": list(self.knots),
            "thresholds": list(self.thresholds),
        }


def calibration_from_dict(content: Mapping[str, Any]) -> Calibration:
    """Rebuild a calibration stored with :meth:`Calibration.to_dict`."""
    return Calibration(
        float(content["intercept"]),
        float(content["slope"]),
        np.asarray(content["horizon"], dtype=float),
        np.asarray(content["threshold"], dtype=float),
        tuple(content["knots"]),
        tuple(content["thresholds"]),
    )


def identity(knots: tuple[float, ...], thresholds: tuple[int, ...]) -> Calibration:
    """Calibration that leaves log-odds unchanged."""
    return Calibration(
        0.0, 1.0, np.zeros(max(len(knots) - 1, 0)), np.zeros(len(thresholds) - 1), knots, thresholds
    )


def event_patients(rows: StackedRows, patient: Ints) -> int:
    """Number of patients with a positive label.

    Examples
    --------
    >>> from pipeline.model.stacked_rows import query
    >>> rows = query(2, (24.0,), 3)
    >>> rows.label[:] = 1.0
    >>> event_patients(rows, np.array([7, 7]))
    1
    """
    return len(np.unique(patient[rows.landmark[rows.label == 1]]))


def fit_calibration(
    blend: Floats,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    ridge: float,
    *,
    patient: Ints,
) -> Calibration:
    """Fit on out-of-fold log-odds; with fewer than five event patients, return the identity.

    The slope is shrunk towards 1 and the steps towards 0.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.
    """
    if event_patients(rows, patient) < MIN_EVENT_PATIENTS:
        return identity(knots, thresholds)
    intercept, slope, steps = _fit(
        blend[:, None], rows, knots, thresholds, ridge, ridge_slope=1.0, centre=np.ones(1)
    )
    n_rise = max(len(knots) - 1, 0)
    return Calibration(
        intercept, float(slope[0]), steps[:n_rise], steps[n_rise:], knots, thresholds
    )


def fit_shares(
    parts: Floats,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    ridge: float,
    *,
    ridge_share: float,
    centre: Floats,
) -> Floats:
    """Learn the share of each member in the blend from out-of-fold log-odds.

    A calibration is fitted with one non-negative slope per member, shrunk towards the share in
    ``centre``. With few events, the shares stay near ``centre``; with many, better members get
    more weight (stacked generalisation: Breiman 1996, 10.1007/BF00117832).

    Parameters
    ----------
    parts : ndarray, shape (n_rows, n_members)
        Log-odds of each member.
    ridge_share : float
        Strength of the shrinkage.
    centre : ndarray, shape (n_members,)
        Sums to 1.

    Returns
    -------
    ndarray, shape (n_members,)
        Sums to 1.
    """
    slopes = _fit(parts, rows, knots, thresholds, ridge, ridge_slope=ridge_share, centre=centre)[1]
    return slopes / slopes.sum() if slopes.sum() > 0 else centre


def _fit(
    parts: Floats,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    ridge: float,
    *,
    ridge_slope: float,
    centre: Floats,
) -> tuple[float, Floats, Floats]:
    """Fit the intercept, the slope of each column of ``parts``, and the steps."""
    rise = horizon_steps(rows.horizon, knots)
    fall = threshold_steps(rows.threshold, thresholds)
    count, n_rise, n_fall = len(centre), rise.shape[1], fall.shape[1]
    n_steps = n_rise + n_fall
    limits = penalty(
        [0.0] + [ridge_slope] * count + [ridge] * n_steps,
        lower=[-np.inf] + [0.0] * (count + n_rise) + [-np.inf] * n_fall,
        upper=[np.inf] * (1 + count + n_rise) + [0.0] * n_fall,
        centre=[0.0, *centre] + [0.0] * n_steps,
    )
    theta = fit_logistic(
        np.zeros((len(parts), 0)),
        np.hstack([np.ones((len(parts), 1)), parts, rise, fall]),
        np.arange(len(parts)),
        rows.label,
        rows.weight,
        limits,
    )
    return float(theta[0]), theta[1 : 1 + count], theta[1 + count :]
