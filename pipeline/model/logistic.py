"""Ridge logistic regression with box bounds, on features shared by many stacked rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_FREE, _LOWER, _UPPER = 0, -1, 1
_MAX_EXCHANGES = 100
_TRIES = 3


_MAX_STEPS = 60
_TOLERANCE = 1e-10
_ARMIJO = 1e-4
_SMALLEST = 1e-6
_JITTER = 1e-10


def minimise_quadratic(
    hessian: Floats, linear: Floats, lower: Floats, upper: Floats, start: Floats
) -> Floats:
    """Minimise ``x @ hessian @ x / 2 - linear @ x`` over ``lower <= x <= upper``.

    Coordinates that violate the optimality conditions change sides all at once; when that stops
    helping, one at a time, which terminates (Judice and Pires, 10.1016/0305-0548(94)90106-6).

    Parameters
    ----------
    hessian : ndarray, shape (n, n)
        Symmetric and positive definite.
    linear, lower, upper : ndarray, shape (n,)
    start : ndarray, shape (n,)
        Initial point; only which coordinates are at a bound matters.

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


@dataclass(frozen=True)
class Penalty:
    """Ridge strength, bounds and centre of each coefficient."""

    ridge: Floats
    lower: Floats
    upper: Floats
    centre: Floats


def penalty(
    ridge: list[float] | Floats,
    *,
    lower: list[float] | Floats | None = None,
    upper: list[float] | Floats | None = None,
    centre: list[float] | Floats | None = None,
) -> Penalty:
    """Build a penalty; by default, coefficients have no bounds and centre 0.

    Parameters
    ----------
    ridge : array_like, shape (n,)
        Strength per coefficient.
    lower, upper, centre : array_like, shape (n,), optional

    Returns
    -------
    Penalty

    Examples
    --------
    >>> penalty([1.0, 0.0], lower=[0.0, 0.0]).upper
    array([inf, inf])
    """
    strength = np.asarray(ridge, dtype=float)
    size = len(strength)
    return Penalty(
        strength,
        np.full(size, -np.inf) if lower is None else np.asarray(lower, dtype=float),
        np.full(size, np.inf) if upper is None else np.asarray(upper, dtype=float),
        np.zeros(size) if centre is None else np.asarray(centre, dtype=float),
    )


def fit_logistic(
    features: Floats,
    context: Floats,
    landmark: Ints,
    label: Floats,
    weight: Floats,
    limits: Penalty,
    *,
    start: Floats | None = None,
) -> Floats:
    """Minimise the weighted log loss plus half the ridge penalty within the box.

    Each Newton step goes to the minimum of the local quadratic within the box and is halved while
    it overshoots. The linear predictor of row i is ``features[landmark[i]] @ a + context[i] @ b``.
    Features are stored once per landmark, for any number of horizons and thresholds.

    Parameters
    ----------
    features : ndarray, shape (n_landmarks, p)
    context : ndarray, shape (n_rows, q)
    landmark : ndarray of int, shape (n_rows,)
    label, weight : ndarray, shape (n_rows,)
    limits : Penalty
        Over the p + q coefficients, features first.
    start : ndarray, shape (p + q,), optional
        Warm start.

    Returns
    -------
    ndarray, shape (p + q,)

    Examples
    --------
    An intercept alone gives the log-odds of the weighted event rate:

    >>> label, ones = np.array([1.0, 0.0, 0.0, 0.0]), np.ones(4)
    >>> nothing, intercept = np.zeros((4, 0)), np.ones((4, 1))
    >>> theta = fit_logistic(nothing, intercept, np.arange(4), label, ones, penalty([0.0]))
    >>> sigmoid(theta).round(3)
    array([0.25])
    """
    if start is None:
        start = limits.centre
    theta = np.clip(start, limits.lower, limits.upper)
    problem = _Problem.of(features, context, landmark, label, weight, limits)
    loss, risk = problem.loss(theta)
    for _ in range(_MAX_STEPS):
        gradient, hessian = problem.derivatives(theta, risk)
        aim = minimise_quadratic(
            hessian, hessian @ theta - gradient, limits.lower, limits.upper, theta
        )
        step = aim - theta
        expected = float(gradient @ step)
        size = 1.0
        tried, risk = problem.loss(aim)
        while tried > loss + _ARMIJO * size * expected and size > _SMALLEST:
            size /= 2.0
            tried, risk = problem.loss(theta + size * step)
        theta, loss = theta + size * step, min(tried, loss)
        if -expected < _TOLERANCE * (1.0 + abs(loss)):
            break
    return np.asarray(np.clip(theta, limits.lower, limits.upper), dtype=float)


