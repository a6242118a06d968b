"""Waterfall: bars end where the next begin, raise to the right, and lead to the risk."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.phrases import risk_text, signed_points
from pipeline.explain.sentences import estimate_reasons
from pipeline.pages.waterfall_chart import start_name, waterfall
from tests.pages.patients import ANALYTES, estimate, facts, record

PERSON = record("P", 72.0, {key: [(70, 9.0)] for key in ANALYTES})
values = st.lists(st.floats(-20, 20), min_size=1, max_size=9)


def rows_of(item):
    return waterfall(item, estimate_reasons(item, PERSON, facts()))


def ends(row):
    """Left and right end of a bar in percent, and whether it raises the risk."""
    box = ET.fromstring(row.drawing)[0]
    left = float(box.get("x").rstrip("%"))
    return left, left + float(box.get("width").rstrip("%")), box.get("class") == "up"


@given(values)
def test_bars_lead_from_the_average_to_the_risk(points):
    total = sum(points)
    risk = min(0.99, max(0.01, 0.3 + total / 100))
    players = dict(zip(ANALYTES, points, strict=False))
    item = estimate("severe_crs", risk, players)
    rows = rows_of(item)
    if not rows:
        assert max(map(abs, points)) < 2
        return
    kinds = [row.kind for row in rows]
    assert (kinds[0], kinds[-1]) == ("start", "end")
    assert kinds.count("step") <= 5
    assert (rows[0].points, rows[-1].points) == (risk_text(item.average), risk_text(risk))
    place = float(ET.fromstring(rows[0].drawing)[0].get("x1").rstrip("%"))
    assert "offset" not in kinds[2:]
    for row in rows[1:-1]:
        left, right, raises = ends(row)
        assert 0 <= left <= right <= 100.5
        assert (left if raises else right) == pytest.approx(place, abs=0.35)
        if row.points != "0":
            assert raises == (not row.points.startswith("▼"))
        place = right if raises else left
    last = float(ET.fromstring(rows[-1].drawing)[0].get("cx").rstrip("%"))
    assert last == pytest.approx(place, abs=0.7)


def test_each_bar_has_its_points_and_small_ones_are_one_row():
    item = estimate("severe_crs", 0.2, {"crp": 9.0, "il6": -3.0, "nfl": 1.9, "ldh": 1.9})
    rows = rows_of(item)
    assert [row.points for row in rows if row.kind == "step"] == [
        signed_points(9.0),
        signed_points(-3.0),
    ]
    assert all(row.name and row.value and row.driver for row in rows if row.kind == "step")
    assert [row.kind for row in rows].count("other") == 1
    assert rows_of(estimate("severe_crs", 0.2, {"crp": 1.0})) == []


def test_the_models_own_average_follows_the_average_of_the_day():
    item = estimate("severe_crs", 0.2, {"crp": 9.0})
    first, own = rows_of(item)[:2]
    assert (first.kind, own.kind, own.value) == ("start", "offset", risk_text(0.11))
    assert own.points == signed_points(100 * (0.11 - item.average))


def test_the_start_is_named_for_its_day():
    assert "day-2" in start_name(estimate("severe_crs", 0.2, {"crp": 9.0})).lower()
