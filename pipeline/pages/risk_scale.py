"""The fixed risk scale of all patients: 0 to 100%, square-root spaced."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.pages.svg import element

TICKS: tuple[tuple[float, str], ...] = (
    (0.0, "0"),
    (0.01, "1"),
    (0.05, "5"),
    (0.1, "10"),
    (0.25, "25"),
    (0.5, "50"),
    (1.0, "100%"),
)
"""Labelled risks of the scale."""
_SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class RiskMark:
    """One estimate on the scale, as proportions.

    Parameters
    ----------
    hue : str
        CSS class of the syndrome, from :func:`syndrome_hue`.
    risk, low, high : float
        Risk and its interval.
    average : float or None
        Average of the day, drawn as a tick.
    alternative : str
        Text alternative; blank hides the drawing from screen readers, for a drawing beside
        the same numbers as text.
    average_label : str
        Label at the average; not drawn in the compact form.
    """

    hue: str
    risk: float
    low: float
    high: float
    average: float | None = None
    alternative: str = ""
    average_label: str = ""


def syndrome_hue(scale: str, threshold: int) -> str:
    """Return the CSS class that colours an outcome; ``templates/colours.css`` defines them.

    Examples
    --------
    >>> syndrome_hue("crs", 3), syndrome_hue("icans", 1), syndrome_hue("icans", 3)
    ('crs', 'icans', 'severe-icans')
    """
    if scale == "icans":
        return "severe-icans" if threshold >= 3 else "icans"
    return "crs" if scale == "crs" else "other-syndrome"


def position(risk: float) -> float:
    """Return the place of a risk on the scale, from 0 to 100.

    Examples
    --------
    >>> [round(position(risk), 1) for risk in (0.0, 0.01, 0.25, 1.0, 1.2)]
    [0.0, 10.0, 50.0, 100.0, 100.0]
    """
    return 100.0 * math.sqrt(min(max(risk, 0.0), 1.0))


def risk_scale(mark: RiskMark) -> Markup:
    """Draw an estimate on the labelled scale, as wide as its container.

    Examples
    --------
    >>> drawn = risk_scale(RiskMark("crs", 0.12, 0.07, 0.21, 0.04, "Risk 12%", "average 4%"))
    >>> "average 4%" in drawn and 'aria-label="Risk 12%"' in drawn
    True
    """
    axis, top = 27.0, 15.0
    parts = [_line("axis", 0.0, axis, 100.0, axis)]
    for at, label in TICKS:
        place = position(at)
        parts.append(_line("tick", place, axis, place, axis + 4))
        parts.append(_text("", place, axis + 17, label, clear=2.0))
    parts += _estimate(mark, axis - 7, 12.0, 6.0)
    if mark.average is not None and mark.average_label:
        parts.append(_text("named", position(mark.average), top - 4, mark.average_label, clear=18))
    return _drawing(mark, 46, parts)


def compact_scale(mark: RiskMark) -> Markup:
    """Draw an estimate on the scale without labels, for a cell of a list.

    Examples
    --------
    >>> drawn = compact_scale(RiskMark("icans", 0.3, 0.2, 0.4, 0.25))
    >>> "<text" in drawn, 'aria-hidden="true"' in drawn
    (False, True)
    """
    parts = [_line("axis", 0.0, 13.0, 100.0, 13.0)]
    parts += [_line("tick", position(at), 11.0, position(at), 13.0) for at, _ in TICKS]
    parts += _estimate(mark, 7.0, 7.0, 4.0)
    return _drawing(mark, 14, parts)


def _estimate(mark: RiskMark, middle: float, height: float, radius: float) -> list[Markup]:
    """Interval as a bar, average as a tick through it, risk as a disc on top."""
    low, high = position(mark.low), position(mark.high)
    bar = {"x": _share(low), "width": _share(max(high - low, 0.8)), "rx": 2}
    parts = [element("rect", class_="interval", y=middle - height / 2, height=height, **bar)]
    if mark.average is not None:
        at, reach = position(mark.average), height / 2 + 3
        parts.append(_line("average", at, middle - reach, at, middle + reach))
    disc = {"cx": _share(position(mark.risk)), "cy": middle, "r": radius}
    return [*parts, element("circle", class_="risk", **disc)]


def _drawing(mark: RiskMark, height: float, parts: list[Markup]) -> Markup:
    label = mark.alternative
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return element("svg", *parts, class_=f"scale {mark.hue}", xmlns=_SVG, height=height, **named)


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", class_=name, x1=_share(x1), y1=y1, x2=_share(x2), y2=y2)


def _text(name: str, at: float, y: float, content: str, *, clear: float) -> Markup:
    """Centred text; within ``clear`` percent of an end it is aligned to that end."""
    anchor = "start" if at < clear else "end" if at > 100 - clear else "middle"
    place = 0.0 if at < clear and clear > 10 else at
    shown = {"class_": name or None, "x": _share(place), "y": y, "text_anchor": anchor}
    return element("text", content, **shown)


def _share(value: float) -> str:
    return f"{round(value, 2):g}%"
