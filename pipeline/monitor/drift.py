"""Is a batch different from training? Shares, PSI and means against what chance alone gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints

_HALF = 0.5  # added to every count, so that an empty group has a finite logarithm (Jeffreys)
_CHUNK = 20_000


def share_p(found: int, n: int, expected: float, patients: float, *, upper: bool = False) -> float:
    """Probability of a share at least as far from the expected one, if nothing has changed.

    The expected share is itself an estimate, of ``patients`` training patients: the count is
    beta-binomial, with Jeffreys' prior (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.8).

    Parameters
    ----------
    upper : bool
        Whether only larger shares count; otherwise both sides do.

    Examples
    --------
    >>> share_p(0, 10, 0.9, 200) < 1e-6, share_p(9, 10, 0.9, 200) > 0.5
    (True, True)
    """
    from scipy.special import betaln, gammaln

    a, b = expected * patients + _HALF, (1.0 - expected) * patients + _HALF
    k = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    mass = np.exp(ways + betaln(k + a, n - k + b) - betaln(a, b))
    more, less = float(mass[found:].sum()), float(mass[: found + 1].sum())
    return min(1.0, more if upper else 2.0 * min(more, less))


def psi(expected: Floats, counts: Ints | Floats) -> Floats:
    """Population stability index: sum of (found - expected) log(found / expected).

    Yurdakul and Naranjo, Journal of Risk Model Validation 14(4), 2020,
    https://EconPapers.repec.org/RePEc:rsk:journ5:7725371. Half a result is added to every group.

    Parameters
    ----------
    expected : ndarray, shape (n_groups,)
        Shares that sum to 1.
    counts : ndarray, shape (..., n_groups)

    Examples
    --------
    >>> even = np.full(5, 0.2)
    >>> float(psi(even, np.full(5, 40)).round(3)), float(psi(even, np.eye(5)[0] * 200).round(1))
    (0.0, 4.7)
    """
    counts = np.asarray(counts, dtype=float)
    groups, n = len(expected), counts.sum(axis=-1, keepdims=True)
    found = (counts + _HALF) / (n + _HALF * groups)
    known = (expected * n + _HALF) / (n + _HALF * groups)
    return np.asarray(((found - known) * np.log(found / known)).sum(axis=-1))


def chance_psi(
    expected: Floats, n: int, patients: float, draws: int, random: np.random.Generator
) -> Floats:
    """PSI of ``draws`` batches of ``n`` results in which nothing has changed.

    The expected shares are drawn too, because ``patients`` training patients are behind them. The
    mean is about (groups - 1) (1 / n + 1 / patients): a small batch has a large PSI by chance.

    Examples
    --------
    >>> drawn = chance_psi(np.full(5, 0.2), 50, 400, 4000, np.random.default_rng(0))
    >>> bool(abs(drawn.mean() - 4 * (1 / 50 + 1 / 400)) < 0.02)
    True
    """
    parts = []
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        truth = random.dirichlet(expected * patients + 1e-9, size)
        parts.append(psi(expected, random.multinomial(n, truth)))
    return np.concatenate(parts)


def chance_means(
    days: Sequence[Mapping[str, Any]], asked: Sequence[int], draws: int, random: np.random.Generator
) -> Floats:
    """Mean risk of ``draws`` batches in which nothing has changed.

    Parameters
    ----------
    days : sequence of mapping
        Per day ``counts`` and ``means`` of groups of training risks, and the ``patients`` behind
        them; see :func:`pipeline.model.cohort_profile.profile_risks`.
    asked : sequence of int
        Patients of the batch on each day.

    Examples
    --------
    >>> day = {"counts": [5, 5], "means": [0.1, 0.3], "patients": 10}
    >>> drawn = chance_means([day], [40], 2000, np.random.default_rng(0))
    >>> bool(abs(drawn.mean() - 0.2) < 0.01)
    True
    """
    total = np.zeros(draws)
    for day, n in zip(days, asked, strict=True):
        share = np.asarray(day["counts"], dtype=float) / sum(day["counts"])
        truth = random.dirichlet(share * day["patients"], draws)
        total += random.multinomial(n, truth) @ np.asarray(day["means"], dtype=float)
    return total / sum(asked)


def events_p(found: int, risk: Floats) -> float:
    """Probability of a number of events at least as far from the predicted, if the risks are right.

    The number of events is Poisson-binomial; its distribution is built one patient at a time.

    Examples
    --------
    >>> events_p(2, np.full(2, 0.5)), events_p(1, np.full(2, 0.5))
    (0.5, 1.0)
    """
    mass = np.ones(1)
    for each in risk:
        mass = np.append(mass * (1.0 - each), 0.0) + np.append(0.0, mass * each)
    more, less = float(mass[found:].sum()), float(mass[: found + 1].sum())
    return min(1.0, 2.0 * min(more, less))


def drawn_p(found: float, drawn: Floats | Ints, *, upper: bool = False) -> float:
    """How often chance alone gives a value at least as extreme; never zero.

    Examples
    --------
    >>> drawn_p(9.0, np.arange(10.0), upper=True), drawn_p(9.0, np.arange(10.0))
    (0.18181818181818182, 0.36363636363636365)
    """
    more = (1 + int((drawn >= found).sum())) / (1 + len(drawn))
    less = (1 + int((drawn <= found).sum())) / (1 + len(drawn))
    return more if upper else min(1.0, 2.0 * min(more, less))
