"""Owen values against their definition: every admissible order of players, one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.explain.game import Effort, owen_values, shapley_values

POWERS = 2 ** np.arange(16)


def table_game(worth):
    """Game whose worth is looked up by coalition."""

    def value(coalitions):
        return worth[coalitions @ POWERS[: coalitions.shape[1]]]

    return value


def naive(worth, union_of):
    """Mean gain over all orders in which unions stay together."""
    players = range(len(union_of))
    total, count = np.zeros((len(union_of), worth.shape[1])), 0
    for order in permutations(players):
        seen = [union_of[player] for player in order]
        blocks = [union for n, union in enumerate(seen) if n == 0 or seen[n - 1] != union]
        if len(blocks) > len(set(blocks)):
            continue
        count += 1
        mask = 0
        for player in order:
            total[player] += worth[mask | 1 << player] - worth[mask]
            mask |= 1 << player
    return total / count


@st.composite
def games(draw):
    union_of = draw(st.lists(st.integers(0, 3), min_size=1, max_size=6))
    names = list(dict.fromkeys(union_of))
    seed = draw(st.integers(0, 2**32 - 1))
    worth = np.random.default_rng(seed).normal(size=(2 ** len(union_of), 2))
    return worth, [names.index(union) for union in union_of]


@settings(deadline=None, max_examples=30)
@given(games())
def test_exact_values_are_the_mean_over_all_orders(game):
    worth, union_of = game
    found = owen_values(table_game(worth), union_of, Effort())
    np.testing.assert_allclose(found.points, naive(worth, union_of), atol=1e-12)
    assert not found.error.any()


@settings(deadline=None, max_examples=20)
@given(games(), st.sampled_from([1, 8, 4096]))
def test_values_always_sum_to_their_union_and_to_the_whole(game, budget):
    worth, union_of = game
    found = owen_values(table_game(worth), union_of, Effort(budget, pairs=4))
    for union in range(max(union_of) + 1):
        players = [n for n, item in enumerate(union_of) if item == union]
        np.testing.assert_allclose(
            found.points[players].sum(axis=0), found.unions[union], atol=1e-12
        )
    np.testing.assert_allclose(found.unions.sum(axis=0), worth[-1] - worth[0], atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_unions_of_one_give_shapley_values(seed):
    worth = np.random.default_rng(seed).normal(size=(16, 1))
    found = owen_values(table_game(worth), [0, 1, 2, 3], Effort())
    np.testing.assert_allclose(found.points, shapley_values(worth), atol=1e-12)
    np.testing.assert_allclose(found.points, naive(worth, [0, 1, 2, 3]), atol=1e-12)


def smooth_game(coalitions):
    """A risk: the logistic function of parts that add up, with one interaction."""
    parts = np.array([0.9, -0.4, 0.9, 0.3, -0.8, 0.5, 0.0, 0.7])
    z = coalitions @ parts + 0.6 * coalitions[:, :1].ravel() * coalitions[:, 4]
    return 1.0 / (1.0 + np.exp(1.5 - z))[:, None]


UNIONS = [0, 0, 0, 1, 1, 2, 2, 3]


def test_sampling_comes_close_and_says_how_close():
    exact = owen_values(smooth_game, UNIONS, Effort())
    misses, errors = [], []
    for seed in range(20):
        found = owen_values(smooth_game, UNIONS, Effort(budget=17, pairs=40, seed=seed))
        np.testing.assert_allclose(found.unions, exact.unions, atol=1e-12)
        misses.append(found.points - exact.points)
        errors.append(found.error)
    assert np.abs(misses).max() < 0.02
    assert np.std(misses, axis=0).max() <= 1.5 * np.mean(errors, axis=0).max()
    assert np.mean(errors, axis=0)[0] > 0


def test_more_unions_than_the_budget_are_sampled_too():
    exact = owen_values(smooth_game, UNIONS, Effort())
    found = owen_values(smooth_game, UNIONS, Effort(budget=4, pairs=60))
    assert np.abs(found.points - exact.points).max() < 0.03
    assert found.points.sum() == pytest.approx(exact.points.sum(), abs=1e-12)


def test_a_player_who_changes_nothing_gets_nothing():
    for budget in (4096, 17):
        found = owen_values(smooth_game, UNIONS, Effort(budget, pairs=10))
        assert found.points[6] == pytest.approx(0.0, abs=1e-12)


def test_equal_players_of_a_union_get_the_same():
    def value(coalitions):
        z = coalitions @ np.array([1.0, 1.0, -0.5]) + coalitions[:, 0] * coalitions[:, 1]
        return np.tanh(z)[:, None]

    points = owen_values(value, [0, 0, 1], Effort()).points
    assert points[0] == pytest.approx(points[1], abs=1e-12)


def test_equal_unions_get_the_same_however_many_members_they_have():
    def value(coalitions):
        whole = coalitions[:, 0].astype(float) + coalitions[:, 1:].all(axis=1)
        return np.exp(whole)[:, None]

    found = owen_values(value, [0, 1, 1], Effort())
    assert found.unions[0] == pytest.approx(found.unions[1], abs=1e-12)


def test_sampling_repeats_itself():
    first = owen_values(smooth_game, UNIONS, Effort(budget=17, pairs=10))
    again = owen_values(smooth_game, UNIONS, Effort(budget=17, pairs=10))
    np.testing.assert_array_equal(first.points, again.points)
