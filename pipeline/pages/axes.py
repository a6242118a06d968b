"""Axis scales with round ticks, and the guide lines and bands of a plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from pipeline.format import plain
from pipeline.pages.svg import GREY, GRID, INK, PALE, Style, element, stroke, text

TINY = 1e-12
"""Spans and values below this count as zero."""
Kind = Literal["linear", "sqrt", "log2", "log10"]


_AXIS = Style(INK, None, width=1.2)
_GRID = Style(GRID, None, width=1)
_IDEAL = Style(GREY, "5 4", width=1.3)


@dataclass(frozen=True)
class Scale:
    """
    One axis: `low` maps to pixel `start`, `high` to pixel `end`.

    Examples
    --------
    >>> x = Scale(0, 10, 100, 200)
    >>> x(5), x.ticks()
    (150.0, (0.0, 2.0, 4.0, 6.0, 8.0, 10.0))
    >>> Scale(1, 1000, 0, 300, "log10").ticks(4)
    (1.0, 10.0, 100.0, 1000.0)
    >>> Scale(0, 1, 0, 100, "sqrt")(0.25)
    50.0
    """

    low: float
    high: float
    start: float
    end: float
    kind: Kind = "linear"

    def __post_init__(self) -> None:
        """Refuse an empty or non-finite domain, and a log domain at or below zero."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"`low` must be finite and below `high`, got {self.low!r} and {self.high!r}."
                " Use `domain(values)`, which widens a single value."
            )
        if self.kind == "sqrt" and self.low < 0:
            raise ValueError(f"A square-root scale starts at or above zero, got {self.low!r}.")
        if self.kind.startswith("log") and self.low <= 0:
            raise ValueError(f"A log scale starts above zero, got `low` {self.low!r}.")

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; a log axis maps zero and below to the low end."""
        if self.kind == "linear":
            share = (value - self.low) / (self.high - self.low)
        elif self.kind == "sqrt":
            low, high = math.sqrt(self.low), math.sqrt(self.high)
            share = (math.sqrt(max(value, 0.0)) - low) / (high - low)
        elif value <= 0:
            share = 0.0
        else:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def clamp(self, value: float) -> float:
        """Return the value, moved to the nearest end when it lies outside the axis."""
        return min(max(value, self.low), self.high)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """Return about `count` round values inside the axis."""
        if self.kind in ("linear", "sqrt"):
            return _linear_ticks(self.low, self.high, count)
        return _log_ticks(self.low, self.high, count, 2 if self.kind == "log2" else 10)


def domain(values: Iterable[float | None], kind: Kind = "linear") -> tuple[float, float]:
    """
    Return axis limits that cover every finite value; a single value is widened.

    Examples
    --------
    >>> domain([3.0, 17.0, None])
    (0.0, 20.0)
    >>> domain([5.0], "log2")
    (2.5, 10.0)
    >>> domain([])
    (0.0, 1.0)
    """
    finite = [float(v) for v in values if v is not None and math.isfinite(v)]
    if kind == "linear":
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        size = max(abs(low), abs(high))
        if high - low < TINY + 1e-9 * size:
            half = 0.5 * (size if size > TINY else 1.0)
            low, high = low - half, high + half
        step = _nice_step(high - low, 5)
        return math.floor(low / step) * step, math.ceil(high / step) * step
    positive = [v for v in finite if v > TINY] or [1.0]
    low, high = min(positive), max(positive)
    return (low, high) if high >= 4 * low else (low / 2, high * 2)


def _linear_ticks(low: float, high: float, count: int) -> tuple[float, ...]:
    step = _nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)) + 1)
    return tuple(round(i * step, digits) for i in range(first, last + 1))


def _log_ticks(low: float, high: float, count: int, base: int) -> tuple[float, ...]:
    """Powers of the base, thinned if too many; 1-2-5 or linear steps if too few."""
    first = math.ceil(math.log(low, base) - 1e-9)
    last = math.floor(math.log(high, base) + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / max(count, 1)))
    powers = tuple(float(base) ** i for i in range(first, last + 1, stride))
    if len(powers) >= (2 if base == 2 else 3):
        return powers
    mixed = tuple(
        f * 10.0**i
        for i in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for f in (1, 2, 5)
        if low * (1 - 1e-9) <= f * 10.0**i <= high * (1 + 1e-9)
    )
    if len(mixed) >= 2:
        return mixed if len(mixed) <= count + 1 else mixed[:: math.ceil(len(mixed) / count)]
    return tuple(t for t in _linear_ticks(low, high, count) if t > 0)


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
    Draw grid, axis lines, tick labels and axis labels; ticks default to round values.

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
    Draw a labelled line over the whole plot: vertical at an x, or horizontal at a y.

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
    Draw the line y = x, labelled along its upper half.

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


def _nice_step(span: float, count: int) -> float:
    """Step of 1, 2 or 5 times a power of ten; about `count` steps cover the span."""
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    factor = next(f for f in (1, 2, 5, 10) if raw <= f * power * (1 + 1e-9) or f == 10)
    return factor * power


def _labelled(scale: Scale) -> list[tuple[float, str]]:
    return [(value, plain(value)) for value in scale.ticks()]
