"""Result text to number, side of a limit and quality: ``<0.5``, ``1,234.5 H``, ``NEG``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from functools import cache
from math import isinf, nan

import pandas as pd

from pipeline.cohort.decimal_marks import GROUPED, NO_NUMBER, DecimalMarks, ungrouped
from pipeline.remedy import Audience, Remedy, render
from pipeline.resources import schema_yaml

BELOW, ABOVE = "below", "above"
_COMPARATORS = {"<": -1, "<=": -1, "=<": -1, "≤": -1, "⩽": -1, "≦": -1}
_COMPARATORS |= {">": 1, ">=": 1, "=>": 1, "≥": 1, "⩾": 1, "≧": 1, "=": 0, "": 0}
_TEXT = re.compile(
    r"(?P<comparator>[<>=≤≥⩽⩾≦≧]{0,2})\s*(?P<number>[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?)\s*(?P<rest>.*)",
    re.DOTALL | re.ASCII,
)
# unambiguous signs only; NFKC would also turn the footnote of 10² into 102
_SIGNS = str.maketrans(
    {"＜": "<", "＞": ">", "−": "-", **dict.fromkeys("\u00a0\u202f\u2009\u2007", " ")}
)
_EXTRAPOLATED = "extrapolated"
_ONE_SIDE_UNKNOWN = "is outside a measuring range, without stating below or above"

_TEXTS = ("code", "problem", "word", "quality")


@dataclass(frozen=True)
class Reading:
    """Content of one result cell.

    Attributes
    ----------
    value : float
        As printed, NaN if there is no number.
    side : int
        -1 below a limit, +1 above, 0 exact.
    code : str
        "" if usable, else ``value_unusable``, ``no_result`` or ``sentinel``.
    problem : str or Remedy
        Predicate of the sentence on why it is unusable.
    word : str
        ``below`` or ``above`` if the cell states only a side of an unstated limit.
    quality : str
        State of the sample if stated, for example ``haemolysed``, or ``extrapolated``.
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
    marks: DecimalMarks | None = None,
) -> pd.DataFrame:
    """Parse result text.

    Parameters
    ----------
    cells : Series of str
        Text as exported, stripped.
    decimal_comma : bool or None
        True: ``12,3`` is 12.3. False: ``1,234`` is 1234. None (not stated): both are rejected.
        ``1,234.5`` is unambiguous and always accepted.
    sentinels : collection of float
        Numbers that mean "missing" in this export.
    signed : bool
        Whether negative numbers are legal.
    audience : Audience
        Reader of ``problem``.
    marks : DecimalMarks, optional
        ``decimal_comma`` with the evidence of the file; by default without evidence.

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
    'means no result'
    """
    codes, unique = pd.factorize(cells.astype("str"))
    known, missing = marks or DecimalMarks(decimal_comma), frozenset(sentinels)
    readings = [_parse(str(text), known, missing, signed=signed) for text in unique]
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
    """Censor exact values outside the limits of their own row.

    All four arguments have the same unit. A value below ``lloq`` becomes "below lloq", one above
    ``uloq`` "above uloq". A limit of NaN has no effect.
    """
    below = (side == 0) & (value < lloq)
    above = (side == 0) & (value > uloq)
    return (
        value.where(~below, lloq).where(~above, uloq),
        side.where(~below, -1).where(~above, 1).astype("int8"),
    )


def _parse(text: str, marks: DecimalMarks, sentinels: frozenset[float], *, signed: bool) -> Reading:
    if text == "":
        return Reading(code="no_result", problem="is blank")
    plain = _fold(text.translate(_SIGNS)).strip()
    word = _word(plain)
    meaning, of = _text().get(word, ("", ""))
    if meaning in (BELOW, ABOVE):
        return Reading(side=-1 if meaning == BELOW else 1, word=meaning)
    if meaning == "quality":
        return Reading(code="no_result", problem=f"means that the sample was {of}", quality=of)
    if meaning == "no_result":
        return Reading(code="no_result", problem="means no result")
    if meaning == "either":
        return Reading(code="value_unusable", problem=_ONE_SIDE_UNKNOWN)
    compared = _comparators_as_signs(plain)
    side = _side_of_named_limit(compared)
    if side:
        return Reading(side=side, word=BELOW if side < 0 else ABOVE)
    star = _extrapolation_mark().match(compared)
    bare = compared[star.end() :] if star else compared
    match = _TEXT.fullmatch(GROUPED.sub(ungrouped, bare, count=1))
    if match is None or match["comparator"] not in _COMPARATORS:
        return Reading(code="value_unusable", problem=NO_NUMBER)
    read = _number(match, marks, sentinels, signed=signed)
    return replace(read, quality=read.quality or _EXTRAPOLATED) if star and not read.code else read


