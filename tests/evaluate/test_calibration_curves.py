"""Calibration curves against scikit-learn, scikit-survival and planted truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sksurv.nonparametric import cumulative_incidence_competing_risks

from pipeline.evaluate.calibration_curves import (
    calibration_groups,
    calibration_smooth,
    incidence_at,
)
from tests.evaluate.scored import censored, make_scores


def simulated(stretch=1.0, n=4000, seed=0):
    random = np.random.default_rng(seed)
    risk = random.uniform(0.03, 0.7, n)
    odds = np.log(risk / (1 - risk))
    label = (random.random(n) < 1 / (1 + np.exp(-stretch * odds))).astype(float)
    time = np.where(label == 1, random.uniform(0.0, 24.0, n), 2000.0)
    return make_scores({"model": risk}, label, patient=np.arange(n) // 4, time=time)


def test_groups_agree_with_scikit_learn():
    scores = simulated()
    points = calibration_groups(scores, 24.0)
    label, risk = scores.label[:, 0], scores.risks["model"][:, 0]
    observed, predicted = calibration_curve(label, risk, n_bins=8, strategy="quantile")
    np.testing.assert_allclose(points.observed, observed, atol=1e-9)
    np.testing.assert_allclose(points.predicted, predicted, atol=1e-9)
    assert sum(points.n) == 4000
    for low, middle, high in zip(points.lo, points.observed, points.hi, strict=True):
        assert low <= middle <= high


def test_groups_of_censored_landmarks_stay_near_the_complete_ones():
    scores = simulated(n=8000)
    end = np.random.default_rng(1).uniform(24.0, 54.0, 2000)
    part = censored(scores, end[scores.patient], 0.1)
    label, risk = part.label[:, 0], part.risks["model"][:, 0]
    known = ~np.isnan(label)
    cases, _ = calibration_curve(label[known], risk[known], n_bins=8, strategy="quantile")
    points, whole = calibration_groups(part, 24.0), calibration_groups(scores, 24.0)
    np.testing.assert_allclose(points.observed, whole.observed, atol=0.06)
    assert np.abs(cases - whole.observed).max() > 0.1
    unreached = replace(part, reach=np.where(np.arange(len(label)) < 4000, 9.0, part.reach))
    assert sum(calibration_groups(unreached, 24.0).n) == len(label) - 4000


@settings(deadline=None)
@given(
    ends=st.lists(
        st.tuples(st.integers(1, 40), st.sampled_from([0, 1, 2])), min_size=3, max_size=40
    )
)
def test_incidence_at_a_horizon(ends):
    time, status = (np.array(column) for column in zip(*ends, strict=True))
    weight = np.stack([np.ones(len(time)), np.zeros(len(time))], axis=1)
    rate, empty = incidence_at(time.astype(float), status.astype(np.int8), weight, 24.0)
    assert np.isnan(empty)
    if ((status > 0) | (time >= 24)).all():  # complete: the plain rate, competing events as none
        assert rate == pytest.approx(((status == 1) & (time <= 24)).mean(), abs=1e-12)
    if set(status) == {0, 1, 2}:
        at, oracle = cumulative_incidence_competing_risks(status, time.astype(float))
        before = np.searchsorted(at, 24.0, side="right") - 1
        assert rate == pytest.approx(oracle[1][before] if before >= 0 else 0.0, abs=1e-12)


@pytest.mark.parametrize("stretch", [1.0, 0.5])
def test_the_smooth_curve_and_its_band_hold_the_truth(stretch):
    curve = calibration_smooth(simulated(stretch).at(24.0))
    grid = np.array(curve.risk)
    truth = 1 / (1 + np.exp(-stretch * np.log(grid / (1 - grid))))
    np.testing.assert_allclose(curve.observed, truth, atol=0.06)
    assert (np.array(curve.lo) <= np.array(curve.observed)).all()
    covered = (np.array(curve.lo) <= truth) & (truth <= np.array(curve.hi))
    assert covered.mean() > 0.8


def test_a_constant_risk_and_separated_classes_give_no_curve():
    label = np.tile([0.0, 1.0], 20)
    flat = make_scores({"model": np.full(40, 0.3)}, label)
    assert calibration_smooth(flat.at(24.0)).risk == ()
    assert calibration_smooth(make_scores({"model": 0.2 + 0.6 * label}, label).at(24.0)).risk == ()
    assert calibration_groups(flat, 24.0).observed == [0.5]
