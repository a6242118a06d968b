"""Minimum of a convex quadratic within a box, by block pivoting on which bounds hold."""

from __future__ import annotations

import numpy as np

from pipeline.model.stack import Floats

_FREE, _LOWER, _UPPER = 0, -1, 1
_MAX_EXCHANGES = 100
_TRIES = 3


def minimise_quadratic(
    hessian: Floats, linear: Floats, lower: Floats, upper: Floats, start: Floats
) -> Floats:
    """Minimise ``x @ hessian @ x / 2 - linear @ x`` over ``lower <= x <= upper``.

    All coordinates that contradict the conditions of the minimum change sides at once; when that
    stops helping, one at a time, which ends (Judice and Pires, 10.1016/0305-0548(94)90106-6).

    Parameters
    ----------
    hessian : ndarray, shape (n, n)
        Symmetric and positive definite.
    linear, lower, upper : ndarray, shape (n,)
    start : ndarray, shape (n,)
        A guess; only which of its coordinates sit at a bound matters.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> free = np.full(2, np.inf)
    >>> minimise_quadratic(np.eye(2), np.array([1.0, -2.0]), np.zeros(2), free, np.ones(2))
    array([1., 0.])
    """
    side = np.where(start <= lower, _LOWER, np.where(start >= upper, _UPPER, _FREE))
    slack = 1e-10 * (1.0 + float(np.abs(linear).max(initial=0.0)))
    fewest, tries = len(linear) + 1, _TRIES
    point = start
    for _ in range(_MAX_EXCHANGES):
        point = _solve(hessian, linear, lower, upper, side)
        slope = hessian @ point - linear
        below = (side == _FREE) & (point < lower)
        above = (side == _FREE) & (point > upper)
        loose = ((side == _LOWER) & (slope < -slack)) | ((side == _UPPER) & (slope > slack))
        wrong = np.flatnonzero(below | above | loose)
        if len(wrong) == 0:
            break
        if len(wrong) < fewest:
            fewest, tries = len(wrong), _TRIES
        elif tries > 0:
            tries -= 1
        else:
            wrong = wrong[-1:]
        moved = np.where(below, _LOWER, np.where(above, _UPPER, _FREE))
        side[wrong] = moved[wrong]
    return np.clip(point, lower, upper)


def _solve(
    hessian: Floats,
    linear: Floats,
    lower: Floats,
    upper: Floats,
    side: np.typing.NDArray[np.intp],
) -> Floats:
    """Stationary point of the free coordinates with the others at their bounds."""
    from scipy.linalg import cho_factor, cho_solve

    point = np.where(side == _LOWER, lower, np.where(side == _UPPER, upper, 0.0))
    free = np.flatnonzero(side == _FREE)
    if len(free):
        right = (linear - hessian @ point)[free]
        factor = cho_factor(hessian[np.ix_(free, free)], check_finite=False)
        point[free] = cho_solve(factor, right, check_finite=False)
    return point
