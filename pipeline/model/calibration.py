"""Calibrates the blend: slope and intercept per horizon, and falling threshold intercepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.model.horizon_order import between
from pipeline.model.logistic import fit_logistic, penalty
from pipeline.model.stacked_rows import StackedRows, horizon_steps, threshold_steps

MIN_EVENT_PATIENTS = 5


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds, linear in z with a slope of its own at each horizon.

    ``intercept + slope * z + horizon steps + threshold steps``, and ``deviation * (z - centre)``
    where slopes differ between horizons. Slopes are at least 0 and threshold steps at most 0.
    Without deviations, horizon steps are at least 0, so the log-odds rise with the horizon; with
    them, :func:`pipeline.model.horizon_order.rising` puts the log-odds in order.

    Attributes
    ----------
    horizon : ndarray, shape (n_horizons - 1,)
    threshold : ndarray, shape (n_thresholds - 1,)
    deviation : ndarray, shape (n_horizons,) or (0,)
        Slope of each horizon minus ``slope``; empty if all horizons have the same slope.
    centre : float
    """

    intercept: float
    slope: float
    horizon: Floats
    threshold: Floats
    knots: tuple[float, ...]
    thresholds: tuple[int, ...]
    deviation: Floats = field(default_factory=lambda: np.zeros(0))
    centre: float = 0.0

    @property
    def by_horizon(self) -> bool:
        """Whether the log-odds may fall with the horizon before they are put in order."""
        return bool(np.any(self.deviation) or np.any(self.horizon < 0.0))

    def log_odds(self, blend: Floats, rows: StackedRows) -> Floats:
        """Return calibrated log-odds; ``blend`` may have several draws as columns."""
        slope, shift = self.slopes(rows), self.shift(rows)
        if blend.ndim > 1:
            slope, shift = slope[:, None], shift[:, None]
        return np.asarray(slope * blend + shift)

    def slopes(self, rows: StackedRows) -> Floats:
        """Return the factor of z in each row."""
        return self.slope + self._deviations(rows)

    def shift(self, rows: StackedRows) -> Floats:
        """Return the term added to ``slopes * z`` in each row."""
        return (
            self.intercept
            + _sum(horizon_steps(rows.horizon, self.knots), self.horizon)
            + _sum(threshold_steps(rows.threshold, self.thresholds), self.threshold)
            - self.centre * self._deviations(rows)
        )

    def _deviations(self, rows: StackedRows) -> Floats:
        if not self.deviation.size:
            return np.zeros(len(rows.horizon))
        return between(rows.horizon, self.knots)(self.deviation)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "horizon": self.horizon.tolist(),
            "threshold": self.threshold.tolist(),
            "knots": list(self.knots),
            "thresholds": list(self.thresholds),
            "deviation": self.deviation.tolist(),
            "centre": self.centre,
        }


def calibration_from_dict(content: Mapping[str, Any]) -> Calibration:
    """Rebuild a calibration stored with :meth:`Calibration.to_dict`.

    Bundles of earlier versions have one slope for all horizons.
    """
    return Calibration(
        float(content["intercept"]),
        float(content["slope"]),
        np.asarray(content["horizon"], dtype=float),
        np.asarray(content["threshold"], dtype=float),
        tuple(content["knots"]),
        tuple(content["thresholds"]),
        np.asarray(content.get("deviation", ()), dtype=float),
        float(content.get("centre", 0.0)),
    )


def _sum(basis: Floats, coefficients: Floats) -> Floats:
    """Product without BLAS, whose rounding depends on the number of rows."""
    return np.asarray((basis * coefficients).sum(axis=1))


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

    The common slope is shrunk towards 1; deviations from it and the steps are shrunk towards 0.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.
    """
    if event_patients(rows, patient) < MIN_EVENT_PATIENTS:
        return identity(knots, thresholds)
    n_rise, n_fall, several = len(knots) - 1, len(thresholds) - 1, len(knots) > 1
    centre = float(np.average(blend, weights=rows.weight)) if several else 0.0
    own = (
        rows.horizon[:, None] == np.asarray(knots)[None, :]
        if several
        else np.zeros((len(blend), 0))
    )
    theta = fit_logistic(
        np.zeros((len(blend), 0)),
        np.hstack(
            [
                np.ones((len(blend), 1)),
                blend[:, None],
                horizon_steps(rows.horizon, knots),
                threshold_steps(rows.threshold, thresholds),
                own * (blend - centre)[:, None],
            ]
        ),
        np.arange(len(blend)),
        rows.label,
        rows.weight,
        penalty(
            [0.0, 1.0] + [ridge] * (n_rise + n_fall + own.shape[1]),
            lower=[-np.inf, 0.0] + [-np.inf] * (n_rise + n_fall + own.shape[1]),
            upper=[np.inf] * (2 + n_rise) + [0.0] * n_fall + [np.inf] * own.shape[1],
            centre=[0.0, 1.0] + [0.0] * (n_rise + n_fall + own.shape[1]),
        ),
    )
    steps = np.split(theta[2:], [n_rise, n_rise + n_fall])
    return Calibration(
        float(theta[0]),
        float(theta[1]),
        steps[0],
        steps[1],
        knots,
        thresholds,
        np.maximum(steps[2], -theta[1]),
        centre,
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
