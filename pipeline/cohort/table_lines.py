"""Lines of a text table below its header: rows, unreadable lines, blank lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.cohort.delimited import Decoded, records
from pipeline.cohort.ledger import CLOSE_LINE, RAGGED, REPEATED_HEADER, LineCounts
from pipeline.cohort.patient_ids import shown_id
from pipeline.csv_files import restored


@dataclass(frozen=True)
class UnreadableLine:
    """A line of a file that is not a row; ``patient`` is its id, if it has one."""

    line: int
    reason: str
    patient: str = ""
    code: str = RAGGED
    remedy: str = CLOSE_LINE


@dataclass
class TableLines:
    """Lines below a header.

    Attributes
    ----------
    counts : LineCounts
        Physical lines.
    rows : dict
        Cells by the number of the first line.
    unreadable : list of UnreadableLine
        Lines that are not rows.
    joined : list of str
        Spans of lines that a stray quote joins, as ``3–6``.
    """

    counts: LineCounts
    rows: dict[int, list[str]] = field(default_factory=dict)
    unreadable: list[UnreadableLine] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)


def table_lines(
    decoded: Decoded, position: int, first: list[str], header: list[str], separator: str
) -> TableLines:
    r"""Read the lines from a position on.

    Parameters
    ----------
    decoded : Decoded
        Lines of the file.
    position : int
        First line below the header, from 0.
    first : list of str
        Header as in the file.
    header : list of str
        Names of the columns.
    separator : str
        Of the cells.

    Examples
    --------
    >>> from pipeline.cohort.delimited import decode
    >>> lines = table_lines(decode(b"a,b\n1,2\n\n3\n"), 1, ["a", "b"], ["a", "b"], ",")
    >>> lines.rows, [item.line for item in lines.unreadable], lines.counts.blank
    ({2: ['1', '2']}, [4], 1)
    """
    body = TableLines(LineCounts(len(decoded.lines) - position))
    identified = header[0] == "patient_id"
    names = [name.strip().casefold() for name in first]
    for line, taken, row, problem, remedy, joined_to in records(
        decoded, position, header, separator
    ):
        if joined_to:
            body.joined.append(f"{line}–{joined_to}")
        if not row:
            body.counts.blank += taken
            continue
        body.counts.continuation += taken - 1
        headed = row[0].strip().casefold() == names[0]
        if problem:
            patient = shown_id(restored(row[0].strip(" "))) if identified and not headed else ""
            body.unreadable.append(UnreadableLine(line, problem, patient, remedy=remedy))
        elif headed and [cell.strip().casefold() for cell in row] == names:
            body.unreadable.append(
                UnreadableLine(
                    line,
                    "The line repeats the header of the file.",
                    code=REPEATED_HEADER,
                    remedy="Remove the line, for example where parts of an export were joined.",
                )
            )
        else:
            body.rows[line] = row
    return body
