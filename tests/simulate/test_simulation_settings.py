"""Random streams and shares of the simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.simulate.simulation_settings import STREAMS, between, choose, generators, load, named

shares = st.lists(st.floats(0.01, 10), min_size=1, max_size=6).map(np.array)


@given(shares=shares, draws=st.lists(st.floats(0, 1), max_size=20).map(np.array))
def test_a_draw_falls_into_the_category_that_its_cumulative_share_covers(shares, draws):
    edges = np.cumsum(shares) / shares.sum()
    for draw, category in zip(draws, choose(shares, draws), strict=True):
        assert 0 <= category < len(shares)
        assert draw <= edges[category] + 1e-9
        assert category == 0 or draw >= edges[category - 1] - 1e-9


def test_shares_are_met_in_the_long_run():
    wanted = np.array([1.0, 3.0, 6.0])
    found = np.bincount(choose(wanted, np.random.default_rng(0).uniform(size=20_000))) / 20_000
    np.testing.assert_allclose(found, wanted / 10, atol=0.02)


@given(seed=st.integers(0, 10_000))
def test_streams_repeat_by_seed_and_are_independent_of_each_other(seed):
    first, again = generators(seed), generators(seed)
    again["people"].uniform(size=100)  # more draws in one part leave the others alone
    draws = [float(first[name].uniform()) for name in STREAMS]
    assert len(set(draws)) == len(STREAMS)
    for name, draw in zip(STREAMS[1:], draws[1:], strict=True):
        assert float(again[name].uniform()) == draw


@given(low=st.floats(-5, 5), width=st.floats(0, 5), seed=st.integers(0, 99))
def test_uniform_draws_stay_between_their_bounds(low, width, seed):
    drawn = between(np.random.default_rng(seed), (low, low + width), (3, 4))
    assert drawn.shape == (3, 4)
    assert ((drawn >= low) & (drawn <= low + width)).all()


def test_the_source_of_a_group_is_no_entry():
    sites = load()["sites"]
    assert set(named(sites)) == set(sites) - {"source"}


def test_a_panel_replaces_settings_of_its_analytes_only():
    plain, panel = load(), load("research")
    drawn = {key for draw in plain["panels"]["research"]["draws"] for key in draw["analytes"]}
    assert drawn == {"nfl", "il1ra", "gm_csf", "csf_serum_albumin"}
    for key, entry in panel["analytes"].items():
        assert (entry == plain["analytes"][key]) == (key not in drawn)
        assert (
            entry["axes" if "axes" in entry else "base"]
            == plain["analytes"][key]["axes" if "axes" in entry else "base"]
        )
    assert {**panel, "analytes": 0} == {**plain, "analytes": 0}


def test_an_unknown_panel_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match="research"):
        load("everything")
