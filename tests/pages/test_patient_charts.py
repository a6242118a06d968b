"""Small drawings of an estimate: marks where the numbers are, every number as text."""

import xml.etree.ElementTree as ET

from pipeline.explain.phrases import risk_text
from pipeline.pages.patient_charts import horizon_steps
from tests.pages.patients import rising_crs


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
