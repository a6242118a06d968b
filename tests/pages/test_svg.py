"""SVG elements are well-formed whatever stands in them, and styles differ in more than colour."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.svg import STYLES, Style, chart, element, key, marker, stroke, text

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=20)
numbers = st.floats(-1e4, 1e4)


@given(content=texts, label=texts, x=numbers, y=numbers)
def test_any_text_comes_back_from_the_drawing(content, label, x, y):
    drawn = ET.fromstring(text(x, y, content, halo=True, rotate=-90))
    assert (drawn.text or "") == content
    assert abs(float(drawn.get("x")) - x) <= 0.05 + 1e-4 * abs(x)
    named = ET.fromstring(element("g", content, aria_label=label))
    assert named.get("aria-label").split() == label.split()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        element("circle", cx=value)


def test_attributes_that_are_none_are_left_out_and_underscores_become_hyphens():
    drawn = ET.fromstring(element("g", x=None, stroke_width=0, class_="note"))
    assert drawn.attrib == {"stroke-width": "0", "class": "note"}


def test_a_chart_is_announced_by_title_and_description():
    drawn = ET.fromstring(chart("a < b", "c & d", 20, 10, element("g")))
    parts = [(child.tag.rpartition("}")[2], child.text) for child in drawn]
    assert parts == [("title", "a < b"), ("desc", "c & d"), ("g", None)]
    assert drawn.get("role") == "img"


def test_no_two_styles_differ_in_colour_alone():
    looks = [(style.dash, style.marker, style.width) for style in STYLES]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("shape", ["circle", "square", "diamond", "up", "down"])
@pytest.mark.parametrize("filled", [True, False])
def test_an_open_marker_is_white_inside_and_has_its_outline(shape, filled):
    drawn = ET.fromstring(marker(shape, 3, 4, colour="#123456", filled=filled))
    assert drawn.get("stroke") == "#123456"
    assert drawn.get("fill") == ("#123456" if filled else "#fff")


@given(st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=6))
def test_a_key_has_a_sample_and_a_name_for_each_series(entries):
    drawn = ET.fromstring(key(entries, 10, 10))
    lines = [child for child in drawn if child.tag == "line"]
    assert [(child.text or "") for child in drawn if child.tag == "text"] == [n for n, _ in entries]
    assert [line.get("stroke-dasharray") for line in lines] == [style.dash for _, style in entries]


def test_a_stroke_goes_from_end_to_end():
    drawn = ET.fromstring(stroke(1, 2, 3, 4, Style("#000", "2 1", width=1)))
    assert [drawn.get(name) for name in ("x1", "y1", "x2", "y2")] == ["1", "2", "3", "4"]
