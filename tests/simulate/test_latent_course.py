"""The latent state: grades move by one step, drugs follow the policies, the dead stay dead."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulate.latent_course import State, advance, expansion, give_treatment, initial_state
from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulation_settings import load

SETTINGS = load()
STEP = SETTINGS["time"]["step_hours"]
POLICIES = SETTINGS["policies"]


@given(peak=st.floats(5, 300), power=st.floats(0.5, 6), hour=st.floats(0, 600))
def test_the_expansion_rises_to_one_at_its_peak_and_falls_after(peak, power, hour):
    peaks = np.array([peak])
    assert 0 <= expansion(hour, peaks, power)[0] <= 1 + 1e-12
    assert expansion(peak, peaks, power)[0] == pytest.approx(1.0)
    nearer = (hour + peak) / 2
    assert expansion(nearer, peaks, power)[0] >= expansion(hour, peaks, power)[0] - 1e-12


def course(patients=200, steps=120, seed=0):
    """States after each step."""
    random = np.random.default_rng(seed)
    people = draw_people(patients, SETTINGS, random)
    state = initial_state(patients)
    for number in range(steps):
        assessed, doses = advance(state, people, float(number * STEP), SETTINGS, random)
        yield (number + 1) * STEP, state.take(np.arange(patients)), assessed, doses, people


def test_a_grade_moves_by_one_and_a_syndrome_that_ended_does_not_come_back():
    before = initial_state(200)
    ended = {scale: np.zeros(200, dtype=bool) for scale in ("crs", "icans")}
    for hour, state, assessed, _, _ in course():
        for scale in ("crs", "icans"):
            old, new = getattr(before, scale), getattr(state, scale)
            onset = getattr(state, f"{scale}_onset")
            begins = onset == hour
            assert ((new >= 0) & (new <= 4)).all()
            assert (np.abs(new - old)[~begins] <= 1).all()
            assert (old[begins] == 0).all()
            assert (new[begins] >= 1).all()
            assert (new[ended[scale]] == 0).all()
            assert (new == old)[~assessed & state.alive].all()
            ended[scale] |= np.isfinite(onset) & (new == 0)
        before = state
    assert ended["crs"].any()
    assert ended["icans"].any()


def test_the_dead_stay_dead_and_get_no_drug_and_no_grade():
    died = np.full(200, np.inf)
    for hour, state, assessed, doses, _ in course(seed=3):
        gone = np.isfinite(died)
        np.testing.assert_array_equal(state.died[gone], died[gone])
        assert not assessed[~state.alive].any()
        assert not any(given[~state.alive].any() for given in doses.values())
        assert (state.died[~gone & ~state.alive] == hour).all()
        died = state.died


def test_patients_are_assessed_at_their_own_hours_only():
    every = SETTINGS["time"]["assessment_hours"]
    for hour, state, assessed, _, people in course(steps=9):
        np.testing.assert_array_equal(assessed, ((hour - people.phase) % every == 0) & state.alive)


def treated(**changes):
    """Doses at hour 100 of patients that all accept every drug, assessed then."""
    people = draw_people(50, SETTINGS, np.random.default_rng(0))
    people = type(people)(**{**vars(people), "toci_prob": np.ones(50)})
    state = initial_state(50)
    for name, value in changes.items():
        setattr(state, name, np.full(50, value, dtype=getattr(state, name).dtype))
    return give_treatment(
        state, people, 100.0, np.ones(50, dtype=bool), POLICIES, np.random.default_rng(1)
    )


def test_tocilizumab_follows_the_grade_the_gap_and_the_number_of_doses():
    grade = POLICIES["toci_from_grade"]
    assert treated(crs=grade)["tocilizumab"].all()
    assert not treated(crs=grade - 1, crs_onset=99.0)["tocilizumab"].any()
    assert not treated(crs=grade, toci_doses=POLICIES["toci_max_doses"])["tocilizumab"].any()
    recent = 100.0 - POLICIES["toci_gap_hours"] + 1
    assert not treated(crs=grade, last_toci=recent, toci_doses=1)["tocilizumab"].any()


def test_nobody_well_is_treated_and_the_dead_neither():
    assert not any(given.any() for given in treated().values())
    assert not any(given.any() for given in treated(crs=4, icans=4, died=50.0).values())


def test_a_copy_of_a_state_does_not_move_with_it():
    state = initial_state(3)
    copy = state.take(np.array([2, 0, 0]))
    state.crs[:] = 4
    assert copy.crs.tolist() == [0, 0, 0]
    assert all(len(getattr(copy, item.name)) == 3 for item in fields(State))
