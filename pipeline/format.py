"""Numbers to text for people: a missing number is an en dash, never "nan" or "None"."""

from __future__ import annotations

import math
from collections.abc import Sequence

DASH = "–"
MINUS = "−"
Number = float | None


def is_missing(x: Number) -> bool:
    """
    Tell whether a number cannot be shown: None, NaN or infinite.

    Examples
    --------
    >>> is_missing(None), is_missing(float("nan")), is_missing(0)
    (True, True, False)
    """
    return x is None or not math.isfinite(x)


def decimal(x: Number, places: int = 2) -> str:
    """
    Write a number with fixed decimals.

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
    """
    Write a difference with its sign always shown.

    Examples
    --------
    >>> signed(0.064), signed(-0.02), signed(0.0), signed(None)
    ('+0.06', '−0.02', '0.00', '–')
    """
    text = decimal(x, places)
    shows_plus = x is not None and not is_missing(x) and x > 0 and text.strip("0.") != ""
    return f"+{text}" if shows_plus else text


def integer(x: Number) -> str:
    """
    Write a count with thousands separated.

    Examples
    --------
    >>> integer(16500), integer(7.0), integer(None)
    ('16,500', '7', '–')
    """
    if x is None or is_missing(x):
        return DASH
    return f"{round(x):,}".replace("-", MINUS)


def counted(number: int, noun: str) -> str:
    """
    Write a count with its noun.

    Examples
    --------
    >>> counted(1, "patient"), counted(1200, "row"), counted(0, "cell")
    ('1 patient', '1,200 rows', '0 cells')
    """
    return f"{integer(number)} {noun}{'' if number == 1 else 's'}"


def plain(x: Number) -> str:
    """
    Write a number as short as it is, for axis ticks and lab values.

    Examples
    --------
    >>> plain(0.30000000000000004), plain(16500.0), plain(-2.0), plain(None)
    ('0.3', '16,500', '−2', '–')
    """
    if x is None or is_missing(x):
        return DASH
    return f"{x:,.10g}".replace("-", MINUS)


def percent(p: Number) -> str:
    """
    Write a probability as an integer percent, clipped to "<1 %" and ">99 %".

    Examples
    --------
    >>> percent(0.176), percent(0.004), percent(0.999), percent(None)
    ('18 %', '<1 %', '>99 %', '–')
    """
    digits = _percent_digits(p)
    return digits if digits == DASH else f"{digits} %"


def proportion(p: Number) -> str:
    """
    Write a counted share as an integer percent: none is 0 % and all are 100 %, unlike a risk.

    Examples
    --------
    >>> proportion(0), proportion(0.004), proportion(0.999), proportion(1), proportion(None)
    ('0 %', '<1 %', '>99 %', '100 %', '–')
    """
    return f"{100 * p:.0f} %" if p in (0, 1) else percent(p)


def percent_interval(lo: Number, hi: Number) -> str:
    """
    Write an interval of probabilities in integer percent.

    Examples
    --------
    >>> percent_interval(0.11, 0.29), percent_interval(0.001, 0.02), percent_interval(None, 1)
    ('11 to 29 %', '<1 to 2 %', '–')
    """
    if is_missing(lo) or is_missing(hi):
        return DASH
    return f"{_percent_digits(lo)} to {_percent_digits(hi)} %"


def interval(lo: Number, hi: Number, places: int = 2) -> str:
    """
    Write an interval in words that survive a minus sign.

    Examples
    --------
    >>> interval(0.744, 0.871), interval(-0.01, 0.05), interval(0.1, None)
    ('0.74 to 0.87', '−0.01 to 0.05', '–')
    """
    if is_missing(lo) or is_missing(hi):
        return DASH
    return f"{decimal(lo, places)} to {decimal(hi, places)}"


def bracket(lo: Number, hi: Number, places: int = 2) -> str:
    """
    Write an interval in brackets for a table cell; nothing when either end is missing.

    Examples
    --------
    >>> bracket(0.744, 0.871), bracket(None, 0.9)
    ('[0.74, 0.87]', '')
    """
    if is_missing(lo) or is_missing(hi):
        return ""
    return f"[{decimal(lo, places)}, {decimal(hi, places)}]"


def in_words(name: str, lo: Number, hi: Number, places: int = 2) -> str:
    """
    Write a named interval to follow a figure in a sentence; nothing when it is not known.

    Examples
    --------
    >>> in_words("95 % interval", 0.744, 0.871), in_words("range", None, 1)
    (' (95 % interval 0.74 to 0.87)', '')
    """
    return "" if is_missing(lo) or is_missing(hi) else f" ({name} {interval(lo, hi, places)})"


def count_of(k: Number, n: Number) -> str:
    """
    Write a part and its whole.

    Examples
    --------
    >>> count_of(21, 301), count_of(1200, 16500), count_of(None, 301)
    ('21 of 301', '1,200 of 16,500', '– of 301')
    """
    return f"{integer(k)} of {integer(n)}"


def words(name: object) -> str:
    """
    Turn a machine name into words.

    Examples
    --------
    >>> words("grade_and_day"), words("n_lab_rows")
    ('Grade and day', 'N lab rows')
    """
    text = str(name).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def joined(parts: Sequence[object]) -> str:
    """
    List things the way a sentence does.

    Examples
    --------
    >>> joined([24, 48, 72]), joined(["CRS"]), joined([])
    ('24, 48 and 72', 'CRS', '')
    """
    *first, last = [str(part) for part in parts] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _percent_digits(p: Number) -> str:
    """Percent without its sign; a value that is no probability is a bug worth stopping for."""
    if p is None or is_missing(p):
        return DASH
    if not -1e-9 <= p <= 1 + 1e-9:
        raise ValueError(f"A probability lies between 0 and 1, got {p!r}.")
    if p < 0.01:
        return "<1"
    return ">99" if p > 0.99 else str(math.floor(100 * p + 0.5))
