"""The whole course step by step: what is read back from it, and where the record ends."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulate.latent_history import simulate_history
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulation_settings import load
from tests.simulate.conftest import make_world

WORLD = make_world(40, 2)
HISTORY = WORLD.history


@given(patient=st.integers(0, 39), hours=st.floats(-200, 672))
@settings(deadline=None)
def test_a_track_holds_the_value_of_the_last_step(patient, hours):
    found = HISTORY.at("crs", np.array([patient]), np.array([hours]))[0]
    done = [step for step, hour in enumerate(HISTORY.hours) if hour <= hours]
    assert found == (HISTORY.tracks["crs"][done[-1], patient] if done else 0)


def test_before_the_infusion_no_drug_was_given():
    who, early = np.array([0]), np.array([-5.0])
    assert HISTORY.at("first_toci", who, early)[0] == np.inf
    assert HISTORY.at("last_anakinra", who, early)[0] == -np.inf


def test_nothing_is_charted_or_given_after_the_record_ends_and_no_grade_is_left_standing():
    after = HISTORY.hours[:, None] > HISTORY.record_end[None, :]
    assert not (HISTORY.assessed & after).any()
    assert not any((given & after).any() for given in HISTORY.doses.values())
    ill = (HISTORY.tracks["crs"] > 0) | (HISTORY.tracks["icans"] > 0)
    alive = HISTORY.final.alive
    whole = HISTORY.record_end < HISTORY.hours[-1]
    assert not (ill & after)[:, alive & whole].any()


def test_saved_states_are_those_of_their_landmark():
    assert sorted(HISTORY.saved) == sorted(WORLD.settings["truth"]["landmarks_hours"])
    for landmark, state in HISTORY.saved.items():
        step = int(np.flatnonzero(HISTORY.hours == landmark)[0])
        for name in ("crs", "icans", "inflammation", "first_toci"):
            np.testing.assert_array_equal(getattr(state, name), HISTORY.tracks[name][step])


def test_the_same_random_numbers_give_the_same_course():
    people = draw_people(10, load(), np.random.default_rng(0))
    one, two = (simulate_history(people, load(), np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.tracks["barrier"], two.tracks["barrier"])
    np.testing.assert_array_equal(one.record_end, two.record_end)
