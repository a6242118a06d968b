"""Draws: in the morning by the clock on the wall, within the record, more often when ill."""

import numpy as np
import pytest

from pipeline.simulate.lab_orders import order_samples, plan_rounds


@pytest.fixture(scope="module")
def rounds(world):
    return plan_rounds(world.people, world.history, world.settings, np.random.default_rng(1))


def ordered(world, rounds, key, settings=None, seed=2):
    random = np.random.default_rng(seed)
    return order_samples(
        key, world.people, world.history, rounds, settings or world.settings, random
    )


def test_rounds_are_at_the_stated_hours_of_the_local_day(world, rounds):
    low, high = world.settings["sampling"]["draw_local_hour"]
    wall = (rounds.morning + world.people.infusion[None, :]) % 24
    assert wall.min() >= low - 1 / 60
    assert wall.max() <= high + 1 / 60
    assert (np.diff(rounds.morning, axis=0) > 0).all()


def test_evening_draws_are_for_the_ill_and_none_is_beyond_the_record(world, rounds):
    assert not (rounds.evening & ~rounds.ill).any()
    assert not ((rounds.evening | rounds.routine) & ~rounds.within).any()
    assert (rounds.morning[rounds.within] < 672).all()


@pytest.mark.parametrize("key", ["crp", "ferritin", "nfl", "csf_serum_albumin"])
def test_draws_are_sorted_distinct_and_within_the_record(world, rounds, key):
    patient, hours = ordered(world, rounds, key)
    assert len(patient) > 0
    pairs = list(zip(patient.tolist(), hours.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert len(set(pairs)) == len(pairs)
    after = hours > 0
    assert (hours[after] < world.history.record_end[patient[after]]).all()
    assert hours.min() >= world.settings["time"]["first_lab_hours"]


def test_who_is_ill_is_drawn_more_often(world, rounds):
    key = "ferritin"
    assert world.settings["analytes"][key]["sick"] > 1
    drawn = np.zeros(rounds.morning.shape)
    for seed in range(5):
        patient, hours = ordered(world, rounds, key, seed=seed)
        for who, hour in zip(patient, hours, strict=True):
            drawn[np.searchsorted(rounds.morning[:, who], hour + 1e-9) - 1, who] += 1
    days = rounds.within & (rounds.morning > 0)
    assert drawn[days & rounds.ill].mean() > drawn[days & ~rounds.ill].mean()


def test_a_site_that_orders_nothing_draws_nothing(world, rounds):
    name, *_ = [site for site in world.settings["sites"] if site != "source"]
    sites = {**world.settings["sites"]}
    sites[name] = {**sites[name], "orders": 0.0}
    settings = {**world.settings, "sites": sites}
    patient, _ = ordered(world, rounds, "ferritin", settings)
    first = world.people.site[patient] == 0
    assert not first.any()
    assert len(patient) > 0
