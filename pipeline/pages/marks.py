"""Data marks on two scales: lines, steps, points, intervals and bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

from pipeline.pages.axes import Scale
from pipeline.pages.svg import Style, element, marker, stroke

Pair = tuple[float | None, float | None]


def finite_pairs(pairs: Iterable[Pair]) -> list[tuple[float, float]]:
    """
    Keep the pairs in which both numbers are known and finite.

    Examples
    --------
    >>> finite_pairs([(1, 2), (None, 3), (4, float("nan"))])
    [(1.0, 2.0)]
    """
    return [
        (float(a), float(b))
        for a, b in pairs
        if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    ]


def line(x: Scale, y: Scale, pairs: Iterable[Pair], style: Style) -> Markup:
    """
    Join known pairs by straight lines.

    Examples
    --------
    >>> print(line(Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), [(0, 0), (1, 1)], Style("#000")))
    <polyline points="0,10 10,0" fill="none" stroke="#000" stroke-width="2" \
stroke-linejoin="round"/>
    """
    places = " ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in finite_pairs(pairs))
    return _open_line(places, style)


def step(x: Scale, y: Scale, pairs: Iterable[Pair], style: Style) -> Markup:
    """
    Join known pairs by steps; a value holds until the next one.

    Examples
    --------
    >>> 'points="0,10 10,10 10,0"' in step(
    ...     Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), [(0, 0), (1, 1)], Style()
    ... )
    True
    """
    known = finite_pairs(pairs)
    corners = known[:1]
    for before, after in pairwise(known):
        corners += [(after[0], before[1]), after]
    return _open_line(" ".join(f"{x(a):.5g},{y(b):.5g}" for a, b in corners), style)


def points(
    x: Scale, y: Scale, pairs: Iterable[Pair], style: Style, *, filled: bool = True, size: float = 4
) -> Markup:
    """
    Draw a marker at each known pair.

    Examples
    --------
    >>> x, y = Scale(0, 1, 0, 10), Scale(0, 1, 10, 0)
    >>> points(x, y, [(0, 0), (1, None)], Style()).count("<circle")
    1
    """
    known = finite_pairs(pairs)
    attributes = {"colour": style.colour, "size": size, "filled": filled}
    return element("g", *(marker(style.marker, x(a), y(b), **attributes) for a, b in known))  # type: ignore[arg-type]


def error_bar(x: Scale, y: Scale, at: float, lo: float, hi: float, style: Style) -> Markup:
    """
    Draw a vertical interval with caps.

    Examples
    --------
    >>> error_bar(Scale(0, 1, 0, 10), Scale(0, 1, 10, 0), 0.5, 0.1, 0.3, Style()).count("<line")
    3
    """
    thin = Style(style.colour, None, width=1.4)
    across, low, high = x(at), y(y.clamp(lo)), y(y.clamp(hi))
    caps = [stroke(across - 4, end, across + 4, end, thin) for end in (low, high)]
    return element("g", stroke(across, low, across, high, thin), *caps)


def bars(
    x: Scale, y: Scale, edges: Sequence[float], heights: Sequence[float], style: Style
) -> Markup:
    """
    Draw bars from zero between neighbouring edges; negative heights point down.

    Examples
    --------
    >>> x, y = Scale(0, 2, 0, 20), Scale(-1, 1, 10, 0)
    >>> bars(x, y, [0, 1, 2], [0.5, -0.5], Style()).count("<rect")
    2
    """
    drawn = []
    for (left, right), height in zip(pairwise(edges), heights, strict=False):
        zero, end = y(0.0), y(y.clamp(height))
        box = {"x": x(left) + 0.5, "width": max(x(right) - x(left) - 1, 0.5)}
        tall = {"y": min(zero, end), "height": abs(zero - end)}
        drawn.append(element("rect", **box, **tall, fill=style.colour))
    return element("g", *drawn)


def _open_line(places: str, style: Style) -> Markup:
    attributes = {
        "stroke": style.colour,
        "stroke_width": style.width,
        "stroke_dasharray": style.dash,
    }
    return element("polyline", points=places, fill="none", **attributes, stroke_linejoin="round")
