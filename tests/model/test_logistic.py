"""Bounded quadratics and bounded logistic fits against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear, minimize

from pipeline.model.logistic import fit_logistic, minimise_quadratic, penalty, sigmoid


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 12))
def test_bounded_quadratic_agrees_with_bounded_least_squares(seed, size):
    random = np.random.default_rng(seed)
    a, b = random.normal(size=(size + 5, size)), random.normal(size=size + 5)
    lower = np.where(random.random(size) < 0.5, random.uniform(-0.3, 0.1, size), -np.inf)
    upper = np.where(random.random(size) < 0.5, lower + random.uniform(0.1, 0.4, size), np.inf)
    upper = np.where(np.isfinite(lower), upper, random.uniform(-0.2, 0.3, size))
    start = np.clip(random.normal(size=size), lower, upper)
    found = minimise_quadratic(a.T @ a, a.T @ b, lower, upper, start)
    expected = lsq_linear(a, b, (lower, upper), method="bvls", tol=1e-12).x
    np.testing.assert_allclose(found, expected, atol=1e-7)


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
        found = fit_logistic(*parts, start=start)
        np.testing.assert_allclose(found, expected.x, atol=2e-5)
        assert objective(found, *parts)[0] <= expected.fun + 1e-9


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
