"""Simulated figures beside published ones: the results they are made of."""

import numpy as np

from pipeline.simulate.calibration_report import read_results


def test_results_are_the_latest_version_in_canonical_units(world):
    results = read_results(world.tables["labs"], world.history)
    assert not results.duplicated(["patient", "analyte", "hours"]).any()
    crp = results[results["analyte"] == "crp"]["value"]
    assert 1 < crp.median() < 200  # mg/L although some sites report mg/dL
    worst = world.history.tracks["crs"].max(axis=0)
    np.testing.assert_array_equal(results["grade"], worst[results["patient"]])
    onset = world.history.final.crs_onset[results["patient"]]
    np.testing.assert_array_equal(results["since_onset"].isna(), ~np.isfinite(onset))
