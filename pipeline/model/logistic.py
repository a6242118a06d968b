"""Ridge logistic regression with box bounds, on features shared by many stacked rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.model.stack import Floats, Ints


@dataclass(frozen=True)
class Penalty:
    """Ridge strength, centre and box of each coefficient."""

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
    """Penalty with no bounds and centre 0 where not stated."""
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

    The linear predictor of row i is ``features[landmark[i]] @ a + context[i] @ b``. Features are
    stored once per landmark, however many horizons and thresholds are stacked on it.

    Parameters
    ----------
    features : ndarray, shape (n_landmarks, p)
    context : ndarray, shape (n_rows, q)
    landmark : ndarray of int, shape (n_rows,)
    label, weight : ndarray, shape (n_rows,)
    limits : Penalty
        Over the p + q coefficients, features first.
    start : ndarray, optional
        Warm start.

    Returns
    -------
    ndarray, shape (p + q,)
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    size = features.shape[1]
    count = len(features)
    if start is None:
        start = np.clip(limits.centre, limits.lower, limits.upper)

    def objective(theta: Floats) -> tuple[float, Floats]:
        eta = (features @ theta[:size])[landmark] + context @ theta[size:]
        loss = float(weight @ (np.logaddexp(0.0, eta) - label * eta))
        residual = weight * (sigmoid(eta) - label)
        per_landmark = np.bincount(landmark, weights=residual, minlength=count)
        away = theta - limits.centre
        gradient = np.concatenate([features.T @ per_landmark, context.T @ residual])
        return (
            loss + 0.5 * float(limits.ridge @ away**2),
            gradient + limits.ridge * away,
        )

    box = list(zip(limits.lower, limits.upper, strict=True))
    # these products are small: more BLAS threads cost 4x wall and 6x CPU on two cores (measured)
    with threadpool_limits(1, user_api="blas"):
        result = minimize(
            objective,
            start,
            jac=True,
            bounds=box,
            method="L-BFGS-B",
            options={"maxiter": 500, "ftol": 1e-9, "gtol": 1e-6},
        )
    return np.asarray(result.x, dtype=float)


def sigmoid(eta: Floats) -> Floats:
    """Logistic function without overflow.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    small = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def logit(probability: Floats) -> Floats:
    """Log-odds, with probabilities kept inside (1e-9, 1 - 1e-9)."""
    kept = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(kept) - np.log1p(-kept)
