"""Calibration by site: planted miscalibration is seen at its site only."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.site_calibration import calibration_by_site
from tests.evaluate.scored import make_scores


@pytest.fixture(scope="module")
def scores():
    random = np.random.default_rng(0)
    n = 3000
    risk = random.uniform(0.05, 0.6, n)
    doubled = np.arange(n) % 2 == 0
    true = np.where(doubled, risk / 2, risk)
    label = (random.random(n) < true).astype(float)
    return make_scores({"model": risk}, label, patient=np.arange(n)).resampled(60, 0, 5)


def test_each_site_has_its_own_figures(scores):
    even = np.arange(3000) % 2 == 0
    small = np.arange(3000) < 3
    table = calibration_by_site(scores, {"A": even, "B": ~even, "C": small})["24"]
    assert list(table.sites) == ["A", "B"]
    assert table.too_few == 1
    a, b = (table.sites[name] for name in "AB")
    rows = scores.at(24.0).among(even)
    expected = rows.label.sum() / rows.risks["model"].sum()
    assert a.observed_to_expected == pytest.approx(expected, abs=1e-6)
    assert a.observed_to_expected_hi < 0.7
    assert b.observed_to_expected_lo < 1.0 < b.observed_to_expected_hi
    assert a.cal_intercept_hi < 0 < b.cal_intercept_hi
    assert b.metric("cal_slope").low < 1.0 < b.metric("cal_slope").high
    assert (a.n, b.n) == (1500, 1500)


def test_one_site_needs_no_table(scores):
    assert calibration_by_site(scores, {"A": np.full(3000, True)}) == {}
