"""Keeps risks in the order of their horizons, and interpolates between fitted horizons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.arrays import Floats, Ints


@dataclass(frozen=True)
class Interpolation:
    """Position of asked horizons between fitted ones, linear in log hours.

    Attributes
    ----------
    lower, upper : ndarray of int, shape (n_asked,)
        Fitted horizons around each asked one.
    weight : ndarray, shape (n_asked,)
        Weight of ``upper``; exactly 0 at a fitted horizon.
    """

    lower: Ints
    upper: Ints
    weight: Floats

    def __call__(self, log_odds: Floats) -> Floats:
        """Return log-odds at the asked horizons, which are the last axis."""
        low, high = log_odds[..., self.lower], log_odds[..., self.upper]
        return np.asarray((1.0 - self.weight) * low + self.weight * high)


def between(asked: Floats, fitted: tuple[float, ...]) -> Interpolation:
    """Locate horizons between fitted ones; those outside count as the nearest.

    Parameters
    ----------
    asked : ndarray, shape (n_asked,)
        Hours ahead.
    fitted : tuple of float
        Ascending hours ahead.

    Returns
    -------
    Interpolation

    Examples
    --------
    >>> between(np.array([24.0, 48.0, 96.0]), (24.0, 96.0))(np.array([-3.0, -1.0]))
    array([-3., -2., -1.])
    """
    logs = np.log(np.asarray(fitted, dtype=float))
    place = np.clip(np.log(asked), logs[0], logs[-1])
    upper = np.searchsorted(logs, place)
    lower = np.maximum(upper - 1, 0)
    gap = np.where(upper > 0, logs[upper] - logs[lower], 1.0)
    weight = np.where(upper > 0, (place - logs[lower]) / gap, 0.0)
    exact = np.isclose(weight, 1.0, atol=1e-12)
    return Interpolation(
        np.where(exact, upper, lower).astype(np.intp), upper, np.where(exact, 0.0, weight)
    )


def needed(asked: tuple[float, ...], fitted: tuple[float, ...]) -> tuple[float, ...]:
    """Fitted horizons on which the risks of the asked ones depend.

    Parameters
    ----------
    asked, fitted : tuple of float
        Hours ahead; ``fitted`` ascends.

    Returns
    -------
    tuple of float
        From the first to the one at or after the longest asked.

    Examples
    --------
    >>> needed((30.0,), (24.0, 48.0, 72.0, 168.0))
    (24.0, 48.0)
    """
    last = int(np.searchsorted(np.asarray(fitted), max(asked) - 1e-9))
    return fitted[: min(last, len(fitted) - 1) + 1]


def rising(log_odds: Floats, axis: int = -1) -> Floats:
    """Raise each value to the largest of earlier horizons.

    Parameters
    ----------
    log_odds : ndarray
        Fitted horizons in ascending order along ``axis``.
    axis : int

    Returns
    -------
    ndarray, same shape

    Examples
    --------
    >>> rising(np.array([-3.0, -1.0, -1.5]))
    array([-3., -1., -1.])
    """
    return np.asarray(np.maximum.accumulate(log_odds, axis=axis))
