"""Every drawing is well-formed, announced by a title, and never told apart by colour alone."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.evaluation_cells import NetBenefit, Rate
from pipeline.model.evaluation_curves import (
    CalibrationGroups,
    RiskDistribution,
    RocCurve,
    SmoothCalibration,
)
from pipeline.pages import axes, marks, svg
from pipeline.pages.axes import Scale
from pipeline.pages.evaluation_charts import (
    calibration_chart,
    decision_chart,
    events_chart,
    histogram_pair,
    roc_chart,
)
from tests.pages.drawings import NS, drawing, inside, texts

X, Y = Scale(0, 10, 50, 250), Scale(1, 100, 180, 20, "log10")
RISKS = st.lists(st.none() | st.just(math.nan) | st.floats(0, 1), max_size=6)
COUNTS = st.lists(st.integers(0, 500), min_size=4, max_size=4)


def test_roc_curves_differ_by_dash_and_are_named():
    curve = RocCurve([0, 0.1, 1], [0, 0.6, 1])
    root = drawing(roc_chart({"Model": curve, "Grade & day": curve, "Empty": RocCurve()}))
    dashes = [line.get("stroke-dasharray") for line in root.iter(f"{NS}polyline")]
    assert len(dashes) == len(set(dashes)) == 2
    words = [text.text for text in root.iter(f"{NS}text")]
    assert "Grade & day" in words
    assert "Empty" not in words
    assert "Model 60%" in root.findtext(f"{NS}desc")


def test_roc_names_the_curves_it_has_no_style_for():
    curve = RocCurve([0, 1], [0, 1])
    names = [f"curve{i}" for i in range(11)]
    root = drawing(roc_chart(dict.fromkeys(names, curve)))
    assert len(list(root.iter(f"{NS}polyline"))) == len(svg.STYLES)
    words = " ".join(texts(root)).replace(";", "").split()
    assert set(names) <= set(words)


@pytest.mark.parametrize(("count", "is_below"), [(4, False), (5, True), (13, True)])
def test_a_long_key_is_below_the_plot_and_inside_the_drawing(count, is_below):
    curve = RocCurve([0, 1], [0, 1])
    root = drawing(roc_chart({f"A comparator number {i}": curve for i in range(count)}))
    key = [text for text in root.iter(f"{NS}text") if "number" in text.text]
    (label,) = (text for text in root.iter(f"{NS}text") if text.text.endswith("specificity"))
    heights = [float(text.get("y")) for text in key]
    assert all((y > float(label.get("y"))) is is_below for y in heights)
    assert max(heights) < float(root.get("height"))
    widest = max(float(text.get("x")) + 6.4 * len(text.text) for text in key)
    assert widest <= float(root.get("width"))


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
    root = drawing(histogram_pair(RiskDistribution([0, 0.1, 0.2, 0.4, 1], events, others)))
    assert all(float(bar.get("height")) >= 0 for bar in root.iter(f"{NS}rect"))


def test_the_mean_of_a_histogram_is_the_one_given_or_none():
    told = str(histogram_pair(RiskDistribution([0, 0.5, 1], [1, 0], [9, 1], (0.031, 0.44))))
    assert "Event (n = 1): mean risk 3%. No event (n = 10): mean risk 44%." in told
    unknown = str(histogram_pair(RiskDistribution([0, 0.5, 1], [1, 0], [9, 1])))
    assert "mean risk" not in unknown


def test_a_counted_share_of_none_or_all_is_exact():
    told = str(calibration_chart(CalibrationGroups([0.004, 0.9], [0.0, 1.0])))
    assert "predicted &lt;1%, observed 0%; predicted 90%, observed 100%" in told


def test_histograms_point_up_and_down_from_the_same_line():
    root = drawing(histogram_pair(RiskDistribution([0, 0.5, 1], [1, 0], [0, 1])))
    up, _, _, down = root.iter(f"{NS}rect")
    assert float(up.get("y")) + float(up.get("height")) == pytest.approx(float(down.get("y")))


def test_nothing_known_still_draws():
    assert "could be estimated" in drawing(roc_chart({})).findtext(f"{NS}desc")
    assert "could be estimated" in drawing(calibration_chart(CalibrationGroups())).findtext(
        f"{NS}desc"
    )
    drawing(histogram_pair(RiskDistribution([], [], [])))


def test_bands_and_lines_stay_inside_the_plot():
    wide = [0.0, 0.3, 1.0]
    groups = CalibrationGroups(wide, wide, [0.0] * 3, [1.0] * 3)
    risk = [0.02, 0.1, 0.2]
    smooth = SmoothCalibration(risk, risk, [0.0, 0.01, 0.02], [0.4, 0.9, 1.0])
    assert inside(drawing(calibration_chart(groups, smooth)))
    rare = CalibrationGroups(risk, risk)
    assert inside(drawing(calibration_chart(rare, smooth)))
    cell = NetBenefit(
        thresholds=[0.05, 0.1, 0.3],
        model=[0.02, 0.01, 0.0],
        model_lo=[-0.9, -0.9, -0.9],
        model_hi=[0.03, 0.9, 0.01],
        treat_all=[0.01, -0.04, -0.4],
        treat_none=[0.0, 0.0, 0.0],
    )
    root = drawing(decision_chart(cell, {"model": "Model"}, title="Any"))
    assert inside(root)
    assert {"Model", "Treat all", "Treat none"} <= set(texts(root))


def test_the_square_root_scale_gives_rare_events_room():
    groups = CalibrationGroups([0.01, 0.25], [0.01, 0.25])
    root = drawing(calibration_chart(groups))
    low, high = (float(point.get("cx")) for point in root.iter(f"{NS}circle"))
    left, right = 51, 236
    assert high == pytest.approx(right, abs=0.1)
    assert low - left == pytest.approx((right - left) / 5, abs=0.1)


def test_events_rise_from_zero_by_horizon_and_are_named():
    rate = {"value": 0.1, "value_lo": 0.05, "value_hi": 0.2}
    table = {h: {"outcome": Rate(**rate), "death": Rate(value=0.01)} for h in ("24", "72")}
    root = drawing(events_chart(table, {"outcome": "Severe CRS", "death": "Death"}, title="Any"))
    assert {"Severe CRS", "Death", "24", "72"} <= set(texts(root))
    assert len(list(root.iter(f"{NS}polyline"))) == 2
    assert "Within 72 h: Severe CRS 10%; Death 1%." in root.findtext(f"{NS}desc")


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


def test_a_long_name_in_a_key_is_not_cut():
    name = "Grade, worst grade and day (plain logistic)"
    root = drawing(roc_chart({name: RocCurve([0, 1], [0, 1])}))
    lines = [text for text in texts(root) if text in name and len(text) > 4]
    assert " ".join(lines) == name
