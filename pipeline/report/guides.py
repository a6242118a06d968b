"""Guides that data is read against: axes, reference bands, rules and the diagonal."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from pipeline.report.format import plain
from pipeline.report.scale import Scale
from pipeline.report.svg import GREY, GRID, INK, PALE, Style, element, stroke, text

_AXIS = Style(INK, None, width=1.2)
_GRID = Style(GRID, None, width=1)
_IDEAL = Style(GREY, "5 4", width=1.3)


def axes(
    x: Scale,
    y: Scale,
    *,
    x_label: str = "",
    y_label: str = "",
    x_ticks: Sequence[tuple[float, str]] | None = None,
    y_ticks: Sequence[tuple[float, str]] | None = None,
) -> Markup:
    """
    Draw a light grid, two axis lines, tick labels and axis labels; ticks may be given.

    Examples
    --------
    >>> "Infusion day" in axes(Scale(0, 7, 40, 200), Scale(0, 1, 90, 10), x_label="Infusion day")
    True
    """
    across = _labelled(x) if x_ticks is None else x_ticks
    up = _labelled(y) if y_ticks is None else y_ticks
    parts = [stroke(x(v), y.start, x(v), y.end, _GRID) for v, _ in across]
    parts += [stroke(x.start, y(v), x.end, y(v), _GRID) for v, _ in up]
    parts += [text(x(v), y.start + 16, label, anchor="middle") for v, label in across]
    parts += [text(x.start - 6, y(v) + 4, label, anchor="end") for v, label in up]
    parts.append(stroke(x.start, y.start, x.end, y.start, _AXIS))
    parts.append(stroke(x.start, y.start, x.start, y.end, _AXIS))
    if x_label:
        parts.append(text((x.start + x.end) / 2, y.start + 34, x_label, anchor="middle"))
    if y_label:
        middle = (y.start + y.end) / 2
        parts.append(text(x.start - 38, middle, y_label, anchor="middle", rotate=-90))
    return element("g", *parts)


def band(x: Scale, y: Scale, lo: float, hi: float, colour: str = PALE) -> Markup:
    """
    Shade the full width between two values, for a reference range.

    Examples
    --------
    >>> print(band(Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), 0.2, 0.5))
    <rect x="0" y="5" width="10" height="3" fill="#dfe6ee"/>
    """
    top, bottom = y(y.clamp(hi)), y(y.clamp(lo))
    width = abs(x.end - x.start)
    left = min(x.start, x.end)
    return element(
        "rect", x=left, y=min(top, bottom), width=width, height=abs(bottom - top), fill=colour
    )


def rule(
    x: Scale, y: Scale, at: float, label: str, style: Style, *, across: bool = False
) -> Markup:
    """
    Draw a labelled line over the whole plot: upright at an x, or across at a y.

    Examples
    --------
    >>> "toci" in rule(Scale(0, 7, 0, 70), Scale(0, 1, 40, 10), 3, "toci", Style())
    True
    """
    if across:
        mark = stroke(x.start, y(at), x.end, y(at), style)
        return element("g", mark, text(x.end, y(at) - 3, label, anchor="end", colour=style.colour))
    mark = stroke(x(at), y.start, x(at), y.end, style)
    return element("g", mark, text(x(at) + 3, y.end + 10, label, colour=style.colour))


def diagonal(x: Scale, y: Scale, label: str = "") -> Markup:
    """
    Draw the line on which both axes agree, named along its upper half.

    Examples
    --------
    >>> "ideal" in diagonal(Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), "ideal")
    True
    """
    lo, hi = max(x.low, y.low), min(x.high, y.high)
    mark = stroke(x(lo), y(lo), x(hi), y(hi), _IDEAL)
    if not label:
        return mark
    at = lo + 0.9 * (hi - lo)
    turn = math.degrees(math.atan2(y(hi) - y(lo), x(hi) - x(lo)))
    across, up = x(at), y(at) + 4
    name = text(across, up, label, anchor="middle", colour=GREY, rotate=turn, halo=True)
    return element("g", mark, name)


def _labelled(scale: Scale) -> list[tuple[float, str]]:
    return [(value, plain(value)) for value in scale.ticks()]
