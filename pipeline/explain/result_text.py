"""Results, numbers and units of analytes as text."""

from __future__ import annotations

from pipeline.format import MINUS

_MARK = {-1: "<", 0: "", 1: ">"}


def value_text(value: float, side: float, unit: str) -> str:
    """Format a result with its comparator and natural unit.

    Parameters
    ----------
    value : float
        Number in the canonical unit.
    side : float
        -1 for a result below its limit, 1 above it, else 0.
    unit : str
        Canonical unit of the dictionary.

    Returns
    -------
    str

    Examples
    --------
    >>> value_text(5.0, -1, "pg/mL"), value_text(8400.2, 0, "ng/mL"), value_text(0.31, 0, "1")
    ('<5 pg/mL', '8,400 ng/mL', '0.31 ratio')
    """
    return f"{_MARK[int(side)]}{number_text(value)} {unit_text(unit)}".strip()


def plain_result(value: float, side: float, unit: str) -> str:
    """Format a result for a file: ASCII units, no thousands separator.

    Examples
    --------
    >>> plain_result(5.0, -1, "pg/mL"), plain_result(184.25, 0, "mg/L"), plain_result(0.31, 0, "1")
    ('<5 pg/mL', '184 mg/L', '0.31')
    """
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    shown = unit.replace("{FEU}", " FEU").replace("10*", "10^")
    shown = _without_braces(shown)
    return f"{_MARK[int(side)]}{number}" + ("" if shown in ("", "1") else f" {shown}")


def number_text(value: float) -> str:
    """Format a lab value with three significant digits and a thousands separator.

    Parameters
    ----------
    value : float
        Number in any unit.

    Returns
    -------
    str

    Examples
    --------
    >>> [number_text(value) for value in (184.25, 0.00712, 62000.0, 3.0, -0.6731)]
    ['184', '0.00712', '62,000', '3', '−0.673']
    """
    if value < 0:
        return MINUS + number_text(-value)
    if value >= 100:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return f"{value:.5f}".rstrip("0") if "e" in text else text


def unit_text(unit: str) -> str:
    """Format a canonical unit as laboratories write it.

    Parameters
    ----------
    unit : str
        Canonical unit of the dictionary.

    Returns
    -------
    str

    Examples
    --------
    >>> unit_text("mg/L{FEU}"), unit_text("10*9/L"), unit_text("1"), unit_text("ug/L")
    ('mg/L FEU', '×10⁹/L', 'ratio', 'µg/L')
    """
    if unit == "1":
        return "ratio"
    shown = unit.replace("10*9", "×10⁹").replace("10*12", "×10¹²").replace("10*6", "×10⁶")
    shown = _without_braces(shown.replace("{FEU}", " FEU").replace("{DDU}", " DDU"))
    return "µ" + shown[1:] if shown.startswith("ug/") else shown


def _without_braces(unit: str) -> str:
    """Remove the braces of a unit that is only an annotation, for example ``{z}``."""
    return unit[1:-1] if unit.startswith("{") and unit.endswith("}") else unit
