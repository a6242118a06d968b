"""Charts of the audit page: completeness per analyte and day, and rejects per file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from markupsafe import Markup

from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.format import percent, proportion
from pipeline.pages.svg import BLUE, GREY, GRID, ORANGE, Style, chart, element, stroke, text

_text = partial(evaluation_phrase, "audit")
_NAMES, _CELL, _ROW, _TOP = 150, 25, 19, 8
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_FAINT = 0.06  # opacity of a cell without results, so that the grid stays visible
_BAR_WIDTH, _BAR_ROW = 430, 34


def completeness_heatmap(
    days: Sequence[int], shares: Mapping[str, Sequence[float]], *, title: str
) -> Markup:
    """Draw one row per analyte and one cell per day, darker where more patients have a result.

    Examples
    --------
    >>> drawn = completeness_heatmap([0, 1], {"CRP": [0.5, 1.0]}, title="Completeness")
    >>> drawn.count("<rect"), "CRP 50% to" in drawn
    (7, True)
    """
    parts: list[Markup] = []
    for number, (name, row) in enumerate(shares.items()):
        top = _TOP + _ROW * number
        parts.append(text(_NAMES - 8, top + 14, name, anchor="end"))
        parts += [_tile(_NAMES + _CELL * column, top, share) for column, share in enumerate(row)]
    bottom = _TOP + _ROW * len(shares)
    for column, day in enumerate(days):
        label = _text("before_axis") if day < 0 else str(day)
        place = _NAMES + _CELL * (column + 0.5)
        parts.append(text(place - (10 if day < 0 else 0), bottom + 14, label, anchor="middle"))
    parts += _scale(bottom + 34)
    spans = [
        _text("span", name=name, low=percent(min(row)), high=percent(max(row)))
        for name, row in shares.items()
    ]
    width = max(_NAMES + _CELL * len(days) + 4, _NAMES + 330)
    return chart(title, f"{'; '.join(spans)}.", width, bottom + 58, *parts)


def reject_bars(rejected: Mapping[str, tuple[int, int]], *, title: str) -> Markup:
    """Draw the share of rejected rows per file on a square-root scale, so that few are visible.

    Parameters
    ----------
    rejected : mapping of str to (int, int)
        File to its rejected rows and rows read.
    title : str

    Examples
    --------
    >>> drawn = reject_bars({"labs.csv": (15, 60)}, title="Rejected rows")
    >>> "15 of 60 (25%)" in drawn
    True
    """
    left, right = 8, _BAR_WIDTH - 20
    parts: list[Markup] = []
    bottom = _TOP + _BAR_ROW * len(rejected)
    for share in (0.01, 0.1, 0.25, 0.5, 1.0):
        at = left + (right - left) * math.sqrt(share)
        parts.append(stroke(at, _TOP, at, bottom, Style(GRID, width=1)))
        parts.append(text(at, bottom + 14, proportion(share), anchor="middle", size=11))
    drawn = []
    for number, (file, (count, read)) in enumerate(rejected.items()):
        top = _TOP + _BAR_ROW * number
        share = count / max(read, 1)
        shown = percent(share) if count else _text("nil")
        figure = _text("rejected", count=f"{count:,}", read=f"{read:,}", share=shown)
        width = (right - left) * math.sqrt(share)
        parts.append(text(left, top + 13, file, halo=True))
        parts.append(text(right, top + 13, figure, anchor="end", halo=True))
        parts.append(element("rect", x=left, y=top + 18, width=right - left, height=9, fill=GRID))
        if count:
            parts.append(
                element("rect", x=left, y=top + 18, width=max(width, 2), height=9, fill=ORANGE)
            )
        drawn.append(f"{file}: {figure}")
    return chart(title, f"{'; '.join(drawn)}.", _BAR_WIDTH, bottom + 22, *parts)


def _tile(x: float, y: float, share: float) -> Markup:
    box = {"x": x, "y": y, "width": _CELL - 1, "height": _ROW - 1}
    opacity = f"{_FAINT + (1 - _FAINT) * min(max(share, 0.0), 1.0):.2f}"
    return element("rect", **box, fill=BLUE, fill_opacity=opacity)


def _scale(y: float) -> list[Markup]:
    """Key of the shares."""
    parts = [text(_NAMES - 8, y + 13, _text("with_result"), anchor="end", colour=GREY)]
    for number, share in enumerate(_SHARES):
        left = _NAMES + 66 * number
        parts.append(_tile(left, y, share))
        parts.append(text(left + _CELL + 2, y + 13, f"{100 * share:.0f}%", size=11))
    return parts
