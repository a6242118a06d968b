"""Order of horizons: oracles by loops over horizons."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.horizon_order import between, needed, rising

FITTED = (24.0, 48.0, 72.0, 168.0)


@given(st.lists(st.floats(-20, 20), min_size=4, max_size=4), st.floats(10, 300), st.floats(10, 300))
def test_interpolated_rising_values_never_fall_with_the_horizon(values, first, second):
    asked = np.sort([first, second])
    low, high = between(asked, FITTED)(rising(np.array(values)))
    assert low <= high


@given(st.lists(st.floats(-20, 20), min_size=4, max_size=4), st.floats(10, 300))
def test_between_fitted_horizons_values_are_linear_in_log_hours(values, hours):
    expected = np.interp(np.log(hours), np.log(FITTED), values)
    np.testing.assert_allclose(
        between(np.array([hours]), FITTED)(np.array(values)), [expected], atol=1e-9
    )


def test_fitted_horizons_keep_their_values_exactly():
    values = np.array([-5.1, -4.3, 0.7, 1.9])
    np.testing.assert_array_equal(between(np.array(FITTED), FITTED)(values), values)


@given(st.lists(st.floats(1, 400), min_size=1, max_size=4))
def test_needed_horizons_suffice_for_the_interpolation(asked):
    steps = needed(tuple(asked), FITTED)
    assert steps == FITTED[: len(steps)]
    values = np.array([-5.1, -4.3, 0.7, 1.9])
    np.testing.assert_allclose(
        between(np.array(asked), steps)(values[: len(steps)]),
        between(np.array(asked), FITTED)(values),
    )
