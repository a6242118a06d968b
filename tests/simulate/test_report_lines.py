"""Lines of the report: bounds, verdict and table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulate.report_lines import markdown, report_line

ENTRY = {"target": 0.2, "tolerance": 0.05, "near": "share", "source": "[I]"}


@given(value=st.floats(0, 1), n=st.integers(1, 5000))
def test_a_share_is_within_its_tolerance_and_the_chance_of_its_number(value, n):
    line = report_line("x", value, n, ENTRY)
    margin = 0.05 + 2.6 * np.sqrt(0.2 * 0.8 / n)
    if abs(abs(value - 0.2) - margin) > 1e-3:
        assert line["pass"] == (abs(value - 0.2) < margin)
    assert 0 <= line["low"] <= 0.2 <= line["high"] <= 1


def test_a_factor_bounds_both_sides_and_a_missing_figure_never_passes():
    entry = {"target": [100.0, 50.0, 200.0], "tolerance": 2.0, "source": "[D]"}
    many = 10**9
    assert [report_line("x", value, many, entry)["pass"] for value in (49, 51, 199, 201)] == [
        False, True, True, False,
    ]  # fmt: skip
    few = report_line("x", 230.0, 9, entry, [100.0, 100.0 * np.exp(1.349)])  # SD of logs 1
    assert few["pass"]
    assert few["high"] == pytest.approx(200 * np.exp(2.6 * np.sqrt(np.pi / 2) / 3), rel=1e-3)
    assert report_line("x", 90.0, 9, entry)["target_quartiles"] == [50.0, 200.0]
    assert not report_line("x", float("nan"), 9, entry)["pass"]


def test_the_page_has_one_row_per_figure_and_marks_those_outside():
    lines = [report_line(name, value, 50, ENTRY) for name, value in (("in", 0.2), ("out", 0.9))]
    rows = [row for row in markdown(lines, 50).splitlines() if row.startswith(("| in ", "| out "))]
    assert ["**no**" in row for row in rows] == [False, True]
    assert len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize(
    ("near", "margin"), [("auroc", 0.08), ("correlation", 0.15), ("spread", 0.04), ("days", 0.75)]
)
def test_a_range_is_widened_by_the_chance_of_the_number(near, margin):
    entry = {"target": 0.9, "range": [0.85, 0.95], "near": near, "source": "[D]"}
    line = report_line("x", 0.9, 100, entry)
    most = {"auroc": 1.0, "correlation": 1.0}.get(near, np.inf)
    assert line["low"] == pytest.approx(max(0.85 - margin, 0.0), abs=1e-4)
    assert line["high"] == pytest.approx(min(0.95 + margin, most), abs=1e-4)
