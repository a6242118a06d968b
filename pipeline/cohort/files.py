"""Raw tables: CSV or Parquet as text, with the line each row stands on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.cohort.delimited import (
    decode,
    record,
    records,
    refuse_binary,
    refuse_other_formats,
    separator_of,
    stated_separator,
    words_for,
)
from pipeline.cohort.ledger import REPEATED_HEADER, Ledger
from pipeline.cohort.schema import TableSchema, canonical_header
from pipeline.cohort.tables import TABLES
from pipeline.errors import InputError, listed

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods")


def about_workbooks(paths: Iterable[Path]) -> str:
    """What to do about workbooks among the given files, "" where there is none.

    Examples
    --------
    >>> about_workbooks([Path("labs.xlsx")])
    '. labs.xlsx is a workbook: export each sheet as CSV (UTF-8) or Parquet'
    """
    found = [path.name for path in paths if path.suffix.lower() in WORKBOOKS]
    if not found:
        return ""
    return f". {found[0]} is a workbook: export each sheet as CSV (UTF-8) or Parquet"


def find_table(folder: Path, name: str) -> Path | None:
    """Path of a table in a folder, whatever the case of its name; None if there is none.

    Raises
    ------
    InputError
        If several files fit, because it cannot be known which one is meant.
    """
    wanted = {name + suffix for suffix in SUFFIXES}
    found = sorted(
        path for path in folder.iterdir() if path.name.lower() in wanted and path.is_file()
    )
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputError(
            f"{folder} holds {names}; keep one of them, because it cannot be known which is meant"
        )
    return found[0] if found else None


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sha256_files(paths: list[Path]) -> str:
    """One digest over the names and bytes of several files, whatever folder they lie in."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda item: item.name):
        digest.update(f"{path.name}:{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def read_raw(path: Path, ledger: Ledger, fields: Collection[str] | None = None) -> pd.DataFrame:
    """Read a table as text, blank cells as ``""``, plus ``_line`` (1 = first line of the file).

    Parameters
    ----------
    path : Path
    ledger : Ledger
        Takes the lines that cannot be read, and remarks on encoding, separator and column names.
    fields : collection of str
        Column names of the table's schema; a column that differs from one of them in case,
        spaces or punctuation only is renamed to it. By default the schema that the file is
        named for, if there is one.

    Raises
    ------
    InputError
        If the file cannot be read, has no header, or repeats a column name.
    """
    if fields is None:
        name = path.stem.lower()
        fields = tuple(TableSchema.load(name).fields) if name in TABLES else ()
    if path.suffix.lower() == ".parquet":
        table = _read_parquet(path, fields)
    else:
        table = _read_text(path, ledger, fields)
    ledger.read[path.name] += len(table) + ledger.rejected[path.name]
    return table


def _read_text(path: Path, ledger: Ledger, fields: Collection[str]) -> pd.DataFrame:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    refuse_other_formats(content, path)
    decoded = decode(content)
    text = decoded.lines
    start = next((place for place, line in enumerate(text) if line.strip()), len(text))
    separator = stated_separator(text[start]) if start < len(text) else ""
    if separator:
        start += 1
    elif start < len(text):
        wanted = set(fields)
        separator = separator_of(text[start], wanted.__contains__)
    first, taken = record(text, start, separator or ",")
    refuse_binary("".join(first), path)
    header, renamed = canonical_header([name.strip() for name in first], fields, path)
    _remark(ledger, path.name, decoded.encoding, separator or ",", renamed)
    rows, lines = [], []
    identified = header[0] == "patient_id"
    names = [name.strip().casefold() for name in first]
    for line, row, problem, remedy in records(
        decoded, start + taken, len(header), separator or ","
    ):
        headed = bool(row) and row[0].strip().casefold() == names[0]
        if problem:
            patient = row[0].strip() if identified and row and not headed else ""
            ledger.ragged(path.name, line, problem, patient=patient, remedy=remedy)
        elif headed and [cell.strip().casefold() for cell in row] == names:
            ledger.ragged(
                path.name,
                line,
                "The line repeats the header of the file.",
                code=REPEATED_HEADER,
                remedy="Take the line out; parts of an export are joined without their headers.",
            )
        else:
            rows.append(row)
            lines.append(line)
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    table = pd.DataFrame(
        {
            name: pd.Series(list(cells), dtype="str")
            for name, cells in zip(header, columns, strict=True)
        }
    )
    for name in header:
        table[name] = table[name].str.strip()
    table["_line"] = np.asarray(lines, dtype=np.int64)
    return table


def _remark(ledger: Ledger, file: str, encoding: str, separator: str, renamed: list[str]) -> None:
    if encoding != "UTF-8":
        ledger.remarks.append(f"{file} is not UTF-8; it was read as {encoding}.")
    if separator != ",":
        ledger.remarks.append(f"{file} is separated by {words_for(separator)}.")
    if renamed:
        ledger.remarks.append(f"{file}: columns read under their usual name: {listed(renamed)}.")


def _read_parquet(path: Path, fields: Collection[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    header, _ = canonical_header([name.strip() for name in arrow.column_names], fields, path)
    table = pd.DataFrame(
        {name: _as_text(arrow.column(place)) for place, name in enumerate(header)},
        index=pd.RangeIndex(len(arrow)),
    )
    table["_line"] = np.arange(1, len(table) + 1)
    return table


def _as_text(column: pa.ChunkedArray) -> pd.Series:
    import pyarrow as pa

    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        # by way of arrow, because pandas would turn whole numbers beside a null into 1.0
        numbers: pd.Series = column.cast(pa.string()).to_pandas().astype("str")
        return numbers.mask(numbers.isna() | (numbers == "nan"), "")
    cells: pd.Series = column.to_pandas()
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        text: pd.Series = cells.dt.strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    elif pd.api.types.is_datetime64_dtype(cells.dtype):
        text = cells.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    else:
        text = cells.astype("str")
    return text.astype("str").mask(cells.isna(), "").str.strip()
