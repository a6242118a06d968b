"""Slopes: the median of all pairs to the bit however few are kept, and none from rounding."""

import numpy as np
import pytest

from pipeline.features import kernel_compilation
from pipeline.features.build import build_features
from pipeline.features.slopes import least_squares, theil_sen
from pipeline.features.statistics import BY_NAME
from tests.builders import at, lab, make_cohort, make_spec


@pytest.mark.parametrize("n", [2, 3, 9, 10, 40])
@pytest.mark.parametrize("room", [8, 9, 40, 780])
def test_the_median_slope_does_not_depend_on_the_room_for_pairs(n, room):
    random = np.random.default_rng(n)
    time = np.sort(random.choice(300, n, replace=False))[::-1] / 2.0
    level = np.round(random.normal(0, 3, n), 1)
    early, late = np.triu_indices(n, 1)
    far = time[early] - time[late] >= 6.0
    early, late = early[far], late[far]
    slopes = (level[early] - level[late]) / (time[early] - time[late])
    expected = np.median(slopes) if len(slopes) else np.nan
    result = theil_sen(time.tolist(), level.tolist(), n, 6.0, [0.0] * room)
    np.testing.assert_equal(result, expected)


def test_a_constant_series_has_slope_zero_and_a_short_one_none():
    assert least_squares(3, 12.0, -18.0, 3e-16, 180.0, -1.8e-15, 6.0) == 0.0
    assert np.isnan(least_squares(1, 0.0, 0.0, 0.0, 0.0, 0.0, 6.0))
    assert np.isnan(least_squares(2, 5.0, -5.0, 1.0, 25.0, -5.0, 6.0))
    assert least_squares(2, 10.0, -10.0, 5.0, 100.0, -50.0, 6.0) == -0.5


def test_a_robust_slope_of_5000_points_needs_little_memory(monkeypatch):
    """12.5 million pairs, half a MiB kept at a time; interpreted, this would take minutes."""
    n = 5_000
    random = np.random.default_rng(3)
    hours = 24.0 + np.sort(random.choice(140 * 60, n, replace=False)) / 60
    values = random.lognormal(0, 1, n) + hours / 50
    rows = [lab(0, "albumin", v, t) for v, t in zip(values, hours, strict=True)]
    sizes = []
    scratch = kernel_compilation._scratch
    monkeypatch.setattr(
        kernel_compilation, "_scratch", lambda *of: sizes.append(scratch(*of)) or sizes[-1]
    )
    spec = make_spec(("albumin",), windows=(168.0,), statistics=("robust_slope",))
    matrix = build_features(make_cohort(1, rows), at((0, 168.0)), spec)
    assert sum(array.nbytes for array in sizes[0]) < 2**20
    early, late = np.triu_indices(n, 1)
    far = hours[late] - hours[early] >= 6.0
    early, late = early[far], late[far]
    slopes = (values[late] - values[early]) / (hours[late] - hours[early])
    assert matrix.column("albumin__robust_slope_168h")[0] == 24.0 * np.median(slopes)


def test_two_draws_minutes_apart_are_no_slope():
    rows = [lab(0, "crp", 1.0, 10.0), lab(0, "crp", 64.0, 10.1)]
    matrix = build_features(
        make_cohort(1, rows), at((0, 24.0)), make_spec(statistics=tuple(BY_NAME))
    )
    for name in ("slope_24h", "robust_slope_24h", "doubling_hours"):
        assert np.isnan(matrix.column(f"crp__{name}")[0])
    assert matrix.column("crp__delta_24h")[0] == 6.0
