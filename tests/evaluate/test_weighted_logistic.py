"""Fits on nodes of the score against fits on every row."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.evaluate.intervals import patient_draws
from pipeline.evaluate.patient_weights import patient_weights
from pipeline.evaluate.weighted_logistic import condense, line, logistic_draws


def simulated(n=1200, spread=2.0, seed=0):
    random = np.random.default_rng(seed)
    score = random.normal(-1.0, spread, n)
    label = (random.random(n) < 1 / (1 + np.exp(-0.8 * score))).astype(float)
    weight = patient_draws(np.arange(n) // 8, 6, 1)
    return score, label, weight * random.uniform(0.5, 2.0, (n, 1))


def fit(score, label, weight):
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000, solver="newton-cholesky")
    model.fit(score[:, None], label, sample_weight=weight)
    return [model.intercept_[0], model.coef_[0, 0]]


@pytest.mark.parametrize("spread", [0.5, 2.0, 4.0])
def test_every_draw_agrees_with_a_fit_on_its_rows(spread):
    score, label, weight = simulated(spread=spread)
    coefficients = logistic_draws(condense(score, label, weight), line)
    expected = [fit(score, label, column) for column in np.asarray(weight).T]
    np.testing.assert_allclose(coefficients.T, expected, atol=1e-6)


def test_with_an_offset_the_intercept_balances_events_and_risks():
    score, label, weight = simulated()
    nodes = condense(score, label, weight)
    shift = logistic_draws(nodes, lambda value: line(value)[:, :1], offset=True)[0]
    for moved, column in zip(shift, np.asarray(weight).T, strict=True):
        risk = 1 / (1 + np.exp(-(score + moved)))
        assert column @ (risk - label) == pytest.approx(0.0, abs=1e-5)


def test_nodes_keep_totals_and_means_and_few_values_are_the_nodes():
    score, label, weight = simulated()
    nodes = condense(score, label, weight)
    assert len(nodes.value) < len(score)
    np.testing.assert_allclose(nodes.weight.sum(axis=0), weight.sum(axis=0))
    np.testing.assert_allclose(nodes.value @ nodes.weight, score @ weight, rtol=1e-9)
    np.testing.assert_allclose(nodes.value**2 @ nodes.events, (score**2 * label) @ weight)
    rounded = np.round(score)
    assert condense(rounded, label, weight).value.tolist() == np.unique(rounded).tolist()


def test_separated_classes_have_no_coefficients():
    score, label = np.array([-2.0, -1, 1, 2]), np.array([0, 0, 1, 1.0])
    nodes = condense(score, label, patient_weights(np.ones((4, 1))))
    assert np.isnan(logistic_draws(nodes, line)).all()
