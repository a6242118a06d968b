"""Normalises units by rule: micro, litre, gram, powers of ten, counts, national spellings."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from pipeline.cohort.relative_units import relative_unit
from pipeline.resources import schema_yaml

_SUPERSCRIPT = re.compile("[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_BASIS = re.compile(r"[({\[]?\s*(feu|ddu)\s*[)}\]]?", re.IGNORECASE)
# activities at 25 or 30 °C differ, so only 37 °C may be dropped
_BODY_TEMPERATURE = re.compile(
    r"[\s,(]*(?:\b(?:at|bei|à|a)\b|@)?\s*37\s*(?:°|º|grad)\s*c?\s*\)?$", re.IGNORECASE
)
_OUTER = re.compile(r"\((?P<round>[^()]*)\)|\[(?P<square>[^\[\]]*)\]")
_RECIPROCAL = re.compile(r"(?<=\S)[\s.·*]\s*([^\s./·*]+?)\^?-1(?![\d.])")
_TEN = re.compile(r"[x*]?10(?:\^|\*{1,2}|x|exp|e|')?\+?\(?\+?0*(?P<exponent>\d{1,2})\)?", re.I)
_BARE_TEN = re.compile(r"[x*]?10(?P<exponent>3|6|9|12)")
_MARKED_E = re.compile(r"[x*]?1?E\+?0*(?P<exponent>\d{1,2})")
_DIGITS = re.compile(r"[x*]?1(?P<zeros>(?:[.,' ]?000)+)")
_NEGATIVE_TEN = re.compile(r"[x*]?10(?:\^|\*{1,2}|e)?\(?-0*(\d{1,2})\)?", re.I)
_LITRES = {"l": 0, "dl": 1, "cl": 2, "ml": 3, "ul": 6, "nl": 9, "pl": 12, "fl": 15}
_ACTIVITY = ("u", "iu")


@cache
def normalise_unit(text: str) -> str:
    """Normalise a unit; text that cannot be parsed is only lower-cased.

    ``data_schema/unit_words.yaml`` lists the spellings. Counts become counts per litre, so that
    ``K/uL``, ``10^9/L`` and ``Tsd./µl`` match; ``U`` and ``IU`` stay two units.

    Parameters
    ----------
    text : str
        Unit as exported.

    Returns
    -------
    str

    Examples
    --------
    >>> normalise_unit("µg/mL FEU"), normalise_unit("x10^9/L"), normalise_unit("mcg / ml")
    ('ug/ml{feu}', '10*9/l', 'ug/ml')
    >>> normalise_unit("×10⁹/L"), normalise_unit("TH/MM3"), normalise_unit("U/l 37°C")
    ('10*9/l', '10*9/l', 'u/l')
    >>> normalise_unit("z-score")
    '{z}'
    """
    relative = relative_unit(text)
    if relative is not None:
        return relative.unit.lower()
    unit, basis = _without_basis(_plain(text))
    return _of_parts(unit) + basis


def _of_parts(unit: str) -> str:
    compact = _compact(unit)
    named = _named_units().get(_fold(compact))
    if named:
        return named
    if compact in _words()["case_decides"]["molar"]:
        return f"{compact[0]}mol/l"
    small = _NEGATIVE_TEN.fullmatch(compact)
    if small:
        return f"10*-{small[1]}"
    first, *below = (_part(part) for part in unit.split("/"))
    over = [_whole_token(part) for part in below]
    if not over:
        return _token(first)
    if len(over) == 1:
        power = _power(first)
        if power is not None:
            return _count(power, over[0])
    return "/".join([_token(first), *over])


def _count(power: int, below: str) -> str:
    """A count per volume, as a count per litre."""
    exponent = power + _LITRES[below] if below in _LITRES else power
    volume = "l" if below in _LITRES else below
    return f"10*{exponent}/{volume}" if exponent else f"/{volume}"


def _power(part: str) -> int | None:
    """Power of ten of a count; None where the part is not a count."""
    bare = _without_counts(part)
    if bare in ("", "1"):
        return 0
    digits = _DIGITS.fullmatch(bare)
    if digits:
        return digits["zeros"].count("0")
    match = _BARE_TEN.fullmatch(bare) or _TEN.fullmatch(bare) or _MARKED_E.fullmatch(bare)
    if match:
        return int(match["exponent"])
    upper: dict[str, int] = _words()["case_decides"]["power"]
    return upper.get(bare, _powers().get(_fold(bare)))


def _token(part: str) -> str:
    """Symbol of a part above the slash."""
    whole = _whole_token(part)
    refused: str = _words()["case_decides"]["refused_prefix"]
    if part.startswith(refused) and whole.startswith("m") and whole[1:] in _ACTIVITY:
        return refused + whole[1:]
    return whole


def _whole_token(part: str) -> str:
    """Symbol of a part, or the part in lower case."""
    einheit: dict[str, str] = _words()["case_decides"]["unit"]
    if part[-1:] in einheit and part[:-1] in ("", "k", "m", "u", "μ"):
        return part[:-1].replace("μ", "u") + einheit[part[-1]]
    folded = _fold(part)
    return _tokens().get(folded, folded.replace("μ", "u"))


def _part(part: str) -> str:
    """Part without spaces and without outer brackets."""
    compact = _compact(part)
    match = _OUTER.fullmatch(compact)
    return (match["round"] or match["square"] or "") if match else compact


def _without_counts(part: str) -> str:
    previous = None
    while previous != part:
        previous = part
        for word in _count_words():
            folded = part.casefold()
            if folded.endswith(word):
                part = part[: -len(word)]
            elif folded.startswith(word):
                part = part[len(word) :]
        part = part.strip("{}*") if part.strip("{}*x") == "" else part
    return part


def _plain(text: str) -> str:
    """Text with uniform signs and without its temperature; spaces and case are kept."""
    raised = _SUPERSCRIPT.sub(
        lambda match: "^" + unicodedata.normalize("NFKC", match[0]).replace("−", "-"), text
    )
    unit = unicodedata.normalize("NFKC", raised).replace("×", "x").replace("−", "-").strip()
    unit = _BODY_TEMPERATURE.sub("", unit)
    unit = re.sub(r"\[(i\.?u\.?)\]", r"\1", unit, flags=re.IGNORECASE)
    unit = re.sub(r"(?<=[a-z])\(s\)", "s", unit, flags=re.IGNORECASE)
    match = _OUTER.fullmatch(unit)
    if match:
        unit = match["round"] or match["square"] or ""
    if _fold(_compact(unit)) in _named_units():
        return unit
    per = "|".join(_words()["per"])
    unit = re.sub(rf"\s+(?:{per})\s+", "/", f" {unit} ", flags=re.IGNORECASE).strip()
    if "/" not in unit:
        unit = _RECIPROCAL.sub(r"/\1", unit)
    return re.sub(r"\.(?!\d)|(?<!\d)\.", "", unit)


def _without_basis(unit: str) -> tuple[str, str]:
    """The unit, and the D-dimer basis that it states in braces."""
    stated = {match[1].lower() for match in _BASIS.finditer(unit)}
    if len(stated) != 1:
        return unit, ""
    return _BASIS.sub(" ", unit).strip(), "{" + stated.pop() + "}"


def _compact(text: str) -> str:
    return re.sub(r"[\s_]+", "", text)


def _fold(text: str) -> str:
    """Lower case without accents; exponents of lengths without their sign."""
    bare = "".join(
        sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign)
    )
    return re.sub(r"(?<=m)[\^*](?=[23]$)", "", bare.lower())


@cache
def _words() -> dict[str, Any]:
    content: dict[str, Any] = schema_yaml("unit_words.yaml")
    return content


@cache
def _tokens() -> dict[str, str]:
    """Every spelling of a part: prefix and base, or a word for the whole."""
    content = _words()
    prefixes = {"": "", **{w: p for p, words in content["prefixes"].items() for w in words}}
    tokens = {
        f"{prefix}{word}": f"{symbol}{base}"
        for prefix, symbol in prefixes.items()
        for base, words in content["bases"].items()
        for word in words
    }
    return tokens | {word: part for part, words in content["whole"].items() for word in words}


@cache
def _powers() -> dict[str, int]:
    return {word: int(power) for power, words in _words()["powers"].items() for word in words}


@cache
def _named_units() -> dict[str, str]:
    return {word: unit for unit, words in _words()["whole_units"].items() for word in words}


@cache
def _count_words() -> tuple[str, ...]:
    words = [str(word) for word in _words()["counts"]]
    braced = [f"{{{word}}}" for word in words]
    return tuple(sorted([*braced, *words], key=len, reverse=True))
