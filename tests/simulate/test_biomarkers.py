"""Marker levels: noise as stated, higher with their axis, changed by drugs."""

from copy import deepcopy

import numpy as np
import pytest

from pipeline.simulate.biomarkers import autoregressive, true_levels


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_noise_is_stationary_with_the_stated_autocorrelation(rho):
    noise = autoregressive(40, 5000, rho, np.random.default_rng(1))
    np.testing.assert_allclose(noise.std(axis=1), 1.0, atol=0.06)
    for step in (1, 20, 39):
        assert abs(np.corrcoef(noise[step - 1], noise[step])[0, 1] - rho) < 0.06


def quiet(world, key, **entry):
    """Settings in which one analyte has no noise."""
    settings = deepcopy(world.settings)
    settings["analytes"][key] |= {"between": 0.0, "within": 0.0, "age_log10_per_year": 0.0} | entry
    settings["sampling"]["analytic_log10_sd"] = 0.0
    return settings


def level(world, key, patient, hours, settings):
    patient, hours = np.asarray(patient), np.asarray(hours, dtype=float)
    random = np.random.default_rng(0)
    return true_levels(key, patient, hours, world.people, world.history, settings, random)


def test_before_the_infusion_the_level_is_the_base(world):
    settings = quiet(world, "ferritin", days={-10: 0.0, 40: 0.0})
    found = level(world, "ferritin", [0, 1, 2], [-48.0, -24.0, -10.0], settings)
    np.testing.assert_allclose(found, float(settings["analytes"]["ferritin"]["base"]))


def test_the_level_follows_its_axes_by_hand(world):
    settings = quiet(world, "ferritin", days={-10: 0.0, 40: 0.0})
    entry = settings["analytes"]["ferritin"]
    patient, hours = np.arange(20), np.full(20, 96.0)
    expected = np.full(20, np.log10(float(entry["base"])))
    for axis, (gain, scale) in entry["axes"].items():
        step = int(96 / world.settings["time"]["step_hours"]) - 1
        expected += gain * np.log10(1 + scale * world.history.tracks[axis][step, :20])
    np.testing.assert_allclose(
        np.log10(level(world, "ferritin", patient, hours, settings)), expected
    )
    assert np.ptp(expected) > 0


def test_il6_after_tocilizumab_and_il1ra_under_anakinra_are_other_quantities(world):
    policies = world.settings["policies"]
    without = deepcopy(world.settings)
    without["policies"] |= {"toci_il6_log10": 0.0, "anakinra_level": 0.0}
    hours = np.repeat(np.arange(24.0, 600.0, 24.0), len(world.people))
    patient = np.tile(np.arange(len(world.people)), len(hours) // len(world.people))
    il6 = [level(world, "il6", patient, hours, item) for item in (world.settings, without)]
    after = hours > world.history.at("first_toci", patient, hours)
    assert after.any()
    np.testing.assert_allclose(il6[0][after], il6[1][after] * 10 ** policies["toci_il6_log10"])
    np.testing.assert_array_equal(il6[0][~after], il6[1][~after])
    il1ra = [level(world, "il1ra", patient, hours, item) for item in (world.settings, without)]
    assert (il1ra[0] >= il1ra[1]).all()
    since = hours - world.history.at("last_anakinra", patient, hours)
    under = (since >= 0) & (since < policies["anakinra_acts_hours"])
    np.testing.assert_array_equal(il1ra[0][~under], il1ra[1][~under])
    assert (il1ra[0] > il1ra[1])[under].all()
