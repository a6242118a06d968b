"""Trends as small multiples with a common time axis: labs, drugs and grades."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from markupsafe import Markup

from pipeline.cohort.analytes import Analyte
from pipeline.explain.drug_caveats import DrugMark
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.result_text import number_text, unit_text, value_text
from pipeline.format import counted
from pipeline.pages import axes, marks
from pipeline.pages.axes import Kind, Scale, domain
from pipeline.pages.svg import BLUE, GREY, INK, Style, chart, marker, stroke, text

WIDTH, HEIGHT = 142.0, 46.0
LETTERS = 10.0
"""Font size; 9 pt in print at this width."""
_BOTTOM, _LEFT, _RIGHT = HEIGHT - 13.0, 8.0, 97.0
_LONGEST_GAP = 36.0
_APART = 11.0  # least distance between two labels
_DIGIT, _SIGN = 6.4, 8.4
_DRUG = Style("#7a3e00", "4 2", width=1.2)
_AXIS = Style(INK, None, width=1)
_ZERO = Style(GREY, "1 3", width=1)


@dataclass(frozen=True)
class Trend:
    """One small multiple: name, newest value, drawing, and values as a table."""

    name: str
    newest: str
    drawing: Markup
    rows: tuple[tuple[str, str], ...]


def time_axis(first: float, last: float) -> Scale:
    """Return the common axis in hours, from the first sample shown to the landmark."""
    return Scale(min(first, last - 24.0), last, _LEFT, _RIGHT)


def lab_trend(
    series: pd.DataFrame,
    analyte: Analyte,
    x: Scale,
    drugs: Sequence[DrugMark],
    clock: InfusionClock,
) -> Trend:
    """Draw one analyte over time.

    Values at a detection limit are open triangles: down for below, up for above. Gaps of more
    than 36 h and values at a limit are not connected.
    """
    shown = series.loc[series["collected_hours"] >= x.low]
    points = [
        (float(row["collected_hours"]), float(row["value"]), int(row["side"]))
        for row in shown.to_dict("records")
    ]
    values = [value for _, value, _ in points]
    y, top = _value_axis(values, analyte, _top(drugs)), _top(drugs)
    reference_low, reference_high = analyte.reference
    parts = []
    if reference_low is not None and reference_high is not None:
        full = Scale(y.low, y.high, _BOTTOM, top, y.kind)
        if reference_high > y.low and reference_low < y.high:
            parts.append(axes.band(x, full, reference_low, reference_high))
    parts += [*_frame(x), *_drug_lines(x, drugs)]
    if analyte.by_difference:
        parts.append(stroke(x.start, y(0.0), x.end, y(0.0), _ZERO))
    parts += _end_labels(min(values), max(values), y)
    style = Style(BLUE, None, width=1.8)
    for (a, before, side_a), (b, after, side_b) in pairwise(points):
        if b - a <= _LONGEST_GAP and side_a == 0 and side_b == 0:
            parts.append(stroke(x(a), y(before), x(b), y(after), style))
    for place, (at, value, side) in enumerate(points):
        shape = {-1: "down", 0: "circle", 1: "up"}[side]
        size = 3.6 if place == len(points) - 1 else 2.6
        parts.append(marker(shape, x(at), y(value), size=size, filled=side == 0))  # type: ignore[arg-type]
    newest = series.iloc[-1]
    newest_text = value_text(float(newest["value"]), float(newest["side"]), analyte.unit)
    rows = tuple(
        (clock.words(at), value_text(value, side, analyte.unit)) for at, value, side in points
    )
    count = counted(len(points), "value")
    desc = f"{count}, newest {newest_text}, {rows[-1][0]}." if rows else f"Newest {newest_text}."
    unit = unit_text(analyte.unit) or "no unit"
    title = f"{analyte.short}, {unit}, over the days since infusion"
    return Trend(analyte.short, newest_text, chart(title, desc, WIDTH, HEIGHT, *parts), rows)


def _end_labels(low: float, high: float, y: Scale) -> list[Markup]:
    """Label the lowest and highest value, moved apart if they would overlap."""
    if number_text(low) == number_text(high):
        return []
    centre, half = (y(low) + y(high)) / 2, max((y(low) - y(high)) / 2, _APART / 2)
    return [
        text(
            min(_RIGHT + 10, WIDTH - _DIGIT * len(number_text(value).replace(",", "")) - 4),
            at + 3.5,
            number_text(value),
            size=LETTERS,
            colour=GREY,
        )
        for value, at in ((low, centre + half), (high, centre - half))
    ]


def grade_trend(
    grades: pd.DataFrame,
    scales: Sequence[str],
    x: Scale,
    drugs: Sequence[DrugMark],
    clock: InfusionClock,
) -> Trend:
    """Draw grades over time as steps, one line per scale, with a marker at each change."""
    y = Scale(0.0, 4.0, _BOTTOM - 3, _top(drugs) + 4)
    parts = [*_frame(x), *_drug_lines(x, drugs)]
    parts += [text(_RIGHT + 10, y(at) + 3.5, str(at), size=LETTERS, colour=GREY) for at in (0, 4)]
    rows: list[tuple[float, str, str]] = []
    newest = []
    styles = (Style(BLUE, None, "circle", 2.2), Style("#b34700", "5 2", "square", 1.6))
    for scale, style in zip(scales, styles, strict=False):
        mine = grades.loc[(grades["scale"] == scale) & (grades["assessed_hours"] >= x.low)]
        pairs = [
            (float(at), float(min(grade, 4)))
            for at, grade in zip(mine["assessed_hours"], mine["grade"], strict=True)
        ]
        if not pairs:
            continue
        for a, b in pairwise(pairs):
            if b[0] - a[0] <= _LONGEST_GAP:
                parts.append(marks.step(x, y, [a, b], style))
        changed = [
            pair for place, pair in enumerate(pairs) if place == 0 or pair[1] != pairs[place - 1][1]
        ]
        parts.append(marks.points(x, y, changed, style, size=2.6))
        newest.append(f"{scale.upper()} {int(mine['grade'].iloc[-1])}")
        rows += [
            (float(at), clock.words(float(at)), f"{scale.upper()} {int(grade)}")
            for at, grade in zip(mine["assessed_hours"], mine["grade"], strict=True)
        ]
    rows.sort(key=lambda row: row[0])
    newest_text = ", ".join(newest) or "none charted"
    title = "Grades charted over the days since infusion"
    drawing = chart(title, f"Newest: {newest_text}.", WIDTH, HEIGHT, *parts)
    return Trend("Grades", newest_text, drawing, tuple((when, grade) for _, when, grade in rows))


def _top(drugs: Sequence[DrugMark]) -> float:
    """Top of the plot, below the letters of any drugs."""
    return LETTERS if drugs else 2.0


def _value_axis(values: Sequence[float], analyte: Analyte, top: float) -> Scale:
    """Log axis that covers the values and any nearby reference limit.

    Analytes compared by difference have a linear axis that includes zero.
    """
    if analyte.by_difference:
        reach = 2 * max(map(abs, values), default=0.0)
        near = [limit for limit in analyte.reference if limit is not None and abs(limit) <= reach]
        return Scale(*domain([0.0, *values, *near]), _BOTTOM - 4, top + 4)
    kind: Kind = "log10" if all(value > 0 for value in values) else "linear"
    near = [
        limit
        for limit in analyte.reference
        if limit and min(values) / 4 <= limit <= max(values) * 4
    ]
    low, high = domain([*values, *near], kind)
    return Scale(low, high, _BOTTOM - 4, top + 4, kind)


def _frame(x: Scale) -> list[Markup]:
    """Base line with a tick every 24 h since infusion, labelled where there is room."""
    parts = [stroke(x.start, _BOTTOM, x.end, _BOTTOM, _AXIS)]
    days = range(math.ceil(x.low / 24 - 1e-9), math.floor(x.high / 24 + 1e-9) + 1)
    names = {day: f"d{day}" if day >= 0 else f"d−{-day}" for day in days}
    widths = {day: _DIGIT * len(name) + (_SIGN - _DIGIT) * (day < 0) for day, name in names.items()}
    room = (max(widths.values(), default=0.0) + 3) / (x(24.0) - x(0.0))
    every = max(1, math.ceil(room))
    for day, name in names.items():
        at = x(24.0 * day)
        parts.append(stroke(at, _BOTTOM, at, _BOTTOM + 2, _AXIS))
        if day % every == 0:
            middle = max(at, widths[day] / 2 + 1)
            parts.append(text(middle, _BOTTOM + 11, name, anchor="middle", size=LETTERS))
    return parts


def _drug_lines(x: Scale, drugs: Sequence[DrugMark]) -> list[Markup]:
    """Dashed line and letter at the first dose of each drug, short ticks at later doses."""
    parts = []
    seen = []
    for drug in sorted(drugs, key=lambda item: item.hours[0]):
        shown = [at for at in drug.hours if x.low <= at <= x.high]
        for place, at in enumerate(shown):
            end = _BOTTOM if place == 0 else LETTERS + 5
            parts.append(stroke(x(at), LETTERS, x(at), end, _DRUG))
        if shown:
            seen.append((x(shown[0]), drug.letter))
    places = _apart([place for place, _ in seen], WIDTH - LETTERS / 2)
    return parts + [
        text(
            place,
            LETTERS - 2,
            letter,
            anchor="middle",
            size=LETTERS,
            bold=True,
            colour=_DRUG.colour,
        )
        for place, (_, letter) in zip(places, seen, strict=True)
    ]


def _apart(places: Sequence[float], end: float) -> list[float]:
    """Spread increasing positions by one letter width, all at or before ``end``.

    Examples
    --------
    >>> _apart([20.0, 22.0, 90.0, 92.0], 100.0)
    [20.0, 30.0, 90.0, 100.0]
    >>> _apart([95.0, 99.0], 100.0)
    [90.0, 100.0]
    """
    result: list[float] = []
    for place in places:
        result.append(max(place, result[-1] + LETTERS) if result else place)
    for number in range(len(result) - 1, -1, -1):
        result[number] = min(result[number], end)
        end = result[number] - LETTERS
    return result
