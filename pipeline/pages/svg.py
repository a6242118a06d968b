"""SVG elements: escaped tags, text, markers, and a key with line samples."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

INK = "#1a1a1a"
GREY = "#595959"
PALE = "#dfe6ee"
GRID = "#e4e4e4"
BLUE = "#0b4f8a"
ORANGE = "#b34700"
Anchor = Literal["start", "middle", "end"]
Shape = Literal["circle", "square", "diamond", "up", "down"]
_PATHS: dict[Shape, str] = {
    "square": "M-1-1h2v2h-2z",
    "diamond": "M0-1.3L1.3 0 0 1.3-1.3 0z",
    "up": "M0-1.2L1.2 1-1.2 1z",
    "down": "M0 1.2L1.2-1-1.2-1z",
}


@dataclass(frozen=True)
class Style:
    """Appearance of a series: colour, dash pattern and marker, never colour alone."""

    colour: str = BLUE
    dash: str | None = None
    marker: Shape = "circle"
    width: float = 2.0


STYLES: tuple[Style, ...] = (
    Style(BLUE, None, "circle", 2.6),
    Style(ORANGE, "7 4", "square"),
    Style(INK, "2 3", "diamond", 1.8),
    Style("#2f7fc1", "12 4", "up"),
    Style("#7a3e00", "8 3 2 3", "down", 1.8),
    Style(GREY, "4 2", "circle", 1.6),
    Style("#c86400", "1 2", "square", 2.2),
    Style("#00344f", "14 3 3 3", "diamond", 1.6),
)


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """
    Build one element with escaped text and attributes; attributes of None are omitted.

    Underscores in attribute names become hyphens, trailing ones are dropped, and numbers are
    rounded to a tenth of a pixel.

    Examples
    --------
    >>> print(element("text", "a < b", x=1.23456, text_anchor="end", class_="note"))
    <text x="1.2" text-anchor="end" class="note">a &lt; b</text>
    """
    # plain strings: a page has thousands of elements, and Markup.format parses every call
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")


def chart(title: str, desc: str, width: float, height: float, *children: Markup) -> Markup:
    """
    Build a drawing with a title and description for screen readers.

    Examples
    --------
    >>> print(chart("CRP", "Rises to 184 mg/L.", 20, 10))
    <svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 20 10" width="20" \
height="10"><title>CRP</title><desc>Rises to 184 mg/L.</desc></svg>
    """
    return element(
        "svg",
        element("title", title),
        element("desc", desc),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
    )


def text(
    x: float,
    y: float,
    content: str,
    *,
    anchor: Anchor = "start",
    size: float = 12,
    bold: bool = False,
    colour: str = INK,
    rotate: float | None = None,
    halo: bool = False,
) -> Markup:
    """
    Write text at a point, optionally rotated or with a white outline.

    Examples
    --------
    >>> print(text(4, 9, "day 3", anchor="middle"))
    <text x="4" y="9" text-anchor="middle" font-size="12" fill="#1a1a1a">day 3</text>
    """
    return element(
        "text",
        content,
        x=x,
        y=y,
        text_anchor=None if anchor == "start" else anchor,
        font_size=size,
        font_weight="bold" if bold else None,
        fill=colour,
        transform=None if rotate is None else f"rotate({rotate:g} {x:.1f} {y:.1f})",
        **({"stroke": "#fff", "stroke_width": 4, "paint_order": "stroke"} if halo else {}),
    )


def marker(
    shape: Shape, x: float, y: float, *, colour: str = BLUE, size: float = 4, filled: bool = True
) -> Markup:
    """
    Draw one marker; an unfilled one is white inside.

    Examples
    --------
    >>> print(marker("down", 10, 20, filled=False))
    <path d="M0 1.2L1.2-1-1.2-1z" transform="translate(10.0 20.0) scale(4)" fill="#fff" \
stroke="#0b4f8a" stroke-width="1.5" vector-effect="non-scaling-stroke"/>
    """
    look = {"fill": colour if filled else "#fff", "stroke": colour, "stroke_width": 1.5}
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, **look)
    place = f"translate({x:.1f} {y:.1f}) scale({size:g})"
    effect = {"vector_effect": "non-scaling-stroke"}
    return element("path", d=_PATHS[shape], transform=place, **look, **effect)


def key(entries: Sequence[tuple[str, Style]], x: float, y: float, gap: float = 16) -> Markup:
    """
    List series as a line sample and a name each, from (x, y) downwards.

    Examples
    --------
    >>> "Model" in key([("Model", STYLES[0])], 10, 10)
    True
    """
    widest = max((len(name) for name, _ in entries), default=0)
    box = {"x": x - 4, "y": y - gap / 2, "width": 44 + 6.6 * widest, "height": gap * len(entries)}
    rows = [element("rect", **box, fill="#fff", fill_opacity="0.85")]
    for i, (name, style) in enumerate(entries):
        middle = y + i * gap
        rows.append(stroke(x, middle, x + 30, middle, style))
        rows.append(text(x + 36, middle + 4, name))
    return element("g", *rows)


def wrapped(name: str, room: float, letter: float = 6.6) -> list[str]:
    """
    Split a name into lines that fit a width in pixels; nothing is cut off.

    Examples
    --------
    >>> wrapped("Negative control: labs of other patients", 170)
    ['Negative control: labs of', 'other patients']
    """
    return textwrap.wrap(name, max(1, int(room / letter))) or [""]


def stroke(x1: float, y1: float, x2: float, y2: float, style: Style) -> Markup:
    """
    Draw one straight line in pixels.

    Examples
    --------
    >>> print(stroke(0, 0, 9, 0, Style("#000", None, width=1)))
    <line x1="0" y1="0" x2="9" y2="0" stroke="#000" stroke-width="1"/>
    """
    look = {"stroke": style.colour, "stroke_width": style.width, "stroke_dasharray": style.dash}
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **look)


def _attribute(value: object) -> str:
    """Write an attribute: numbers rounded to a tenth, other values escaped."""
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValueError(f"Attributes must be finite numbers, got {value!r}.")
        return f"{round(float(value), 1):g}"
    return str(escape(str(value)))
