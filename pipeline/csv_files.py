"""Writes and reads CSV files; neutralises text that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Literal

import pandas as pd

# a spreadsheet runs a cell that begins with one of these as a formula, or drops the sign
_RUN = r"\s*[=+\-@\t\r\n＝＋－＠]"
_RISKY = re.compile(rf"'*{_RUN}")
_NEUTRAL = re.compile(rf"'+{_RUN}")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?|[+-]?[.,]\d+|[+-](?:inf|nan)", re.ASCII)


def neutral(cell: str) -> str:
    r"""Prefix text that a spreadsheet would run with an apostrophe; numbers stay as they are.

    A risky text that already starts with an apostrophe gets another one, so that
    :func:`restored` recovers every text.

    Parameters
    ----------
    cell : str

    Returns
    -------
    str

    Examples
    --------
    >>> neutral("=1+1"), neutral("-0.67"), neutral("'@x"), neutral("P-1"), neutral("\t=1")
    ("'=1+1", '-0.67', "''@x", 'P-1', "'\t=1")
    """
    if _RISKY.match(cell) is None or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def restored(cell: str) -> str:
    """Undo :func:`neutral` for one cell.

    Parameters
    ----------
    cell : str

    Returns
    -------
    str

    Examples
    --------
    >>> restored("'=1+1"), restored("''@x"), restored("'tis")
    ('=1+1', "'@x", "'tis")
    """
    return cell[1:] if _NEUTRAL.match(cell) else cell


def restored_cells(cells: pd.Series) -> pd.Series:
    """Undo :func:`neutral` for a column of text.

    A column with a risky cell that is not neutralised comes from another program. It is returned
    unchanged, so that an id with an apostrophe and the same id without one stay different.

    Parameters
    ----------
    cells : Series of str

    Returns
    -------
    Series of str

    Examples
    --------
    >>> restored_cells(pd.Series(["'+1 x", "2"], dtype="str")).tolist()
    ['+1 x', '2']
    """
    marked = cells.str.startswith("'")
    if not marked.any() or any(neutral(cell) != cell for cell in cells[~marked].unique()):
        return cells
    return cells.mask(marked, cells.loc[marked].map(restored)).astype(cells.dtype)


def csv_text(
    table: pd.DataFrame, *, float_format: str | None = None, spreadsheet_safe: bool = True
) -> str:
    r"""Content of a CSV file: LF line ends, blank cells for missing values.

    Parameters
    ----------
    table : DataFrame
        The index is not written.
    float_format : str, optional
        For example ``"%.4f"``.
    spreadsheet_safe : bool
        Whether text is neutralised; numbers never are.

    Returns
    -------
    str

    Examples
    --------
    >>> csv_text(pd.DataFrame({"id": ["@a", "b"], "shift": [-0.5, None]}))
    "id,shift\n'@a,-0.5\nb,\n"
    """
    lone = False
    made = table.copy(deep=False)
    for place in range(made.shape[1]):
        column = made.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        texts = [cell for cell in column.unique() if isinstance(cell, str)]
        lone |= any("\r" in cell for cell in texts)
        changed = {cell: neutral(cell) for cell in texts if neutral(cell) != cell}
        if changed and spreadsheet_safe:
            cells = column.astype(object)
            made.isetitem(place, cells.map(lambda cell, to=changed: _changed(cell, to)).array)
    names = [str(name) for name in made.columns]
    lone |= any("\r" in name for name in names)
    made.columns = pd.Index([neutral(name) for name in names] if spreadsheet_safe else names)
    # Python before 3.13 does not quote a lone carriage return, which would end the line
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if lone else csv.QUOTE_MINIMAL
    return str(
        made.to_csv(index=False, lineterminator="\n", float_format=float_format, quoting=quoting)
    )


def write_csv(
    table: pd.DataFrame,
    path: Path,
    *,
    float_format: str | None = None,
    spreadsheet_safe: bool = True,
) -> None:
    r"""Write a CSV file; characters that UTF-8 cannot hold are escaped.

    Parameters
    ----------
    table : DataFrame
        The index is not written.
    path : Path
    float_format : str, optional
        For example ``"%.4f"``.
    spreadsheet_safe : bool
        As in :func:`csv_text`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "risks.csv"
    ...     write_csv(pd.DataFrame({"id": ["=A1"], "risk": [0.25]}), path, float_format="%.1f")
    ...     path.read_text()
    "id,risk\n'=A1,0.2\n"
    """
    text = csv_text(table, float_format=float_format, spreadsheet_safe=spreadsheet_safe)
    path.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file of :func:`write_csv`; every cell is text.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame of str

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "risks.csv"
    ...     write_csv(pd.DataFrame({"id": ["=A1"], "risk": [0.25]}), path)
    ...     read_csv(path).to_dict("list")
    {'id': ['=A1'], 'risk': ['0.25']}
    """
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    return table.apply(restored_cells) if len(table) else table


def _changed(cell: object, to: dict[str, str]) -> object:
    return to.get(cell, cell) if isinstance(cell, str) else cell
