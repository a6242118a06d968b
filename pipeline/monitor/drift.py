"""Tests whether a batch differs from training by more than chance: shares, PSI, means, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints

_HALF = 0.5  # added to every count (Jeffreys); an empty group then has a finite logarithm
_CHUNK = 20_000


def share_p(
    observed: int, n: int, expected: float, patients: float, *, upper: bool = False
) -> float:
    """Probability of a share at least as far from the expected one, if nothing has changed.

    The expected share is an estimate from ``patients`` training patients. The count is therefore
    beta-binomial, with Jeffreys' prior (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.8).

    Parameters
    ----------
    observed, n : int
        Count, and number of patients.
    expected : float
        Share in training.
    patients : float
        Training patients of that share.
    upper : bool
        Whether the test is one-sided, for larger shares; by default it is two-sided.

    Returns
    -------
    float

    Examples
    --------
    >>> share_p(0, 10, 0.9, 200) < 1e-6, share_p(9, 10, 0.9, 200) > 0.5
    (True, True)
    """
    from scipy.special import betaln, gammaln

    a, b = expected * patients + _HALF, (1.0 - expected) * patients + _HALF
    k = np.arange(n + 1)
    log_binomial = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    mass = np.exp(log_binomial + betaln(k + a, n - k + b) - betaln(a, b))
    more, less = float(mass[observed:].sum()), float(mass[: observed + 1].sum())
    return min(1.0, more if upper else 2.0 * min(more, less))


def psi(expected: Floats, counts: Ints | Floats) -> Floats:
    """Population stability index: sum of (observed - expected) log(observed / expected).

    Yurdakul and Naranjo, Journal of Risk Model Validation 14(4), 2020,
    https://EconPapers.repec.org/RePEc:rsk:journ5:7725371. Half a count is added to every group.

    Parameters
    ----------
    expected : ndarray, shape (n_groups,)
        Shares that sum to 1.
    counts : ndarray, shape (..., n_groups)
        Results of one or several batches.

    Returns
    -------
    ndarray, shape (...,)

    Examples
    --------
    >>> even = np.full(5, 0.2)
    >>> float(psi(even, np.full(5, 40)).round(3)), float(psi(even, np.eye(5)[0] * 200).round(1))
    (0.0, 4.7)
    """
    counts = np.asarray(counts, dtype=float)
    groups, n = len(expected), counts.sum(axis=-1, keepdims=True)
    observed = (counts + _HALF) / (n + _HALF * groups)
    known = (expected * n + _HALF) / (n + _HALF * groups)
    return np.asarray(((observed - known) * np.log(observed / known)).sum(axis=-1))


def chance_psi(
    expected: Floats, n: int, patients: float, draws: int, random: np.random.Generator
) -> Floats:
    """PSI of ``draws`` batches of ``n`` results in which nothing has changed.

    The expected shares are drawn too, because they are estimates from ``patients`` training
    patients. The mean is about (groups - 1) (1 / n + 1 / patients): small batches have a large PSI
    by chance.

    Parameters
    ----------
    expected : ndarray, shape (n_groups,)
        Shares that sum to 1.
    n : int
        Results per batch.
    patients : float
        Training patients of the shares.
    draws : int
    random : Generator

    Returns
    -------
    ndarray, shape (draws,)

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
    days: Sequence[Mapping[str, Any]],
    counts: Sequence[int],
    draws: int,
    random: np.random.Generator,
) -> Floats:
    """Mean risk of ``draws`` batches in which nothing has changed.

    Parameters
    ----------
    days : sequence of mapping
        Per day ``counts`` and ``means`` of groups of training risks, and their number of
        ``patients``; see :func:`pipeline.model.cohort_profile.profile_risks`.
    counts : sequence of int
        Patients of the batch on each day.
    draws : int
    random : Generator

    Returns
    -------
    ndarray, shape (draws,)

    Examples
    --------
    >>> day = {"counts": [5, 5], "means": [0.1, 0.3], "patients": 10}
    >>> drawn = chance_means([day], [40], 2000, np.random.default_rng(0))
    >>> bool(abs(drawn.mean() - 0.2) < 0.01)
    True
    """
    total = np.zeros(draws)
    for day, n in zip(days, counts, strict=True):
        share = np.asarray(day["counts"], dtype=float) / sum(day["counts"])
        truth = random.dirichlet(share * day["patients"], draws)
        total += random.multinomial(n, truth) @ np.asarray(day["means"], dtype=float)
    return total / sum(counts)


def events_p(events: int, risk: Floats) -> float:
    """Probability of a number of events at least as far from the predicted, if risks are right.

    The number of events is Poisson-binomial; its distribution is built patient by patient.

    Parameters
    ----------
    events : int
    risk : ndarray, shape (n_patients,)
        Predicted risks.

    Returns
    -------
    float

    Examples
    --------
    >>> events_p(2, np.full(2, 0.5)), events_p(1, np.full(2, 0.5))
    (0.5, 1.0)
    """
    mass = np.ones(1)
    for each in risk:
        mass = np.append(mass * (1.0 - each), 0.0) + np.append(0.0, mass * each)
    more, less = float(mass[events:].sum()), float(mass[: events + 1].sum())
    return min(1.0, 2.0 * min(more, less))


def drawn_p(observed: float, drawn: Floats | Ints, *, upper: bool = False) -> float:
    """Share of draws by chance that are at least as extreme; never zero.

    Examples
    --------
    >>> drawn_p(9.0, np.arange(10.0), upper=True), drawn_p(9.0, np.arange(10.0))
    (0.18181818181818182, 0.36363636363636365)
    """
    more = (1 + int((drawn >= observed).sum())) / (1 + len(drawn))
    less = (1 + int((drawn <= observed).sum())) / (1 + len(drawn))
    return more if upper else min(1.0, 2.0 * min(more, less))
