"""Every drawing is well-formed, announced by a title, and never told apart by colour alone."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.evaluation_curves import CalibrationGroups, RocCurve
from pipeline.pages import axes, marks, svg
from pipeline.pages.axes import Scale
from pipeline.pages.evaluation_charts import calibration_chart, histogram_pair, roc_chart

X, Y = Scale(0, 10, 50, 250), Scale(1, 100, 180, 20, "log10")
NS = "{http://www.w3.org/2000/svg}"
RISKS = st.lists(st.none() | st.just(math.nan) | st.floats(0, 1), max_size=6)
COUNTS = st.lists(st.integers(0, 500), min_size=4, max_size=4)


def drawing(text):
    """Parse, and check what holds for every chart."""
    root = ET.fromstring(str(text))
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{NS}title", f"{NS}desc"]
    assert all(root.findtext(f"{NS}{part}") for part in ("title", "desc"))
    assert not any(bad in str(text) for bad in ("nan", "None", "inf"))
    return root


def test_roc_curves_differ_by_dash_and_are_named():
    curve = RocCurve([0, 0.1, 1], [0, 0.6, 1])
    root = drawing(roc_chart({"Model": curve, "Grade & day": curve, "Empty": RocCurve()}))
    dashes = [line.get("stroke-dasharray") for line in root.iter(f"{NS}polyline")]
    assert len(dashes) == len(set(dashes)) == 2
    words = [text.text for text in root.iter(f"{NS}text")]
    assert "Grade & day" in words
    assert "Empty" not in words
    assert "Model 60 %" in root.findtext(f"{NS}desc")


def test_roc_counts_the_curves_it_has_no_style_for():
    curve = RocCurve([0, 1], [0, 1])
    root = drawing(roc_chart({f"c{i}": curve for i in range(11)}))
    assert len(list(root.iter(f"{NS}polyline"))) == len(svg.STYLES)
    assert any(text.text == "and 3 more" for text in root.iter(f"{NS}text"))


def test_line_styles_are_all_distinct_without_colour():
    assert len({style.dash for style in svg.STYLES}) == len(svg.STYLES)


@settings(deadline=None)
@given(fpr=RISKS, tpr=RISKS)
def test_roc_survives_any_rates(fpr, tpr):
    drawing(roc_chart({"Model": RocCurve(fpr, tpr)}))


@settings(deadline=None)
@given(predicted=RISKS, observed=RISKS, lo=RISKS, hi=RISKS)
def test_calibration_survives_any_groups(predicted, observed, lo, hi):
    drawing(calibration_chart(CalibrationGroups(predicted, observed, lo, hi)))


@settings(deadline=None)
@given(events=COUNTS, others=COUNTS)
def test_histograms_survive_any_counts(events, others):
    root = drawing(histogram_pair([0, 0.1, 0.2, 0.4, 1], events, others))
    assert all(float(bar.get("height")) >= 0 for bar in root.iter(f"{NS}rect"))


def test_the_mean_of_a_histogram_is_the_one_given_or_none():
    told = str(histogram_pair([0, 0.5, 1], [1, 0], [9, 1], means=(0.031, 0.44)))
    assert "Event (n = 1): mean risk 3 %. No event (n = 10): mean risk 44 %." in told
    unknown = str(histogram_pair([0, 0.5, 1], [1, 0], [9, 1]))
    assert "mean risk" not in unknown


def test_a_counted_share_of_none_or_all_is_exact():
    told = str(calibration_chart(CalibrationGroups([0.004, 0.9], [0.0, 1.0])))
    assert "predicted &lt;1 %, observed 0 %; predicted 90 %, observed 100 %" in told


def test_histograms_point_up_and_down_from_the_same_line():
    root = drawing(histogram_pair([0, 0.5, 1], [1, 0], [0, 1]))
    up, _, _, down = root.iter(f"{NS}rect")
    assert float(up.get("y")) + float(up.get("height")) == pytest.approx(float(down.get("y")))


def test_nothing_known_still_draws():
    assert "could be estimated" in drawing(roc_chart({})).findtext(f"{NS}desc")
    assert "could be estimated" in drawing(calibration_chart(CalibrationGroups())).findtext(
        f"{NS}desc"
    )
    drawing(histogram_pair([], [], []))


def test_marks_and_guides_make_one_drawing():
    pairs = [(1, 2), (2, None), (5, 80)]
    root = drawing(
        svg.chart(
            "CRP <mg/L>",
            'Rose to "184"',
            300,
            220,
            axes.band(X, Y, 0.1, 5),
            axes.axes(X, Y, x_label="Day", y_label="CRP", x_ticks=[(0, "d0"), (5, "d5")]),
            axes.rule(X, Y, 3, "toci", svg.Style(svg.ORANGE, "5 3")),
            axes.rule(X, Y, 4, "LOD", svg.Style(svg.GREY, "2 3"), across=True),
            marks.step(X, Y, pairs, svg.STYLES[1]),
            marks.points(X, Y, pairs, svg.Style(marker="down"), filled=False),
        )
    )
    assert root.findtext(f"{NS}title") == "CRP <mg/L>"
    assert len(list(root.iter(f"{NS}path"))) == 2
    (stairs,) = root.iter(f"{NS}polyline")
    assert len(stairs.get("points").split()) == 3


def test_a_drawing_refuses_a_place_that_is_nowhere():
    with pytest.raises(ValueError, match="finite"):
        svg.text(math.nan, 0, "lost")
