"""Drawings of an estimate: marks where the numbers are, and every number in the description."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.estimates import EarlierEstimate, Risk
from pipeline.explain.model_summary import DayAverage
from pipeline.explain.phrases import risk_text, signed_points, whole
from pipeline.pages.patient_charts import (
    axis_maximum,
    history_chart,
    horizon_chart,
    mini_line,
    mirror_chart,
    number_line,
)
from tests.pages.patients import rising_crs

shares = st.floats(0, 1)


@st.composite
def risk(draw, hours=72.0):
    low, value, high = sorted(draw(st.tuples(shares, shares, shares)))
    usual = draw(st.none() | shares.map(lambda rate: DayAverage(2, rate, 300, False)))
    return Risk(hours, value, low, high, usual)


def description(drawn):
    return next(child.text for child in ET.fromstring(drawn) if child.tag.endswith("desc"))


@given(st.lists(risk(), min_size=1, max_size=4))
def test_the_axis_reaches_every_interval_and_usual_rate(risks):
    reach = axis_maximum(risks)
    ends = [max(item.high, item.usual.rate if item.usual else 0) for item in risks]
    assert max(ends) <= reach <= 1.0
    assert axis_maximum(risks[:1]) <= reach


@given(risk())
def test_the_number_line_marks_risk_and_interval_in_order(item):
    reach = axis_maximum([item])
    for drawn in (number_line(item, reach, title="t", desc="d"), mini_line(item, reach)):
        root = ET.fromstring(drawn)
        box = next(child for child in root if child.tag.endswith("rect"))
        left = float(box.get("x"))
        right = left + float(box.get("width"))
        diamond = next(child for child in root if child.tag.endswith("path"))
        middle = float(re.match(r"translate\(([\d.]+)", diamond.get("transform"))[1])
        assert left - 0.2 <= middle <= right + 0.2
        assert 0 <= left <= right <= float(root.get("viewBox").split()[2])


def test_the_usual_rate_is_drawn_only_where_it_is_known():
    item = Risk(72.0, 0.2, 0.1, 0.3, DayAverage(2, 0.1, 300, False))
    with_it, without = (
        mini_line(one, 0.3).count("<line") for one in (item, replace(item, usual=None))
    )
    assert with_it == without + 1


def test_every_horizon_is_described_and_the_headline_is_bold():
    risks = rising_crs().estimates[0].risks
    drawn = horizon_chart(risks, 72.0, title="t")
    told = description(drawn).replace("\u00a0", " ")
    for item in risks:
        assert f"within {item.hours:g} h {risk_text(item.risk)}".replace("\u00a0", " ") in told
    root = ET.fromstring(drawn)
    bold = [child.text for child in root if child.get("font-weight") == "bold"]
    assert bold == ["72"]


@given(st.lists(shares, min_size=1, max_size=9))
def test_earlier_days_are_described_from_first_to_now(values):
    every = [EarlierEstimate(24.0 * (n + 1), value, 0.0, 1.0) for n, value in enumerate(values)]
    drawn = history_chart(every[:-1], every[-1], title="t")
    told = description(drawn).removesuffix(".").split("; ")
    assert told == [f"day {n + 1} {risk_text(value)}" for n, value in enumerate(values)]
    labels = re.findall(r">d(\d+)<", drawn)
    assert len(labels) <= 3
    assert str(len(values)) in labels


points = st.floats(-40, 40)


@given(
    st.lists(st.tuples(points, points), min_size=1, max_size=6),
    st.sampled_from(["Inflammation", "What was measured and when"]),
)
def test_raising_bars_point_right_and_lowering_ones_left_of_one_line(rows, name):
    names = [f"{name} {number}" for number in range(len(rows))]
    sides = [("CRS", [row[0] for row in rows]), ("ICANS", [row[1] for row in rows])]
    drawn = mirror_chart(names, sides, title="t")
    told = description(drawn).removesuffix(".").split("; ")
    assert told == [
        f"{name}: CRS {signed_points(one)}, ICANS {signed_points(other)}"
        for name, (one, other) in zip(names, rows, strict=True)
    ]
    boxes = [child for child in ET.fromstring(drawn) if child.tag.endswith("rect")]
    for box in boxes:
        assert float(box.get("x")) >= 0
        assert float(box.get("x")) + float(box.get("width")) <= 266.1
    open_bars = [box for box in boxes if box.get("fill") == "#fff"]
    lowering = [value for row in rows for value in row if value < 0]
    assert len(open_bars) <= len(lowering)


@pytest.mark.parametrize("value", [6.0, -6.0])
def test_a_bar_ends_at_the_line_of_zero(value):
    drawn = ET.fromstring(mirror_chart(["Inflammation"], [("CRS", [value])], title="t"))
    box = next(child for child in drawn if child.tag.endswith("rect"))
    lines = [child for child in drawn if child.tag.endswith("line")]
    zero = next(float(item.get("x1")) for item in lines if item.get("x1") == item.get("x2"))
    left, right = float(box.get("x")), float(box.get("x")) + float(box.get("width"))
    assert (left if value > 0 else right) == pytest.approx(zero, abs=0.11)
    assert whole(right - left) > 0
