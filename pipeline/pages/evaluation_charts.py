"""Charts of an evaluation: ROC, calibration, risks given, decision curve and events over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import integer, is_missing, percent, plain, proportion
from pipeline.model.evaluation_cells import NetBenefit, Rate
from pipeline.model.evaluation_curves import (
    CalibrationGroups,
    HorizonCurves,
    RiskDistribution,
    RocCurve,
    SmoothCalibration,
)
from pipeline.pages import axes, marks
from pipeline.pages.axes import Scale, domain
from pipeline.pages.svg import (
    BLUE,
    GREY,
    ORANGE,
    STYLES,
    Style,
    chart,
    element,
    key,
    stroke,
    text,
    wrapped,
)

WIDTH, HEIGHT = 250, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 51, 236, 12, 208
_LETTER = 6.4
_KEY_INSIDE = 4  # entries; a longer key would hide the curves
_KEY_MARGIN, _KEY_GAP = 8, 15
_BAND = "#c9dcec"
_RISK_TICKS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
_text = partial(evaluation_phrase, "charts")
_DECISIONS = ("model", "grade_and_day", "treat_all", "treat_none")


def roc_chart(curves: Mapping[str, RocCurve], *, title: str = "") -> Markup:
    """
    Draw ROC curves by name.

    At most one curve per distinct line style is drawn; the key names the others. A long key is
    below the plot, a short one inside it.

    Examples
    --------
    >>> "Sensitivity" in roc_chart({"Model": RocCurve([0, 1], [0, 1])})
    True
    """
    x, y = Scale(0, 1, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    known = [(name, pairs) for name, curve in curves.items() if (pairs := _rates(curve))]
    shown = list(zip(known, STYLES, strict=False))
    lines = [marks.line(x, y, pairs, style) for (_, pairs), style in reversed(shown)]
    names = [(name, style) for (name, _), style in shown]
    if others := [name for name, _ in known[len(shown) :]]:
        names.append((_text("not_drawn", names="; ".join(others)), Style("none")))
    short = len(names) <= _KEY_INSIDE
    below = None if short else _key_lines(names, WIDTH - 2 * _KEY_MARGIN - 36)
    at_ten = [f"{name} {proportion(_height_at(0.1, pairs))}" for name, pairs in known]
    return chart(
        title or _text("roc"),
        _text("at_ten", values=", ".join(at_ten)) if at_ten else _text("no_curve"),
        WIDTH,
        HEIGHT + (0 if below is None else _KEY_GAP * len(below) + _KEY_MARGIN),
        _axes(x, y, "one_minus_specificity", "sensitivity"),
        axes.diagonal(x, y),
        *lines,
        _key(names) if below is None else key(below, _KEY_MARGIN, HEIGHT + 10, gap=_KEY_GAP),
    )


def calibration_chart(
    groups: CalibrationGroups,
    smooth: SmoothCalibration = SmoothCalibration(),  # noqa: B008 - frozen
    *,
    title: str = "",
) -> Markup:
    """
    Draw observed against predicted risk on square-root axes, on which rare events have room.

    Points are groups of landmarks with 95% intervals, the line is the smoothed rate with its
    band; everything is cut at the edge of the plot.

    Examples
    --------
    >>> groups = CalibrationGroups([0.02, 0.1], [0.01, 0.15], [0.0, 0.1], [0.04, 0.2])
    >>> calibration_chart(groups).count("<circle")
    2
    """
    predicted, observed = groups.predicted, groups.observed
    known = marks.finite_pairs(zip(predicted, observed, strict=False))
    reach = _reach([*smooth.risk, *(part for pair in known for part in pair)])
    x, y = Scale(0, reach, _LEFT, _RIGHT, "sqrt"), Scale(0, reach, _BOTTOM, _TOP, "sqrt")
    ticks = [(at, plain(100 * at)) for at in _RISK_TICKS if at <= reach]
    ends = zip(predicted, groups.lo, groups.hi, strict=False)
    spans = [
        marks.error_bar(x, y, at, low, high, Style(BLUE))
        for at, low, high in _finite_triples(ends)
        if at <= reach
    ]
    curve = [(r, y.clamp(v)) for r, v in zip(smooth.risk, smooth.observed, strict=True)]
    description = "; ".join(
        _text("group", predicted=percent(a), observed=proportion(b)) for a, b in known
    )
    return chart(
        title or _text("calibration"),
        f"{description}." if description else _text("no_group"),
        WIDTH,
        HEIGHT,
        _axes(x, y, "predicted_axis", "observed_axis", x_ticks=ticks, y_ticks=ticks),
        _band(x, y, smooth.risk, smooth.lo, smooth.hi),
        axes.diagonal(x, y, _text("ideal")),
        marks.line(x, y, curve, Style(BLUE, None, width=2.2)),
        *spans,
        marks.points(x, y, [(a, y.clamp(b)) for a, b in known], Style(BLUE), size=3.2),
    )


def histogram_pair(bins: RiskDistribution, *, title: str = "") -> Markup:
    """
    Draw histograms of risk, events upwards and non-events downwards.

    Bars are shares of their own group, because events are rare.

    Examples
    --------
    >>> "Event (n = 3)" in histogram_pair(RiskDistribution([0, 0.5, 1], [1, 2], [8, 1]))
    True
    """
    edges, above, below = bins.edges, _shares(bins.events), _shares(bins.non_events)
    reach = math.ceil(max([0.1, *above, *below]) * 10 - 1e-9) / 10
    low, high = (min(edges), max(edges)) if len(edges) > 1 else (0.0, 1.0)
    x, y = Scale(low, high, _LEFT, _RIGHT), Scale(-reach, reach, _BOTTOM, _TOP)
    up = [(value, plain(round(100 * abs(value), 6))) for value in y.ticks()]
    event_label = _text("event", count=integer(sum(bins.events)))
    other_label = _text("no_event", count=integer(sum(bins.non_events)))
    return chart(
        title or _text("distribution"),
        " ".join(
            _text("no_mean", group=label)
            if is_missing(mean)
            else _text("mean_risk", group=label, mean=percent(mean))
            for label, mean in zip((event_label, other_label), bins.means, strict=True)
        ),
        WIDTH,
        HEIGHT,
        _axes(x, y, "risk_axis", "share_axis", x_ticks=_percent_ticks(x), y_ticks=up),
        marks.bars(x, y, edges, above, Style(ORANGE)),
        marks.bars(x, y, edges, [-share for share in below], Style(BLUE)),
        *(
            text(_RIGHT - 4, at, name, anchor="end", bold=True, colour=colour, halo=True)
            for at, name, colour in (
                (_TOP + 14, f"▲ {event_label}", ORANGE),
                (_BOTTOM - 8, f"▼ {other_label}", BLUE),
            )
        ),
    )


def decision_chart(cell: NetBenefit, names: Mapping[str, str], *, title: str) -> Markup:
    """Draw net benefit per 1,000 landmarks against the risk threshold, with the model's band.

    Lines and band end at the edge of the plot.
    """
    at = cell.thresholds
    lines = {
        name: [1000.0 * (value or 0.0) for value in curve]
        for name in _DECISIONS
        if (curve := cell.curve(name)) is not None
    }
    band = [(t, 1000.0 * low, 1000.0 * high) for t, low, high in _finite_triples(
        zip(at, cell.model_lo or (), cell.model_hi or (), strict=False)
    )]  # fmt: skip
    top = max([1.0, *(max(values) for values in lines.values()), *(high for *_, high in band)])
    low = -0.2 * top
    x = Scale(at[0], at[-1], _LEFT, _RIGHT)
    y = Scale(low, top * 1.45, _BOTTOM, _TOP + 8)  # room for the key
    styled = list(zip(lines.items(), STYLES, strict=False))
    drawn = [
        marks.line(x, y, _above(low, list(zip(at, values, strict=True))), style)
        for (_, values), style in styled
    ]
    entries = [(_policy(name, names), style) for (name, _), style in styled]
    description = ", ".join(
        f"{_policy(name, names)} {plain(round(values[0], 1))}" for name, values in lines.items()
    )
    return chart(
        title,
        _text("benefit", values=description),
        WIDTH,
        HEIGHT,
        _axes(x, y, "threshold_axis", "benefit_axis", x_ticks=_percent_ticks(x)),
        _band(x, y, *([part[n] for part in band] for n in range(3))),
        *_event_rate(cell, x, y),
        *reversed(drawn),
        _key(entries, top=_TOP + 18),
    )


def events_chart(
    incidence: Mapping[str, Mapping[str, Rate]], names: Mapping[str, str], *, title: str
) -> Markup:
    """Draw the cumulative incidence of each first event by horizon, with intervals."""
    hours = sorted(incidence, key=float)
    causes = list(dict.fromkeys(cause for h in hours for cause in incidence[h]))
    rates = {
        cause: [(float(h), incidence[h][cause].rate) for h in hours if cause in incidence[h]]
        for cause in causes
    }
    ends = [part for points in rates.values() for _, rate in points for part in rate]
    x = Scale(0, float(hours[-1]) * 1.03, _LEFT, _RIGHT)
    y = Scale(0, domain([0.0, 0.05, *ends])[1], _BOTTOM, _TOP)
    drawn: list[Markup] = []
    for (_cause, points), style in zip(rates.items(), STYLES, strict=False):
        line = [(0.0, 0.0), *((hour, rate.value) for hour, rate in points)]
        drawn += [
            marks.error_bar(x, y, hour, low, high, style)
            for hour, low, high in _finite_triples((h, r.low, r.high) for h, r in points)
        ]
        drawn += [marks.line(x, y, line, style), marks.points(x, y, line[1:], style, size=3.2)]
    entries = [
        (names.get(cause, cause), style) for cause, style in zip(rates, STYLES, strict=False)
    ]
    last = "; ".join(
        f"{names.get(cause, cause)} {percent(points[-1][1].value)}"
        for cause, points in rates.items()
    )
    return chart(
        title,
        _text("incidence", hours=hours[-1], values=last),
        WIDTH,
        HEIGHT,
        _axes(
            x,
            y,
            "hours_axis",
            "incidence_axis",
            x_ticks=[(float(h), h) for h in hours],
            y_ticks=_percent_ticks(y),
        ),
        *drawn,
        key(entries, _LEFT + 10, _TOP + 8, gap=15),
    )


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
        SVG.

    Examples
    --------
    >>> [name for name, _ in standalone_charts(HorizonCurves(), "ICANS")]
    ['roc', 'calibration']
    """
    yield "roc", str(roc_chart(curves.roc, title=_text("roc_file", subject=title)))
    groups, smooth = curves.calibration, curves.calibration_smooth
    heading = _text("calibration_of", subject=title)
    yield "calibration", str(calibration_chart(groups, smooth, title=heading))
    if bins := curves.risk_distribution:
        heading = _text("risks_file", subject=title)
        yield "risk_distribution", str(histogram_pair(bins, title=heading))


