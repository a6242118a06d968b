"""Small statistics the checks share; every one has a null that clean data follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaln, logsumexp


def rank_auc(score: np.ndarray, event: np.ndarray) -> tuple[float, float]:
    """Probability that an event outranks a non-event, and its z score against 0.5.

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
    """How often the majority of the *other* rows of a level names a row's label.

    Leaving each row out keeps a column of unique values from looking informative.

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
    """Share of hits among the ``width`` rows on either side of each row of an ordered column.

    Parameters
    ----------
    order : ndarray of int
        Position of each row when sorted by value; rows of one value stand together.
    hit : ndarray of bool
        In the same order as the rows.
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
    """Natural logarithm of the chance of at least ``hits`` of ``n`` at ``rate`` (upper bound).

    Chernoff's bound; 0 where the hits do not exceed what is expected (10.1214/aoms/1177729330).

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
    """Natural logarithm of the chance that so few misses fall into one of two groups.

    Parameters
    ----------
    k, n : float
        Misses in the first group, and its size.
    misses, m : float
        Misses in the second group, and its size.

    Examples
    --------
    >>> bool(np.isclose(log_hypergeometric_tail(0, 2, 2, 2), np.log(1 / 6)))
    True
    """
    total = k + misses
    drawn = np.arange(max(0.0, total - m), k + 1)
    ways = _log_choose(n, drawn) + _log_choose(m, total - drawn)
    return float(logsumexp(ways) - _log_choose(n + m, total))


def _log_choose(n: float | np.ndarray, k: float | np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
