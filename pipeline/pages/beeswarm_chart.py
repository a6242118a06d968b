"""Beeswarm of contributions, one row per analyte or group, and bars of their mean size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import decimal
from pipeline.pages.axes import Scale, domain
from pipeline.pages.svg import (
    BLUE,
    GREY,
    GRID,
    ORANGE,
    Shape,
    Style,
    chart,
    element,
    marker,
    stroke,
    text,
)

Level = Literal["low", "middle", "high"]
WIDTH = 320
_LEFT, _RIGHT, _TOP, _ROW, _BAR_ROW = 10, 310, 4, 42, 28
_LOOKS: dict[Level, tuple[Shape, str]] = {
    "low": ("down", BLUE),
    "middle": ("circle", GREY),
    "high": ("up", ORANGE),
}
_STEP, _MOST = 5.0, 12.0


@dataclass(frozen=True)
class SwarmRow:
    """One row: name, mean size, and (contribution, level of the value) of each prototype."""

    name: str
    size: float
    marks: Sequence[tuple[float, Level]]


def beeswarm_chart(rows: Sequence[SwarmRow], *, title: str, x_label: str) -> Markup:
    """Draw one mark per prototype and row; its shape and colour show the level of the value.

    Examples
    --------
    >>> row = SwarmRow("CRP", 0.8, [(1.0, "high"), (-0.6, "low"), (0.1, "middle")])
    >>> drawn = beeswarm_chart([row], title="Contributions", x_label="Points")
    >>> drawn.count("<path"), drawn.count("<circle")
    (2, 1)
    """
    bottom = _TOP + _ROW * len(rows) + 4
    x = Scale(*domain([0.0, *(value for row in rows for value, _ in row.marks)]), _LEFT, _RIGHT)
    parts = [stroke(x(tick), _TOP, x(tick), bottom, Style(GRID, width=1)) for tick in x.ticks(5)]
    parts.append(stroke(x(0.0), _TOP, x(0.0), bottom, Style(GREY, "4 3", width=1.3)))
    for number, row in enumerate(rows):
        top = _TOP + _ROW * number
        parts.append(text(_LEFT - 6, top + 11, row.name, halo=True))
        parts += _swarm(x, top + 28, row.marks)
    parts += [
        text(x(tick), bottom + 14, decimal(tick, _places(x)), anchor="middle")
        for tick in x.ticks(5)
    ]
    parts.append(text(WIDTH / 2, bottom + 32, x_label, anchor="middle"))
    return chart(title, _described(rows), WIDTH, bottom + 40, *parts)


def size_bars(rows: Sequence[SwarmRow], *, title: str, x_label: str) -> Markup:
    """Draw the mean size of the contributions, one bar per row.

    Examples
    --------
    >>> size_bars([SwarmRow("CRP", 0.8, [])], title="Mean size", x_label="Points").count("<rect")
    1
    """
    reach = max([row.size for row in rows] or [1.0]) or 1.0
    x = Scale(0.0, reach, _LEFT - 6, _RIGHT)
    parts = []
    for number, row in enumerate(rows):
        top = _TOP + _BAR_ROW * number
        width = max(x(row.size) - x.start, 0.5)
        parts += [
            text(_LEFT - 6, top + 11, row.name),
            text(_RIGHT, top + 11, decimal(row.size), anchor="end"),
            element("rect", x=x.start, y=top + 15, width=width, height=7, fill=BLUE),
        ]
    bottom = _TOP + _BAR_ROW * len(rows)
    parts.append(text(WIDTH / 2, bottom + 16, x_label, anchor="middle"))
    return chart(title, _described(rows), WIDTH, bottom + 24, *parts)


def _swarm(x: Scale, middle: float, marks: Sequence[tuple[float, Level]]) -> list[Markup]:
    """Marks of one row, those at the same place above and below each other."""
    taken: dict[int, int] = {}
    drawn = []
    for value, level in sorted(marks):
        place = round(x(value) / _STEP)
        count = taken.get(place, 0)
        taken[place] = count + 1
        away = _STEP * ((count + 1) // 2) * (1 if count % 2 else -1)
        shape, colour = _LOOKS[level]
        height = middle + max(-_MOST, min(_MOST, away))
        drawn.append(marker(shape, x(value), height, colour=colour, size=2.6))
    return drawn


def _places(x: Scale) -> int:
    step = x.ticks(5)[1] - x.ticks(5)[0] if len(x.ticks(5)) > 1 else 1.0
    return 0 if step >= 1 else 1 if step >= 0.1 else 2


def _described(rows: Sequence[SwarmRow]) -> str:
    values = "; ".join(f"{row.name} {decimal(row.size)}" for row in rows)
    return evaluation_phrase("charts", "mean_sizes", values=values)