def _axes(
    x: Scale, y: Scale, x_name: str, y_name: str, **ticks: Sequence[tuple[float, str]]
) -> Markup:
    """Axes labelled with texts of the charts, by their keys."""
    return axes.axes(x, y, x_label=_text(x_name), y_label=_text(y_name), **ticks)


def _key(entries: Sequence[tuple[str, Style]], top: float | None = None) -> Markup:
    """Key at the right edge of the plot, at its bottom by default; long names have two lines."""
    entries = _key_lines(entries, _RIGHT - _LEFT - 50)
    longest = max((len(name) for name, _ in entries), default=0)
    start = _BOTTOM + 4 - _KEY_GAP * len(entries) if top is None else top
    return key(entries, max(_LEFT + 8, _RIGHT - 40 - _LETTER * longest), start, gap=_KEY_GAP)


def _key_lines(entries: Sequence[tuple[str, Style]], room: float) -> list[tuple[str, Style]]:
    """Entries of a key, with names that are too long on further lines without a sample."""
    return [
        (line, Style("none") if number else style)
        for name, style in entries
        for number, line in enumerate(wrapped(name, room, _LETTER))
    ]


def _policy(name: str, names: Mapping[str, str]) -> str:
    return _text(name) if name in ("treat_all", "treat_none") else names.get(name, name)


