"""Trends as small multiples: every value shown is in the table, limits are open, gaps stay open."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.explain.drug_caveats import DrugMark
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.result_text import value_text
from pipeline.pages.trend_charts import HEIGHT, WIDTH, grade_trend, lab_trend, time_axis
from tests.pages.patients import ZERO

CRP = dictionary()["crp"]
CLOCK = InfusionClock(ZERO)
AXIS = time_axis(0.0, 96.0)


def series(*points):
    rows = [(float(value), side, float(hour)) for hour, value, side in points]
    return pd.DataFrame(rows, columns=["value", "side", "collected_hours"])


def drawn(trend, tag):
    return [child for child in ET.fromstring(trend.drawing) if child.tag.endswith(tag)]


points = st.lists(
    st.tuples(st.integers(-48, 96), st.floats(0.1, 900), st.sampled_from([-1, 0, 0, 1])),
    min_size=1,
    max_size=10,
    unique_by=lambda point: point[0],
).map(sorted)


@given(points)
@settings(deadline=None)
def test_shown_values_are_those_on_the_axis_and_each_has_its_mark(data):
    shown = [point for point in data if point[0] >= 0]
    if not shown:
        return
    trend = lab_trend(series(*data), CRP, AXIS, [], CLOCK)
    assert [what for _, what in trend.rows] == [
        value_text(value, side, CRP.unit) for _, value, side in shown
    ]
    assert trend.newest == value_text(*data[-1][1:], CRP.unit)
    assert len(drawn(trend, "circle")) == sum(side == 0 for _, _, side in shown)
    limits = drawn(trend, "path")
    assert len(limits) == sum(side != 0 for _, _, side in shown)
    assert all(mark.get("fill") == "#fff" for mark in limits)
    for mark in drawn(trend, "circle"):
        assert 0 <= float(mark.get("cx")) <= WIDTH


def joined(*data):
    """Lines between two values."""
    trend = lab_trend(series(*data), CRP, AXIS, [], CLOCK)
    return sum(line.get("stroke-width") == "1.8" for line in drawn(trend, "line"))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ([(10, 5, 0), (46, 9, 0)], 1),
        ([(10, 5, 0), (46.1, 9, 0)], 0),
        ([(10, 5, -1), (20, 9, 0)], 0),
        ([(10, 5, 0), (20, 9, 1), (30, 7, 0)], 0),
    ],
)
def test_long_gaps_and_limits_are_not_bridged(data, lines):
    assert joined(*data) == lines


def test_the_first_dose_of_each_drug_has_its_letter_and_others_a_tick():
    drugs = [DrugMark("T", "Tocilizumab", (20.0, 44.0)), DrugMark("D", "Dex", (21.0,))]
    trend = lab_trend(series((10, 5, 0)), CRP, AXIS, drugs, CLOCK)
    letters = [item for item in drawn(trend, "text") if item.get("font-weight") == "bold"]
    assert [item.text for item in letters] == ["T", "D"]
    places = [float(item.get("x")) for item in letters]
    assert places[1] - places[0] >= 9.9
    ticks = [line for line in drawn(trend, "line") if line.get("stroke-dasharray")]
    assert len(ticks) == 3
    early = lab_trend(series((10, 5, 0)), CRP, AXIS, [DrugMark("T", "T", (-9.0,))], CLOCK)
    assert not [line for line in drawn(early, "line") if line.get("stroke-dasharray")]


def grades(*rows):
    return pd.DataFrame(list(rows), columns=["scale", "grade", "assessed_hours"])


def test_grades_are_marked_where_they_change_and_listed_in_order_of_time():
    table = grades(("crs", 0, 10), ("crs", 1, 20), ("crs", 1, 30), ("icans", 2, 25), ("crs", 5, 40))
    trend = grade_trend(table, ("crs", "icans"), AXIS, [], CLOCK)
    assert [what for _, what in trend.rows] == ["CRS 0", "CRS 1", "ICANS 2", "CRS 1", "CRS 5"]
    assert trend.newest == "CRS 5, ICANS 2"
    groups = drawn(trend, "g")
    assert [len(group) for group in groups] == [3, 1]


def test_a_scale_that_is_not_charted_is_left_out():
    trend = grade_trend(grades(), ("crs", "icans"), AXIS, [], CLOCK)
    assert trend.rows == ()
    assert drawn(trend, "g") == []


@pytest.mark.parametrize(("first", "low"), [(-100.0, -100.0), (90.0, 72.0)])
def test_the_axis_spans_at_least_a_day_and_ends_at_the_landmark(first, low):
    axis = time_axis(first, 96.0)
    assert (axis.low, axis.high) == (low, 96.0)


@given(
    st.lists(st.floats(-30, 30).map(lambda v: round(v, 2)), min_size=1, max_size=8),
    st.booleans(),
)
@settings(deadline=None)
def test_the_axis_of_signed_results_holds_zero_in_a_straight_scale(values, reference):
    analyte = dictionary()["base_excess"]
    if not reference:
        analyte = replace(analyte, reference=(None, None))
    data = [(10.0 * place, value, 0) for place, value in enumerate(values)]
    trend = lab_trend(series(*data), analyte, AXIS, [], CLOCK)
    heights = {v: float(c.get("cy")) for v, c in zip(values, drawn(trend, "circle"), strict=True)}
    assert all(0 <= height <= HEIGHT for height in heights.values())
    ordered = sorted(heights)
    assert [heights[v] for v in ordered] == sorted(heights.values(), reverse=True)
    assert any(line.get("stroke-dasharray") == "1 3" for line in drawn(trend, "line"))
