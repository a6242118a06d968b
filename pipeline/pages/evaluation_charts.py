"""Charts of an evaluation: ROC, calibration, distributions, decision curves and differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from pipeline.format import integer, is_missing, percent, plain, proportion, signed
from pipeline.model.evaluation_cells import Metric, NetBenefit
from pipeline.model.evaluation_report import (
    CalibrationGroups,
    HorizonCurves,
    RocCurve,
    SmoothCalibration,
)
from pipeline.pages import axes, marks
from pipeline.pages.axes import Scale, domain
from pipeline.pages.svg import BLUE, GREY, INK, ORANGE, STYLES, Style, chart, element, key, text

WIDTH, HEIGHT = 360, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 346, 12, 292


_WIDTH, _HEIGHT = 360, 340
_BAND = "#c9dcec"


def roc_chart(curves: Mapping[str, RocCurve], *, title: str = "ROC curves") -> Markup:
    """
    Draw ROC curves by name.

    At most one curve per distinct line style is drawn; the key counts the others.

    Examples
    --------
    >>> drawing = roc_chart({"Model": RocCurve([0, 0.2, 1], [0, 0.7, 1])})
    >>> "Model" in drawing and "<title>ROC curves</title>" in drawing
    True
    """
    x, y = Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    known = [(name, pairs) for name, curve in curves.items() if (pairs := _rates(curve))]
    shown = list(zip(known, STYLES, strict=False))
    lines = [marks.line(x, y, pairs, style) for (_, pairs), style in reversed(shown)]
    names = [(name, style) for (name, _), style in shown]
    if len(known) > len(shown):
        names.append((f"and {len(known) - len(shown)} more", Style("none")))
    at_ten = [f"{name} {proportion(_height_at(0.1, pairs))}" for name, pairs in known]
    desc = "Sensitivity where 10 % of landmarks without event are flagged: " + ", ".join(at_ten)
    longest = max((len(name) for name, _ in names), default=0)
    key_x = max(_LEFT + 8, _RIGHT - 42 - 6.4 * longest)
    return chart(
        title,
        f"{desc}." if at_ten else "No curve could be estimated.",
        WIDTH,
        HEIGHT,
        axes.axes(x, y, x_label="1 − specificity", y_label="Sensitivity"),
        axes.diagonal(x, y),
        *lines,
        key(names, key_x, _BOTTOM + 4 - 15 * len(names), gap=15),
    )


def calibration_chart(
    points: CalibrationGroups, *, title: str = "Calibration", x_label: str = "Predicted risk"
) -> Markup:
    """
    Draw observed against predicted risk with intervals and the ideal diagonal.

    Examples
    --------
    >>> groups = CalibrationGroups([0.1, 0.3], [0.12, None], [0.05], [0.2])
    >>> calibration_chart(groups).count("<circle")
    1
    """
    predicted, observed, lo, hi = points.predicted, points.observed, points.lo, points.hi
    style = Style(BLUE)
    reach = min(1.0, domain([0.0, 0.05, *predicted, *observed, *hi])[1])
    x, y = Scale(0, reach, _LEFT, _RIGHT), Scale(0, reach, _BOTTOM, _TOP)
    known = marks.finite_pairs(zip(predicted, observed, strict=False))
    spans = [
        marks.error_bar(x, y, at, a, b, style)
        for at, a, b in zip(predicted, lo, hi, strict=False)
        if at is not None and a is not None and b is not None
        if math.isfinite(at) and math.isfinite(a) and math.isfinite(b)
    ]
    description = "; ".join(f"predicted {percent(a)}, observed {proportion(b)}" for a, b in known)
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    return chart(
        title,
        f"{description}." if description else "No group could be estimated.",
        WIDTH,
        HEIGHT,
        axes.axes(
            x, y, x_label=f"{x_label}, %", y_label="Observed, %", x_ticks=ticks, y_ticks=ticks
        ),
        *spans,
        marks.line(x, y, known, Style(BLUE, None, width=1.2)),
        axes.diagonal(x, y, "ideal"),
        marks.points(x, y, known, style),
    )


def histogram_pair(
    edges: Sequence[float],
    events: Sequence[float],
    non_events: Sequence[float],
    *,
    means: Sequence[float | None] = (None, None),
    title: str = "Risk distribution",
) -> Markup:
    """
    Draw histograms of risk, events upwards and non-events downwards.

    Bars are shares of their own group, because events are rare.

    Parameters
    ----------
    means : sequence of float
        Mean risk of events and of non-events; bins do not determine it.

    Examples
    --------
    >>> drawing = histogram_pair([0, 0.5, 1], [3, 7], [80, 20])
    >>> "Event (n = 10)" in drawing and "No event (n = 100)" in drawing
    True
    """
    above, below = _shares(events), _shares(non_events)
    tallest = max([0.1, *above, *below])
    reach = math.ceil(tallest * 10 - 1e-9) / 10
    low, high = (min(edges), max(edges)) if len(edges) > 1 else (0.0, 1.0)
    x, y = Scale(low, high, _LEFT, _RIGHT), Scale(-reach, reach, _BOTTOM, _TOP)
    across = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    up = [(value, plain(round(100 * abs(value), 6))) for value in y.ticks()]
    event_label = f"Event (n = {integer(sum(events))})"
    other_label = f"No event (n = {integer(sum(non_events))})"
    return chart(
        title,
        " ".join(
            f"{label}{'' if is_missing(mean) else f': mean risk {percent(mean)}'}."
            for label, mean in zip((event_label, other_label), means, strict=True)
        ),
        WIDTH,
        HEIGHT,
        axes.axes(
            x,
            y,
            x_label="Predicted risk, %",
            y_label="Share of group, %",
            x_ticks=across,
            y_ticks=up,
        ),
        marks.bars(x, y, edges, above, Style(ORANGE)),
        marks.bars(x, y, edges, [-share for share in below], Style(BLUE)),
        text(_RIGHT - 4, _TOP + 14, f"▲ {event_label}", anchor="end", bold=True, colour=ORANGE),
        text(_RIGHT - 4, _BOTTOM - 8, f"▼ {other_label}", anchor="end", bold=True, colour=BLUE),
    )


def smooth_calibration(
    smooth: SmoothCalibration, groups: CalibrationGroups, *, title: str
) -> Markup:
    """Draw the smoothed observed rate with its band, groups as points, and the diagonal."""
    risk, low, high = smooth.risk, smooth.lo, smooth.hi
    reach = min(1.0, domain([0.0, 0.05, *risk, *smooth.observed, *groups.observed])[1])
    x, y = Scale(0, reach, _LEFT, _RIGHT), Scale(0, reach, _BOTTOM, _TOP)
    edge = [(r, y.clamp(v)) for r, v in zip(risk, high, strict=True)]
    edge += [(r, y.clamp(v)) for r, v in zip(reversed(risk), reversed(low), strict=True)]
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    curve = [(r, y.clamp(v)) for r, v in zip(risk, smooth.observed, strict=True)]
    known = marks.finite_pairs(zip(groups.predicted, groups.observed, strict=True))
    inside = [(a, b) for a, b in known if a <= reach and b <= reach]
    description = "; ".join(f"predicted {percent(a)}, observed {proportion(b)}" for a, b in known)
    return chart(
        title,
        f"{description}. The band is the pointwise 95 % interval of the smoothed rate.",
        _WIDTH,
        _HEIGHT,
        axes.axes(
            x, y, x_label="Predicted risk, %", y_label="Observed, %", x_ticks=ticks, y_ticks=ticks
        ),
        element("polygon", points=_places(x, y, edge), fill=_BAND),
        marks.line(x, y, curve, Style(BLUE, None, width=2.2)),
        axes.diagonal(x, y, "ideal"),
        marks.points(x, y, inside, Style(BLUE), filled=False),
    )


def decision_chart(cell: NetBenefit, names: Mapping[str, str], *, title: str) -> Markup:
    """Draw net benefit per 1,000 landmarks against the risk threshold."""
    thresholds = cell.thresholds
    lines = {
        name: [1000.0 * (value or 0.0) for value in curve]
        for name in ("model", "grade_and_day", "treat_all", "treat_none")
        if (curve := cell.curve(name)) is not None
    }
    shown = list(lines)
    top = max(max(values) for values in lines.values())
    low = -0.25 * max(top, 1.0)
    x = Scale(thresholds[0], thresholds[-1], _LEFT, _RIGHT)
    y = Scale(low, max(top, 1.0) * 1.05, _BOTTOM, _TOP)
    drawn = [
        marks.line(x, y, [(t, v) for t, v in zip(thresholds, lines[name], strict=True) if v >= low],
                   style)
        for name, style in zip(shown, STYLES, strict=False)
    ]  # fmt: skip
    labels = {"treat_all": "Treat all", "treat_none": "Treat none"}
    entries = [
        (labels.get(name, names.get(name, name)), style)
        for name, style in zip(shown, STYLES, strict=False)
    ]
    description = ", ".join(
        f"{name} {plain(round(lines[code][0], 1))}"
        for code, (name, _) in zip(shown, entries, strict=True)
    )
    ticks = [(value, plain(round(100 * value, 6))) for value in x.ticks()]
    longest = max(len(name) for name, _ in entries)
    return chart(
        title,
        f"Net benefit per 1,000 landmarks at the lowest threshold: {description}.",
        _WIDTH,
        _HEIGHT,
        axes.axes(
            x,
            y,
            x_label="Risk threshold, %",
            y_label="Net benefit per 1,000",
            x_ticks=ticks,
        ),
        *_event_rate(cell, x, y),
        *reversed(drawn),
        key(entries, max(_LEFT + 8, _RIGHT - 48 - 6.4 * longest), _TOP + 12, gap=15),
    )


def difference_chart(rows: Sequence[tuple[str, Metric]], *, title: str) -> Markup:
    """Draw differences in AUROC with intervals, one row each; positive favours the model."""
    step, left, right, top = 26, 250, 620, 14
    bottom = top + step * len(rows)
    low, high = domain([0.0, *(part for _, metric in rows for part in metric)])
    x, y = Scale(low, high, left, right), Scale(0, len(rows), top, bottom)
    parts = []
    for number, (name, metric) in enumerate(rows):
        value, lo, hi = (float(part or 0.0) for part in metric)
        middle = y(number + 0.5)
        parts.append(text(left - 12, middle + 4, name, anchor="end"))
        parts.append(
            element("line", x1=x(lo), y1=middle, x2=x(hi), y2=middle, stroke=BLUE, stroke_width=2)
        )
        parts.append(element("circle", cx=x(value), cy=middle, r=4.5, fill=BLUE))
        label = f"{signed(value, 3)} [{signed(lo, 3)}, {signed(hi, 3)}]"
        parts.append(text(right + 14, middle + 4, label))
    parts += [
        text(x(tick), bottom + 16, signed(tick, 2), anchor="middle", colour=INK)
        for tick in x.ticks()
    ]
    zero = element(
        "line", x1=x(0), y1=top, x2=x(0), y2=bottom, stroke=GREY, stroke_width=1.4,
        stroke_dasharray="4 3",
    )  # fmt: skip
    differences = "; ".join(f"{name} {signed(metric.value, 3)}" for name, metric in rows)
    return chart(
        title,
        f"Model minus each: {differences}.",
        800,
        bottom + 40,
        zero,
        *parts,
        text((left + right) / 2, bottom + 34, "AUROC of the model minus this", anchor="middle"),
    )


def _rates(curve: RocCurve) -> list[tuple[float, float]]:
    return marks.finite_pairs(zip(curve.fpr, curve.tpr, strict=False))


def _height_at(at: float, pairs: Sequence[tuple[float, float]]) -> float:
    xs, ys = zip(*pairs, strict=True)
    return float(np.clip(np.interp(at, xs, ys), 0, 1))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _event_rate(cell: NetBenefit, x: Scale, y: Scale) -> list[Markup]:
    """Vertical line at the event rate, where treat all crosses treat none."""
    first, gained = cell.thresholds[0], cell.at("treat_all", 0).value
    if gained is None or is_missing(gained) or not 0.0 < first < 1.0:
        return []
    rate = gained * (1.0 - first) + first
    if not x.low <= rate <= x.high:
        return []
    mark = element(
        "line", x1=x(rate), y1=y.start, x2=x(rate), y2=y.end, stroke=GREY, stroke_width=1.2,
        stroke_dasharray="4 3",
    )  # fmt: skip
    right = rate > (x.low + x.high) / 2
    label = text(
        x(rate) + (-4 if right else 4),
        y.start - 5,
        "share with event",
        anchor="end" if right else "start",
        halo=True,
    )
    return [mark, label]


def _places(x: Scale, y: Scale, pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in pairs)


def standalone_charts(curves: HorizonCurves, title: str) -> Iterator[tuple[str, str]]:
    """Yield ROC, calibration and risk distribution of one horizon as SVG files.

    Parameters
    ----------
    curves : HorizonCurves
        Curves of one outcome at one horizon.
    title : str
        Appended to the title of each chart.

    Yields
    ------
    name : str
        File name without suffix.
    markup : str
        SVG with its namespace.

    Examples
    --------
    >>> [name for name, markup in standalone_charts(HorizonCurves(), "ICANS")]
    ['roc', 'calibration']
    """
    yield "roc", _standalone(roc_chart(curves.roc, title=f"ROC: {title}"))
    calibration = calibration_chart(curves.calibration, title=f"Calibration: {title}")
    yield "calibration", _standalone(calibration)
    if bins := curves.risk_distribution:
        chart = histogram_pair(
            bins.edges, bins.events, bins.non_events, means=bins.means, title=f"Risks: {title}"
        )
        yield "risk_distribution", _standalone(chart)


def _standalone(markup: str) -> str:
    """Add the namespace that an SVG file needs."""
    text = str(markup)
    if "xmlns=" not in text.split(">", 1)[0]:
        text = text.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return text
