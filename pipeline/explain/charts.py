"""Drawings of an estimate: number line, risk by horizon, earlier days, and the mirror chart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.explain.estimate import Past, Risk
from pipeline.explain.wording import interval_words, risk_words, signed_points
from pipeline.report import marks
from pipeline.report.scale import Scale
from pipeline.report.svg import (
    BLUE,
    GRID,
    INK,
    ORANGE,
    Style,
    chart,
    element,
    marker,
    stroke,
    text,
)

_REACHES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
_THIN = Style(INK, None, width=1.2)
_LABEL = 46.0  # room for the points at the end of a row
_FAINT = Style(GRID, None, width=1)
_SPREAD = "#f0c3a0"


def reach_of(risks: Sequence[Risk]) -> float:
    """End of an axis of risks, so that intervals and usual rates lie on it.

    Examples
    --------
    >>> reach_of([Risk(72.0, 0.18, 0.11, 0.29)])
    0.3
    """
    ends = [max(risk.high, risk.usual.rate if risk.usual else 0.0) for risk in risks]
    return next((reach for reach in _REACHES if reach >= max(ends, default=0.0)), 1.0)


def number_line(risk: Risk, reach: float, *, title: str, desc: str) -> Markup:
    """The headline risk with its interval and the usual rate on one line from 0 to ``reach``."""
    x = Scale(0.0, reach, 14.0, 326.0)
    here = x(x.clamp(risk.risk))
    ours = f"this patient {risk_words(risk.risk)}"
    parts = [
        stroke(x.start, 25, x.end, 25, _THIN),
        element(
            "rect",
            x=x(risk.low),
            y=20,
            width=max(x(x.clamp(risk.high)) - x(risk.low), 2.0),
            height=10,
            fill=_SPREAD,
            stroke=ORANGE,
            stroke_width=1,
        ),
        *(stroke(x(at), 22, x(at), 28, _THIN) for at in (0.0, reach)),
        text(x.start - 10, 52, "0"),
        text(x.end + 13, 52, risk_words(reach) if reach < 1 else "100\u00a0%", anchor="end"),
        marker("diamond", here, 25, colour=ORANGE, size=6),
        text(_inside(here, ours), 13, ours, anchor="middle", bold=True),
    ]
    if risk.usual is not None:
        usual = x(x.clamp(risk.usual.rate))
        parts.append(stroke(usual, 15, usual, 38, Style(INK, None, width=3)))
        said = f"usual {risk_words(risk.usual.rate)}"
        parts.append(text(_inside(usual, said, 12), 51, said, anchor="middle"))
    return chart(title, desc, 340, 56, *parts)


def mini_line(risk: Risk, reach: float) -> Markup:
    """A number line without words for a list; the words stand beside it."""
    x = Scale(0.0, reach, 3.0, 147.0)
    low, high = x(risk.low), x(x.clamp(risk.high))
    parts = [
        stroke(x.start, 7, x.end, 7, _THIN),
        element(
            "rect", x=low, y=3, width=max(high - low, 2.0), height=8, fill=_SPREAD, stroke=ORANGE
        ),
        marker("diamond", x(x.clamp(risk.risk)), 7, colour=ORANGE, size=4),
    ]
    if risk.usual is not None:
        usual = x(x.clamp(risk.usual.rate))
        parts.append(stroke(usual, 0, usual, 14, Style(INK, None, width=2.4)))
    box = {"viewBox": "0 0 150 14", "width": 110, "height": 10}
    return element("svg", *parts, **box, xmlns="http://www.w3.org/2000/svg", aria_hidden="true")


def horizon_chart(risks: Sequence[Risk], headline: float, *, title: str) -> Markup:
    """Risk within each horizon with its interval, beside what is usual."""
    width, height = 208.0, 80.0
    reach = reach_of(risks)
    x = Scale(0.0, max(risk.hours for risk in risks) * 1.06, 43.0, width - 4)
    y = Scale(0.0, reach, height - 20, 8.0)
    ours, usual = Style(ORANGE), Style(INK, "4 3", "square", 1.4)
    parts = _percent_axis(x, y)
    for risk in risks:
        weight = risk.hours == headline
        parts.append(
            text(
                x(risk.hours), height - 6, f"{risk.hours:g}", anchor="middle", size=11, bold=weight
            )
        )
        parts.append(marks.error_bar(x, y, risk.hours, risk.low, risk.high, ours))
    known = [(risk.hours, risk.usual.rate) for risk in risks if risk.usual is not None]
    parts += [
        marks.line(x, y, known, usual),
        marks.points(x, y, known, usual, filled=False, size=3),
        marks.line(x, y, [(risk.hours, risk.risk) for risk in risks], ours),
        marks.points(x, y, [(risk.hours, risk.risk) for risk in risks], ours, size=4),
    ]
    told = "; ".join(
        f"within {risk.hours:g} h {risk_words(risk.risk)} ({interval_words(risk.low, risk.high)})"
        for risk in risks
    )
    return chart(title, f"{told}.", width, height, *parts)


def history_chart(past: Sequence[Past], now: Past, *, title: str) -> Markup:
    """The headline risk at earlier landmarks and now, as steps with their intervals."""
    width, height = 122.0, 80.0
    every = [*past, now]
    first, last = every[0].landmark_hours, now.landmark_hours
    x = Scale(min(first, last - 24.0) - 8, last + 8, 43.0, width - 10)
    y = Scale(0.0, reach_of([Risk(0.0, p.risk, p.low, p.high) for p in every]), height - 20, 8.0)
    style = Style(BLUE)
    parts = _percent_axis(x, y)
    shown = every[:: -max(1, -(-len(every) // 4))]
    for item in shown:
        day = int(item.landmark_hours // 24)
        parts.append(text(x(item.landmark_hours), height - 6, f"d{day}", anchor="middle", size=11))
    parts += [marks.error_bar(x, y, p.landmark_hours, p.low, p.high, style) for p in every]
    pairs = [(p.landmark_hours, p.risk) for p in every]
    parts += [marks.step(x, y, pairs, style), marks.points(x, y, pairs[:-1], style, size=3)]
    parts.append(marker("diamond", x(last), y(y.clamp(now.risk)), colour=ORANGE, size=4))
    told = "; ".join(f"day {int(p.landmark_hours // 24)} {risk_words(p.risk)}" for p in every)
    return chart(title, f"{told}.", width, height, *parts)


def mirror_chart(
    names: Sequence[str], sides: Sequence[tuple[str, Sequence[float]]], *, title: str
) -> Markup:
    """Points by pathway, one column per estimate: raising bars point right, lowering ones left.

    Parameters
    ----------
    names : sequence of str
        One per row.
    sides : sequence of (str, sequence of float)
        One or two estimates: short name and points per row.

    Examples
    --------
    >>> drawn = mirror_chart(["Inflammation"], [("CRS", [6.0]), ("ICANS", [-2.0])], title="Why")
    >>> "▲ +6" in drawn and "▼ −2" in drawn
    True
    """
    step, top, width, first, gap = 19.0, 22.0, 372.0, 184.0, 8.0
    parts = [text(0.0, top + step * row + 13, name, size=11.5) for row, name in enumerate(names)]
    values = [value for _, points in sides for value in points]
    raised, lowered = max([0.0, *values]), max([0.0, *(-value for value in values)])
    column = (width - first - gap * (len(sides) - 1)) / len(sides)
    unit = (column - _LABEL) / max(1.0, raised + lowered)
    for number, (short, points) in enumerate(sides):
        start = first + number * (column + gap)
        zero = start + lowered * unit
        parts.append(text(start, 12, short, bold=True, size=11.5))
        parts.append(stroke(zero, top - 2, zero, top + step * len(names), _THIN))
        for row, value in enumerate(points):
            way, y = (1.0 if value > 0 else -1.0), top + step * row
            parts.append(_bar(zero, way, abs(value) * unit, y + 3, value))
            parts.append(
                text(
                    start + column,
                    y + 13,
                    signed_points(value),
                    anchor="end",
                    size=11.5,
                    bold=True,
                )
            )
    told = "; ".join(
        f"{name}: " + ", ".join(f"{short} {signed_points(points[row])}" for short, points in sides)
        for row, name in enumerate(names)
    )
    height = top + step * len(names) + 4
    return chart(title, f"{told}.", width, height, *parts)


def _bar(zero: float, way: float, size: float, y: float, value: float) -> Markup:
    """A full bar raises the risk, an open one lowers it."""
    if size < 0.5:
        return Markup("")
    left = zero if way > 0 else zero - size
    colour = ORANGE if value > 0 else BLUE
    fill = colour if value > 0 else "#fff"
    return element(
        "rect", x=left, y=y, width=size, height=12, fill=fill, stroke=colour, stroke_width=2
    )


def _percent_axis(x: Scale, y: Scale) -> list[Markup]:
    ticks = [0.0, y.high / 2, y.high]
    parts = [stroke(x.start, y(at), x.end, y(at), _FAINT) for at in ticks[1:]]
    parts.append(stroke(x.start, y.start, x.end, y.start, _THIN))
    for at in (ticks[0], ticks[2]):
        parts.append(
            text(x.start - 4, y(at) + 4, f"{round(100 * at)}\u00a0%", anchor="end", size=11)
        )
    return parts


def _inside(x: float, label: str, free: float = 0.0) -> float:
    """Middle of a label, kept within the number line and away from its ends."""
    half = 3.9 * len(label) + 2
    return min(max(x, half + free), 340.0 - half - 3 * free)
