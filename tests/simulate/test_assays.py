"""Reported results of a level, which the reader converts back to that level."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values
from pipeline.simulate.assays import (
    autoregressive,
    background_inflammation,
    report_results,
    true_levels,
)


def reported(world, key, level, hours=30.0):
    patient = np.arange(len(world.people))
    return report_results(
        key,
        patient,
        np.full(len(patient), hours),
        np.broadcast_to(np.asarray(level, dtype=float), patient.shape),
        world.people,
        world.settings,
        np.random.default_rng(3),
    )


def canonical(rows, key):
    factor = np.array([conversion(dictionary()[key], unit)[0] for unit in rows["unit"]])
    parsed = parse_values(rows["value"])
    return parsed["value"].to_numpy() * factor, parsed["side"].to_numpy()


@pytest.mark.parametrize("key", ["crp", "fibrinogen", "d_dimer", "ferritin", "platelets"])
def test_a_level_comes_back_from_every_unit_within_its_rounding(world, key):
    middle = float(world.settings["analytes"][key]["base"])
    rows = reported(world, key, middle)
    rows = rows.drop_duplicates("patient", keep="last")  # a correction after what it corrects
    rows = rows[rows["value"] != ""]
    value, side = canonical(rows, key)
    digits = int(world.settings["analytes"][key]["digits"])
    inside = side == 0
    np.testing.assert_allclose(value[inside], middle, rtol=10.0 ** (1 - digits))
    assert inside.mean() > 0.8


def test_levels_beyond_the_plate_are_printed_with_their_limit(world):
    entry = world.settings["analytes"]["gm_csf"]
    rows = reported(world, "gm_csf", min(entry["lower"]) / 100)
    kept = rows[rows["value"] != ""]
    assert kept["value"].str.startswith("<").mean() > 0.95
    value, _ = canonical(kept[kept["value"].str.startswith("<")], "gm_csf")
    assert set(np.round(value, 6)) <= set(np.round(np.array(entry["lower"], dtype=float), 6))


def test_results_come_after_their_sample_and_corrections_after_the_first_result(world):
    rows = reported(world, "crp", 30.0)
    stated = rows[rows["resulted_hours"].notna()]
    assert (stated["resulted_hours"] > stated["collected_hours"]).all()
    assert not rows.loc[rows["resulted_hours"].isna(), "status"].isin(["corrected"]).any()
    for _, versions in rows[rows.duplicated("patient", keep=False)].groupby("patient"):
        first, later = versions.iloc[0], versions.iloc[1]
        assert later["resulted_hours"] > first["resulted_hours"]
        assert (later["value"] == "") == (later["status"] == "cancelled")


def test_samples_of_one_patient_and_week_share_a_plate(world):
    patient = np.zeros(6, dtype=int)
    hours = np.array([1.0, 20.0, 100.0, 150.0, 167.0, 160.0])
    rows = report_results(
        "gm_csf", patient, hours, np.full(6, 1e-3), world.people, world.settings,
        np.random.default_rng(9),
    )  # fmt: skip
    assert rows.loc[rows["value"] != "", "value"].nunique() == 1


def test_an_assay_that_runs_once_a_week_reports_on_that_day(world):
    keys = [key for key, entry in world.settings["analytes"].items() if "run_weekday" in entry]
    assert keys
    for key in keys:
        entry = world.settings["analytes"][key]
        rows = reported(world, key, float(entry["base"]))
        first = rows.dropna(subset="resulted_hours").drop_duplicates("patient")
        start = pd.Timestamp(world.settings["time"]["first_infusion"])
        hours = world.people.infusion[first["patient"]] + first["resulted_hours"].to_numpy()
        days = (start + pd.to_timedelta(hours, unit="h")).day_of_week
        assert set(days) == {entry["run_weekday"]}


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_noise_is_stationary_with_the_stated_autocorrelation(rho):
    noise = autoregressive(40, 5000, rho, np.random.default_rng(1))
    np.testing.assert_allclose(noise.std(axis=1), 1.0, atol=0.06)
    for step in (1, 20, 39):
        assert abs(np.corrcoef(noise[step - 1], noise[step])[0, 1] - rho) < 0.06


def test_the_background_is_standard_normal_with_a_part_of_the_patient_s_own(world):
    people = world.people.take(np.zeros(4000, dtype=np.int64))
    found = background_inflammation(people, world.settings, np.random.default_rng(2))
    np.testing.assert_allclose(found.std(axis=1), 1.0, atol=0.06)
    entry = world.settings["background"]
    far = np.corrcoef(found[0], found[-1])[0, 1]
    assert abs(far - entry["between"]) < 0.06
    near = np.corrcoef(found[0], found[1])[0, 1]
    expected = entry["between"] + (1 - entry["between"]) * entry["autocorrelation"]
    assert abs(near - expected) < 0.06


def test_the_background_moves_every_marker_by_its_weight(world):
    settings = quiet(world, "ferritin", days={-10: 0.0, 40: 0.0}, background=0.5)
    random = np.random.default_rng(0)
    shifted = np.full_like(background_inflammation(world.people, settings, random), 2.0)
    found = true_levels(
        "ferritin", np.array([0]), np.array([-48.0]), world.people, world.history, shifted,
        settings, random,
    )  # fmt: skip
    np.testing.assert_allclose(found, float(settings["analytes"]["ferritin"]["base"]) * 10.0)


def quiet(world, key, **entry):
    """Settings in which one analyte has no noise."""
    settings = deepcopy(world.settings)
    still = dict.fromkeys(("between", "within", "age_log10_per_year", "background"), 0.0)
    settings["analytes"][key] |= still | entry
    settings["sampling"]["analytic_log10_sd"] = 0.0
    return settings


def level(world, key, patient, hours, settings):
    patient, hours = np.asarray(patient), np.asarray(hours, dtype=float)
    random = np.random.default_rng(0)
    background = background_inflammation(world.people, settings, random)
    return true_levels(
        key, patient, hours, world.people, world.history, background, settings, random
    )


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
