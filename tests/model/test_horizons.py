"""The horizon shown first, against a plain search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config_model import HEADLINE_HOURS
from pipeline.model.horizons import headline_key, nearest_horizon

hours = st.lists(st.integers(1, 700), min_size=1, max_size=8, unique=True)


@given(horizons=hours, wanted=st.integers(0, 800))
def test_no_horizon_is_nearer_and_none_as_near_is_shorter(horizons, wanted):
    best = horizons[0]
    for other in horizons:
        gap, least = abs(other - wanted), abs(best - wanted)
        if gap < least or (gap == least and other < best):
            best = other
    assert nearest_horizon([float(item) for item in horizons], wanted) == best
    assert nearest_horizon([str(item) for item in horizons], wanted) == str(best)


@pytest.mark.parametrize("horizons", [[24, 72], [72, 24], [168, 72, 24, 0]])
def test_of_two_equally_near_horizons_the_shorter_is_taken(horizons):
    assert nearest_horizon([float(item) for item in horizons], 48.0) == 24.0
    assert nearest_horizon([str(item) for item in horizons], 48.0) == "24"


@given(horizons=hours, data=st.data())
def test_the_order_of_the_horizons_does_not_matter(horizons, data):
    keys = [f"{item:g}" for item in horizons]
    assert headline_key(data.draw(st.permutations(keys))) == headline_key(keys)


@given(horizons=hours)
def test_the_headline_is_the_fixed_horizon_wherever_it_is_fitted(horizons):
    keys = [f"{item:g}" for item in {*horizons, HEADLINE_HOURS}]
    assert float(headline_key(keys)) == HEADLINE_HOURS


def test_keys_are_compared_as_numbers_not_as_text():
    assert nearest_horizon(["9", "100"], 90.0) == "100"
    assert nearest_horizon(["36.5", "48"], 40.0) == "36.5"


def test_without_a_horizon_a_report_has_no_headline_and_a_model_is_refused():
    assert headline_key([]) == ""
    with pytest.raises(ValueError, match="empty"):
        nearest_horizon([], 72.0)
