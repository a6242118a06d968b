"""Estimates with intervals: complete ones only, names never reach the figure, ticks inside."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.format import signed
from pipeline.model.evaluation_cells import Metric
from pipeline.pages.forest_chart import WIDTH, forest_chart
from tests.pages.drawings import NS, drawing, texts

NUMBERS = st.none() | st.floats(-5, 5) | st.just(math.nan)


def test_rows_have_name_figure_and_interval_and_incomplete_ones_are_left_out():
    rows = [("Last CRP", Metric(0.1, -0.05, 0.2)), ("None", Metric(0.1)), ("B", Metric(0, -1, 1))]
    root = drawing(forest_chart(rows, title="Any", x_label="Difference", write=signed))
    assert "None" not in texts(root)
    assert {"Last CRP", "+0.10", "B", "Difference"} <= set(texts(root))
    assert "Last CRP +0.10 [−0.05, +0.20]" in root.findtext(f"{NS}desc")
    assert len(list(root.iter(f"{NS}circle"))) == 2


def test_a_long_name_has_lines_of_its_own_and_is_not_cut():
    name = "An attribute: a level with a name that does not end before the figure"
    root = drawing(forest_chart([(name, Metric(0.1, 0, 0.2))], title="Any", x_label="x"))
    lines = [text for text in texts(root) if text in name and len(text) > 4]
    assert len(lines) > 1
    assert " ".join(lines) == name
    assert name in root.findtext(f"{NS}desc")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=6), st.floats(-1, 1))
def test_any_figures_are_drawn_inside(figures, reference):
    rows = [(f"row {n}", Metric(*figure)) for n, figure in enumerate(figures)]
    root = drawing(forest_chart(rows, title="Any", x_label="x", reference=reference))
    assert all(0 <= float(line.get(end)) <= WIDTH for line in root.iter(f"{NS}line")
               for end in ("x1", "x2"))  # fmt: skip
