"""Quoted cells that span lines: a comment of several lines, or rows joined by a stray quote."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum

_TO_CLOSING_QUOTE = re.compile(r'(?:[^"]|"")*"')
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


class Span(Enum):
    """Reading of a record that spans lines.

    ``CELL``: one record with a cell of several lines. ``ROWS``: the quote is stray and the lines
    are rows, read one by one. ``UNCLEAR``: only some lines look like rows, so no line is used.
    """

    CELL = "cell"
    ROWS = "rows"
    UNCLEAR = "unclear"


def reading_of(lines: Sequence[str], width: int, mark: str) -> Span:
    r"""Decide how to read the lines of one record that a quoted cell joins.

    A line looks like a row if it has the columns of the header, or starts with the id of the
    first line. It is a row if it also repeats the form of an id, number or time of the first line.

    Parameters
    ----------
    lines : sequence of str
        Physical lines of a record; a quote is open at the start of each but the first.
    width : int
        Number of columns of the header.
    mark : str
        Separator.

    Examples
    --------
    >>> reading_of(['A1,5,"seen,', 'called"'], 3, ",")
    <Span.CELL: 'cell'>
    >>> reading_of(['A1,5,"seen', 'A1,6,called"'], 3, ",")
    <Span.ROWS: 'rows'>
    """
    first = _cells(lines[0], mark)
    whole = _has_columns(lines[0], width, mark)
    later = [line for line in lines[1:] if line.replace(mark, "").strip()]
    if not any(_is_shaped(line, first, width, mark, after_row=whole) for line in later):
        return Span.CELL
    alike = (_is_row(_cells(line, mark), first, width) for line in later)
    return Span.ROWS if all(alike) else Span.UNCLEAR


def holds_rows(lines: Sequence[str], width: int, mark: str) -> bool:
    r"""Whether a header of several lines includes rows, i.e. a later line has as many columns.

    Examples
    --------
    >>> holds_rows(['id,"CRP', '(mg/L)"'], 2, ","), holds_rows(['id,"CRP', 'A1,5"'], 2, ",")
    (False, True)
    """
    return any(len(_cells(line, mark)) >= max(width, 2) for line in lines[1:])


def stray_quote_in_id(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether an id, or the first cell, has an unmatched quote.

    Examples
    --------
    >>> stray_quote_in_id(['Q1"', "5"], ["patient_id", "value"])
    True
    >>> stray_quote_in_id(["Q1", '5" tube'], ["patient_id", "comment"])
    False
    """
    return any(
        cell.count('"') % 2 == 1
        for place, cell in enumerate(row[: len(names)])
        if '"' in cell and (place == 0 or names[place].endswith("_id"))
    )


def _is_shaped(line: str, first: Sequence[str], width: int, mark: str, *, after_row: bool) -> bool:
    """Whether a line inside a quoted cell could be a row."""
    cells, closing = _cells(line, mark), _TO_CLOSING_QUOTE.match(line)
    ends_first_cell = closing is not None and mark not in closing.group()
    if len(cells) > 1 and _same_id(cells, first, width):
        return len(first) > 1 or not ends_first_cell
    return _has_columns(line, width, mark) and (after_row or not ends_first_cell)


def _is_row(cells: Sequence[str], first: Sequence[str], width: int) -> bool:
    if _same_id(cells, first, width):
        return True
    pairs = list(zip(cells, first, strict=False))
    return len(cells) >= width and any(_form(a) == _form(b) != "" for a, b in pairs)


def _same_id(cells: Sequence[str], first: Sequence[str], width: int) -> bool:
    """Whether first cells are equal or of one form; a bare number needs half a row after it."""
    if not cells[0] or not first[0]:
        return False
    bare = cells[0].isdigit() and 2 * len(cells) < width
    return not bare and (cells[0] == first[0] or _form(cells[0]) == _form(first[0]) != "")


def _form(cell: str) -> str:
    """Form of a cell with digits, else "": 'P07' and 'P12' share a form, 'seen' has none."""
    if not _DIGITS.search(cell):
        return ""
    return _DIGITS.sub("0", _LETTERS.sub("a", cell))


def _has_columns(line: str, width: int, mark: str) -> bool:
    """Whether a line alone fills the columns of the header, with only blank cells beyond."""
    bare = line.rstrip("\r\n")
    readings = [bare.split(mark)]
    with suppress(csv.Error):  # a cell longer than the limit
        readings.append(next(csv.reader([bare], delimiter=mark), []))
    return any(len(row) >= width and not "".join(row[width:]).strip() for row in readings)


def _cells(line: str, mark: str) -> list[str]:
    return [cell.replace('"', "").strip() for cell in line.rstrip("\r\n").split(mark)]
