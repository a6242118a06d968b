"""Tables of a page as CSV in ``data:`` links, so that the page stays one file.

A page is mailed, archived and sealed under a digest as one file. Links to files next to it would
break, and a bundle would hold a file per table. The links cost about a third of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from pipeline.csv_files import csv_text
from pipeline.format import DASH, MINUS
from pipeline.pages.evaluation_tables import Grid

_SPREAD = re.compile(r"(.*?)\s*\[([^\],]+), ([^\],]+)\]")
_KEPT = ",.;:()[]/!*-_~=+' "
_SECOND = " (second line)"


def data_link(grid: Grid) -> str:
    """Return the ``data:`` address of a table as CSV.

    Examples
    --------
    >>> data_link(Grid("Days", ("Day", "AUROC"), [("1", "0.81 [0.70, 0.90]")]))
    'data:text/csv;charset=utf-8,Day,AUROC,AUROC low,AUROC high%0A1,0.81,0.70,0.90%0A'
    """
    text = csv_text(csv_table(grid))
    return f"data:text/csv;charset=utf-8,{quote(text, safe=_KEPT)}"


def csv_table(grid: Grid) -> pd.DataFrame:
    """Return a table as text columns; a figure with its interval becomes three columns.

    Examples
    --------
    >>> csv_table(Grid("Days", ("", "24 h"), [("1", "−0.20 [−0.30, 0.10]")]))
      row   24 h 24 h low 24 h high
    0   1  -0.20    -0.30      0.10
    """
    columns: dict[str, list[str]] = {}
    for place, head in enumerate(grid.head):
        lines = [_lines(row[place]) for row in grid.rows]
        for number in range(max((len(parts) for parts in lines), default=0)):
            cells = [parts[number] if number < len(parts) else "" for parts in lines]
            name = (head or "row") + (_SECOND if number else "")
            columns |= _columns(name, cells)
    return pd.DataFrame(columns, dtype="str")


def _columns(name: str, cells: Sequence[str]) -> dict[str, list[str]]:
    found = [_SPREAD.fullmatch(cell) for cell in cells]
    if not any(found):
        return {name: [_plain(cell) for cell in cells]}
    parts = [
        match.groups() if match else (cell, "", "")
        for match, cell in zip(found, cells, strict=True)
    ]
    names = (name, f"{name} low", f"{name} high")
    return {each: [_plain(part[n]) for part in parts] for n, each in enumerate(names)}


def _lines(cell: str) -> list[str]:
    """Lines of a cell; an interval on a line of its own belongs to the figure above it."""
    if not isinstance(cell, Markup):
        return [str(cell)]
    lines = [" ".join(Markup(part).striptags().split()) for part in cell.split("<br>")]
    if len(lines) == 2 and lines[1].startswith("["):
        return [" ".join(lines)]
    return lines


def _plain(text: str) -> str:
    """Text with an ASCII minus; blank for a dash."""
    return "" if text == DASH else text.replace(MINUS, "-")
