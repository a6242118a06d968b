"""Scored rows: taken, joined over folds, and seen at one horizon with their weights."""

import numpy as np
import pytest

from pipeline.evaluate.scored_rows import concatenate
from tests.evaluate.scored import make_scores


def part(fold, repeat, **more):
    label = np.array([[0.0, 1.0], [np.nan, 1.0], [1.0, 1.0]])
    risks = {"model": np.full((3, 2), 0.1 * fold), **more}
    rounds = np.full(3, repeat)
    return make_scores(risks, label, horizons=(24.0, 72.0), repeat=rounds, permuted={"crp": label})


def test_folds_are_joined_as_groups_and_a_comparator_that_one_lacks_is_left_out():
    whole = concatenate([part(1, 0), part(2, 0, last_crp=np.ones((3, 2))), part(1, 1)], 2)
    assert whole.group.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert set(whole.risks) == {"model"}
    assert whole.n_repeats == 2
    assert whole.first_repeat().tolist() == list(range(6))
    assert whole.at(72.0).counts()["n"] == round(9 / 2)


def test_weights_stay_with_their_rows():
    scores = concatenate([part(1, 0), part(2, 0)], 1).resampled(30, 0, 2)
    some = scores.take(np.array([5, 0]))
    np.testing.assert_array_equal(some.weight, scores.weight[[5, 0]])
    assert some.minimum == 2
    rows = scores.at(24.0)
    np.testing.assert_array_equal(rows.weight, scores.weight[rows.rows])
    np.testing.assert_array_equal(rows.permuted["crp"], rows.label)
    assert part(1, 0).weight.tolist() == [[1.0]] * 3


def test_a_horizon_that_was_not_scored_is_refused():
    with pytest.raises(ValueError, match="not in tuple"):
        part(1, 0).at(48.0)
