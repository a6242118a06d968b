"""One scale for all patients: order is kept, every part is drawn, the alternative is present."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pages.html import BASE
from pipeline.pages.risk_scale import (
    TICKS,
    RiskMark,
    compact_scale,
    position,
    risk_scale,
    syndrome_hue,
)

HUES = ("crs", "icans", "severe-icans", "other-syndrome")
proportions = st.floats(0.0, 1.0)


def parts(drawn):
    root = ET.fromstring(drawn)
    return root, {part.get("class"): part for part in root if part.get("class")}


def place(value):
    return float(value.rstrip("%"))


@given(ends=st.lists(proportions, min_size=3, max_size=3).map(sorted), average=proportions)
def test_interval_and_average_lie_where_the_scale_puts_them(ends, average):
    low, risk, high = ends
    for draw in (risk_scale, compact_scale):
        _, drawn = parts(draw(RiskMark("crs", risk, low, high, average)))
        left = place(drawn["interval"].get("x"))
        assert left == pytest.approx(position(low), abs=0.006)
        right = left + place(drawn["interval"].get("width"))
        assert left - 0.01 <= place(drawn["risk"].get("cx")) <= right + 0.02
        assert place(drawn["average"].get("x1")) == pytest.approx(position(average), abs=0.006)


def test_ticks_are_square_root_spaced_and_apart():
    places = [position(at) for at, _ in TICKS]
    assert places[0] == 0
    assert places[-1] == 100
    assert position(0.25) == 50
    assert min(b - a for a, b in pairwise(places)) > 9


def test_the_full_form_is_labelled_and_the_compact_form_is_not():
    mark = RiskMark("icans", 0.3, 0.2, 0.4, 0.25, "Risk 30%", "average 25%")
    full, small = ET.fromstring(risk_scale(mark)), ET.fromstring(compact_scale(mark))
    words = [text.text for text in full.iter("{http://www.w3.org/2000/svg}text")]
    assert words == [*(label for _, label in TICKS), "average 25%"]
    assert not list(small.iter("{http://www.w3.org/2000/svg}text"))
    assert full.get("aria-label") == small.get("aria-label") == "Risk 30%"


def test_without_an_alternative_the_drawing_is_hidden_and_without_an_average_no_tick_is_drawn():
    root, drawn = parts(compact_scale(RiskMark("crs", 0.3, 0.2, 0.4)))
    assert root.get("aria-hidden") == "true"
    assert root.get("role") is None
    assert "average" not in drawn


@pytest.mark.parametrize("hue", HUES)
def test_each_hue_has_colours_in_every_scheme(hue):
    css = (BASE / "colours.css").read_text(encoding="utf-8")
    assert f".{hue} {{ --hue: var(" in css
    if hue != "other-syndrome":
        assert css.count(f"--{hue}:") == css.count(f"--{hue}-pale:") == 3


def test_hues_follow_scale_and_threshold():
    asked = [("crs", 3), ("icans", 1), ("icans", 3), ("iec_hs", 2)]
    assert tuple(syndrome_hue(*one) for one in asked) == HUES
