"""The terms of a booster add up to its margin for every coalition, by running the trees."""

from itertools import product

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.explain.trees import FIXED, player_trees

WIDTH = 5


def trained(seed, depth=3, rounds=6):
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(300, WIDTH)).astype(np.float32)
    inputs[random.random(inputs.shape) < 0.15] = np.nan
    score = np.nan_to_num(inputs) @ random.normal(size=WIDTH) + np.nan_to_num(
        inputs[:, 0] * inputs[:, 1]
    )
    label = (random.random(300) < 1 / (1 + np.exp(-score))).astype(float)
    parameters = {
        "objective": "binary:logistic",
        "max_depth": depth,
        "eta": 0.3,
        "base_score": 0.5,
        "nthread": 1,
    }
    booster = xgboost.train(parameters, xgboost.DMatrix(inputs, label=label), rounds)
    return booster, inputs


BOOSTERS = {depth: trained(depth, depth) for depth in (1, 3)}


def margin(booster, inputs):
    return np.asarray(booster.inplace_predict(inputs, predict_type="margin"), dtype=float)


@settings(deadline=None, max_examples=12)
@given(
    depth=st.sampled_from(sorted(BOOSTERS)),
    player_of=st.lists(st.integers(FIXED, 2), min_size=WIDTH, max_size=WIDTH).map(tuple),
    row=st.integers(0, 299),
    others=st.lists(st.integers(0, 299), min_size=1, max_size=3),
)
def test_terms_of_a_coalition_sum_to_the_margin_of_mixed_rows(depth, player_of, row, others):
    booster, inputs = BOOSTERS[depth]
    patient, background = inputs[[row]], inputs[others]
    trees = player_trees(booster, player_of, 3)
    terms = trees.terms(patient, background)[:, :, 0]
    owner = np.array(player_of)
    nobody = None
    for coalition in product([False, True], repeat=3):
        present = np.array(coalition)
        own = (owner == FIXED) | np.array([player >= 0 and present[player] for player in owner])
        mixed = np.where(own, patient, background)
        # a term counts where all of its players are present
        inside = ~(trees.subsets & ~present).any(axis=1)
        change = terms[inside].sum(axis=0)
        if nobody is None:
            nobody = margin(booster, mixed)
        np.testing.assert_allclose(nobody + change, margin(booster, mixed), atol=1e-4)


def test_queries_that_differ_in_fixed_columns_are_terms_of_their_own():
    booster, inputs = BOOSTERS[3]
    player_of = (0, 1, FIXED, 0, 1)
    patient = np.repeat(inputs[[7]], 3, axis=0)
    patient[:, 2] = [-1.0, 0.0, 1.0]
    terms = player_trees(booster, player_of, 2).terms(patient, inputs[:4])
    for query in range(3):
        alone = player_trees(booster, player_of, 2).terms(patient[[query]], inputs[:4])
        np.testing.assert_allclose(terms[:, :, query], alone[:, :, 0])


def test_a_booster_that_no_player_reads_has_no_terms():
    booster, inputs = BOOSTERS[1]
    trees = player_trees(booster, (FIXED,) * WIDTH, 2)
    assert trees.subsets.shape == (0, 2)
    assert trees.terms(inputs[[0]], inputs[:2]).shape == (0, 2, 1)


@pytest.mark.parametrize("depth", sorted(BOOSTERS))
def test_a_term_has_at_most_as_many_players_as_the_trees_are_deep(depth):
    trees = player_trees(BOOSTERS[depth][0], tuple(range(WIDTH)), WIDTH)
    assert 1 <= trees.subsets.sum(axis=1).max() <= depth
    assert len({tuple(row) for row in trees.subsets}) == len(trees.subsets)
