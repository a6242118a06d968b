"""Waterfall of one estimate: rows from the average of the day to the risk, with their bars."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pipeline.explain.estimates import Estimate
from pipeline.explain.phrases import phrase, risk_text, signed_points
from pipeline.explain.sentences import EstimateReasons

_HEIGHT = 20.0
_PAD = 3.0  # percent of the width kept free at each end


@dataclass(frozen=True)
class WaterfallRow:
    """One row: name, value, driver, drawing, and points or risk as text.

    Attributes
    ----------
    kind : str
        ``start``, ``offset``, ``step``, ``other`` or ``end``.
    """

    kind: str
    name: str
    value: str
    driver: str
    drawing: Markup
    points: str


def waterfall(item: Estimate, reasons: EstimateReasons) -> list[WaterfallRow]:
    """Return the rows from the average of the day to the risk, largest contribution first.

    The model's own average, if it differs much, follows the average of the day.

    Parameters
    ----------
    item : Estimate
        With a risk.
    reasons : EstimateReasons
        Of the same estimate.
    """
    risk = item.headline
    if risk is None or not reasons.bars:
        return []
    steps = [("step", bar.name, bar.value, bar.driver, bar.points) for bar in reasons.bars]
    steps.append(("other", phrase("why", "other"), "", "", reasons.other))
    if reasons.offset and risk.usual is not None:
        name, own = phrase("why", "offset", day=risk.usual.day), risk_text(item.reference_risk)
        steps.insert(0, ("offset", name, own, "", reasons.offset))
    ends = [100.0 * item.average]
    for *_, points in steps:
        ends.append(ends[-1] + points)
    x = _Axis(min(ends), max(ends))
    rows = [
        WaterfallRow(
            kind, name, value, driver, _bar(ends[place], ends[place + 1], x), signed_points(points)
        )
        for place, (kind, name, value, driver, points) in enumerate(steps)
    ]
    start = _end_row("start", start_name(item), item.average, ends[0], x)
    return [start, *rows, _end_row("end", phrase("why", "end"), risk.risk, ends[-1], x)]


def start_name(item: Estimate) -> str:
    """Name of the starting point: the average of the day, or the mean of the model."""
    usual = None if item.headline is None else item.headline.usual
    if usual is None:
        return phrase("why", "start_model")
    return phrase("why", "start", day=usual.day)


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def __call__(self, value: float) -> float:
        span = max(self.high - self.low, 1e-9)
        return _PAD + (100.0 - 2 * _PAD) * (value - self.low) / span


def _bar(start: float, end: float, x: _Axis) -> Markup:
    """Bar between two running risks: filled if it raises the risk, open if it lowers it."""
    left, right = sorted((x(start), x(end)))
    name = "up" if end >= start else "down"
    return _drawing(
        f'<rect class="{name}" x="{left:.2f}%" y="4" width="{max(right - left, 0.3):.2f}%" '
        f'height="12"/><line class="link" x1="{x(end):.2f}%" y1="16" x2="{x(end):.2f}%" y2="20"/>'
    )


def _end_row(kind: str, name: str, risk: float, at: float, x: _Axis) -> WaterfallRow:
    place = x(at)
    if kind == "start":
        mark = f'<line class="average" x1="{place:.2f}%" y1="3" x2="{place:.2f}%" y2="20"/>'
    else:
        mark = f'<circle class="risk" cx="{place:.2f}%" cy="10" r="6"/>'
    return WaterfallRow(kind, name, "", "", _drawing(mark), risk_text(risk))


def _drawing(parts: str) -> Markup:
    return Markup(
        f'<svg class="fall" xmlns="http://www.w3.org/2000/svg" aria-hidden="true" '
        f'height="{_HEIGHT:g}">{parts}</svg>'
    )
