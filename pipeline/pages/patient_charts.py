"""Risk of an estimate by horizon as a small drawing."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.explain.estimates import Risk
from pipeline.explain.phrases import interval_text, risk_text
from pipeline.pages.risk_scale import position

_HEIGHT = 62.0
_TOP, _BOTTOM = 16.0, 44.0


def horizon_steps(risks: Sequence[Risk], headline: float) -> Markup:
    """Draw the risk of each horizon as a step line, as wide as its container.

    All horizons have the same width; heights are on the fixed scale of :mod:`risk_scale`.

    Examples
    --------
    >>> drawn = horizon_steps([Risk(24.0, 0.06, 0.04, 0.09), Risk(72.0, 0.18, 0.11, 0.29)], 72.0)
    >>> "18%" in drawn, drawn.count("<line")
    (True, 4)
    """
    width = 100.0 / max(1, len(risks))
    parts, before = [], _BOTTOM
    parts.append(_line("axis", 0.0, _BOTTOM, 100.0, _BOTTOM))
    for place, risk in enumerate(risks):
        left, middle = width * place, width * (place + 0.5)
        level = _BOTTOM - (_BOTTOM - _TOP) * position(risk.risk) / 100.0
        if place:
            parts.append(_line("curve", left, before, left, level))
        parts.append(_line("curve", left, level, left + width, level))
        name = ' class="named"' if risk.hours == headline else ""
        parts.append(_text(name, middle, level - 4, risk_text(risk.risk)))
        parts.append(_text(name, middle, _HEIGHT - 4, f"{risk.hours:g}\u00a0h"))
        before = level
    label = "; ".join(
        f"{risk.hours:g} h {risk_text(risk.risk)} ({interval_text(risk.low, risk.high)})"
        for risk in risks
    )
    return Markup(  # numbers and texts made here, nothing from a file
        f'<svg class="steps" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="Risk within {label}" height="{_HEIGHT:g}">{"".join(parts)}</svg>'
    )


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:.4g}%" y1="{y1:.4g}" x2="{x2:.4g}%" y2="{y2:.4g}"/>'


def _text(name: str, x: float, y: float, content: str) -> str:
    return f'<text{name} x="{x:.4g}%" y="{y:.4g}" text-anchor="middle">{content}</text>'