def _rates(curve: RocCurve) -> list[tuple[float, float]]:
    return marks.finite_pairs(zip(curve.fpr, curve.tpr, strict=False))


def _height_at(at: float, pairs: Sequence[tuple[float, float]]) -> float:
    xs, ys = zip(*pairs, strict=True)
    return float(np.clip(np.interp(at, xs, ys), 0, 1))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _reach(values: Sequence[float]) -> float:
    """First labelled risk that covers all values, at least 10%."""
    largest = max([0.1, *values])
    return next((tick for tick in _RISK_TICKS if tick >= largest), 1.0)


def _percent_ticks(scale: Scale) -> list[tuple[float, str]]:
    return [(value, plain(round(100 * value, 6))) for value in scale.ticks()]


def _finite_triples(
    rows: Iterator[tuple[float | None, float | None, float | None]],
) -> list[tuple[float, float, float]]:
    return [
        (float(a), float(b), float(c))
        for a, b, c in rows
        if a is not None and b is not None and c is not None
        if math.isfinite(a) and math.isfinite(b) and math.isfinite(c)
    ]


def _above(low: float, pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line down to where it leaves the plot at the bottom."""
    kept: list[tuple[float, float]] = []
    for place, (at, value) in enumerate(pairs):
        if value >= low:
            kept.append((at, value))
        elif kept and kept[-1] == pairs[place - 1]:
            before, above = kept[-1]
            kept.append((before + (at - before) * (above - low) / (above - value), low))
    return kept


def _band(
    x: Scale, y: Scale, at: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> Markup:
    """Area between two curves, inside the plot; blank without points."""
    if not at:
        return Markup("")
    edge = [(a, y.clamp(value)) for a, value in zip(at, high, strict=True)]
    edge += [(a, y.clamp(value)) for a, value in zip(reversed(at), reversed(low), strict=True)]
    places = " ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in edge)
    return element("polygon", points=places, fill=_BAND)


def _event_rate(cell: NetBenefit, x: Scale, y: Scale) -> list[Markup]:
    """Vertical line at the event rate, where treat all crosses treat none."""
    first, gained = cell.thresholds[0], cell.at("treat_all", 0).value
    if gained is None or is_missing(gained) or not 0.0 < first < 1.0:
        return []
    rate = gained * (1.0 - first) + first
    if not x.low <= rate <= x.high:
        return []
    right = rate > (x.low + x.high) / 2
    label = text(
        x(rate) + (-4 if right else 4),
        y.end - 4,
        _text("event_share"),
        anchor="end" if right else "start",
        halo=True,
    )
    return [stroke(x(rate), y.start, x(rate), y.end, Style(GREY, "4 3", width=1.2)), label]
