"""Result text to number, side of a limit and quality: ``<0.5``, ``1,234.5 H``, ``NEG``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import cache
from math import isinf, nan

import pandas as pd

from pipeline.remedy import Audience, Remedy, render
from pipeline.resources import schema_yaml

BELOW, ABOVE = "below", "above"
_COMPARATORS = {"<": -1, "<=": -1, "=<": -1, "≤": -1, "⩽": -1, "≦": -1}
_COMPARATORS |= {">": 1, ">=": 1, "=>": 1, "≥": 1, "⩾": 1, "≧": 1, "=": 0, "": 0}
_TEXT = re.compile(
    r"(?P<comparator>[<>=≤≥⩽⩾≦≧]{0,2})\s*(?P<number>[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?)\s*(?P<rest>.*)",
    re.DOTALL | re.ASCII,
)
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
# signs with one plain reading; NFKC would also turn the footnote of 10² into 102
_SIGNS = str.maketrans(
    {"＜": "<", "＞": ">", "−": "-", **dict.fromkeys("\u00a0\u202f\u2009\u2007", " ")}
)
# thousands apart by a space or an apostrophe; what follows the groups can only be a decimal mark
_GROUPED = re.compile(r"(?<![\d.,])(\d{1,3}(?:([ '’])\d{3})(?:\2\d{3})*)(?:[.,](\d+))?(?![\d.,'’])")
_NO_NUMBER = "is not a number with an optional < or >"
_COMMA_NOT_STATED = Remedy(
    train="has a comma; whether it is a decimal comma is not stated (cohort.decimal_comma)",
    operator="has a comma; whether it is a decimal comma is not stated",
)


_TEXTS = ("code", "problem", "word", "quality")


@dataclass(frozen=True)
class Reading:
    """What one cell says.

    Attributes
    ----------
    value : float
        As printed, NaN where there is no number.
    side : int
        -1 below a limit, +1 above, 0 exact.
    code : str
        Empty where usable, else ``value_unusable``, ``no_result`` or ``sentinel``.
    problem : str or Remedy
        Part of a sentence that says why it is unusable.
    word : str
        ``below`` or ``above`` where the cell only says on which side of an unstated limit it lies.
    quality : str
        State of the sample where the cell names one, such as ``haemolysed``.
    """

    value: float = nan
    side: int = 0
    code: str = ""
    problem: str | Remedy = ""
    word: str = ""
    quality: str = ""


def parse_values(
    cells: pd.Series,
    *,
    decimal_comma: bool | None = None,
    sentinels: Collection[float] = (),
    signed: bool = False,
    audience: Audience = Audience.TRAINING,
) -> pd.DataFrame:
    """Parse result text.

    Parameters
    ----------
    cells : Series of str
        Text as exported, stripped.
    decimal_comma : bool or None
        True: ``12,3`` is 12.3. False: ``1,234`` is 1234. None: neither is stated, so both are
        refused; ``1,234.5`` has one reading and is always accepted.
    sentinels : collection of float
        Numbers that stand for "missing" in this export.
    signed : bool
        Whether negative numbers are legal.
    audience : Audience
        For whom ``problem`` is worded.

    Returns
    -------
    DataFrame
        The fields of :class:`Reading` as columns.

    Examples
    --------
    >>> parsed = parse_values(pd.Series(["<0.5", "12", "n/a", "-3", "1,234.5 H"]))
    >>> parsed["value"].tolist(), parsed["side"].tolist()
    ([0.5, 12.0, nan, nan, 1234.5], [-1, 0, 0, 0, 0])
    >>> parsed["problem"][2]
    'stands for no result'
    """
    codes, unique = pd.factorize(cells.astype("str"))
    missing = frozenset(sentinels)
    readings = [_parse(str(text), decimal_comma, missing, signed=signed) for text in unique]
    columns = {
        item.name: [getattr(reading, item.name) for reading in readings] for item in fields(Reading)
    }
    columns["problem"] = [render(problem, audience) for problem in columns["problem"]]
    table = pd.DataFrame(columns).astype(
        {"value": "float64", "side": "int8", **dict.fromkeys(_TEXTS, "str")}
    )
    return table.iloc[codes].set_index(cells.index)


def apply_stated_limits(
    value: pd.Series, side: pd.Series, lloq: pd.Series, uloq: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Censor exact values that lie outside the limits stated on their own row.

    All four in the same unit; a value below ``lloq`` becomes "below lloq", one above ``uloq``
    "above uloq". A limit of NaN changes nothing.
    """
    below = (side == 0) & (value < lloq)
    above = (side == 0) & (value > uloq)
    return (
        value.where(~below, lloq).where(~above, uloq),
        side.where(~below, -1).where(~above, 1).astype("int8"),
    )


