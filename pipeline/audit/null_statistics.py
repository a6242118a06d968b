"""Statistics of the checks, each with a null distribution that clean data follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln, logsumexp


def rank_auc(score: np.ndarray, event: np.ndarray) -> tuple[float, float]:
    """Return the probability that an event outranks a non-event, and its z score against 0.5.

    Ties count one half and shrink the variance (Mann and Whitney, 10.1214/aoms/1177730491).

    Parameters
    ----------
    score : ndarray of float, shape (n,)
    event : ndarray of bool, shape (n,)

    Returns
    -------
    auc, z : float
        0.5 and 0 where either group is empty or all scores agree.

    Examples
    --------
    >>> rank_auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))[0]
    1.0
    """
    n_event, n = int(event.sum()), len(event)
    n_other = n - n_event
    if n_event == 0 or n_other == 0:
        return 0.5, 0.0
    ranks = pd.Series(score).rank().to_numpy()
    u = ranks[event].sum() - n_event * (n_event + 1) / 2
    counts = np.unique(score, return_counts=True)[1].astype(float)
    ties = float((counts**3 - counts).sum()) / (n * (n - 1))
    variance = n_event * n_other / 12.0 * (n + 1 - ties)
    auc = u / (n_event * n_other)
    z = (u - n_event * n_other / 2) / np.sqrt(variance) if variance > 0 else 0.0
    return float(auc), float(z)


def level_gain(levels: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Return how often the majority label of the *other* rows of a level equals a row's label.

    Each row is left out of its own majority, so that a column of unique values predicts nothing.

    Parameters
    ----------
    levels, label : ndarray, shape (n,)
        Level of the column and label of each row.

    Returns
    -------
    accuracy, balanced : float
        Over all rows, and averaged over the labels.

    Examples
    --------
    >>> level_gain(np.array(list("aabb")), np.array([0, 0, 1, 1]))
    (1.0, 1.0)
    """
    table = pd.crosstab(pd.Series(levels), pd.Series(label))
    counts = table.to_numpy(dtype=float)
    row = table.index.get_indexer(pd.Index(levels))
    column = table.columns.get_indexer(pd.Index(label))
    others = counts[row]
    others[np.arange(len(row)), column] -= 1
    hit = (others.argmax(axis=1) == column) & (others.max(axis=1) > 0)
    by_label = [hit[column == number].mean() for number in range(counts.shape[1])]
    return float(hit.mean()), float(np.mean(by_label))


def local_rate(order: np.ndarray, hit: np.ndarray, width: int) -> np.ndarray:
    """Return the share of hits among each row and the ``width`` rows on either side of it.

    Parameters
    ----------
    order : ndarray of int, shape (n,)
        Row numbers in the order of their values.
    hit : ndarray of bool, shape (n,)
        By row number.
    width : int
        Rows on either side.

    Returns
    -------
    ndarray of float, shape (n,)

    Examples
    --------
    >>> local_rate(np.array([0, 1, 2]), np.array([True, False, False]), 1).tolist()
    [0.5, 0.3333333333333333, 0.0]
    """
    ordered = hit[order].astype(float)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    n = len(ordered)
    low = np.maximum(np.arange(n) - width, 0)
    high = np.minimum(np.arange(n) + width + 1, n)
    rate = (total[high] - total[low]) / (high - low)
    result = np.empty(n)
    result[order] = rate
    return result


def log_binomial_tail(hits: int, n: int, rate: float) -> float:
    """Return an upper bound of the log probability of at least ``hits`` of ``n`` at ``rate``.

    Natural logarithm of Chernoff's bound (10.1214/aoms/1177729330); 0 if the hits do not exceed
    their expectation.

    Examples
    --------
    >>> round(log_binomial_tail(10, 10, 0.5), 2)
    -6.93
    """
    if n == 0 or hits <= n * rate:
        return 0.0
    share = hits / n
    rate = min(max(rate, 1e-9), 1 - 1e-9)
    entropy = share * np.log(share / rate)
    if share < 1:
        entropy += (1 - share) * np.log((1 - share) / (1 - rate))
    return float(-n * entropy)


def log_hypergeometric_tail(k: float, n: float, misses: float, m: float) -> float:
    """Return the log probability of at most ``k`` misses in the first of two groups.

    Parameters
    ----------
    k, n : float
        Misses in the first group, and its size.
    misses, m : float
        Misses in the second group, and its size.

    Returns
    -------
    float
        Natural logarithm of the probability, given the total of misses.

    Examples
    --------
    >>> bool(np.isclose(log_hypergeometric_tail(0, 2, 2, 2), np.log(1 / 6)))
    True
    """
    total = k + misses
    drawn = np.arange(max(0.0, total - m), k + 1)
    combinations = _log_choose(n, drawn) + _log_choose(m, total - drawn)
    return float(logsumexp(combinations) - _log_choose(n + m, total))


def _log_choose(n: float | np.ndarray, k: float | np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