def _number(
    match: re.Match[str], marks: DecimalMarks, sentinels: frozenset[float], *, signed: bool
) -> Reading:
    quality = _quality_after(match["rest"])
    spelled, problem = marks.read(match["number"])
    if quality is None and not problem:
        problem = NO_NUMBER
    if problem:
        return Reading(code="value_unusable", problem=problem)
    number = float(spelled) + 0.0  # "-0" becomes 0
    side = _COMPARATORS[match["comparator"]]
    if isinf(number):
        return Reading(code="value_unusable", problem="is not finite")
    if side == 0 and number in sentinels:
        return Reading(code="sentinel", problem="is a code for a missing result")
    if number < 0 and not signed:
        return Reading(code="value_unusable", problem="is negative")
    return Reading(number, side, quality=quality or "")


def _quality_after(rest: str) -> str | None:
    """Quality stated after a number, "" for a mark or nothing, None for other text."""
    word = _word(rest.strip("()[] \t"))
    if word == "":
        return ""
    meaning, of = _text().get(word, ("", ""))
    if meaning in ("quality", _EXTRAPOLATED):
        return of
    return "" if word in _marks() else None


def _side_of_named_limit(text: str) -> int:
    """-1 for a named lower limit ("<LLOQ"), 1 for an upper limit (">ULOQ"), else 0."""
    match = re.fullmatch(r"([<>≤≥]=?)\s*(.+)", text, re.DOTALL)
    if match is None:
        return 0
    side, name = _COMPARATORS.get(match[1], 0), _word(match[2])
    for article in schema_yaml("result_words.yaml")["articles"]:
        name = name.removeprefix(article if article.endswith("'") else f"{article} ")
    limits = _limit_names()
    return side if name in limits["both"] or name in limits["lower" if side < 0 else "upper"] else 0


def _comparators_as_signs(text: str) -> str:
    for sign, words in _spelled_comparators():
        if text.startswith(words):
            return sign + text[len(words) :]
    return text


def _word(text: str) -> str:
    spaced = " ".join(re.sub(r"[._\s]+", " ", _fold(text)).split())
    return re.sub(r"\s*([<>])\s*", r"\1", spaced)


def _fold(text: str) -> str:
    """Lower case, letters without accents; other signs stay unchanged."""
    lower = unicodedata.normalize("NFC", text).lower()
    if lower.isascii():
        return lower
    return "".join(
        unicodedata.normalize("NFD", sign)[0] if sign.isalpha() else sign for sign in lower
    )


@cache
def _text() -> dict[str, tuple[str, str]]:
    content = schema_yaml("result_words.yaml")
    index = {
        _word(word): (group, "")
        for group in ("no_result", BELOW, ABOVE, "either")
        for word in content[group]
    }
    index.update({_word(word): (_EXTRAPOLATED,) * 2 for word in content[_EXTRAPOLATED]["after"]})
    for quality, words in content["quality"].items():
        index.update({_word(word): ("quality", quality) for word in words})
    return index


@cache
def _marks() -> frozenset[str]:
    return frozenset(_word(mark) for mark in schema_yaml("result_words.yaml")["marks"])


@cache
def _limit_names() -> dict[str, frozenset[str]]:
    names: dict[str, list[str]] = schema_yaml("result_words.yaml")["limits"]
    return {side: frozenset(map(_word, words)) for side, words in names.items()}


@cache
def _extrapolation_mark() -> re.Pattern[str]:
    """Pattern of the mark before a number beyond the standards of its plate."""
    marks = sorted(schema_yaml("result_words.yaml")[_EXTRAPOLATED]["before"], key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, marks))})\s*(?=[<>=≤≥\d.,+-])", re.ASCII)


@cache
def _spelled_comparators() -> list[tuple[str, str]]:
    content = schema_yaml("result_words.yaml")
    pairs = [("<", f"{_fold(words)} ") for words in content["below_words"]]
    pairs += [(">", f"{_fold(words)} ") for words in content["above_words"]]
    return sorted(pairs, key=lambda pair: -len(pair[1]))
