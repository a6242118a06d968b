"""An alarm's chart shows expected and found with their figures."""

import pytest

from pipeline.pages.alarm_charts import fifths_chart, pair_chart
from tests.pages.drawings import NS, drawing, texts


@pytest.mark.parametrize(("expected", "found"), [(0.0, 0.0), (0.2, 0.9), (30.0, 4.0)])
def test_both_bars_are_drawn_to_one_scale(expected, found):
    root = drawing(pair_chart("Any", expected, found, lambda value: f"{value:g}"))
    first, second = (float(bar.get("width")) for bar in root.iter(f"{NS}rect"))
    assert (first >= second) == (expected >= found)
    assert {f"{expected:g}", f"{found:g}"} <= set(texts(root))


def test_fifths_name_every_group_in_the_description():
    names = ["lowest fifth", "middle fifth", "highest fifth"]
    root = drawing(fifths_chart("CRP", names, [0.3, 0.4, 0.3], [0.1, 0.1, 0.8]))
    described = root.findtext(f"{NS}desc")
    assert all(name in described for name in names)
    assert "highest fifth 80% where 30% were expected" in described