@dataclass(frozen=True)
class _Problem:
    """Penalised log loss of the rows with a positive weight.

    ``single`` has the features in single precision, which suffices for the curvature; the gradient
    in double precision determines the minimum.
    """

    features: Floats
    single: NDArray[np.float32]
    context: Floats
    landmark: Ints
    label: Floats
    weight: Floats
    limits: Penalty
    collect: csr_array

    @classmethod
    def of(
        cls,
        features: Floats,
        context: Floats,
        landmark: Ints,
        label: Floats,
        weight: Floats,
        limits: Penalty,
    ) -> _Problem:
        """Drop rows without weight and landmarks without rows."""
        from scipy.sparse import csr_array

        rows = np.flatnonzero(weight)
        kept, position = np.unique(landmark[rows], return_inverse=True)
        features = features[kept]
        shape = (len(kept), len(rows))
        ones = np.ones(len(rows))
        return cls(
            features,
            features.astype(np.float32),
            context[rows],
            position,
            label[rows],
            weight[rows],
            limits,
            csr_array((ones, (position, np.arange(len(rows)))), shape=shape),
        )

    def loss(self, theta: Floats) -> tuple[float, Floats]:
        """Return the objective at ``theta`` and the risk of each row."""
        size = self.features.shape[1]
        eta = (self.features @ theta[:size])[self.landmark] + self.context @ theta[size:]
        small = np.exp(-np.abs(eta))
        fit = self.weight @ (np.maximum(eta, 0.0) + np.log1p(small) - self.label * eta)
        away = theta - self.limits.centre
        risk = np.where(eta >= 0, 1.0, small) / (1.0 + small)
        return float(fit) + 0.5 * float(self.limits.ridge @ away**2), risk

    def derivatives(self, theta: Floats, risk: Floats) -> tuple[Floats, Floats]:
        """Return the gradient and the Hessian at ``theta``."""
        size = self.features.shape[1]
        residual = self.weight * (risk - self.label)
        gradient = np.concatenate(
            [self.features.T @ (self.collect @ residual), self.context.T @ residual]
        )
        gradient += self.limits.ridge * (theta - self.limits.centre)
        spread = (self.weight * risk * (1.0 - risk))[:, None]
        heavy = self.context * spread
        hessian = np.empty((len(theta), len(theta)))
        scaled = self.single * np.sqrt(self.collect @ spread).astype(np.float32)
        hessian[:size, :size] = scaled.T @ scaled
        hessian[:size, size:] = self.features.T @ (self.collect @ heavy)
        hessian[size:, :size] = hessian[:size, size:].T
        hessian[size:, size:] = self.context.T @ heavy
        floor = _JITTER * float(np.abs(hessian.diagonal()).max(initial=1.0))
        hessian[np.diag_indices_from(hessian)] += self.limits.ridge + floor
        return gradient, hessian


def sigmoid(eta: Floats) -> Floats:
    """Logistic function without overflow.

    Parameters
    ----------
    eta : ndarray
        Log-odds.

    Returns
    -------
    ndarray, same shape
        Probability.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    small = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def logit(probability: Floats) -> Floats:
    """Log-odds of probabilities, clipped to [1e-9, 1 - 1e-9].

    Parameters
    ----------
    probability : ndarray

    Returns
    -------
    ndarray, same shape

    Examples
    --------
    >>> logit(np.array([0.5, 0.9, 1.0])).round(2)
    array([ 0.  ,  2.2 , 20.72])
    """
    kept = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(kept) - np.log1p(-kept)


def _solve(
    hessian: Floats,
    linear: Floats,
    lower: Floats,
    upper: Floats,
    side: np.typing.NDArray[np.intp],
) -> Floats:
    """Stationary point in the free coordinates, with the others at their bounds."""
    from scipy.linalg import cho_factor, cho_solve

    point = np.where(side == _LOWER, lower, np.where(side == _UPPER, upper, 0.0))
    free = np.flatnonzero(side == _FREE)
    if len(free):
        right = (linear - hessian @ point)[free]
        factor = cho_factor(hessian[np.ix_(free, free)], check_finite=False)
        point[free] = cho_solve(factor, right, check_finite=False)
    return point
