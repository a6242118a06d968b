"""Charts of alarms: found against expected, and patients by fifth of the training values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import percent, plain
from pipeline.pages import axes, marks
from pipeline.pages.axes import Scale
from pipeline.pages.svg import BLUE, ORANGE, Style, chart, element, key, text

_text = partial(evaluation_phrase, "monitor")
WIDTH = 300
_LEFT, _RIGHT = 56, 290
_TOP, _BOTTOM, _HEIGHT = 36, 166, 204
_LABELS, _BAR, _GAP = 70, 16, 26


def pair_chart(
    title: str, expected: float, found: float, write: Callable[[float], str], *, top: float = 0.0
) -> Markup:
    """Draw two bars from zero, expected and found, each with its figure.

    Parameters
    ----------
    title : str
    expected, found : float
    write : callable
        Formats a figure.
    top : float
        Right end of the scale; 0 for the larger figure.

    Examples
    --------
    >>> drawn = pair_chart("CRP", 0.1, 0.35, lambda share: f"{share:.0%}", top=1.0)
    >>> "35%" in drawn, drawn.count("<rect")
    (True, 2)
    """
    reach = max(top, expected, found, 1e-9)
    x = Scale(0, reach, _LABELS, _RIGHT - 52)
    parts: list[Markup] = []
    for number, (name, value, colour) in enumerate(
        ((_text("expected"), expected, ORANGE), (_text("found"), found, BLUE))
    ):
        y = 6 + _GAP * number
        width = max(x(max(value, 0.0)) - _LABELS, 1)
        parts += [
            text(_LABELS - 8, y + 13, name, anchor="end"),
            element("rect", x=_LABELS, y=y, width=width, height=_BAR, fill=colour),
            text(_LABELS + width + 5, y + 13, write(value), bold=True),
        ]
    description = _text("pair", expected=write(expected), found=write(found))
    return chart(title, description, WIDTH, 6 + 2 * _GAP, *parts)


def fifths_chart(
    title: str, names: Sequence[str], expected: Sequence[float], found: Sequence[float]
) -> Markup:
    """Draw the shares of patients by fifth of the training values, expected as steps.

    Examples
    --------
    >>> fifths = ["lowest fifth", "highest fifth"]
    >>> "lowest fifth 90%" in fifths_chart("CRP", fifths, [0.5, 0.5], [0.9, 0.1])
    True
    """
    count = len(names)
    x, y = Scale(0, count, _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    description = ", ".join(
        _text("fifth", name=name, found=percent(a), expected=percent(b))
        for name, a, b in zip(names, found, expected, strict=True)
    )
    suffix = _text("fifth_suffix")
    ticks = [(i + 0.5, name.removesuffix(suffix)) for i, name in enumerate(names)]
    dashed = Style(ORANGE, "5 3", width=2.4)
    steps = [(float(i), expected[min(i, count - 1)]) for i in range(count + 1)]
    return chart(
        title,
        f"{description}.",
        WIDTH,
        _HEIGHT,
        axes.axes(
            x,
            y,
            x_label=_text("fifth_axis"),
            y_label=_text("patients_axis"),
            x_ticks=ticks,
            y_ticks=[(at, plain(100 * at)) for at in (0, 0.25, 0.5, 0.75, 1)],
        ),
        marks.bars(x, y, list(range(count + 1)), found, Style(BLUE)),
        marks.step(x, y, steps, dashed),
        key(
            [(_text("expected_key"), dashed), (_text("found_key"), Style(BLUE, None, width=8))],
            _LEFT + 8,
            10,
        ),
    )
