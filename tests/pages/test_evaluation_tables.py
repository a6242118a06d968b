"""Tables of an evaluation page: which rows they have, and what stands in a cell."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.format import DASH
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import AreaCell, Difference, Metric
from pipeline.pages import evaluation_tables
from pipeline.pages.evaluation_tables import (
    area,
    comes_first,
    days,
    difference,
    incidence,
    labs,
    refits,
    robustness,
    share,
    sites,
    subgroups,
)
from tests.pages.evaluations import HOURS, METRICS, metrics, whole_outcome

CELL = {"auroc": 0.8, "auroc_lo": 0.7, "auroc_hi": 0.9}
DIFFERENCE = {"diff_auroc": 0.05, "diff_lo": -0.01, "diff_hi": 0.11}
RATE = {"value": 0.2, "value_lo": 0.1, "value_hi": 0.3}


def outcome(**content):
    return OutcomeReport.model_validate(content)


def grids(report):
    """Every table of one outcome."""
    return [
        labs(report, HOURS),
        robustness(report, HOURS),
        incidence(report),
        comes_first(report, "Severe CRS", {}),
        days(report, HOURS),
        sites(report, "72"),
        subgroups(report, HOURS, "72"),
    ]


@settings(max_examples=20, deadline=None)
@given(m=METRICS)
def test_every_row_of_any_figures_is_as_wide_as_the_head_and_shows_no_missing_number(m):
    for grid in grids(outcome(**whole_outcome(m))):
        if grid is None:
            continue
        assert grid.caption
        for row in grid.rows:
            assert len(row) == len(grid.head)
            assert row[0]
            assert not any(bad in cell for cell in row for bad in ("nan", "None", "inf"))


def test_refits_have_a_table_only_if_there_are_any():
    figures = {f"auroc{end}": value for end, value in (("", 0.8), ("_lo", 0.7), ("_hi", 0.9))}
    cell = {"refits": 200, "used": 190, "model": figures, "difference": figures}
    grid = refits(outcome(refit_intervals={"24": cell}), ["24", "72"])
    cells = {row[0]: row[1:] for row in grid.rows}
    assert cells["Model, AUROC"] == ("0.80 [0.70, 0.90]", DASH)
    assert cells["Difference in AUROC"][0] == "+0.800 [+0.700, +0.900]"
    assert cells["Grade and day, Brier score"] == (DASH, DASH)
    assert "200" in grid.note
    assert "190 (24 h)" in grid.note
    assert refits(outcome(), ["24"]) is None


def test_without_figures_there_is_no_table():
    empty = grids(outcome())
    assert empty.pop(1).rows == []  # the ways of counting, of which none has a figure
    assert empty == [None] * 6


def test_a_share_that_no_draw_can_change_has_no_interval():
    assert share(Metric(0.0, 0.0, 0.0)) == "0%"
    assert share(Metric(0.0, 0.0, 0.02)) == "0% [0%, 2%]"


def test_a_missing_figure_is_a_dash_and_a_missing_end_leaves_out_the_interval():
    assert area(AreaCell(auroc=math.nan, auroc_lo=0.1, auroc_hi=0.2)) == DASH
    assert area(AreaCell(auroc=0.8, auroc_lo=0.7)) == "0.80"
    assert area(AreaCell(**CELL)) == "0.80 [0.70, 0.90]"
    assert difference(Difference()) == DASH
    assert difference(Difference(diff_auroc=-0.0125, diff_lo=-0.02, diff_hi=0.003)) == (
        "−0.013 [−0.020, +0.003]"
    )


def test_a_way_of_counting_has_a_row_where_it_has_a_figure():
    both = {"model": {"24": CELL}, "grade_and_day": {"24": DIFFERENCE}}
    grid = robustness(outcome(model={"24": CELL}, patient_weighted=both), HOURS)
    assert len(grid.rows) == 2
    every, weighted = grid.rows
    assert every[1:] == ("0.80 [0.70, 0.90]", DASH)
    assert weighted[1].startswith("0.80 [0.70, 0.90]<br>")
    assert "+0.050 [−0.010, +0.110]" in weighted[1]
    assert grid.main == {0}


def test_a_split_that_was_not_done_is_a_reason_and_no_row():
    both = {"model": {"24": CELL | {"n": 90}}, "grade_and_day": {}}
    further = {"temporal": "no infusion time", "leave_one_site_out": both}
    content = {"model": {"24": CELL | {"n": 100}}}
    grid = robustness(outcome(**content, further_splits=further), HOURS)
    assert len(grid.rows) == 2
    assert "no infusion time" in grid.note
    assert "10 landmarks" in grid.note
    both["model"]["24"]["n"] = 100
    assert "of sites" not in robustness(outcome(**content, further_splits=further), HOURS).note


def test_the_control_stands_below_the_bars_that_were_compared():
    table = {"grade_and_day": {"24": DIFFERENCE}}
    plain = labs(outcome(comparators=table), HOURS)
    assert [row[1:] for row in plain.rows] == [("+0.050 [−0.010, +0.110]", DASH)]
    control = {"24": CELL | DIFFERENCE | {"n_permutations": 3}, "72": {"n_permutations": 2}}
    both = labs(outcome(comparators=table, negative_control=control), HOURS)
    assert both.rows[:1] == plain.rows
    assert [row[1] for row in both.rows[1:]] == [plain.rows[0][1], "0.80 [0.70, 0.90]"]
    assert "3 permutations" in both.note
    assert labs(outcome(negative_control=control), HOURS).rows == both.rows[1:]


def test_incidence_has_four_quarters_whatever_is_known_and_no_row_for_a_reason():
    observed = {"observed": 0.1, "observed_lo": 0.05, "observed_hi": 0.2, "mean_risk": 0.12}
    cells = {
        "24": observed | {"competing": 0.0, "groups": [observed] * 2},
        "72": {"reason": "too few event patients"},
    }
    grid = incidence(outcome(incidence=cells))
    (row,) = grid.rows
    assert row[:4] == ("24 h", "10% [5%, 20%]", "12%", "0%")
    assert row[6:] == (DASH, DASH)
    assert row[4] == row[5] != DASH
    assert incidence(outcome(incidence={"72": cells["72"]})) is None


def test_whatever_comes_first_is_named_and_what_is_not_asked_is_in_the_note():
    table = {
        "incidence": {"24": {"outcome": RATE, "death": RATE}, "72": {"outcome": RATE}},
        "never_observed": ["iec_hs"],
        "left_out_unknown": 1200,
    }
    names = {"death": "Death", "iec_hs": "IEC-HS"}
    grid = comes_first(outcome(what_comes_first=table), "Severe CRS", names)
    assert grid.rows == [
        ("Severe CRS", "20% [10%, 30%]", "20% [10%, 30%]"),
        ("Death", "20% [10%, 30%]", DASH),
    ]
    assert "IEC-HS" in grid.note
    assert "1,200" in grid.note


@given(numbers=st.sets(st.integers(0, 40), max_size=8), few=st.sets(st.integers(0, 40), max_size=8))
def test_days_are_in_numeric_order_without_those_that_have_no_figure(numbers, few):
    table = {str(day): CELL for day in numbers} | {str(day): {"n": 4} for day in few}
    grid = days(outcome(by_day_and_horizon={"24": table}), HOURS)
    expected = sorted(numbers - few)
    assert (
        [row[0] for row in grid.rows] == [str(day) for day in expected]
        if expected
        else (grid is None)
    )


def test_a_subgroup_has_counts_at_the_headline_horizon_and_a_figure_at_each():
    levels = {
        "F": {"24": CELL, "72": {"n": 1200, "n_event_patients": 7, "observed": 0.0}},
        "M": {"24": CELL},
    }
    grid = subgroups(outcome(subgroups={"sex": levels}), HOURS, "72")
    assert grid.rows == [
        ("sex: F", "1,200", "7", "0.80 [0.70, 0.90]", DASH, "0%", DASH),
        ("sex: M", DASH, DASH, "0.80 [0.70, 0.90]", DASH, DASH, DASH),
    ]


@pytest.mark.parametrize("name", ["robustness", "labs", "days"])
def test_a_column_per_asked_horizon(name):
    whole = outcome(**whole_outcome(metrics()))
    for hours in (("24",), ("72", "24"), ("24", "48", "72")):
        grid = getattr(evaluation_tables, name)(whole, hours)
        assert [head.split()[0] for head in grid.head[1:]] == list(hours)


def test_sites_with_enough_event_patients_have_a_row_and_the_others_are_counted():
    cell = {"n": 90, "n_event_patients": 12, "observed_to_expected": 0.8, "cal_slope": None}
    ends = {"observed_to_expected_lo": 0.6, "observed_to_expected_hi": 1.1}
    table = {"72": {"sites": {"A": cell | ends}, "too_few": 2}}
    grid = sites(outcome(calibration_by_site=table), "72")
    assert grid.rows == [("A", "90", "12", "0.80 [0.60, 1.10]", DASH, DASH)]
    assert "2 sites" in grid.note
    assert sites(outcome(calibration_by_site=table), "24") is None
