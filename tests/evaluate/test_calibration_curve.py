"""Calibration curves follow the truth, and say nothing where nothing can be fitted."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from pipeline.evaluate.calibration_curve import calibration_groups, calibration_smooth


def simulated(stretch=1.0, n=4000, seed=0):
    random = np.random.default_rng(seed)
    risk = random.uniform(0.03, 0.7, n)
    odds = np.log(risk / (1 - risk))
    label = (random.random(n) < 1 / (1 + np.exp(-stretch * odds))).astype(float)
    return label, risk, np.arange(n) // 4


def test_groups_agree_with_scikit_learn():
    label, risk, patient = simulated()
    points = calibration_groups(label, risk, patient, 1)
    observed, predicted = calibration_curve(label, risk, n_bins=8, strategy="quantile")
    np.testing.assert_allclose(points.observed, observed, atol=1e-9)
    np.testing.assert_allclose(points.predicted, predicted, atol=1e-9)
    assert sum(points.n) == 4000
    for low, middle, high in zip(points.lo, points.observed, points.hi, strict=True):
        assert low <= middle <= high


@pytest.mark.parametrize("stretch", [1.0, 0.5])
def test_the_smooth_curve_and_its_band_hold_the_truth(stretch):
    label, risk, patient = simulated(stretch)
    curve = calibration_smooth(label, risk, patient)
    grid = np.array(curve.risk)
    truth = 1 / (1 + np.exp(-stretch * np.log(grid / (1 - grid))))
    np.testing.assert_allclose(curve.observed, truth, atol=0.06)
    assert (np.array(curve.lo) <= np.array(curve.observed)).all()
    covered = (np.array(curve.lo) <= truth) & (truth <= np.array(curve.hi))
    assert covered.mean() > 0.8


def test_a_constant_risk_and_separated_classes_give_no_curve():
    label = np.tile([0.0, 1.0], 20)
    assert calibration_smooth(label, np.full(40, 0.3), np.arange(40)).risk == ()
    assert calibration_smooth(label, 0.2 + 0.6 * label, np.arange(40)).risk == ()
    assert calibration_groups(label, np.full(40, 0.3), np.arange(40), 1).observed == [0.5]
