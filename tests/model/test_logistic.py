"""Bounded quadratics and bounded logistic fits against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear, minimize
from sklearn.linear_model import LogisticRegression

from pipeline.model.logistic import fit_logistic, logit, minimise_quadratic, penalty, sigmoid


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 12))
def test_bounded_quadratic_agrees_with_bounded_least_squares(seed, size):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(size + 5, size)), random.normal(size=size + 5)
    lower = np.where(random.random(size) < 0.5, random.uniform(-0.3, 0.1, size), -np.inf)
    upper = np.where(random.random(size) < 0.5, lower + random.uniform(0.1, 0.4, size), np.inf)
    upper = np.where(np.isfinite(lower), upper, random.uniform(-0.2, 0.3, size))
    start = np.clip(random.normal(size=size), lower, upper)
    theta = minimise_quadratic(a.T @ a, a.T @ b, lower, upper, start)
    expected = lsq_linear(a, b, (lower, upper), method="bvls", tol=1e-12).x
    np.testing.assert_allclose(theta, expected, atol=1e-7)


def problem(seed, n=400, p=6):
    random = np.random.default_rng(seed)
    features, landmark = random.normal(size=(n // 4, p)), np.repeat(np.arange(n // 4), 4)
    context = np.stack([np.ones(n), random.random(n)], axis=1)
    eta = (features @ random.normal(size=p))[landmark] + context @ [-1.0, 0.5]
    label = (random.random(n) < sigmoid(eta)).astype(float)
    weight = random.integers(0, 3, n // 4)[landmark] * random.uniform(0.2, 2.0, n)
    lower = np.where(random.random(p + 2) < 0.4, 0.0, -np.inf)
    upper = np.where(random.random(p + 2) < 0.4, 0.2, np.inf)
    ridge = [*random.choice([0.5, 20.0], p), 0.0, 1.0]
    limits = penalty(ridge, lower=lower, upper=upper, centre=random.normal(0, 0.2, p + 2))
    return features, context, landmark, label, weight, limits


def objective(theta, features, context, landmark, label, weight, limits):
    design = np.hstack([features[landmark], context])
    eta = design @ theta
    away = theta - limits.centre
    loss = weight @ (np.logaddexp(0.0, eta) - label * eta) + 0.5 * limits.ridge @ away**2
    return loss, design.T @ (weight * (sigmoid(eta) - label)) + limits.ridge * away


@pytest.mark.parametrize("seed", range(6))
def test_fit_is_the_bounded_minimum_from_any_start(seed):
    parts = problem(seed)
    limits = parts[-1]
    expected = minimize(
        objective,
        np.clip(limits.centre, limits.lower, limits.upper),
        args=parts,
        jac=True,
        bounds=list(zip(limits.lower, limits.upper, strict=True)),
        method="L-BFGS-B",
        options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9},
    )
    random = np.random.default_rng(seed)
    for start in (None, random.normal(0, 3, len(limits.ridge))):
        theta = fit_logistic(*parts, start=start)
        np.testing.assert_allclose(theta, expected.x, atol=2e-5)
        assert objective(theta, *parts)[0] <= expected.fun + 1e-9


def test_separated_classes_and_one_class_end_in_finite_coefficients():
    x = np.linspace(-1, 1, 40)[:, None]
    none, rows, weight = np.zeros((40, 0)), np.arange(40), np.ones(40)
    design = np.hstack([np.ones((40, 1)), x])
    separated = fit_logistic(
        none, design, rows, (x[:, 0] > 0).astype(float), weight, penalty([0.0, 1e-6])
    )
    assert np.isfinite(separated).all()
    assert separated[1] > 10
    alone = fit_logistic(none, design, rows, np.zeros(40), weight, penalty([0.0, 1.0]))
    assert np.isfinite(alone).all()
    assert sigmoid(design @ alone).max() < 1e-6


def regression(seed=0, n=300, width=4):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, width))
    y = (random.random(n) < sigmoid(x @ np.linspace(-1, 1, width) - 0.5)).astype(float)
    return x, y, random.uniform(0.2, 2.0, n)


@pytest.mark.parametrize("strength", [0.5, 10.0, 200.0])
def test_logistic_fit_agrees_with_scikit_learn(strength):
    x, y, weight = regression()
    ones = np.ones((len(x), 1))
    ridge = penalty([strength] * 4 + [0.0])
    theta = fit_logistic(x, ones, np.arange(len(x)), y, weight, ridge)
    expected = LogisticRegression(C=1.0 / strength, tol=1e-10, max_iter=5000).fit(
        x, y, sample_weight=weight
    )
    np.testing.assert_allclose(theta[:4], expected.coef_[0], atol=2e-4)
    assert theta[4] == pytest.approx(expected.intercept_[0], abs=2e-4)


def test_features_stored_once_per_landmark_give_the_same_fit():
    x, _, _ = regression(n=100)
    random = np.random.default_rng(1)
    landmark = random.integers(0, 100, 400)
    y, weight = (random.random(400) < 0.3).astype(float), random.uniform(0.5, 1.5, 400)
    context = np.stack([np.ones(400), random.normal(size=400)], axis=1)
    limits = penalty([1.0] * 4 + [0.0, 1.0])
    shared = fit_logistic(x, context, landmark, y, weight, limits)
    flat = np.hstack([x[landmark], context])
    plain = fit_logistic(np.zeros((400, 0)), flat, np.arange(400), y, weight, limits)
    np.testing.assert_allclose(shared, plain, atol=1e-4)


def test_bounds_and_centres_are_respected():
    x, y, weight = regression()
    rows, none = np.arange(len(x)), np.zeros((len(x), 0))
    limits = penalty([1.0] * 4, lower=[0, 0, -np.inf, -0.1], upper=[np.inf, 0.05, 0, 0.1])
    theta = fit_logistic(x, none, rows, y, weight, limits)
    assert (theta >= limits.lower - 1e-12).all()
    assert (theta <= limits.upper + 1e-12).all()
    assert theta[0] == 0.0  # the data pull it below its bound
    heavy = fit_logistic(x, none, rows, y, weight, penalty([1e9] * 4, centre=[1, -1, 0, 2]))
    np.testing.assert_allclose(heavy, [1, -1, 0, 2], atol=1e-3)


def test_logit_and_sigmoid_are_inverse_and_finite():
    p = np.array([0.0, 1e-12, 0.3, 1.0])
    assert np.isfinite(logit(p)).all()
    np.testing.assert_allclose(sigmoid(logit(p)), np.clip(p, 1e-9, 1 - 1e-9), rtol=1e-6)
