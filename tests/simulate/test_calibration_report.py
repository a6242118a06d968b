"""Simulated figures beside published ones: bounds, verdict and AUROC."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.simulate.calibration_report import auroc, markdown, read_results, report_line

ENTRY = {"target": 0.2, "tolerance": 0.05, "near": "share", "source": "[I]"}


@given(
    rows=st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40),
)
def test_auroc_is_that_of_scikit_learn(rows):
    score, event = (np.array(column) for column in zip(*rows, strict=True))
    if event.all() or not event.any():
        assert np.isnan(auroc(score.astype(float), event))
        return
    assert auroc(score.astype(float), event) == pytest.approx(roc_auc_score(event, score))


@given(value=st.floats(0, 1), n=st.integers(1, 5000))
def test_a_share_is_within_its_tolerance_and_the_chance_of_its_number(value, n):
    line = report_line("x", value, n, ENTRY)
    margin = 0.05 + 2.6 * np.sqrt(0.2 * 0.8 / n)
    if abs(abs(value - 0.2) - margin) > 1e-3:
        assert line["pass"] == (abs(value - 0.2) < margin)
    assert 0 <= line["low"] <= 0.2 <= line["high"] <= 1


def test_a_factor_bounds_both_sides_and_a_missing_figure_never_passes():
    entry = {"target": [100.0, 50.0, 200.0], "tolerance": 2.0, "source": "[D]"}
    assert [report_line("x", value, 9, entry)["pass"] for value in (49, 50, 200, 201)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert report_line("x", 90.0, 9, entry)["target_quartiles"] == [50.0, 200.0]
    assert not report_line("x", float("nan"), 9, entry)["pass"]


def test_the_page_has_one_row_per_figure_and_marks_those_outside():
    lines = [report_line(name, value, 50, ENTRY) for name, value in (("in", 0.2), ("out", 0.9))]
    rows = [row for row in markdown(lines, 50).splitlines() if row.startswith(("| in ", "| out "))]
    assert ["**no**" in row for row in rows] == [False, True]
    assert len({row.count("|") for row in rows}) == 1


def test_results_are_the_latest_version_in_canonical_units(world):
    results = read_results(world.tables["labs"], world.history)
    assert not results.duplicated(["patient", "analyte", "hours"]).any()
    crp = results[results["analyte"] == "crp"]["value"]
    assert 1 < crp.median() < 200  # mg/L although some sites report mg/dL
    worst = world.history.tracks["crs"].max(axis=0)
    np.testing.assert_array_equal(results["grade"], worst[results["patient"]])
    onset = world.history.final.crs_onset[results["patient"]]
    np.testing.assert_array_equal(results["since_onset"].isna(), ~np.isfinite(onset))
