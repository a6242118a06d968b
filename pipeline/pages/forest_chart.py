"""Estimates with intervals, one row each: differences, subgroups, importance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from pipeline.format import decimal
from pipeline.model.evaluation_cells import Metric, Number
from pipeline.pages.axes import Scale, domain
from pipeline.pages.svg import BLUE, GREY, GRID, INK, Style, chart, element, stroke, text, wrapped

WIDTH = 250
_LEFT, _RIGHT, _TOP, _ROW, _LINE = 4, 246, 4, 26, 14
_LETTER = 6.6
_INTERVAL, _ZERO = Style(BLUE, None, width=2.4), Style(GREY, "4 3", width=1.3)


def forest_chart(
    rows: Sequence[tuple[str, Metric]],
    *,
    title: str,
    x_label: str,
    reference: float = 0.0,
    write: Callable[[Number], str] = decimal,
) -> Markup:
    """Draw one row per estimate: name and figure on a line, the interval below it.

    Parameters
    ----------
    rows : sequence of (str, Metric)
        Only complete ones are drawn.
    title, x_label : str
    reference : float
        Value of the dashed line.
    write : callable
        Formats a figure.

    Returns
    -------
    Markup

    Examples
    --------
    >>> drawn = forest_chart([("Last CRP", Metric(0.1, 0.05, 0.2))], title="AUROC", x_label="")
    >>> "Last CRP</text>" in drawn, "Last CRP 0.10 [0.05, 0.20]" in drawn
    (True, True)
    """
    known = [(name, metric) for name, metric in rows if metric.is_complete]
    named = [
        wrapped(name, _RIGHT - _LEFT - 8 - _LETTER * len(write(metric.value)))
        for name, metric in known
    ]
    bottom = _TOP + sum(_ROW + _LINE * (len(lines) - 1) for lines in named) + 4
    values = [reference, *(part for _, metric in known for part in metric)]
    x = Scale(*domain(values), _LEFT + 10, _RIGHT - 10)
    ticks = x.ticks(3)
    parts = [stroke(x(tick), _TOP, x(tick), bottom, Style(GRID, width=1)) for tick in ticks]
    parts.append(stroke(x(reference), _TOP, x(reference), bottom, _ZERO))
    drawn = []
    top = _TOP
    for lines, (name, metric) in zip(named, known, strict=True):
        value, low, high = (float(part or 0.0) for part in metric)
        figure, middle = write(value), top + _LINE * (len(lines) - 1) + 20
        parts += [
            text(_LEFT, top + 11 + _LINE * number, line, halo=True)
            for number, line in enumerate(lines)
        ]
        parts += [
            text(_RIGHT, top + 11, figure, anchor="end", halo=True),
            stroke(x(low), middle, x(high), middle, _INTERVAL),
            element("circle", cx=x(value), cy=middle, r=4, fill=BLUE),
        ]
        top += _ROW + _LINE * (len(lines) - 1)
        drawn.append(f"{name} {figure} [{write(low)}, {write(high)}]")
    parts += [
        text(x(tick), bottom + 14, _tick(tick, ticks), anchor="middle", colour=INK)
        for tick in ticks
    ]
    parts.append(text(WIDTH / 2, bottom + 32, x_label, anchor="middle"))
    return chart(title, f"{'; '.join(drawn)}.", WIDTH, bottom + 40, *parts)


def _tick(value: float, ticks: Sequence[float]) -> str:
    """Write a tick with as many decimals as the step between ticks needs."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    return decimal(value, 3 if step < 0.01 else 2)
