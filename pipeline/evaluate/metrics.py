"""Weighted metrics for many bootstrap draws at once; AUROC is ranked within groups.

``weight`` has one column per draw: column 0 is the sample, the others count how often each row's
patient was drawn; both are multiplied by the row's weight for censoring. It is a matrix or, at
less cost, :class:`PatientWeights`. A *group* is one fold of one repeat: scores are never ranked
across groups, so a constant predictor has an AUROC of exactly 0.50.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.patient_weights import (
    PatientWeights,
    patient_weights,
    renumbered,
    table_sums,
)
from pipeline.evaluate.weighted_logistic import condense, line, logistic_draws
from pipeline.model.logistic import logit, sigmoid
from pipeline.model.parallel import one_blas_thread

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
Weights = Floats | PatientWeights


def auroc(label: Floats, score: Floats, weight: Weights, group: Ints) -> Floats:
    """Weighted concordance of pairs within groups, ties counting one half.

    Pairs are summed by the two patients that they come from; a draw weighs these sums by the
    product of its two counts.

    Parameters
    ----------
    label, score : ndarray, shape (n,)
    weight : ndarray or PatientWeights, shape (n, n_draws)
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
    weight = patient_weights(weight)
    people = len(weight.times)
    concordant, pairs = np.zeros((people, people)), np.zeros((people, people))
    for part in _groups(group):
        event, ranked = label[part] == 1, score[part]
        if not event.any() or event.all():
            continue
        thresholds = np.unique(ranked[event])
        above, reached = (np.searchsorted(thresholds, ranked, side=side) for side in _SIDES)
        present, code = renumbered(weight.code[part])
        shape = (len(thresholds) + 1, len(present))
        ours, theirs = weight.factor[part] * event, weight.factor[part] * ~event
        events = table_sums(above, code, ours, shape)
        lower = table_sums(above, code, theirs, shape) + table_sums(reached, code, theirs, shape)
        cells = np.ix_(present, present)
        concordant[cells] += events[:-1].T @ np.cumsum(lower[:-1], axis=0) / 2.0
        pairs[cells] += np.outer(events.sum(axis=0), np.bincount(code, theirs, len(present)))
    return _ratio(_weighted(concordant, weight.times), _weighted(pairs, weight.times))


def _weighted(pairs: Floats, times: Floats) -> Floats:
    """Sum of pairs by patient times both counts, per draw."""
    rows = np.flatnonzero(pairs.any(axis=1))
    return np.asarray(np.einsum("pd,pd->d", pairs[rows] @ times, times[rows]))


def auprc(label: Floats, score: Floats, weight: Weights, group: Ints) -> Floats:
    """Average precision per draw, mean over groups weighted by their events.

    Tied scores share one threshold, as in scikit-learn.

    Returns
    -------
    ndarray, shape (n_draws,)
        NaN where a draw has no event.
    """
    weight = patient_weights(weight)
    total, events_seen = np.zeros(weight.shape[1]), np.zeros(weight.shape[1])
    for part in _groups(group):
        event = label[part] == 1
        if not event.any():
            continue
        # precision counts only at thresholds that add an event
        falling = -score[part]
        thresholds = np.unique(falling[event])
        place, bins = np.searchsorted(thresholds, falling), len(thresholds) + 1
        drawn = weight[part].compact()
        taken = np.cumsum(drawn.by_bin(place, bins)[:-1], axis=0) @ drawn.times
        gained = drawn.by_bin(place, bins, event)[:-1] @ drawn.times
        reached = np.cumsum(gained, axis=0)
        total += (gained * _quotient(reached, taken)).sum(axis=0)
        events_seen += reached[-1]
    return _ratio(total, events_seen)


def brier(label: Floats, risk: Floats, weight: Weights) -> Floats:
    """Weighted mean squared error per draw; NaN for a draw without rows."""
    squared = (risk - label) ** 2
    return _ratio(squared @ weight, weight.sum(axis=0))


def ipa(label: Floats, risk: Floats, weight: Weights) -> Floats:
    """Index of prediction accuracy per draw: 1 - Brier / Brier of the event rate of the draw.

    Kattan and Gerds, 10.1186/s41512-018-0029-2. NaN where a draw has one class only.
    """
    rate = _ratio(label @ weight, weight.sum(axis=0))
    return 1.0 - _ratio(brier(label, risk, weight), rate * (1.0 - rate))


def calibration_line(label: Floats, risk: Floats, weight: Weights) -> tuple[Floats, Floats]:
    """Intercept (calibration in the large) and slope of the recalibration line, per draw.

    The slope comes from ``logit P(y) = a + b logit(risk)``, the intercept from the same model
    with b = 1 (Van Calster et al., 10.1186/s12916-019-1466-7).

    Returns
    -------
    intercept, slope : ndarray, shape (n_draws,)
        NaN where the draw has one class only or the fit diverges.
    """
    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    weight = patient_weights(weight)
    centre = float(x.mean())
    nodes = condense(x, label, weight)
    in_large = logistic_draws(nodes, lambda score: line(score)[:, :1], offset=True)[0]
    slope = logistic_draws(nodes, lambda score: line(score - centre))[1]
    events, total = label @ weight, weight.sum(axis=0)
    usable = (events > 0) & (events < total) & ~np.isnan(slope) & (np.ptp(x) > 1e-9)
    return np.where(usable, in_large, np.nan), np.where(usable, slope, np.nan)


@one_blas_thread()
def ici(label: Floats, risk: Floats, weight: Weights) -> float:
    """Integrated calibration index: mean distance of risk from the smoothed observed rate.

    Austin and Steyerberg, 10.1002/sim.8281; smoothed by logistic regression on the logit and its
    square, because loess is unstable with few events.
    """
    from pipeline.model.logistic import fit_logistic, penalty

    sample = patient_weights(weight).sample
    x = logit(np.clip(risk, 1e-6, 1 - 1e-6))
    centred = (x - x.mean()) / max(float(x.std()), 1e-9)
    design = np.stack([np.ones(len(x)), centred, centred**2], axis=1)
    theta = fit_logistic(
        np.zeros((len(x), 0)),
        design,
        np.arange(len(x)),
        label,
        sample,
        penalty([0.0, 1e-6, 1e-3]),
    )
    smooth = sigmoid(design @ theta)
    return float(np.average(np.abs(smooth - risk), weights=sample))


FALSE_POSITIVE_RATES = np.array(
    [0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
)


def roc_points(label: Floats, score: Floats, weight: Floats, group: Ints) -> tuple[Floats, Floats]:
    """Mean ROC curve of all groups at ``FALSE_POSITIVE_RATES``; weights per row.

    Few fixed points do not show single patients.
    """
    grid = FALSE_POSITIVE_RATES
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
    return grid, np.mean(curves, axis=0) if curves else np.full(len(grid), np.nan)


def _quotient(part: Floats, whole: Floats) -> Floats:
    """Quotient, 0 where the denominator is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Quotient per draw, NaN where the denominator is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _groups(group: Ints) -> list[Ints]:
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return np.split(order, edges) if len(order) else []
