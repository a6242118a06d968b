"""Calibration of the blend: one slope, rising horizon and falling threshold intercepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.model.basis import horizon_steps, threshold_steps
from pipeline.model.logistic import fit_logistic, penalty
from pipeline.model.stack import Floats, StackedRows

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
        """Calibrated log-odds; ``blend`` may hold several draws as columns."""
        shift = self.shift(rows)
        return self.slope * blend + (shift if blend.ndim == 1 else shift[:, None])

    def shift(self, rows: StackedRows) -> Floats:
        """Return what calibration adds to ``slope * z`` in each row."""
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
    """Calibration that changes nothing."""
    return Calibration(
        0.0, 1.0, np.zeros(max(len(knots) - 1, 0)), np.zeros(len(thresholds) - 1), knots, thresholds
    )


def fit_calibration(
    blend: Floats,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    ridge: float,
) -> Calibration:
    """Fit on out-of-fold log-odds; with fewer than five event rows nothing changes.

    The slope is shrunk towards 1 and the steps towards 0.
    """
    if rows.label.sum() < MIN_EVENT_PATIENTS:
        return identity(knots, thresholds)
    rise = horizon_steps(rows.horizon, knots)
    fall = threshold_steps(rows.threshold, thresholds)
    context = np.hstack([np.ones((len(blend), 1)), blend[:, None], rise, fall])
    n_rise, n_fall = rise.shape[1], fall.shape[1]
    limits = penalty(
        [0.0, 1.0] + [ridge] * (n_rise + n_fall),
        lower=[-np.inf, 0.0] + [0.0] * n_rise + [-np.inf] * n_fall,
        upper=[np.inf, np.inf] + [np.inf] * n_rise + [0.0] * n_fall,
        centre=[0.0, 1.0] + [0.0] * (n_rise + n_fall),
    )
    theta = fit_logistic(
        np.zeros((len(blend), 0)),
        context,
        np.arange(len(blend)),
        rows.label,
        rows.weight,
        limits,
    )
    return Calibration(
        float(theta[0]),
        float(theta[1]),
        theta[2 : 2 + n_rise],
        theta[2 + n_rise :],
        knots,
        thresholds,
    )
