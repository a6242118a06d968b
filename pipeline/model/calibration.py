"""Calibrates the blend: intercept and slope per horizon, monotone in horizon and threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.model.logistic import fit_logistic, penalty
from pipeline.model.stacked_rows import StackedRows, horizon_steps, threshold_steps

MIN_EVENT_PATIENTS = 5
_RANGE = (0.01, 0.99)  # quantiles of z between which the slope may depend on the horizon


@dataclass(frozen=True)
class RowCalibration:
    """Calibration of given rows: ``shift + slope * z + bend * (clip(z, low, high) - middle)``.

    ``middle`` is half-way between ``low`` and ``high``.

    Attributes
    ----------
    shift, slope, bend, low, high : ndarray
        Shapes that broadcast with z.
    """

    shift: Floats
    slope: Floats
    bend: Floats
    low: Floats
    high: Floats

    def __call__(self, z: Floats) -> Floats:
        """Return calibrated log-odds."""
        result = self.slope * z + self.shift
        if np.any(self.bend):
            middle = (self.low + self.high) / 2.0
            result += self.bend * (np.clip(z, self.low, self.high) - middle)
        return np.asarray(result)

    def columns(self) -> RowCalibration:
        """Return the same calibration with a last axis, for z with several columns per row."""
        parts = (self.shift, self.slope, self.bend, self.low, self.high)
        return RowCalibration(*(part[..., None] for part in parts))


@dataclass(frozen=True)
class Calibration:
    """Calibrated log-odds: a line in z whose intercept and slope depend on the horizon.

    At the first horizon the slope is ``slope``. Over each interval between horizons the slope
    changes by ``bend`` for z between ``low`` and ``high``, and the log-odds half-way between them
    rise by ``horizon``. They rise at ``low`` and at ``high`` too, and the slope is never negative,
    so the risk never falls with the horizon or with z.

    Attributes
    ----------
    horizon, bend : ndarray, shape (n_horizons - 1,)
        An empty ``bend`` is one slope for all horizons.
    threshold : ndarray, shape (n_thresholds - 1,)
        At most 0.
    """

    intercept: float
    slope: float
    horizon: Floats
    threshold: Floats
    knots: tuple[float, ...]
    thresholds: tuple[int, ...]
    bend: Floats = field(default_factory=lambda: np.zeros(0))
    low: float = 0.0
    high: float = 0.0

    def log_odds(self, blend: Floats, rows: StackedRows) -> Floats:
        """Return the calibrated log-odds of each stacked row."""
        return self.at(rows)(blend)

    def at(self, rows: StackedRows) -> RowCalibration:
        """Return the calibration of each row."""
        rise = horizon_steps(rows.horizon, self.knots)
        fall = threshold_steps(rows.threshold, self.thresholds)
        shift = self.intercept + _sum(rise, self.horizon) + _sum(fall, self.threshold)
        full = np.ones(len(shift))
        bend = _sum(rise, self.bend) if self.bend.size else np.zeros(len(shift))
        return RowCalibration(shift, self.slope * full, bend, self.low * full, self.high * full)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "intercept": self.intercept,
            "slope": self.slope,
            "horizon": self.horizon.tolist(),
            "threshold": self.threshold.tolist(),
            "knots": list(self.knots),
            "thresholds": list(self.thresholds),
            "bend": self.bend.tolist(),
            "low": self.low,
            "high": self.high,
        }


def _sum(basis: Floats, coefficients: Floats) -> Floats:
    """Product without BLAS, whose rounding depends on the number of rows."""
    return np.asarray((basis * coefficients).sum(axis=1))


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
        np.asarray(content.get("bend", ()), dtype=float),
        float(content.get("low", 0.0)),
        float(content.get("high", 0.0)),
    )


def at_rows(calibrations: Sequence[Calibration], rows: StackedRows) -> RowCalibration:
    """Return several calibrations of the same rows, one per column."""
    each = [item.at(rows) for item in calibrations]
    names = ("shift", "slope", "bend", "low", "high")
    return RowCalibration(
        *(np.stack([getattr(item, name) for item in each], axis=1) for name in names)
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

    The slope is shrunk towards 1; its changes between horizons and the steps are shrunk towards 0.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.
    """
    if event_patients(rows, patient) < MIN_EVENT_PATIENTS:
        return identity(knots, thresholds)
    ends = np.quantile(blend, _RANGE)
    free = np.full(max(len(knots) - 1, 0), np.inf)
    fitted = _fit_slopes(blend, rows, knots, thresholds, ridge, ends, (-free, free))
    bend = _monotone(fitted)
    if np.array_equal(bend, fitted.bend):
        return fitted
    return _fit_slopes(blend, rows, knots, thresholds, ridge, ends, (bend, bend))


def _monotone(fitted: Calibration) -> Floats:
    """Shrink the changes of the slope until the log-odds rise with z and with every horizon."""
    width = fitted.high - fitted.low
    if width <= 0.0:
        return np.zeros(len(fitted.bend))
    limit = 2.0 * fitted.horizon / width
    bend = np.clip(fitted.bend, -limit, limit)
    lowest = -float(np.cumsum(bend).min(initial=0.0))
    return bend * min(1.0, fitted.slope / lowest) if lowest > 0.0 else bend


def _fit_slopes(
    blend: Floats,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    ridge: float,
    ends: Floats,
    bounds: tuple[Floats, Floats],
) -> Calibration:
    """Fit with changes of the slope within ``bounds``; fixed ones bound the other coefficients."""
    low, high = (float(end) for end in ends)
    rise = horizon_steps(rows.horizon, knots)
    fall = threshold_steps(rows.threshold, thresholds)
    bent = rise * (np.clip(blend, low, high) - (low + high) / 2.0)[:, None]
    count, falling = rise.shape[1], fall.shape[1]
    fixed = np.where(np.isfinite(bounds[0]), bounds[0], 0.0)
    least_rise = np.abs(fixed) * (high - low) / 2.0
    least_slope = -float(np.cumsum(fixed).min(initial=0.0))
    free = np.inf
    theta = fit_logistic(
        np.zeros((len(blend), 0)),
        np.hstack([np.ones((len(blend), 1)), blend[:, None], rise, bent, fall]),
        np.arange(len(blend)),
        rows.label,
        rows.weight,
        penalty(
            [0.0, 1.0] + [ridge] * (2 * count + falling),
            lower=[-free, least_slope, *least_rise, *bounds[0]] + [-free] * falling,
            upper=[free] * (2 + count) + [*bounds[1]] + [0.0] * falling,
            centre=[0.0, 1.0] + [0.0] * (2 * count + falling),
        ),
    )
    steps = np.split(theta[2:], [count, 2 * count])
    return Calibration(
        float(theta[0]), float(theta[1]), steps[0], steps[2], knots, thresholds, steps[1], low, high
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
