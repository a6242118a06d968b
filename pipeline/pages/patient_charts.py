"""Charts of an estimate: number line, risk by horizon, earlier days, and mirror chart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.explain.estimates import EarlierEstimate, Risk
from pipeline.explain.phrases import interval_text, risk_text, signed_points
from pipeline.pages import marks
from pipeline.pages.axes import Scale
from pipeline.pages.svg import BLUE, GRID, INK, ORANGE, Style, chart, element, marker, stroke, text

_REACHES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
_THIN = Style(INK, None, width=1.2)
LETTERS = 10.0
"""Font size; with the widths below, 9 pt or more in print."""
_LINE_WIDTH, _HEIGHT = 274.0, 55.0
_LABEL = 38.0  # room for the points at the end of a row
_LEADING, _BOLD = 10.0, 6.4  # line height; largest mean width of bold letters
_NAME_LENGTH = 21  # characters of a pathway on one line
_FAINT = Style(GRID, None, width=1)
_SPREAD = "#f0c3a0"


def axis_maximum(risks: Sequence[Risk]) -> float:
    """Return an axis limit that covers all intervals and base rates.

    Examples
    --------
    >>> axis_maximum([Risk(72.0, 0.18, 0.11, 0.29)])
    0.3
    """
    ends = [max(risk.high, risk.usual.rate if risk.usual else 0.0) for risk in risks]
    return next((reach for reach in _REACHES if reach >= max(ends, default=0.0)), 1.0)


def number_line(risk: Risk, reach: float, *, title: str, desc: str) -> Markup:
    """Draw the headline risk, its interval and the base rate on a line from 0 to ``reach``."""
    x = Scale(0.0, reach, 11.0, _LINE_WIDTH - 11.0)
    here = x(x.clamp(risk.risk))
    ours = f"this patient {risk_text(risk.risk)}"
    parts = [
        stroke(x.start, 17, x.end, 17, _THIN),
        element(
            "rect",
            x=x(risk.low),
            y=13,
            width=max(x(x.clamp(risk.high)) - x(risk.low), 2.0),
            height=8,
            fill=_SPREAD,
            stroke=ORANGE,
            stroke_width=1,
        ),
        *(stroke(x(at), 14, x(at), 20, _THIN) for at in (0.0, reach)),
        text(x.start - 8, 35, "0", size=LETTERS),
        text(x.end + 10, 35, _percent(reach), anchor="end", size=LETTERS),
        marker("diamond", here, 17, colour=ORANGE, size=4.5),
        text(_inside(here, ours), 9, ours, anchor="middle", bold=True, size=LETTERS),
    ]
    if risk.usual is not None:
        usual = x(x.clamp(risk.usual.rate))
        parts.append(stroke(usual, 11, usual, 26, Style(INK, None, width=2.4)))
        label = f"usual {risk_text(risk.usual.rate)}"
        parts.append(text(_inside(usual, label, 10), 35, label, anchor="middle", size=LETTERS))
    return chart(title, desc, _LINE_WIDTH, 38, *parts)


def mini_line(risk: Risk, reach: float) -> Markup:
    """Draw a number line without labels, for a list."""
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
    """Draw risk, interval and base rate at each horizon."""
    width, height = 160.0, _HEIGHT
    reach = axis_maximum(risks)
    x = Scale(0.0, max(risk.hours for risk in risks) * 1.06, 37.0, width - 4)
    y = Scale(0.0, reach, height - 15, 6.0)
    ours, usual = Style(ORANGE, width=1.6), Style(INK, "4 3", "square", 1.2)
    parts = _percent_axis(x, y)
    for risk in risks:
        weight = risk.hours == headline
        parts.append(
            text(
                x(risk.hours),
                height - 3,
                f"{risk.hours:g}",
                anchor="middle",
                size=LETTERS,
                bold=weight,
            )
        )
        parts.append(marks.error_bar(x, y, risk.hours, risk.low, risk.high, ours))
    known = [(risk.hours, risk.usual.rate) for risk in risks if risk.usual is not None]
    parts += [
        marks.line(x, y, known, usual),
        marks.points(x, y, known, usual, filled=False, size=2.4),
        marks.line(x, y, [(risk.hours, risk.risk) for risk in risks], ours),
        marks.points(x, y, [(risk.hours, risk.risk) for risk in risks], ours, size=3.2),
    ]
    description = "; ".join(
        f"within {risk.hours:g} h {risk_text(risk.risk)} ({interval_text(risk.low, risk.high)})"
        for risk in risks
    )
    return chart(title, f"{description}.", width, height, *parts)


def history_chart(past: Sequence[EarlierEstimate], now: EarlierEstimate, *, title: str) -> Markup:
    """Draw the headline risk at earlier landmarks and now, as steps with intervals."""
    width, height = 108.0, _HEIGHT
    every = [*past, now]
    first, last = every[0].landmark_hours, now.landmark_hours
    x = Scale(min(first, last - 24.0) - 8, last + 8, 37.0, width - 10)
    y = Scale(
        0.0, axis_maximum([Risk(0.0, p.risk, p.low, p.high) for p in every]), height - 15, 6.0
    )
    style = Style(BLUE, width=1.6)
    parts = _percent_axis(x, y)
    shown = every[:: -max(1, -(-len(every) // 3))]
    for item in shown:
        day = int(item.landmark_hours // 24)
        at = x(item.landmark_hours)
        parts.append(text(at, height - 3, f"d{day}", anchor="middle", size=LETTERS))
    parts += [marks.error_bar(x, y, p.landmark_hours, p.low, p.high, style) for p in every]
    pairs = [(p.landmark_hours, p.risk) for p in every]
    parts += [marks.step(x, y, pairs, style), marks.points(x, y, pairs[:-1], style, size=2.4)]
    parts.append(marker("diamond", x(last), y(y.clamp(now.risk)), colour=ORANGE, size=3.2))
    description = "; ".join(f"day {int(p.landmark_hours // 24)} {risk_text(p.risk)}" for p in every)
    return chart(title, f"{description}.", width, height, *parts)


def mirror_chart(
    names: Sequence[str], sides: Sequence[tuple[str, Sequence[float]]], *, title: str
) -> Markup:
    """Draw percentage points by pathway, one column per estimate; raising bars point right.

    Parameters
    ----------
    names : sequence of str
        Pathway of each row.
    sides : sequence of (str, sequence of float)
        One or two estimates: short name and percentage points per row.

    Examples
    --------
    >>> drawn = mirror_chart(["Inflammation"], [("CRS", [6.0]), ("ICANS", [-2.0])], title="Why")
    >>> "▲ +6" in drawn and "▼ −2" in drawn
    True
    """
    width, first, gap = 266.0, 130.0, 8.0
    column = (width - first - gap * (len(sides) - 1)) / len(sides)
    heads = [_lines(short, int(column / _BOLD)) for short, _ in sides]
    top = 3.0 + _LEADING * max(map(len, heads))
    lines = [_lines(name, _NAME_LENGTH) for name in names]
    steps = [2.0 + _LEADING + _LEADING * (len(rows) - 1) for rows in lines]
    tops = [top + sum(steps[:row]) for row in range(len(names))]
    parts = [
        text(0.0, at + 9.5 + _LEADING * number, line, size=LETTERS)
        for at, rows in zip(tops, lines, strict=True)
        for number, line in enumerate(rows)
    ]
    parts += [stroke(0.0, at, width, at, _FAINT) for at in tops[1:]]
    values = [value for _, points in sides for value in points]
    raised, lowered = max([0.0, *values]), max([0.0, *(-value for value in values)])
    unit = (column - _LABEL) / max(1.0, raised + lowered)
    for number, (_, points) in enumerate(sides):
        start = first + number * (column + gap)
        zero = start + lowered * unit
        parts += [
            text(start, top - 4 - _LEADING * number, line, bold=True, size=LETTERS)
            for number, line in enumerate(reversed(heads[number]))
        ]
        parts.append(stroke(zero, top, zero, top + sum(steps), _THIN))
        for at, step, value in zip(tops, steps, points, strict=True):
            direction, middle = (1.0 if value > 0 else -1.0), at + step / 2
            parts.append(_bar(zero, direction, abs(value) * unit, middle - 4, value))
            label = signed_points(value)
            parts.append(
                text(start + column, middle + 3.5, label, anchor="end", size=LETTERS, bold=True)
            )
    description = "; ".join(
        f"{name}: " + ", ".join(f"{short} {signed_points(points[row])}" for short, points in sides)
        for row, name in enumerate(names)
    )
    return chart(title, f"{description}.", width, top + sum(steps) + 2, *parts)


def _lines(name: str, length: int) -> list[str]:
    """Wrap a name onto the fewest lines, of similar length.

    Examples
    --------
    >>> _lines("What was measured and when", 21)
    ['What was measured', 'and when']
    """
    count = len(textwrap.wrap(name, length))
    return next(
        lines
        for width in range(-(-len(name) // max(count, 1)), max(len(name), length) + 1)
        if len(lines := textwrap.wrap(name, width)) <= count
    )


def _bar(zero: float, direction: float, size: float, y: float, value: float) -> Markup:
    """Draw a bar: filled if it raises the risk, open if it lowers it."""
    if size < 0.5:
        return Markup("")
    left = zero if direction > 0 else zero - size
    colour = ORANGE if value > 0 else BLUE
    fill = colour if value > 0 else "#fff"
    return element(
        "rect", x=left, y=y, width=size, height=8, fill=fill, stroke=colour, stroke_width=1.5
    )


def _percent_axis(x: Scale, y: Scale) -> list[Markup]:
    ticks = [0.0, y.high / 2, y.high]
    parts = [stroke(x.start, y(at), x.end, y(at), _FAINT) for at in ticks[1:]]
    parts.append(stroke(x.start, y.start, x.end, y.start, _THIN))
    for at in (ticks[0], ticks[2]):
        parts.append(text(x.start - 4, y(at) + 3.5, _percent(at), anchor="end", size=LETTERS))
    return parts


def _percent(risk: float) -> str:
    """Write an axis label."""
    return f"{round(100 * risk)}\u00a0%"


def _inside(x: float, label: str, free: float = 0.0) -> float:
    """Centre of a label, kept within the number line and clear of its ends."""
    half = 3.3 * len(label) + 2
    return min(max(x, half + free), _LINE_WIDTH - half - 3 * free)
