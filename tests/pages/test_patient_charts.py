"""Small drawings of an estimate: marks where the numbers are, every number as text."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.estimates import Risk
from pipeline.explain.model_summary import DayAverage
from pipeline.explain.phrases import risk_text
from pipeline.pages.patient_charts import axis_maximum, horizon_steps, mini_line
from tests.pages.patients import rising_crs

shares = st.floats(0, 1)


@st.composite
def risk(draw, hours=72.0):
    low, value, high = sorted(draw(st.tuples(shares, shares, shares)))
    usual = draw(st.none() | shares.map(lambda rate: DayAverage(2, rate, 300, False)))
    return Risk(hours, value, low, high, usual)


@given(st.lists(risk(), min_size=1, max_size=4))
def test_the_axis_reaches_every_interval_and_average(risks):
    reach = axis_maximum(risks)
    ends = [max(item.high, item.usual.rate if item.usual else 0) for item in risks]
    assert max(ends) <= reach <= 1.0
    assert axis_maximum(risks[:1]) <= reach


@given(risk())
def test_the_number_line_marks_risk_and_interval_in_order(item):
    root = ET.fromstring(mini_line(item, axis_maximum([item])))
    box = next(child for child in root if child.tag.endswith("rect"))
    left = float(box.get("x"))
    right = left + float(box.get("width"))
    diamond = next(child for child in root if child.tag.endswith("path"))
    middle = float(re.match(r"translate\(([\d.]+)", diamond.get("transform"))[1])
    assert left - 0.2 <= middle <= right + 0.2
    assert 0 <= left <= right <= float(root.get("viewBox").split()[2])


def test_the_average_is_drawn_only_where_it_is_known():
    item = Risk(72.0, 0.2, 0.1, 0.3, DayAverage(2, 0.1, 300, False))
    with_it, without = (
        mini_line(one, 0.3).count("<line") for one in (item, replace(item, usual=None))
    )
    assert with_it == without + 1


def test_every_horizon_is_a_step_and_the_headline_stands_out():
    risks = rising_crs().estimates[0].risks
    root = ET.fromstring(horizon_steps(risks, 72.0))
    told = root.get("aria-label")
    for item in risks:
        assert f"{item.hours:g} h {risk_text(item.risk)}" in told
    texts = [child for child in root if child.tag.endswith("text")]
    assert len(texts) == 2 * len(risks)
    assert [item.text for item in texts if item.get("class")] == [risk_text(0.184), "72\u00a0h"]
    steps = [child for child in root if child.get("class") == "curve"]
    level = [float(step.get("y1")) for step in steps if step.get("y1") == step.get("y2")]
    assert level == sorted(level, reverse=True)