def _parse(
    text: str, decimal_comma: bool | None, sentinels: frozenset[float], *, signed: bool
) -> Reading:
    if text == "":
        return Reading(code="no_result", problem="is blank")
    plain = text.translate(_SIGNS).strip()
    word = _word(plain)
    meaning, of = _text().get(word, ("", ""))
    if meaning in (BELOW, ABOVE):
        return Reading(side=-1 if meaning == BELOW else 1, word=meaning)
    if meaning == "quality":
        return Reading(code="no_result", problem=f"says that the sample was {of}", quality=of)
    if meaning == "no_result":
        return Reading(code="no_result", problem="stands for no result")
    found = _TEXT.fullmatch(_GROUPED.sub(_ungrouped, _comparators_as_signs(plain), count=1))
    if found is None or found["comparator"] not in _COMPARATORS:
        return Reading(code="value_unusable", problem=_NO_NUMBER)
    return _number(found, decimal_comma, sentinels, signed=signed)


def _number(
    found: re.Match[str],
    decimal_comma: bool | None,
    sentinels: frozenset[float],
    *,
    signed: bool,
) -> Reading:
    quality = _beside(found["rest"])
    spelled, problem = _decimal(found["number"], decimal_comma)
    if quality is None and not problem:
        problem = _NO_NUMBER
    if problem:
        return Reading(code="value_unusable", problem=problem)
    number = float(spelled) + 0.0  # "-0" becomes 0
    side = _COMPARATORS[found["comparator"]]
    if isinf(number):
        return Reading(code="value_unusable", problem="is not finite")
    if side == 0 and number in sentinels:
        return Reading(code="sentinel", problem="is a code for a missing result")
    if number < 0 and not signed:
        return Reading(code="value_unusable", problem="is negative")
    return Reading(number, side, quality=quality or "")


def _decimal(text: str, decimal_comma: bool | None) -> tuple[str, str | Remedy]:
    """Number with a point as decimal mark, and what is wrong with it."""
    if "," not in text:
        if decimal_comma and re.fullmatch(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+", text):
            return "", "may be thousands or a decimal point where commas are decimal"
        return (text, "") if _PLAIN.fullmatch(text) else ("", _NO_NUMBER)
    sign = r"[+-]?"
    if re.fullmatch(sign + r"\d{1,3}(?:,\d{3})+(?:\.\d*(?:[eE][+-]?\d+)?)", text):
        return text.replace(",", ""), ""
    if re.fullmatch(sign + r"\d{1,3}(?:\.\d{3})+,\d+", text) and decimal_comma:
        return text.replace(".", "").replace(",", "."), ""
    if re.fullmatch(sign + r"\d{1,3}(?:,\d{3}){2,}", text):
        return text.replace(",", ""), ""
    if re.fullmatch(sign + r"\d*,\d+(?:[eE][+-]?\d+)?", text):
        if decimal_comma:
            return text.replace(",", "."), ""
        if decimal_comma is False and re.fullmatch(sign + r"[1-9]\d{0,2},\d{3}", text):
            return text.replace(",", ""), ""
        if decimal_comma is False:
            return "", "has a comma that is neither decimal by cohort.decimal_comma nor thousands"
        return "", _COMMA_NOT_STATED
    return "", _NO_NUMBER


def _beside(rest: str) -> str | None:
    """Quality named beside a number, "" for a mark or nothing, None for anything else."""
    word = _word(rest.strip("()[] \t"))
    if word == "":
        return ""
    meaning, of = _text().get(word, ("", ""))
    if meaning == "quality":
        return of
    return "" if word in _marks() else None


def _ungrouped(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[1])
    return f"{digits}.{found[3]}" if found[3] else digits


def _comparators_as_signs(text: str) -> str:
    for sign, words in _spelled_comparators():
        if text.lower().startswith(words):
            return sign + text[len(words) :]
    return text


def _word(text: str) -> str:
    return " ".join(re.sub(r"[._\s]+", " ", text.lower()).split())


@cache
def _text() -> dict[str, tuple[str, str]]:
    content = schema_yaml("result_words.yaml")
    index = {
        _word(word): (group, "") for group in ("no_result", BELOW, ABOVE) for word in content[group]
    }
    for quality, words in content["quality"].items():
        index.update({_word(word): ("quality", quality) for word in words})
    return index


@cache
def _marks() -> frozenset[str]:
    return frozenset(_word(mark) for mark in schema_yaml("result_words.yaml")["marks"])


@cache
def _spelled_comparators() -> list[tuple[str, str]]:
    content = schema_yaml("result_words.yaml")
    pairs = [("<", f"{words} ") for words in content["below_words"]]
    pairs += [(">", f"{words} ") for words in content["above_words"]]
    return sorted(pairs, key=lambda pair: -len(pair[1]))
