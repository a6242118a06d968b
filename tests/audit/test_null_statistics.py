"""Small statistics of the checks against scipy, sklearn and counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom, mannwhitneyu, norm
from sklearn.metrics import roc_auc_score

from pipeline.audit.null_statistics import (
    level_gain,
    local_rate,
    log_binomial_tail,
    log_hypergeometric_tail,
    rank_auc,
)

rows = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=3, max_size=40)


@given(rows)
@settings(deadline=None)
def test_the_area_and_its_z_are_those_of_mann_and_whitney(pairs):
    score, event = (np.array(column) for column in zip(*pairs, strict=True))
    auc, z = rank_auc(score.astype(float), event)
    if event.all() or not event.any():
        assert (auc, z) == (0.5, 0.0)
        return
    assert auc == pytest.approx(roc_auc_score(event, score))
    if len(set(score)) == 1:
        assert z == 0.0
        return
    expected = mannwhitneyu(
        score[event], score[~event], method="asymptotic", use_continuity=False
    ).pvalue
    assert 2 * norm.sf(abs(z)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=2, max_size=25))
@settings(deadline=None)
def test_a_row_is_named_by_the_majority_of_the_others_of_its_level(pairs):
    levels, label = (np.array(column) for column in zip(*pairs, strict=True))
    order = sorted(set(label))
    hit = []
    for row in range(len(pairs)):
        others = [label[n] for n in range(len(pairs)) if n != row and levels[n] == levels[row]]
        counts = [others.count(value) for value in order]
        hit.append(bool(others) and order[int(np.argmax(counts))] == label[row])
    accuracy, balanced = level_gain(levels, label)
    assert accuracy == pytest.approx(np.mean(hit))
    by_label = [np.mean([h for h, own in zip(hit, label, strict=True) if own == v]) for v in order]
    assert balanced == pytest.approx(np.mean(by_label))


def test_a_column_of_unique_values_names_nothing():
    assert level_gain(np.arange(9), np.arange(9) % 2) == (0.0, 0.0)


@given(hits=st.lists(st.booleans(), min_size=1, max_size=20), width=st.integers(1, 4))
def test_a_local_rate_is_that_of_the_neighbours_in_order(hits, width):
    hit = np.array(hits)
    order = np.random.default_rng(len(hits)).permutation(len(hits))
    rate = local_rate(order, hit, width)
    for place, row in enumerate(order):
        near = order[max(0, place - width) : place + width + 1]
        assert rate[row] == pytest.approx(hit[near].mean())


@given(n=st.integers(0, 60), share=st.floats(0, 1), rate=st.floats(0.01, 0.99))
@settings(deadline=None)
def test_the_binomial_bound_is_never_below_the_chance(n, share, rate):
    hits = round(share * n)
    bound = log_binomial_tail(hits, n, rate)
    assert bound <= 0
    assert bound >= binom.logsf(hits - 1, n, rate) - 1e-9


@given(n=st.integers(1, 20), m=st.integers(1, 20), data=st.data())
@settings(deadline=None)
def test_the_hypergeometric_tail_is_that_of_scipy(n, m, data):
    k, misses = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    expected = hypergeom.logcdf(k, n + m, n, k + misses)
    assert log_hypergeometric_tail(k, n, misses, m) == pytest.approx(expected, abs=1e-8)
