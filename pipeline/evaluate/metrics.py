"""Weighted metrics for many bootstrap draws at once; AUROC is ranked within groups.

``weight`` has one column per draw: column 0 is the sample, the others count how often each row's
patient was drawn; both are multiplied by the row's weight for censoring. A *group* is one fold of
one repeat: scores are never ranked across groups, so a constant predictor has an AUROC of exactly
0.50.
"""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.model.logistic import logit, sigmoid
from pipeline.model.parallel import one_blas_thread


def auroc(label: Floats, score: Floats, weight: Floats, group: Ints) -> Floats:
    """Weighted concordance of pairs within groups, ties counting one half.

    Parameters
    ----------
    label, score : ndarray, shape (n,)
    weight : ndarray, shape (n, n_draws)
    group : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN where a draw has no comparable pair.

    Examples
    --------
    >>> ones = np.ones((4, 1))
    >>> auroc(np.array([0, 0, 1, 1.0]), np.array([.1, .4, .35, .8]), ones, np.zeros(4, int))
    array([0.75])
    """
    concordant = np.zeros(weight.shape[1])
    pairs = np.zeros(weight.shape[1])
    for part in _groups(group):
        events, others = part[label[part] == 1], part[label[part] == 0]
        if len(events) == 0 or len(others) == 0:
            continue
        order = np.argsort(score[others], kind="stable")
        below = np.vstack([np.zeros(weight.shape[1]), np.cumsum(weight[others][order], axis=0)])
        ranked = score[others][order]
        left = below[np.searchsorted(ranked, score[events], side="left")]
        right = below[np.searchsorted(ranked, score[events], side="right")]
        concordant += np.sum(weight[events] * (left + right) / 2.0, axis=0)
        pairs += weight[events].sum(axis=0) * below[-1]
    return _ratio(concordant, pairs)


def auprc(label: Floats, score: Floats, weight: Floats, group: Ints) -> Floats:
    """Average precision per draw, mean over groups weighted by their events.

    Tied scores share one threshold, as in scikit-learn.

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN where a draw has no event.
    """
    total, events_seen = np.zeros(weight.shape[1]), np.zeros(weight.shape[1])
    for part in _groups(group):
        y, s = label[part], score[part]
        if not y.any():
            continue
        order = np.argsort(-s, kind="stable")
        hit = y[order] == 1
        drawn = weight[part][order]
        hits = np.cumsum(drawn[hit], axis=0)
        last = np.r_[np.flatnonzero(np.diff(s[order])), len(s) - 1]
        seen = np.cumsum(hit)[last]
        # precision counts only at thresholds that add an event
        new = np.flatnonzero(np.diff(np.r_[0, seen]))
        taken = np.cumsum(drawn, axis=0)[last[new]]
        reached = hits[seen[new] - 1]
        gained = np.diff(reached, axis=0, prepend=0.0)
        total += (gained * _quotient(reached, taken)).sum(axis=0)
        events_seen += hits[-1]
    return _ratio(total, events_seen)


def brier(label: Floats, risk: Floats, weight: Floats) -> Floats:
    """Weighted mean squared error per draw; NaN for a draw without rows."""
    squared = (risk - label) ** 2
    return _ratio(squared @ weight, weight.sum(axis=0))


def ipa(label: Floats, risk: Floats, weight: Floats) -> Floats:
    """Index of prediction accuracy per draw: 1 - Brier / Brier of the event rate of the draw.

    Kattan and Gerds, 10.1186/s41512-018-0029-2. NaN where a draw has one class only.
    """
    rate = _ratio(label @ weight, weight.sum(axis=0))
    return 1.0 - _ratio(brier(label, risk, weight), rate * (1.0 - rate))


