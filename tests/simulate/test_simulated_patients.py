"""Who is infused: shares, ranges and correlations of the settings."""

from dataclasses import fields

import numpy as np
import pytest

from pipeline.simulate.simulated_patients import draw_people
from pipeline.simulate.simulation_settings import load, named

SETTINGS = load()


@pytest.fixture(scope="module")
def many():
    return draw_people(6000, SETTINGS, np.random.default_rng(2))


def test_products_and_sites_have_their_shares(many):
    for drawn, entries in (
        (many.product, list(SETTINGS["products"].values())),
        (many.site, list(named(SETTINGS["sites"]).values())),
    ):
        share = np.array([entry["share"] for entry in entries])
        found = np.bincount(drawn, minlength=len(share)) / len(drawn)
        np.testing.assert_allclose(found, share / share.sum(), atol=0.03)


def test_ages_lie_in_the_range_of_their_product(many):
    for number, entry in enumerate(SETTINGS["products"].values()):
        mean, _, low, high = entry["age"]
        ages = many.age[many.product == number]
        assert ages.min() >= low
        assert ages.max() <= high
        assert abs(np.median(ages) - mean) < 2
    assert (many.age == np.round(many.age)).all()


def test_propensities_are_standard_normal_and_correlated_as_stated(many):
    rho = SETTINGS["course"]["correlation"]
    for own in (many.z, many.zn, many.ze):
        assert abs(own.mean()) < 0.05
        assert abs(own.std() - 1) < 0.05
    for own in (many.zn, many.ze):
        assert abs(np.corrcoef(many.z, own)[0, 1] - rho) < 0.05
    assert abs(np.corrcoef(many.zn, many.ze)[0, 1] - rho**2) < 0.05


def test_assessments_of_a_patient_fall_on_steps_of_the_simulation(many):
    time = SETTINGS["time"]
    assert set(many.phase) == set(range(0, time["assessment_hours"], time["step_hours"]))
    assert (many.infusion % 24 >= 8).all()
    assert (many.infusion % 24 <= 15).all()


def test_rows_are_taken_with_repeats_in_every_field(many):
    rows = np.array([5, 5, 0])
    taken = many.take(rows)
    assert len(taken) == 3
    for item in fields(many):
        np.testing.assert_array_equal(getattr(taken, item.name), getattr(many, item.name)[rows])
