"""Net benefit against the published formula, computed one threshold and one row at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.evaluate.decision_curve import decision_curves, net_benefit, threshold_grid
from pipeline.evaluate.scored_rows import TOO_FEW
from tests.evaluate.scored import make_scores

drawn_rows = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.05, 0.1, 0.2, 0.7]), st.integers(0, 3)),
    min_size=3,
    max_size=30,
)


def naive(label, risk, weight, threshold):
    """(TP/n) - (FP/n) * odds, counted row by row (10.1177/0272989X06295361)."""
    total = true = false = 0.0
    for y, p, w in zip(label, risk, weight, strict=True):
        total += w
        if p >= threshold:
            true += w * y
            false += w * (1 - y)
    return true / total - false / total * threshold / (1 - threshold) if total else np.nan


@settings(deadline=None)
@given(rows=drawn_rows, threshold=st.floats(0.01, 0.9))
def test_net_benefit_is_the_published_formula(rows, threshold):
    label, risk, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    both = np.stack([np.ones(len(label)), weight], axis=1)
    result = net_benefit(label, risk, both, np.array([threshold]))[0]
    expected = [naive(label, risk, both[:, draw], threshold) for draw in (0, 1)]
    np.testing.assert_allclose(result, expected, atol=1e-12)


@given(rows=drawn_rows)
def test_a_perfect_predictor_gains_the_event_rate_and_nobody_gains_more(rows):
    label, risk, _ = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    ones, grid = np.ones((len(label), 1)), threshold_grid(0.05, 0.5)
    perfect = net_benefit(label, label, ones, grid)[:, 0]
    np.testing.assert_allclose(perfect, label.mean())
    assert (net_benefit(label, risk, ones, grid)[:, 0] <= perfect + 1e-12).all()


def test_curves_hold_treat_all_none_and_a_paired_difference():
    random = np.random.default_rng(0)
    risk = random.uniform(0.02, 0.6, 400)
    label = (random.random(400) < risk).astype(float)
    flat = np.full(400, label.mean())
    scores = make_scores({"model": risk, "grade_and_day": flat}, label, patient=np.arange(400) // 4)
    scores = scores.resampled(50, 0, 5)
    cell = decision_curves(scores, threshold_grid(0.05, 0.3))["24"]
    rate = label.mean()
    expected = [rate - (1 - rate) * t / (1 - t) for t in cell.thresholds]
    np.testing.assert_allclose(cell.treat_all, expected, atol=1e-6)
    np.testing.assert_allclose(
        cell.diff, np.array(cell.model) - np.array(cell.grade_and_day), atol=2e-6
    )
    assert all(lo <= m <= hi for lo, m, hi in zip(
        cell.model_lo, cell.model, cell.model_hi, strict=True))  # fmt: skip
    assert cell.better_than_all_and_none[-1] is True
    few = decision_curves(replace(scores, minimum=1000), threshold_grid(0.05, 0.3))["24"]
    assert few.to_dict() == {"reason": TOO_FEW}


def test_the_grid_holds_both_ends():
    grid = threshold_grid(0.05, 0.3)
    assert grid[0] == 0.05
    assert grid[-1] == pytest.approx(0.3)
    assert len(grid) == 26
