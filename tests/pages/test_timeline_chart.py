"""Timeline: every value has its mark, limits are open triangles, gaps stay open."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.explain.drug_caveats import DrugMark
from pipeline.explain.result_text import value_text
from pipeline.pages.timeline_chart import (
    axis_row,
    drug_row,
    grade_row,
    lab_timeline,
    risk_row,
    time_axis,
)
from tests.pages.patients import record, rising_crs

CRP = dictionary()["crp"]


def person(*data, hours=96.0, key="crp", **more):
    return record("P", hours, {key: [(hour, value, side) for hour, value, side in data]}, **more)


def drawn(row, name):
    return [item for item in ET.fromstring(row.drawing).iter() if item.get("class") == name]


points = st.lists(
    st.tuples(st.integers(-48, 95), st.floats(0.1, 900), st.sampled_from([-1, 0, 0, 1])),
    min_size=1,
    max_size=10,
    unique_by=lambda point: point[0],
).map(sorted)


@given(points)
@settings(deadline=None, max_examples=50)
def test_every_value_has_a_mark_in_order_of_its_height(data):
    patient = person(*data)
    row = lab_timeline(CRP, patient, time_axis(patient))
    dots = drawn(row, "dot")
    assert len(dots) == sum(side == 0 for _, _, side in data)
    assert len(drawn(row, "limit")) == sum(side != 0 for _, _, side in data)
    assert row.newest == value_text(*data[-1][1:], CRP.unit)
    heights = [(value, float(dot.get("cy"))) for (_, value, side), dot in zip(
        [point for point in data if point[2] == 0], dots, strict=True
    )]  # fmt: skip
    ordered = [height for _, height in sorted(heights)]
    assert all(a >= b - 1e-3 for a, b in pairwise(ordered))
    assert all(0 <= height <= 30 for height in ordered)
    for _, value, side in data:
        assert value_text(value, side, CRP.unit) in ET.fromstring(row.drawing).get("aria-label")


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
    patient = person(*data)
    assert len(drawn(lab_timeline(CRP, patient, time_axis(patient)), "curve")) == lines


def test_limits_below_point_down_and_above_up():
    patient = person((10, 5, -1), (20, 900, 1))
    row = lab_timeline(CRP, patient, time_axis(patient))
    below, above = (item[0].get("d") for item in drawn(row, "limit"))
    assert (below.endswith("L0 3.5z"), above.endswith("L0-3.5z")) == (True, True)


@given(st.lists(st.floats(-30, 30).map(lambda v: round(v, 2)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=30)
def test_signed_results_have_a_linear_axis(values):
    analyte = dictionary()["base_excess"]
    data = [(10.0 * place, value, 0) for place, value in enumerate(values)]
    patient = person(*data, key="base_excess")
    dots = drawn(lab_timeline(analyte, patient, time_axis(patient)), "dot")
    heights = [height for _, height in sorted((v, float(d.get("cy"))) for v, d in zip(
        values, dots, strict=True
    ))]  # fmt: skip
    assert heights == sorted(heights, reverse=True)


def test_the_reference_band_is_drawn_where_a_range_is_known():
    patient = person((10, 5, 0), (40, 9, 0))
    x = time_axis(patient)
    assert len(drawn(lab_timeline(CRP, patient, x), "band")) == 1
    bare = lab_timeline(replace(CRP, reference=(None, None)), patient, x)
    assert (drawn(bare, "band"), bare.note) == ([], "")


def test_each_dose_is_a_mark_and_all_are_counted():
    patient = person((10, 5, 0))
    row = drug_row(DrugMark("Tocilizumab", (-200.0, 20.0, 44.0)), patient, time_axis(patient))
    assert len([item for item in ET.fromstring(row.drawing) if item.text == "▼"]) == 2
    assert row.newest == "3 doses"


def test_a_grade_lasts_until_the_next_or_until_it_expires():
    grades = [("crs", 0, 10), ("crs", 1, 20), ("crs", 1, 40), ("crs", 2, 50)]
    patient = person((0, 5, 0), grades=grades)
    row = grade_row("crs", patient, time_axis(patient), 36.0)
    boxes = drawn(row, "grade")
    assert [box.get("fill-opacity") for box in boxes] == ["0", "0.25", "0.5"]
    right = float(boxes[-1].get("x").rstrip("%")) + float(boxes[-1].get("width").rstrip("%"))
    assert right == pytest.approx(time_axis(patient)(86.0), abs=0.02)
    assert row.newest == "unknown"
    assert grade_row("crs", replace(patient, hours=80.0), time_axis(patient), 36.0).newest == "2"


def test_each_outcome_has_a_curve_intervals_and_a_key():
    patient = rising_crs()
    row = risk_row(patient.estimates, patient.record, time_axis(patient.record), "day 2, noon")
    assert [key[1] for key in row.keys] == ["severe CRS 18%", "ICANS 15%"]
    assert [dashed for *_, dashed in row.keys] == [False, True]
    assert len(drawn(row, "dot")) == len(drawn(row, "interval")) == 6
    assert len(drawn(row, "curve")) == 4
    [line, label] = drawn(row, "moment")
    assert (line.tag.endswith("line"), label.text) == (True, "day 2, noon")
    heights = [float(dot.get("cy")) for dot in drawn(row, "dot")[:3]]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize(("first", "low"), [(-100.0, -48.0), (90.0, 72.0), (-20.0, -20.0)])
def test_the_axis_spans_at_least_a_day_and_ends_at_the_landmark(first, low):
    axis = time_axis(person((first, 5, 0)))
    assert (axis.low, axis.landmark, axis.high) == (low, 96.0, 96.0)
    assert 0 <= axis(axis.low) < axis(axis.high) <= 100


@given(st.floats(1, 900))
def test_days_are_labelled_apart(hours):
    patient = person((0.0, 5, 0), hours=hours)
    row = axis_row(time_axis(patient))
    labels = [item for item in ET.fromstring(row.drawing) if item.text]
    places = [float(item.get("x").rstrip("%")) for item in labels]
    assert len(places) <= 9
    assert all(b - a > 7 for a, b in pairwise(places))


@pytest.mark.parametrize("minutes", [0, 1, 20, 600])
def test_what_was_charted_since_is_apart_right_of_the_line_of_the_estimate(minutes):
    hour = 96.0 + minutes / 60
    since = {"later_doses": [("tocilizumab", hour)], "later_grades": [("crs", 3, hour)]}
    patient = person((10, 5, 0), grades=[("crs", 1, 90.0)], **since)
    x = time_axis(patient)
    drug = drug_row(DrugMark("Tocilizumab", (50.0, hour)), patient, x)
    grades = grade_row("crs", patient, x, 36.0)
    [line] = drawn(drug, "moment")
    place = float(line.get("x1").rstrip("%"))
    marks = [float(item.get("x").rstrip("%")) for item in ET.fromstring(drug.drawing) if item.text]
    assert marks[0] < place < 99
    assert place + (0 if minutes == 0 else 1.5) <= marks[1] <= 99
    boxes = drawn(grades, "grade")
    assert [box.get("fill-opacity") for box in boxes] == ["0.25", "0.75"]
    left, width = (float(boxes[1].get(name).rstrip("%")) for name in ("x", "width"))
    assert left >= place
    assert width >= 2
    assert grades.newest.startswith("3,")
    assert drug.newest != drug_row(DrugMark("Tocilizumab", (50.0, 60.0)), patient, x).newest


def test_without_an_event_since_the_line_is_at_the_right_edge():
    patient = person((10, 5, 0), grades=[("crs", 1, 90.0)])
    x = time_axis(patient)
    assert x.line == x(96.0) == 99
    [box] = drawn(grade_row("crs", patient, x, 36.0), "grade")
    assert float(box.get("x").rstrip("%")) + float(box.get("width").rstrip("%")) <= 99.01


def test_a_grade_charted_just_before_the_estimate_names_its_hour():
    grades = [("crs", 1, 70.0), ("crs", 2, 95.8)]
    patient = person((10, 5, 0), grades=grades)
    row = grade_row("crs", patient, time_axis(patient), 36.0)
    assert row.newest == f"2 since {patient.clock.words(95.8)}"
    patient = person((10, 5, 0), grades=[*grades[:1], ("crs", 2, 80.0)])
    assert grade_row("crs", patient, time_axis(patient), 36.0).newest == "2"
