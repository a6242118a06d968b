"""Horizon and threshold as bounded bases, so that risk is monotone by construction."""

from __future__ import annotations

import numpy as np

from pipeline.model.stack import Floats


def horizon_steps(horizon: Floats, knots: tuple[float, ...]) -> Floats:
    """Piecewise-linear rise in log horizon, one column per interval between knots.

    Each column goes from 0 to 1 over its interval; with non-negative coefficients any
    combination rises with the horizon.

    Examples
    --------
    >>> horizon_steps(np.array([24.0, 48.0, 168.0]), (24.0, 48.0, 168.0))
    array([[0., 0.],
           [1., 0.],
           [1., 1.]])
    """
    logs = np.log(np.asarray(knots, dtype=float))
    position = np.log(horizon)[:, None]
    if len(logs) < 2:
        return np.zeros((len(horizon), 0))
    return np.asarray(np.clip((position - logs[:-1]) / np.diff(logs), 0.0, 1.0))


def threshold_steps(threshold: Floats, thresholds: tuple[int, ...]) -> Floats:
    """One column per threshold after the first: 1 where the row asks for it or a higher one."""
    later = np.asarray(thresholds[1:], dtype=float)
    return (threshold[:, None] >= later).astype(float)


def cross(basis: Floats, contexts: Floats) -> Floats:
    """All products of basis and context columns; contexts are non-negative.

    Bounds on the coefficients of the products then bound the slope in every context.
    """
    return (basis[:, :, None] * contexts[:, None, :]).reshape(len(basis), -1)