def calibration_line(label: Floats, risk: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Intercept (calibration in the large) and slope of the recalibration line, per draw.

    The slope comes from ``logit P(y) = a + b logit(risk)``, the intercept from the same model
    with b = 1 (Van Calster et al., 10.1186/s12916-019-1466-7).

    Returns
    -------
    intercept, slope : ndarray, shape (n_draws,)
        NaN where the draw has one class only or the fit diverges.
    """
    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    in_large = _newton(np.ones((len(x), 1)), x, label, weight)[0]
    centred = np.stack([np.ones(len(x)), x - x.mean()], axis=1)
    slope = _newton(centred, np.zeros(len(x)), label, weight)[1]
    events, total = label @ weight, weight.sum(axis=0)
    usable = (events > 0) & (events < total) & ~np.isnan(slope) & (np.ptp(x) > 1e-9)
    return np.where(usable, in_large, np.nan), np.where(usable, slope, np.nan)


def logistic_draws(columns: Floats, label: Floats, weight: Floats) -> Floats:
    """Unpenalised logistic coefficients of every draw, shape (n_columns, n_draws).

    NaN where the fit does not converge, for example with separated classes.
    """
    return _newton(columns, np.zeros(len(columns)), label, weight)


@one_blas_thread()
def ici(label: Floats, risk: Floats, weight: Floats) -> float:
    """Integrated calibration index: mean distance of risk from the smoothed observed rate.

    Austin and Steyerberg, 10.1002/sim.8281; smoothed by logistic regression on the logit and its
    square, because loess is unstable with few events.
    """
    from pipeline.model.logistic import fit_logistic, penalty

    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    centred = (x - x.mean()) / max(float(x.std()), 1e-9)
    design = np.stack([np.ones(len(x)), centred, centred**2], axis=1)
    theta = fit_logistic(
        np.zeros((len(x), 0)),
        design,
        np.arange(len(x)),
        label,
        weight[:, 0],
        penalty([0.0, 1e-6, 1e-3]),
    )
    smooth = sigmoid(design @ theta)
    return float(np.average(np.abs(smooth - risk), weights=weight[:, 0]))


def roc_points(label: Floats, score: Floats, weight: Floats, group: Ints) -> tuple[Floats, Floats]:
    """Mean ROC curve of all groups on a grid of 101 false positive rates; weights per row."""
    grid = np.linspace(0.0, 1.0, 101)
    curves = []
    for part in _groups(group):
        y, s = label[part], score[part]
        if y.min() == y.max():
            continue
        order = np.argsort(-s, kind="stable")
        last = np.r_[np.flatnonzero(np.diff(s[order])), len(s) - 1]
        hits, misses = weight[part] * y, weight[part] * (1 - y)
        true = np.r_[0.0, np.cumsum(hits[order])[last] / hits.sum()]
        false = np.r_[0.0, np.cumsum(misses[order])[last] / misses.sum()]
        curves.append(np.interp(grid, false, true))
    return grid, np.mean(curves, axis=0) if curves else np.full(101, np.nan)


def _quotient(part: Floats, whole: Floats) -> Floats:
    """Quotient, 0 where the denominator is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _newton(columns: Floats, offset: Floats, label: Floats, weight: Floats) -> Floats:
    """Logistic coefficients of all draws at once; the fit of the sample is the starting point.

    Returns
    -------
    ndarray, shape (n_columns, n_draws)
        NaN where the fit does not converge, for example with separated classes.
    """
    first = _steps(columns, offset, label, weight[:, :1], np.zeros((columns.shape[1], 1)))
    start = np.repeat(np.nan_to_num(first), weight.shape[1] - 1, axis=1)
    return np.hstack([first, _steps(columns, offset, label, weight[:, 1:], start)])


def _steps(columns: Floats, offset: Floats, label: Floats, weight: Floats, theta: Floats) -> Floats:
    """Newton steps from ``theta``, shape (n_columns, n_draws), halved while they raise the loss."""
    size, draws = theta.shape
    if draws == 0:
        return theta
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1).T
    moved = np.full(draws, np.inf)
    target = (columns * label[:, None]).T @ weight

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


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Quotient per draw, NaN where the denominator is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _groups(group: Ints) -> list[Ints]:
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return np.split(order, edges) if len(order) else []
