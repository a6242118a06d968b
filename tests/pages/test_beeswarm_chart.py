"""Every prototype is one mark inside the chart, and its shape shows the level of the value."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pages.beeswarm_chart import WIDTH, SwarmRow, beeswarm_chart, size_bars
from tests.pages.drawings import NS, drawing, texts

LEVELS = st.sampled_from(["low", "middle", "high"])
MARKS = st.lists(st.tuples(st.floats(-60, 60), LEVELS), min_size=1, max_size=9)


@settings(deadline=None, max_examples=25)
@given(st.lists(MARKS, min_size=1, max_size=4))
def test_one_mark_per_prototype_inside_the_chart(rows):
    swarm = [SwarmRow(f"row {n}", 1.0, marks) for n, marks in enumerate(rows)]
    root = drawing(beeswarm_chart(swarm, title="Any", x_label="x"))
    circles, others = list(root.iter(f"{NS}circle")), list(root.iter(f"{NS}path"))
    levels = [level for marks in rows for _, level in marks]
    assert len(circles) == levels.count("middle")
    assert len(others) == len(levels) - len(circles)
    assert all(0 <= float(mark.get("cx")) <= WIDTH for mark in circles)


def test_levels_differ_by_shape_and_marks_at_one_place_are_apart():
    row = SwarmRow("CRP", 1.0, [(1.0, "high"), (1.0, "low"), (1.0, "middle"), (1.0, "middle")])
    root = drawing(beeswarm_chart([row], title="Any", x_label="x"))
    assert len({path.get("d") for path in root.iter(f"{NS}path")}) == 2
    assert len({circle.get("cy") for circle in root.iter(f"{NS}circle")}) == 2


def test_bars_are_as_long_as_the_mean_size():
    rows = [SwarmRow("CRP", 0.8, []), SwarmRow("IL-6", 0.2, [])]
    root = drawing(size_bars(rows, title="Any", x_label="x"))
    first, second = (float(bar.get("width")) for bar in root.iter(f"{NS}rect"))
    assert abs(first - 4 * second) < 1
    assert {"CRP", "0.80", "IL-6", "0.20"} <= set(texts(root))
    drawing(size_bars([], title="Any", x_label="x"))
