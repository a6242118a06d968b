"""Logistic regressions on one score, for many bootstrap draws at once.

The sum of a smooth function of a score over rows equals a sum over few fixed nodes to which the
rows' weights are moved by local interpolation. A draw then has a few hundred weights instead of
one per row, and a fit costs little more than one on that many rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import Floats
from pipeline.evaluate.patient_weights import PatientWeights

_FEW_VALUES = 300
_STEP = 0.04  # of the nodes in log-odds; a smaller step changes no coefficient by 1e-8
_STENCIL = tuple(range(-3, 5))
_BLOCK = 128  # draws at a time, so that the arrays stay in cache
Basis = Callable[[Floats], Floats]


def line(score: Floats) -> Floats:
    """Columns 1 and the score."""
    return np.stack([np.ones(len(score)), score], axis=1)


@dataclass(frozen=True)
class Nodes:
    """Values of the score that carry the weights of the rows.

    Attributes
    ----------
    value : ndarray, shape (n_nodes,)
    weight, events : ndarray, shape (n_nodes, n_draws)
        Weight of all rows, and of the rows with the event.
    """

    value: Floats
    weight: Floats
    events: Floats


def condense(score: Floats, label: Floats, weight: PatientWeights) -> Nodes:
    """Move the weights of the rows to nodes of the score.

    With few distinct scores these are the nodes. Otherwise the nodes are equally spaced, and each
    row is shared among its eight nearest nodes by Lagrange interpolation, which is exact for
    polynomials up to degree seven (10.1137/S0036144502417715).

    Parameters
    ----------
    score, label : ndarray, shape (n_rows,)
        Log-odds, and 1 for the event.

    Examples
    --------
    >>> from pipeline.evaluate.patient_weights import patient_weights
    >>> score, label = np.array([-1.0, 2.0, 2.0]), np.array([0, 0, 1.0])
    >>> nodes = condense(score, label, patient_weights(np.ones((3, 2))))
    >>> nodes.value, nodes.weight[:, 0], nodes.events[:, 0]
    (array([-1.,  2.]), array([1., 2.]), array([0., 1.]))
    """
    weight = weight.compact()
    value, place = np.unique(score, return_inverse=True)
    if len(value) <= _FEW_VALUES:
        shares = [(place, np.ones(len(score)))]
    else:
        start = value[0] + _STEP * (_STENCIL[0] - 1)  # one more, against rounding
        position = (score - start) / _STEP
        below = np.floor(position).astype(np.intp)
        size = int(below.max()) + 1 + _STENCIL[-1]
        value = start + _STEP * np.arange(size)
        between = position - below
        shares = [(below + node, _lagrange(between, node)) for node in _STENCIL]
    table = sum(weight.by_bin(bins, len(value), share) for bins, share in shares)
    events = sum(weight.by_bin(bins, len(value), share * label) for bins, share in shares)
    return Nodes(value, table @ weight.times, events @ weight.times)


def _lagrange(between: Floats, node: int) -> Floats:
    """Share of a stencil node for a position between 0 and 1."""
    others = [other for other in _STENCIL if other != node]
    return np.asarray(np.prod([(between - other) / (node - other) for other in others], axis=0))


def logistic_draws(nodes: Nodes, basis: Basis, *, offset: bool = False) -> Floats:
    """Unpenalised logistic coefficients of every draw; the sample's fit is the starting point.

    Parameters
    ----------
    basis : callable
        Columns of the regression from the score.
    offset : bool
        Add the score itself with a coefficient of 1.

    Returns
    -------
    ndarray, shape (n_columns, n_draws)
        NaN where the fit does not converge, for example with separated classes.

    Examples
    --------
    >>> from pipeline.evaluate.patient_weights import patient_weights
    >>> score, label = np.array([-1.0, -1, -1, 1, 1, 1]), np.array([0, 0, 1, 0, 1, 1.0])
    >>> nodes = condense(score, label, patient_weights(np.ones((6, 1))))
    >>> logistic_draws(nodes, line)[1].round(4)  # 1 in 3 at -1, 2 in 3 at 1
    array([0.6931])
    """
    columns = basis(nodes.value)
    fixed = nodes.value if offset else np.zeros(len(nodes.value))
    target, draws = columns.T @ nodes.events, nodes.weight.shape[1]
    zero = np.zeros((columns.shape[1], 1))
    first = _newton(columns, fixed, target[:, :1], nodes.weight[:, :1], zero)
    parts = [first]
    for left in range(1, draws, _BLOCK):
        block = slice(left, min(left + _BLOCK, draws))
        start = np.repeat(np.nan_to_num(first), block.stop - block.start, axis=1)
        parts.append(_newton(columns, fixed, target[:, block], nodes.weight[:, block], start))
    return np.hstack(parts)


def _newton(
    columns: Floats, offset: Floats, target: Floats, weight: Floats, theta: Floats
) -> Floats:
    """Newton steps from ``theta``, shape (n_columns, n_draws), halved while they raise the loss."""
    size, draws = theta.shape
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1).T
    moved = np.full(draws, np.inf)

    def at(theta: Floats) -> tuple[Floats, Floats]:
        eta = offset[:, None] + columns @ theta
        small = np.exp(-np.abs(eta))
        loss = (weight * (np.maximum(eta, 0.0) + np.log1p(small))).sum(axis=0)
        return np.where(eta >= 0, 1.0, small) / (1.0 + small), loss - (target * theta).sum(axis=0)

    p, current = at(theta)
    for _ in range(40):
        spread = weight * p
        gradient = target - columns.T @ spread
        curvature = (products @ (spread * (1 - p))).T.reshape(draws, size, size)
        step = np.linalg.solve(curvature + 1e-9 * np.eye(size), gradient.T[:, :, None])[:, :, 0].T
        p, tried = at(theta + step)
        while (tried > current + 1e-9).any() and np.abs(step).max() > 1e-9:
            step = np.where(tried > current + 1e-9, step / 2.0, step)
            p, tried = at(theta + step)
        theta, current = theta + step, tried
        moved = np.abs(step).max(axis=0)
        if moved.max() < 1e-6:
            break
    return np.where(moved < 1e-5, theta, np.nan)
