"""Owen values of a cooperative game between players that are grouped in unions.

A union has its Shapley value in the game between the unions. A player has a share of its union
by a second Shapley value, in which the other unions enter as a whole (Owen,
10.1007/978-3-642-45494-3_7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

from pipeline.arrays import Bools, Floats, Ints

Value = Callable[[Bools], Floats]
"""Maps coalitions (n_coalitions, n_players) to their values (n_coalitions, n_outputs)."""


@dataclass(frozen=True)
class Effort:
    """Budget of exact enumeration, and size of the sample beyond it.

    Attributes
    ----------
    budget : int
        Largest number of coalitions that are enumerated.
    pairs : int
        Antithetic pairs of orders drawn if there are more.
    seed : int
        Seed of the draws.
    """

    budget: int = 2048
    pairs: int = 32
    seed: int = 0


@dataclass(frozen=True)
class OwenValues:
    """Values of players, which sum to the value of their union and to v(all) - v(none).

    Attributes
    ----------
    points : ndarray, shape (n_players, n_outputs)
    unions : ndarray, shape (n_unions, n_outputs)
    error : ndarray, shape (n_players, n_outputs)
        Standard error of ``points``; 0 if coalitions were enumerated.
    """

    points: Floats
    unions: Floats
    error: Floats


def owen_values(value: Value, union_of: Sequence[int], effort: Effort) -> OwenValues:
    """Compute the Owen value of every player.

    Parameters
    ----------
    value : callable
        The game.
    union_of : sequence of int
        Union of each player, numbered from 0 without gaps.
    effort : Effort
        Budget of coalitions.

    Returns
    -------
    OwenValues

    Examples
    --------
    The glove game, the owners of the right gloves in one union:

    >>> def pairs(coalitions):
    ...     return np.minimum(coalitions[:, :1], coalitions[:, 1:].sum(axis=1, keepdims=True))
    >>> owen_values(pairs, [0, 1, 1], Effort()).points.ravel()
    array([0.5 , 0.25, 0.25])
    """
    member = np.asarray(union_of)
    n_players = len(member)
    atoms = np.stack([member == union for union in range(member.max(initial=-1) + 1)])
    ends = value(np.stack([np.zeros(n_players, dtype=bool), np.ones(n_players, dtype=bool)]))
    unions, union_error = _share(value, atoms, atoms[:0], ends[1] - ends[0], effort)
    points = np.empty((n_players, ends.shape[1]))
    error = np.empty_like(points)
    for union, atom in enumerate(atoms):
        players = np.flatnonzero(atom)
        single = np.eye(n_players, dtype=bool)[players]
        others = np.delete(atoms, union, axis=0)
        if len(players) == 1:
            points[players], error[players] = unions[union], union_error[union]
            continue
        points[players], error[players] = _share(value, single, others, unions[union], effort)
    return OwenValues(points, unions, error)


def shapley_values(worth: Floats) -> Floats:
    """Compute Shapley values from the value of every coalition (10.1515/9781400881970-018).

    Parameters
    ----------
    worth : ndarray, shape (2 ** n, n_outputs)
        Value of each coalition; bit i of the row number is set if player i is a member.

    Returns
    -------
    ndarray, shape (n, n_outputs)

    Examples
    --------
    >>> shapley_values(np.array([[0.0], [1.0], [2.0], [5.0]])).ravel()
    array([2., 3.])
    """
    count = len(worth).bit_length() - 1
    mask = np.arange(len(worth))
    weight = _weights(count)[np.bitwise_count(mask)]
    result = np.empty((count, worth.shape[1]))
    for player in range(count):
        without = mask[(mask >> player) & 1 == 0]
        gain = worth[without | (1 << player)] - worth[without]
        result[player] = weight[without] @ gain
    return result


def _share(
    value: Value, atoms: Bools, others: Bools, total: Floats, effort: Effort
) -> tuple[Floats, Floats]:
    """Shapley values of ``atoms`` while ``others`` enter in random order, and their error."""
    if 2 ** (len(atoms) + len(others)) > effort.budget:
        return _sampled(value, atoms, others, total, effort)
    around, within = _coalitions(others), _coalitions(atoms)
    every = (around[:, None, :] | within[None, :, :]).reshape(-1, atoms.shape[1])
    worth = value(every).reshape(len(around), len(within), -1)
    # a coalition of n others has the weight of a coalition without one of n + 1 players
    weight = _weights(len(others) + 1)[np.bitwise_count(np.arange(len(around)))]
    result = shapley_values(np.tensordot(weight, worth, axes=1))
    return result, np.zeros_like(result)


def _sampled(
    value: Value, atoms: Bools, others: Bools, total: Floats, effort: Effort
) -> tuple[Floats, Floats]:
    """Values from random orders and their reverses; the residual is split by variance."""
    count, n_others = len(atoms), len(others)
    # every number of preceding unions is equally likely, so all numbers occur equally often
    pairs = -(-max(effort.pairs, 2) // (n_others + 1)) * (n_others + 1)
    orders, ahead = _orders(count, n_others, pairs, effort.seed)
    chains = np.zeros((len(orders), count + 1, atoms.shape[1]), dtype=bool)
    chains[:, 0] = ahead.astype(np.float32) @ others.astype(np.float32) > 0
    chains[:, 1:] = chains[:, :1] | np.logical_or.accumulate(atoms[orders], axis=1)
    worth = value(chains.reshape(-1, atoms.shape[1])).reshape(len(orders), count + 1, -1)
    gain = np.empty((len(orders), count, worth.shape[2]))
    np.put_along_axis(gain, orders[:, :, None], np.diff(worth, axis=1), axis=1)
    pair = gain.reshape(pairs, 2, count, -1).mean(axis=1)
    estimate, variance = pair.mean(axis=0), pair.var(axis=0, ddof=1) / pairs
    spread = variance.sum(axis=0)
    share = np.where(spread > 0, variance / np.where(spread > 0, spread, 1.0), 1.0 / count)
    return estimate + share * (total - estimate.sum(axis=0)), np.sqrt(variance)


@lru_cache(maxsize=256)
def _orders(count: int, n_others: int, pairs: int, seed: int) -> tuple[Ints, Bools]:
    """Random orders, each followed by its reverse, and which others precede each."""
    random = np.random.default_rng(seed)
    orders, starts = [], []
    for number in range(pairs):
        order = random.permutation(count)
        ahead = np.zeros(n_others, dtype=bool)
        ahead[random.permutation(n_others)[: number % (n_others + 1)]] = True
        orders += [order, order[::-1]]
        starts += [ahead, ~ahead]
    return np.array(orders), np.array(starts)


def _coalitions(atoms: Bools) -> Bools:
    """Players of every combination of atoms; bit i of the row number is set for atom i."""
    mask = np.arange(2 ** len(atoms))
    chosen = (mask[:, None] >> np.arange(len(atoms))) & 1 == 1
    return np.asarray(chosen.astype(np.float32) @ atoms.astype(np.float32) > 0)


def _weights(count: int) -> Floats:
    """Weight of a coalition without a given player, by size, in a game of ``count`` players."""
    return np.array([1.0 / (count * comb(count - 1, size)) for size in range(count)] + [0.0])
