"""Text files to records: detects encoding and separator, and reports unreadable lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.cohort.ledger import CLOSE_LINE
from pipeline.cohort.quoted_lines import Span, holds_rows, reading_of, stray_quote_in_id
from pipeline.errors import InputError
from pipeline.input_limits import COLUMNS, HEADER_CHARACTERS, LINE_CHARACTERS

csv.field_size_limit(10_000_000)
_NOT_CLOSED = "A quote opens on this line and does not close."
_ROWS = "A quote opens on this line and closes on line {last}; the lines between are rows."
_UNCLEAR = (
    "A quoted cell spans lines {first} to {last}, and only some of them look like rows, so none is "
    "used."
)
_IN_ID = "The id holds an unmatched quote."
_ONE_ENCODING = (
    "The line has another encoding or is cut off. Save the whole file in one encoding, best UTF-8."
)
_ONE_LINE_CELL = (
    "If the lines are rows, close the quote on its line; else remove line breaks from the cell."
)
_SHORTER = "Shorten the text of the cell, or end each row with a line break."
_LONGEST_ID = 5_000  # characters searched for an id in a line that is too long to read
_MOST_LINES = 50  # of one quoted cell; beyond that a quote was left open
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_BOMS = (  # the longer marks first, because UTF-32 starts like UTF-16
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed (gzip)",
    b"%PDF": "a PDF",
}


@dataclass
class Decoded:
    """Lines of a text file with their ends.

    Attributes
    ----------
    damaged : set of int
        Positions in ``lines`` with bytes that no encoding explains.
    encoding : str
        Name for remarks, for example ``Windows-1252``.
    """

    lines: list[str]
    damaged: set[int] = field(default_factory=set)
    encoding: str = "UTF-8"


def decode(content: bytes) -> Decoded:
    """Decode bytes to lines: UTF-8, UTF-16 or UTF-32, else Windows-1252 if no line is UTF-8.

    Lines of a UTF-8 file that are not UTF-8 are marked as damaged, not repaired.

    Examples
    --------
    >>> decode("µg".encode("utf-16")).lines, decode("µg".encode("latin-1")).encoding
    (['µg'], 'Windows-1252')
    """
    for mark, codec, encoding in _BOMS:
        if content.startswith(mark) and codec != "utf-8":
            return _wide(content[len(mark) :], codec, encoding)
    content = content.removeprefix(codecs.BOM_UTF8)
    codec = _unmarked_utf16(content)
    if codec:
        return _wide(content, codec, "UTF-16")
    try:
        return Decoded(_lines(content.decode("utf-8")))
    except UnicodeDecodeError:
        return _mixed(content)


def separator_of(line: str, known: Callable[[str], bool]) -> str:
    """Separator of a header line: the one with most known columns, then most columns.

    Examples
    --------
    >>> separator_of("patient_id;value, as printed;unit", lambda name: name in ("unit", "value"))
    ';'
    """

    def rank(mark: str) -> tuple[int, int]:
        names = next(csv.reader([line], delimiter=mark), [])
        return sum(known(name.strip()) for name in names), len(names)

    return max(_SEPARATORS, key=rank)


def stated_separator(line: str) -> str:
    """Separator of the line ``sep=;`` that spreadsheets write first, "" for any other line."""
    stated = re.fullmatch(r'"?sep=(.)"?[,;]*\s*', line, flags=re.IGNORECASE | re.DOTALL)
    return stated.group(1) if stated and stated.group(1) in _SEPARATORS else ""


class Line(NamedTuple):
    """A record, or a line that is not a record.

    Attributes
    ----------
    number : int
        Its first line, from 1.
    lines : int
        Number of physical lines.
    row : list of str
        Cells; empty for a blank line.
    problem, remedy : str
        Why it is not a row ("" for a row), and the remedy.
    joined_to : int
        Last line that a stray quote on this line joins; else 0.
    """

    number: int
    lines: int
    row: list[str]
    problem: str = ""
    remedy: str = CLOSE_LINE
    joined_to: int = 0


def records(
    decoded: Decoded, position: int, names: Sequence[str], separator: str
) -> Iterator[Line]:
    """Yield records and lines that are not records; together they cover every line.

    Lines without content (``,,,,`` below the table of a spreadsheet) are blank. Blank cells beyond
    the header are cut off. An unclosed quote affects only its own line: the lines after it are
    read again one by one, as are rows joined by a stray quote. If only some of the joined lines
    look like rows, none is used.

    Parameters
    ----------
    names : sequence of str
        Columns of the header.
    """
    text, width = decoded.lines, len(names)
    while position < len(text):
        if len(text[position]) > LINE_CHARACTERS:
            problem = f"The line has {len(text[position]):,} characters; at most "
            problem += f"{LINE_CHARACTERS:,} are read."
            cell = text[position][:_LONGEST_ID].partition(separator)[0]
            yield Line(position + 1, 1, [cell], problem, _SHORTER)
            position += 1
            continue
        row, taken = record(text, position, separator)
        lines = text[position : position + taken]
        problem, remedy, reading, last = "", CLOSE_LINE, Span.CELL, 0
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            row = row[:width]
        if taken > 1 and "".join(row).strip():
            if len(row) != width or not _closed(lines, separator):
                problem = _NOT_CLOSED
            else:
                reading = reading_of(lines, width, separator)
        if reading is Span.UNCLEAR:
            yield from _unclear(lines, position, separator)
            position += taken
            continue
        if problem or reading is Span.ROWS:
            last = position + taken if reading is Span.ROWS else 0
            problem = problem or _ROWS.format(last=last)
            row, taken = _cells_of_line(text[position], separator), 1
            bare = text[position].rstrip("\r\n").split(separator)
            # no cell holds a tab, so a line that has every column has one reading
            if separator == "\t" and len(bare) == width:
                row, problem = bare, ""
        if not problem and len(row) != width:
            problem = f"The line has {len(row)} fields; the header has {width}."
        elif not problem and _odd(text[position : position + taken]):
            problem = _IN_ID if stray_quote_in_id(row, names) else ""
        if decoded.damaged and not decoded.damaged.isdisjoint(range(position, position + taken)):
            problem = f"The line has bytes that are not {decoded.encoding}, unlike the others."
            remedy = _ONE_ENCODING
        yield Line(position + 1, taken, _filled(row), problem, remedy, last)
        position += taken


def record(text: list[str], position: int, separator: str) -> tuple[list[str], int]:
    """Cells of the record that starts on a line, and its number of lines."""
    line = text[position] if position < len(text) else ""
    if '"' not in line:
        bare = line.rstrip("\r\n")
        return (bare.split(separator) if bare.strip() else []), 1
    reader = csv.reader(text[position : position + _MOST_LINES], delimiter=separator)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return [line], 2


def header_of(
    text: list[str], position: int, separator: str, path: object
) -> tuple[list[str], int]:
    """Cells of the header that starts on a line, and its number of lines.

    Raises
    ------
    InputError
        If a quote of the header is not closed, or joins the header with rows.
    """
    row, taken = record(text, position, separator)
    lines = text[position : position + taken]
    if taken > 1 and (not _closed(lines, separator) or holds_rows(lines, len(row), separator)):
        raise InputError(
            f"{path} line {position + 1}: the header opens a quote and does not close it. Close "
            "each quote of a column name on the same line, or remove it"
        )
    return row, taken


def refuse_other_formats(content: bytes, path: object) -> None:
    """Check by its first bytes that a file is text.

    Raises
    ------
    InputError
        If it has the signature of a workbook, archive, Parquet file or PDF.
    """
    for mark, kind in _OTHER_FORMATS.items():
        if content.startswith(mark):
            raise InputError(
                f"{path} is {kind}, not text. Export the table as CSV (UTF-8), or name it "
                ".parquet if it is Parquet"
            )


def refuse_binary(header: str, path: object) -> None:
    """Check the header line of a file.

    Raises
    ------
    InputError
        If it is too long for a header, or has control characters.
    """
    if len(header) > HEADER_CHARACTERS:
        raise InputError(
            f"{path}: the header line has {len(header):,} characters; at most "
            f"{HEADER_CHARACTERS:,} are read. Export a CSV table with line breaks"
        )
    if any(unicodedata.category(sign) == "Cc" and not sign.isspace() for sign in header):
        raise InputError(f"{path} is not text. Export the table again as CSV (UTF-8)")


def refuse_columns(number: int, path: object) -> None:
    """Check the number of columns of a table.

    Raises
    ------
    InputError
        If it exceeds ``input_limits.COLUMNS``.
    """
    if number > COLUMNS:
        raise InputError(
            f"{path} has {number:,} columns; at most {COLUMNS:,} are read. Give one row per "
            "result, or export fewer columns"
        )


def separator_name(separator: str) -> str:
    """Name of a separator for messages, for example ``semicolons``."""
    return _SEPARATORS[separator]


def _wide(content: bytes, codec: str, encoding: str) -> Decoded:
    lines = _lines(content.decode(codec, errors="replace").removeprefix("\ufeff"))
    damaged = {place for place, line in enumerate(lines) if "\ufffd" in line}
    return Decoded(lines, damaged, encoding)


def _mixed(content: bytes) -> Decoded:
    """Decode a file that is not entirely UTF-8: damaged lines, or another encoding."""
    lines, damaged, accented = [], set(), False
    for place, line in enumerate(content.splitlines(keepends=True)):
        try:
            lines.append(line.decode("utf-8"))
            accented |= not line.isascii()
        except UnicodeDecodeError:
            lines.append(line.decode("utf-8", errors="replace"))
            damaged.add(place)
    if accented:
        return Decoded(lines, damaged)
    try:
        return Decoded(_lines(content.decode("cp1252")), encoding="Windows-1252")
    except UnicodeDecodeError:  # bytes that Windows-1252 leaves undefined
        return Decoded(lines, damaged)


def _lines(text: str) -> list[str]:
    return io.StringIO(text, newline="").readlines()


def _unmarked_utf16(content: bytes) -> str:
    """Codec of UTF-16 without a byte order mark, where every other byte of plain text is zero."""
    sample = content[:2000]
    if len(sample) < 8:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.4 * len(sample) and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * len(sample) and odd == 0 else ""


def _unclear(lines: list[str], position: int, separator: str) -> Iterator[Line]:
    """Yield the lines of a cell as unreadable, because only some look like rows."""
    first, last = position + 1, position + len(lines)
    problem = _UNCLEAR.format(first=first, last=last)
    for place, line in enumerate(lines, start=first):
        row = _filled(_cells_of_line(line, separator))
        yield Line(place, 1, row, problem, _ONE_LINE_CELL, last if place == first else 0)


def _odd(lines: list[str]) -> bool:
    """Whether these lines hold an unmatched quote."""
    return sum(line.count('"') for line in lines) % 2 == 1


def _filled(row: list[str]) -> list[str]:
    return row if "".join(row).strip() else []


def _cells_of_line(line: str, separator: str) -> list[str]:
    """Cells of one line; an unmatched quote in its first cell is ignored."""
    bare = line.rstrip("\r\n")
    try:
        row = next(csv.reader([bare], delimiter=separator), [])
    except csv.Error:
        row = []
    return row if len(row) > 1 else [cell.strip('"') for cell in bare.split(separator)]


def _closed(lines: list[str], separator: str) -> bool:
    try:
        next(csv.reader(lines, strict=True, delimiter=separator))
    except csv.Error:
        return False
    return True
