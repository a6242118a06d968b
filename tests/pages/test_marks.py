"""Marks stand where the scales put their data, and unknown values are left out."""

import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.axes import Scale
from pipeline.pages.marks import bars, error_bar, finite_pairs, line, points, step
from pipeline.pages.svg import Style

X, Y = Scale(0, 10, 100, 200), Scale(0, 1, 90, 10)
STYLE = Style()
number = st.floats(0, 10) | st.none() | st.just(math.nan) | st.just(math.inf)
pairs = st.lists(st.tuples(number, number.map(lambda v: v if v is None else v / 10)), max_size=8)


def places(drawn):
    return [
        tuple(map(float, place.split(",")))
        for place in ET.fromstring(drawn).get("points", "").split()
    ]


def close(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=0.02)


@given(pairs)
def test_a_line_joins_the_known_pairs_and_points_mark_each(data):
    known = [(a, b) for a, b in data if a is not None and b is not None]
    known = [(a, b) for a, b in known if math.isfinite(a) and math.isfinite(b)]
    assert finite_pairs(data) == known
    close(places(line(X, Y, data, STYLE)), [(X(a), Y(b)) for a, b in known])
    drawn = ET.fromstring(points(X, Y, data, STYLE))
    centres = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn]
    assert len(centres) == len(known)
    for (cx, cy), (a, b) in zip(centres, known, strict=True):
        assert (cx, cy) == pytest.approx((X(a), Y(b)), abs=0.06)


@given(pairs)
def test_stairs_hold_a_value_until_the_next_one(data):
    known = finite_pairs(data)
    expected = [(X(a), Y(b)) for a, b in known[:1]]
    for (_, before), (a, b) in pairwise(known):
        expected += [(X(a), Y(before)), (X(a), Y(b))]
    close(places(step(X, Y, data, STYLE)), expected)


@given(low=st.floats(-1, 2), width=st.floats(0, 2))
def test_an_interval_is_drawn_within_its_axis(low, width):
    drawn = ET.fromstring(error_bar(X, Y, 5, low, low + width, STYLE))
    ends = sorted(float(drawn[0].get(name)) for name in ("y1", "y2"))
    expected = sorted(Y(min(max(end, 0), 1)) for end in (low, low + width))
    assert ends == pytest.approx(expected, abs=0.06)
    assert [child.get("y1") == child.get("y2") for child in drawn[1:]] == [True, True]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6))
def test_bars_start_at_zero_and_reach_their_height(heights):
    y = Scale(-1, 1, 90, 10)
    x = Scale(0, len(heights), 100, 200)
    drawn = ET.fromstring(bars(x, y, range(len(heights) + 1), heights, STYLE))
    assert len(drawn) == len(heights)
    for box, height in zip(drawn, heights, strict=True):
        top = float(box.get("y"))
        bottom = top + float(box.get("height"))
        assert (top, bottom) == pytest.approx(sorted([y(0), y(height)]), abs=0.11)
