"""Calibration and shares of members: minima of a penalised loss, monotone by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.calibration import (
    calibration_from_dict,
    event_patients,
    fit_calibration,
    fit_shares,
)
from pipeline.model.logistic import sigmoid
from pipeline.model.stacked_rows import StackedRows


def rows_of(label, horizon, threshold=3.0):
    n = len(label)
    return StackedRows(
        np.arange(n), np.asarray(horizon), np.full(n, threshold), np.asarray(label), np.ones(n)
    )


def test_calibration_repairs_a_distorted_predictor():
    random = np.random.default_rng(0)
    true = random.normal(-1.5, 1.0, 4000)
    horizon = np.tile([24.0, 48.0], 2000)
    true = true + (horizon == 48.0) * 0.8
    label = (random.random(4000) < sigmoid(true)).astype(float)
    blend = 1.0 + 2.5 * (true - (horizon == 48.0) * 0.8)
    rows = rows_of(label, horizon)
    fitted = fit_calibration(blend, rows, (24.0, 48.0), (1, 3), 5.0, patient=np.arange(4000))

    def loss(eta):
        return np.mean(np.logaddexp(0, eta) - label * eta)

    assert fitted.slope == pytest.approx(0.4, abs=0.05)
    assert fitted.horizon[0] == pytest.approx(0.8, abs=0.2)
    assert loss(fitted.log_odds(blend, rows)) < loss(blend) - 0.1
    assert loss(fitted.log_odds(blend, rows)) == pytest.approx(loss(true), abs=0.005)
    assert (fitted.horizon >= 0).all()
    assert (fitted.threshold <= 0).all()
    again = calibration_from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.log_odds(blend, rows), fitted.log_odds(blend, rows))


def test_calibration_never_turns_a_ranking_round():
    random = np.random.default_rng(0)
    blend = random.normal(size=500)
    label = (random.random(500) < sigmoid(-2 * blend)).astype(float)
    fitted = fit_calibration(
        blend, rows_of(label, np.full(500, 24.0)), (24.0,), (3,), 5.0, patient=np.arange(500)
    )
    assert fitted.slope == 0.0


def two_horizons(seed, n=3000, slopes=(1.5, 0.6)):
    """Log-odds whose true slope differs between the horizons; the true risk rises with both."""
    random = np.random.default_rng(seed)
    horizon = np.tile([24.0, 168.0], n // 2)
    blend = random.normal(-1.5, 1.5, n) + 0.5 * (horizon == 168.0)
    true = np.where(horizon == 24.0, slopes[0] * blend, slopes[1] * blend + 3.0)
    return blend, rows_of((random.random(n) < sigmoid(true)).astype(float), horizon)


def test_each_horizon_has_its_own_slope():
    blend, rows = two_horizons(0, n=20_000)
    fitted = fit_calibration(blend, rows, (24.0, 168.0), (1, 3), 5.0, patient=np.arange(20_000))
    slopes = fitted.slopes(rows)
    assert slopes[0] == pytest.approx(1.5, abs=0.1)
    assert slopes[1] == pytest.approx(0.6, abs=0.1)
    middle = fitted.slopes(rows_of([0.0], [np.sqrt(24.0 * 168.0)]))
    assert middle[0] == pytest.approx(slopes[:2].mean())
    again = calibration_from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.log_odds(blend, rows), fitted.log_odds(blend, rows))


def test_few_rows_share_one_slope():
    blend, rows = two_horizons(0, n=60)
    fitted = fit_calibration(blend, rows, (24.0, 168.0), (1, 3), 500.0, patient=np.arange(60))
    assert np.ptp(fitted.slopes(rows)) < 0.1


@given(st.integers(0, 1000), st.floats(-2.0, 3.0), st.floats(-2.0, 3.0))
@settings(max_examples=20, deadline=None)
def test_no_horizon_turns_a_ranking_round(seed, first, last):
    blend, rows = two_horizons(seed, n=120, slopes=(first, last))
    fitted = fit_calibration(blend, rows, (24.0, 72.0, 168.0), (1, 3), 0.01, patient=np.arange(120))
    hours = np.array([24.0, 40.0, 72.0, 100.0, 168.0])
    assert (fitted.slopes(rows_of(np.zeros(5), hours)) >= 0).all()
    assert (fitted.threshold <= 0).all()


def test_bundles_of_earlier_versions_have_one_slope():
    stored = {"intercept": 0.5, "slope": 2.0, "horizon": [1.0], "threshold": [-1.0]}
    old = calibration_from_dict(stored | {"knots": [24.0, 168.0], "thresholds": [1, 3]})
    rows = rows_of([0.0, 0.0], [24.0, 168.0])
    np.testing.assert_allclose(old.log_odds(np.array([1.0, 1.0]), rows), [1.5, 2.5])


def test_calibration_below_five_events_changes_nothing():
    label = np.r_[np.ones(4), np.zeros(96)]
    rows = rows_of(label, np.full(100, 24.0))
    blend = np.linspace(-3, 3, 100)
    each = {"patient": np.arange(100)}
    fitted = fit_calibration(blend, rows, (24.0, 72.0), (1, 3), 5.0, **each)
    np.testing.assert_array_equal(fitted.log_odds(blend, rows), blend)
    changed = fit_calibration(
        blend, rows_of(np.r_[1.0, label[:-1]], rows.horizon), (24.0,), (3,), 5.0, **each
    )
    assert changed.slope != 1.0


def test_many_event_rows_of_four_patients_are_four_events():
    label = np.r_[np.ones(40), np.zeros(60)]
    rows, patient = rows_of(label, np.full(100, 24.0)), np.arange(100) // 10
    assert event_patients(rows, patient) == 4
    blend = np.linspace(-3, 3, 100)
    fitted = fit_calibration(blend, rows, (24.0,), (3,), 5.0, patient=patient)
    np.testing.assert_array_equal(fitted.log_odds(blend, rows), blend)


def member_rows(seed, n):
    """Out-of-fold log-odds of a good, a mediocre and a random member."""
    random = np.random.default_rng(seed)
    truth = random.normal(scale=1.5, size=n)
    label = (random.random(n) < sigmoid(truth - 1.0)).astype(float)
    half = truth + random.normal(scale=1.5, size=n)
    parts = np.stack([truth, half, random.normal(scale=1.5, size=n)], axis=1)
    rows = StackedRows(np.arange(n), np.full(n, 72.0), np.full(n, 3.0), label, np.ones(n))
    return parts, rows


def shares_of(parts, rows, ridge_share, centre=(1 / 3, 1 / 3, 1 / 3)):
    return fit_shares(
        parts, rows, (72.0,), (3,), 5.0, ridge_share=ridge_share, centre=np.array(centre)
    )


def test_shares_are_the_minimum_of_the_penalised_loss():
    from scipy.optimize import minimize

    parts, rows = member_rows(0, 400)

    def loss(theta):
        eta = theta[0] + parts @ theta[1:]
        fit = np.sum(np.logaddexp(0.0, eta) - rows.label * eta)
        return fit + 0.5 * 20.0 * np.sum((theta[1:] - 1 / 3) ** 2)

    bounds = [(None, None), *[(0.0, None)] * 3]
    slopes = minimize(loss, np.full(4, 0.3), bounds=bounds, method="L-BFGS-B", tol=1e-12).x[1:]
    np.testing.assert_allclose(shares_of(parts, rows, 20.0), slopes / slopes.sum(), atol=1e-4)


def test_few_rows_leave_the_stated_shares_and_many_favour_the_better_member():
    centre = (0.2, 0.5, 0.3)
    few = shares_of(*member_rows(1, 30), 3000.0, centre)
    np.testing.assert_allclose(few, centre, atol=0.01)
    many = shares_of(*member_rows(1, 20000), 300.0)
    assert many[0] > 0.8
    assert many[2] < 0.05


@given(st.integers(0, 30), st.floats(0.1, 1e4))
@settings(max_examples=10, deadline=None)
def test_shares_are_none_below_zero_and_sum_to_one(seed, ridge_share):
    parts, rows = member_rows(seed, 60)
    parts[:, 1] = -parts[:, 1]  # a member that is wrong is left out, never turned round
    shares = shares_of(parts, rows, ridge_share)
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1.0)


def test_members_that_are_all_wrong_keep_the_stated_shares():
    parts, rows = member_rows(2, 5000)
    wrong = -parts[:, [0, 0, 0]]
    np.testing.assert_array_equal(shares_of(wrong, rows, 0.1), np.full(3, 1 / 3))
