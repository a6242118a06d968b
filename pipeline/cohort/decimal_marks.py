"""Meaning of commas and points in the numbers of a file: stated, evident or ambiguous."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from pipeline.remedy import Remedy

_NUMBER = re.compile(r"(?<![\w.,])[.,]?\d[\d.,]*(?:[eE][+-]?\d+)?(?![\d])", re.ASCII)
# thousands separated by a space or an apostrophe; a mark after the groups is always decimal
GROUPED = re.compile(r"(?<![\d.,])(\d{1,3}(?:([ '’])\d{3})(?:\2\d{3})*)(?:[.,](\d+))?(?![\d.,'’])")
_SIGN = r"[+-]?"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"{_SIGN}(?:\d+\.?\d*|\.\d+){_EXPONENT}", re.ASCII)
# one mark followed by three digits: thousands or a decimal
_POINT_THREE = re.compile(rf"{_SIGN}[1-9]\d{{0,2}}\.\d{{3}}", re.ASCII)
_COMMA_THREE = re.compile(rf"{_SIGN}[1-9]\d{{0,2}},\d{{3}}", re.ASCII)
_ONE_POINT = re.compile(rf"{_SIGN}\d*\.\d+{_EXPONENT}", re.ASCII)
_ONE_COMMA = re.compile(rf"{_SIGN}\d*,\d+{_EXPONENT}", re.ASCII)
_POINTS = re.compile(rf"{_SIGN}\d{{1,3}}(?:\.\d{{3}}){{2,}}", re.ASCII)
_COMMAS = re.compile(rf"{_SIGN}\d{{1,3}}(?:,\d{{3}}){{2,}}", re.ASCII)
_POINTS_COMMA = re.compile(rf"{_SIGN}\d{{1,3}}(?:\.\d{{3}})+,\d+", re.ASCII)
_COMMAS_POINT = re.compile(rf"{_SIGN}\d{{1,3}}(?:,\d{{3}})+\.\d*{_EXPONENT}", re.ASCII)
_COMMA_SHOWN = (_ONE_COMMA, _POINTS, _POINTS_COMMA)
_POINT_SHOWN = (_ONE_POINT, _COMMAS, _COMMAS_POINT)

COMMA_NOT_STATED = Remedy(
    train="has a comma; whether it is a decimal comma is not stated (cohort.decimal_comma)",
    operator="has a comma; whether it is a decimal comma is not stated",
)
POINT_AMBIGUOUS = Remedy(
    train="may be thousands or a decimal: other numbers of the export have a decimal comma, and "
    "the decimal mark is not stated (cohort.decimal_comma)",
    operator="may be thousands or a decimal: other numbers of the export have a decimal comma",
)
MIXED = "may be thousands or a decimal: the export holds both decimal commas and decimal points"
GROUPS_NOT_STATED = Remedy(
    train="has points between thousands; whether commas are decimal is not stated "
    "(cohort.decimal_comma)",
    operator="has points between thousands; whether a comma is decimal is not stated",
)
NO_NUMBER = "is not a number with an optional < or >"
Problem = str | Remedy


@dataclass(frozen=True)
class MarkEvidence:
    """Decimal marks that the numbers of a column, file or export show.

    Attributes
    ----------
    comma, point : bool
        Whether a number has a decimal comma for certain (``182,4``, ``1.234.567``), or a decimal
        point (``3.5``, ``1,234,567``).
    either : bool
        Whether a number is ambiguous, for example ``1,234``.
    """

    comma: bool = False
    point: bool = False
    either: bool = False

    @property
    def decisive(self) -> bool:
        """Whether any number shows its decimal mark."""
        return self.comma or self.point

    def __or__(self, other: MarkEvidence) -> MarkEvidence:
        return MarkEvidence(
            self.comma or other.comma, self.point or other.point, self.either or other.either
        )


@dataclass(frozen=True)
class DecimalMarks:
    """The stated decimal mark, and the evidence of the other numbers.

    Attributes
    ----------
    stated : bool or None
        Whether the configuration states a decimal comma; None if it states nothing.
    shown : MarkEvidence
        Evidence of the file or export.

    Examples
    --------
    >>> DecimalMarks().read("12.845"), DecimalMarks(True, MarkEvidence(comma=True)).read("12.845")
    (('12.845', ''), ('12845', ''))
    >>> DecimalMarks(shown=MarkEvidence(comma=True)).read("12.845")[0]
    ''
    """

    stated: bool | None = None
    shown: MarkEvidence = MarkEvidence()

    def read(self, text: str) -> tuple[str, Problem]:
        """Number with a decimal point ("" if unreadable), and the problem ("" if none)."""
        if _POINT_THREE.fullmatch(text):
            return self._point_three(text)
        if _PLAIN.fullmatch(text):
            return text, ""
        if _COMMAS_POINT.fullmatch(text) or _COMMAS.fullmatch(text):
            return text.replace(",", ""), ""
        if _POINTS_COMMA.fullmatch(text) or _POINTS.fullmatch(text):
            if self.stated:
                return text.replace(".", "").replace(",", "."), ""
            return "", GROUPS_NOT_STATED if self.stated is None else NO_NUMBER
        if _ONE_COMMA.fullmatch(text):
            return self._one_comma(text)
        return "", NO_NUMBER

    def _point_three(self, text: str) -> tuple[str, Problem]:
        seen = self.shown
        if self.stated is None:
            ambiguous = seen.comma or (seen.either and not seen.point)
            return ("", POINT_AMBIGUOUS) if ambiguous else (text, "")
        if self.stated and seen.comma and not seen.point:
            return text.replace(".", ""), ""
        if self.stated:
            return "", "may have a decimal point or a thousands point, although commas are decimal"
        return ("", MIXED) if seen.comma else (text, "")

    def _one_comma(self, text: str) -> tuple[str, Problem]:
        if self.stated is None:
            return "", COMMA_NOT_STATED
        three = _COMMA_THREE.fullmatch(text) is not None
        if self.stated:
            return ("", MIXED) if three and self.shown.point else (text.replace(",", "."), "")
        if not three:
            return "", "has a comma that is not between thousands (cohort.decimal_comma is false)"
        return ("", MIXED) if self.shown.comma else (text.replace(",", ""), "")


def evidence_of(cells: Iterable[str]) -> MarkEvidence:
    """Decimal marks shown by the first number of each text.

    Examples
    --------
    >>> seen = evidence_of(["< 182,4 mg/L", "12.845"])
    >>> seen.comma, seen.point
    (True, False)
    """
    comma = point = either = False
    for text in cells:
        grouped = GROUPED.search(text)
        if grouped:
            mark = text[grouped.end(1)] if grouped[3] else ""
            comma, point = comma or mark == ",", point or mark == "."
            continue
        match = _NUMBER.search(text)
        number = match[0].rstrip(".,") if match else ""
        either = either or _COMMA_THREE.fullmatch(number) is not None
        comma = comma or _shows(number, _COMMA_SHOWN, _COMMA_THREE)
        point = point or _shows(number, _POINT_SHOWN, _POINT_THREE)
    return MarkEvidence(comma, point, either)


def _shows(number: str, forms: tuple[re.Pattern[str], ...], three: re.Pattern[str]) -> bool:
    return not three.fullmatch(number) and any(form.fullmatch(number) for form in forms)


def plain_numbers(cells: pd.Series, marks: DecimalMarks) -> tuple[pd.Series, dict[str, Problem]]:
    """Cells rewritten with a decimal point, and the problems of those that cannot be.

    Other text and plain numbers stay unchanged.

    Returns
    -------
    plain : Series of str
    problems : dict
        Text to its problem, for numbers with an ambiguous mark.

    Examples
    --------
    >>> plain_numbers(pd.Series(["62,5", "yes", "3"]), DecimalMarks(stated=True))[0].tolist()
    ['62.5', 'yes', '3']
    """
    written: dict[str, str] = {}
    problems: dict[str, Problem] = {}
    for text in cells.unique():
        bare = GROUPED.sub(ungrouped, str(text), count=1)
        plain, problem = marks.read(bare)
        if problem and problem != NO_NUMBER:
            problems[str(text)] = problem
        elif plain and plain != text:
            written[str(text)] = plain
    if not written:
        return cells, problems
    return cells.map(lambda text: written.get(text, text)).astype("str"), problems


def ungrouped(match: re.Match[str]) -> str:
    """Number of a match of ``GROUPED`` without its thousands separators."""
    digits = re.sub(r"\D", "", match[1])
    return f"{digits}.{match[3]}" if match[3] else digits
