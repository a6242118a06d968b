"""Finds the columns of times in a wide sheet, and the clock of each column of results."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import pandas as pd

from pipeline.resources import schema_yaml

_SHARE = 0.8  # least share of filled cells that look like times
_FILLED = 0.5  # least share of rows with a result in which a clock is filled
_DATE = (
    r"(?:\d{4}[-./]?\d{1,2}[-./]?\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})"
    r"|\d{1,2}[-. ]?[A-Za-zéûä]{3,9}[-., ]*\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4})(?:[T ,].*)?"
)
_TIME_OF_DAY = r"\d{1,2}[:.h]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?(?: ?[aApP]\.?[mM]\.?)?"
_NUMBER = r"[-+]?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class ClockColumns:
    """Columns with times, in the order of the sheet.

    Attributes
    ----------
    reads : dict of str
        Column to ``at``, ``hours`` or ``days``.
    time_of_day : dict of str
        Column of dates to its column of times of day.
    """

    reads: dict[str, str] = field(default_factory=dict)
    time_of_day: dict[str, str] = field(default_factory=dict)


def clock_columns(header: Sequence[str], table: pd.DataFrame | None = None) -> ClockColumns:
    """Find the columns with the time of each row, by name and content.

    Dates of the patient, for example of birth or infusion, are left out.

    Parameters
    ----------
    header : sequence of str
    table : DataFrame, optional
        Text cells; without a table, only the names are used.

    Returns
    -------
    ClockColumns

    Examples
    --------
    >>> clocks = clock_columns(["id", "birth_date", "lab_date", "lab_time", "crp", "tox_day"])
    >>> clocks.reads, clocks.time_of_day
    ({'lab_date': 'at', 'tox_day': 'days'}, {'lab_date': 'lab_time'})
    """
    reads, days = {}, {}
    for column in header:
        kind = _kind(column, None if table is None else table[column])
        if kind == "time_of_day":
            days[stem(column)] = column
        elif kind:
            reads[column] = kind
    pairs = {
        column: days[stem(column)]
        for column, kind in reads.items()
        if kind == "at" and stem(column) in days
    }
    return ClockColumns(reads, pairs)


def stem(column: str) -> tuple[str, ...]:
    """Words of a column name without words for time.

    Examples
    --------
    >>> stem("tox_date"), stem("Date of CRS grade"), stem("labDate"), stem("date")
    (('tox',), ('crs', 'grade'), ('lab',), ())
    """
    dropped = {*_words()["at"], *_words()["days"], *_words()["hours"], "of", "the"}
    return tuple(word for word in _tokens(column) if word not in dropped)


def instruments(header: Sequence[str]) -> dict[str, str]:
    """Column to its REDCap form; empty if the sheet has no form.

    The columns of a form end with ``<form>_complete``, or ``Complete?`` in an export of labels.

    Examples
    --------
    >>> instruments(["id", "lab_date", "labs_complete", "tox_date", "tox_complete", "note"])["id"]
    'labs_complete'
    """
    forms: dict[str, str] = {}
    open_columns: list[str] = []
    for column in header:
        open_columns.append(column)
        if re.fullmatch(r"(.+_)?complete\??(\.\d+)?", column.strip().lower().replace(" ", "_")):
            forms |= dict.fromkeys(open_columns, column)
            open_columns = []
    return forms


def owning_clock(
    column: str, header: Sequence[str], clocks: Collection[str], table: pd.DataFrame | None
) -> str:
    """Clock of a column, "" if none or several match.

    The clock starts like the column (``tox_date``, ``tox_grade``), or is the only clock of the
    REDCap form. In a table, it must be filled in half of the rows with a result.

    Examples
    --------
    >>> owning_clock("tox_grade", [], ["lab_date", "tox_date"], None)
    'tox_date'
    """
    words, forms = _tokens(column), instruments(header)
    named = [clock for clock in clocks if stem(clock) and words[: len(stem(clock))] == stem(clock)]
    longest = max((len(stem(clock)) for clock in named), default=0)
    named = [clock for clock in named if len(stem(clock)) == longest]
    same_form = [clock for clock in clocks if forms and forms.get(clock) == forms.get(column)]
    owners = named or (same_form if column in forms else [])
    if len(owners) != 1:
        return ""
    if table is not None and len(table):
        times = table.loc[table[column] != "", owners[0]]
        if len(times) and (times == "").mean() > 1 - _FILLED:
            return ""
    return owners[0]


def common_clock(owners: Iterable[str]) -> str:
    """Clock of most columns, "" if one of them has none.

    Examples
    --------
    >>> common_clock(["a", "b", "a"]), common_clock(["a", ""])
    ('a', '')
    """
    listed = list(owners)
    if not listed or "" in listed:
        return ""
    return max(dict.fromkeys(listed), key=listed.count)


def _kind(column: str, cells: pd.Series | None) -> str:
    """Reading of a column of times, ``time_of_day``, or "" for any other column."""
    words, text = set(_tokens(column)), column.lower()
    own = not words.isdisjoint(_words()["event"]) or any(
        word in text for word in _words()["patient"]
    )
    if own and words.isdisjoint(_words()["graded"]):
        return ""
    named = next((kind for kind in ("at", "hours", "days") if words & set(_words()[kind])), "")
    filled = None if cells is None else cells[cells != ""]
    if filled is None or filled.empty:
        alone = named == "at" and words.isdisjoint(_words()["dates"])
        return "time_of_day" if alone and words & set(_words()["times_of_day"]) else named
    if _share(filled, _TIME_OF_DAY) >= _SHARE:
        return "time_of_day" if named == "at" else ""
    if _share(filled, _NUMBER) >= _SHARE:
        dates = filled.str.fullmatch(r"(?:19|20)\d{6}").mean() >= _SHARE
        return "at" if dates else named if named != "at" else ""
    return "at" if _share(filled, _DATE) >= _SHARE or (named == "at" and _dated(filled)) else ""


def _dated(filled: pd.Series) -> bool:
    return bool(filled.str.contains(r"\d").mean() >= _SHARE)


def _share(filled: pd.Series, pattern: str) -> float:
    return float(filled.str.fullmatch(pattern).mean())


@cache
def _words() -> dict[str, tuple[str, ...]]:
    return {key: tuple(words) for key, words in schema_yaml("exchange.yaml")["clocks"].items()}


@cache
def _tokens(column: str) -> tuple[str, ...]:
    """Lower-case words; ``labDate`` and ``labdate`` are two words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    words = re.findall(r"[^\W_]+", spaced.lower())
    cut: list[str] = []
    for word in words:
        ending = next(
            (end for end in _words()["endings"] if word.endswith(end) and word != end), ""
        )
        cut += [word.removesuffix(ending), ending] if ending else [word]
    return tuple(cut)
