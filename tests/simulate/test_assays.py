"""What the laboratory reports of a level: read back by the front door to what it was."""

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values
from pipeline.simulate.assays import report_results


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
