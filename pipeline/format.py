"""Formats numbers as text for people; a missing number is an en dash."""

from __future__ import annotations

import math
from collections.abc import Sequence

DASH = "–"
MINUS = "−"
Number = float | None


def is_missing(x: Number) -> bool:
    """Whether a number cannot be shown: None, NaN or infinite.

    Parameters
    ----------
    x : float or None

    Returns
    -------
    bool

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    return x is None or not math.isfinite(x)


def decimal(x: Number, places: int = 2) -> str:
    """Number with fixed decimals.

    Parameters
    ----------
    x : float or None
    places : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> decimal(0.8149), decimal(-0.5, 1), decimal(None), decimal(-0.001)
    ('0.81', '−0.5', '–', '0.00')
    """
    if x is None or is_missing(x):
        return DASH
    if abs(x) >= 1e6:
        return f"{x:.1e}".replace("-", MINUS)
    text = f"{x:.{places}f}"
    if float(text) == 0:
        return text.removeprefix("-")
    return text.replace("-", MINUS)


def signed(x: Number, places: int = 2) -> str:
    """Difference with its sign, plus included.

    Parameters
    ----------
    x : float or None
    places : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> signed(0.064), signed(-0.02), signed(0.0), signed(None)
    ('+0.06', '−0.02', '0.00', '–')
    """
    text = decimal(x, places)
    shows_plus = x is not None and not is_missing(x) and x > 0 and text.strip("0.") != ""
    return f"+{text}" if shows_plus else text


def area_places(lo: Number, hi: Number) -> int:
    """Decimals of an AUROC: two, or three where its interval is narrower than 0.05.

    Parameters
    ----------
    lo, hi : float or None
        Ends of the interval.

    Returns
    -------
    int

    Examples
    --------
    >>> area_places(0.7, 0.8), area_places(0.97, 0.99), area_places(None, None)
    (2, 3, 2)
    """
    if lo is None or hi is None or is_missing(lo) or is_missing(hi):
        return 2
    return 3 if round(hi - lo, 6) < 0.05 else 2


def integer(x: Number) -> str:
    """Count with thousands separators.

    Parameters
    ----------
    x : float or None

    Returns
    -------
    str

    Examples
    --------
    >>> integer(16500), integer(7.0), integer(None)
    ('16,500', '7', '–')
    """
    if x is None or is_missing(x):
        return DASH
    return f"{round(x):,}".replace("-", MINUS)


def counted(number: int, noun: str) -> str:
    """Count with its noun.

    Parameters
    ----------
    number : int
    noun : str
        Singular; the plural adds an s.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "patient"), counted(1200, "row"), counted(0, "cell")
    ('1 patient', '1,200 rows', '0 cells')
    """
    return f"{integer(number)} {noun}{'' if number == 1 else 's'}"


def plain(x: Number) -> str:
    """Number in its shortest form, for axis ticks and lab values.

    Parameters
    ----------
    x : float or None

    Returns
    -------
    str

    Examples
    --------
    >>> plain(0.30000000000000004), plain(16500.0), plain(-2.0), plain(None)
    ('0.3', '16,500', '−2', '–')
    """
    if x is None or is_missing(x):
        return DASH
    return f"{x:,.10g}".replace("-", MINUS)


def percent(p: Number) -> str:
    """Probability as an integer percentage, clipped to "<1%" and ">99%".

    Parameters
    ----------
    p : float or None
        From 0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> percent(0.176), percent(0.004), percent(0.999), percent(None)
    ('18%', '<1%', '>99%', '–')
    """
    digits = _percent_digits(p)
    return digits if digits == DASH else f"{digits}%"


def proportion(p: Number) -> str:
    """Counted share as an integer percentage; unlike a risk it may be 0% or 100%.

    Parameters
    ----------
    p : float or None
        From 0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> proportion(0), proportion(0.004), proportion(0.999), proportion(1), proportion(None)
    ('0%', '<1%', '>99%', '100%', '–')
    """
    return f"{100 * p:.0f}%" if p in (0, 1) else percent(p)


def percent_interval(lo: Number, hi: Number) -> str:
    """Interval of probabilities in integer percent.

    Parameters
    ----------
    lo, hi : float or None
        From 0 to 1.

    Returns
    -------
    str

    Examples
    --------
    >>> percent_interval(0.11, 0.29), percent_interval(0.001, 0.02), percent_interval(None, 1)
    ('11–29%', '<1–2%', '–')
    """
    if is_missing(lo) or is_missing(hi):
        return DASH
    return f"{_percent_digits(lo)}{DASH}{_percent_digits(hi)}%"


def interval(lo: Number, hi: Number, places: int = 2) -> str:
    """Interval with an en dash, or with "to" if an end is negative.

    Parameters
    ----------
    lo, hi : float or None
    places : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> interval(0.744, 0.871), interval(-0.01, 0.05), interval(0.1, None)
    ('0.74–0.87', '−0.01 to 0.05', '–')
    """
    if is_missing(lo) or is_missing(hi):
        return DASH
    low, high = decimal(lo, places), decimal(hi, places)
    return f"{low}{' to ' if MINUS in low + high else DASH}{high}"


def bracket(lo: Number, hi: Number, places: int = 2) -> str:
    """Interval in brackets for a table cell; "" where either end is missing.

    Parameters
    ----------
    lo, hi : float or None
    places : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> bracket(0.744, 0.871), bracket(None, 0.9)
    ('[0.74, 0.87]', '')
    """
    if is_missing(lo) or is_missing(hi):
        return ""
    return f"[{decimal(lo, places)}, {decimal(hi, places)}]"


def in_words(name: str, lo: Number, hi: Number, places: int = 2) -> str:
    """Named interval that follows a figure in a sentence; "" where it is missing.

    Parameters
    ----------
    name : str
        Name of the interval.
    lo, hi : float or None
    places : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> in_words("95% interval", 0.744, 0.871), in_words("range", None, 1)
    (' (95% interval 0.74–0.87)', '')
    """
    return "" if is_missing(lo) or is_missing(hi) else f" ({name} {interval(lo, hi, places)})"


def count_of(k: Number, n: Number) -> str:
    """Part and whole.

    Parameters
    ----------
    k, n : float or None
        Part and whole.

    Returns
    -------
    str

    Examples
    --------
    >>> count_of(21, 301), count_of(1200, 16500), count_of(None, 301)
    ('21 of 301', '1,200 of 16,500', '– of 301')
    """
    return f"{integer(k)} of {integer(n)}"


def words(name: object) -> str:
    """Machine name as a phrase.

    Parameters
    ----------
    name : object
        For example ``grade_and_day``.

    Returns
    -------
    str

    Examples
    --------
    >>> words("grade_and_day"), words("n_lab_rows")
    ('Grade and day', 'N lab rows')
    """
    text = str(name).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def joined(parts: Sequence[object]) -> str:
    """Items as a sentence lists them: commas, and "and" before the last.

    Parameters
    ----------
    parts : sequence

    Returns
    -------
    str

    Examples
    --------
    >>> joined([24, 48, 72]), joined(["CRS"]), joined([])
    ('24, 48 and 72', 'CRS', '')
    """
    *first, last = [str(part) for part in parts] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _percent_digits(p: Number) -> str:
    """Digits of a percentage; raises ValueError for a value that is not a probability."""
    if p is None or is_missing(p):
        return DASH
    if not -1e-9 <= p <= 1 + 1e-9:
        raise ValueError(f"A probability must be between 0 and 1, got {p!r}.")
    if p < 0.01:
        return "<1"
    return ">99" if p > 0.99 else str(math.floor(100 * p + 0.5))
