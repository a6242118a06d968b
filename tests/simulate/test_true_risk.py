"""The true risk: a probability that rises with the horizon and restarts where the course was."""

from copy import deepcopy

import numpy as np
import pytest

from pipeline.simulate.true_risk import true_risk
from tests.simulate.conftest import make_world


@pytest.fixture(scope="module")
def small():
    world = make_world(25, 8)
    settings = deepcopy(world.settings)
    settings["truth"] |= {"replicas": 20, "horizons_hours": [24, 72]}
    return world, settings


@pytest.fixture(scope="module")
def truth(small):
    world, settings = small
    return true_risk(world.people, world.history, settings, np.random.default_rng(0))


def test_risks_are_shares_of_the_replicas_and_rise_with_the_horizon(truth):
    assert truth["risk"].between(0, 1).all()
    np.testing.assert_allclose(truth["risk"] * 20, np.round(truth["risk"] * 20), atol=1e-9)
    wide = truth.pivot(
        index=["patient", "landmark_hours", "outcome"], columns="horizon_h", values="risk"
    )
    assert (wide[72] >= wide[24]).all()


def test_a_severe_outcome_is_never_likelier_than_a_milder_one(truth):
    wide = truth.pivot(
        index=["patient", "landmark_hours", "horizon_h"], columns="outcome", values="risk"
    ).dropna()
    assert (wide["severe_icans"] <= wide["icans"]).all()


def test_only_who_is_alive_recorded_and_without_the_outcome_is_at_risk(small, truth):
    world, settings = small
    history = world.history
    for outcome, (scale, threshold) in settings["truth"]["outcomes"].items():
        for landmark in history.saved:
            rows = truth[(truth["outcome"] == outcome) & (truth["landmark_hours"] == landmark)]
            past = history.hours < landmark
            charted = (history.tracks[scale][past] >= threshold).any(axis=0)
            able = (history.final.died > landmark) & (history.record_end >= landmark) & ~charted
            assert set(rows["patient"]) == set(np.flatnonzero(able))


def test_the_futures_leave_the_saved_course_alone(small):
    world, settings = small
    before = {hour: state.crs.copy() for hour, state in world.history.saved.items()}
    true_risk(world.people, world.history, settings, np.random.default_rng(1))
    for hour, grades in before.items():
        np.testing.assert_array_equal(world.history.saved[hour].crs, grades)
