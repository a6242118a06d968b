"""Raw tables: CSV or Parquet as text, with the line each row stands on."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.cohort.rejects import Ledger
from pipeline.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

csv.field_size_limit(10_000_000)
_SUFFIXES = (".csv", ".parquet")
_MOST_LINES = 50  # of one quoted cell; beyond that a quote was left open


def find_table(folder: Path, name: str) -> Path | None:
    """Path of ``name.csv`` or ``name.parquet`` in a folder, None if there is neither.

    Raises
    ------
    InputError
        If both exist, because it cannot be known which one is meant.
    """
    found = [
        folder / (name + suffix) for suffix in _SUFFIXES if (folder / (name + suffix)).is_file()
    ]
    if len(found) > 1:
        raise InputError(
            f"{folder} holds {found[0].name} and {found[1].name}; keep one of them, "
            "because it cannot be known which is meant"
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


def read_raw(path: Path, ledger: Ledger) -> pd.DataFrame:
    """Read a table as text, blank cells as ``""``, plus ``_line`` (1 = first line of the file).

    Raises
    ------
    InputError
        If the file cannot be read, has no header, or repeats a column name.
    """
    table = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, ledger)
    ledger.read[path.name] += len(table) + ledger.rejected[path.name]
    return table


def _read_csv(path: Path, ledger: Ledger) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            text = handle.readlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 CSV: {error}. Export it again as comma-separated UTF-8"
        ) from error
    first, taken = _record(text, 0)
    header = [name.strip() for name in first]
    _check_header(header, path)
    identified = header[0] == "patient_id"
    rows, lines = [], []
    for line, row, problem in _records(text, taken, len(header)):
        if problem:
            patient = row[0].strip() if identified and row else ""
            ledger.ragged(path.name, line, problem, patient=patient)
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


def _records(text: list[str], position: int, width: int) -> Iterator[tuple[int, list[str], str]]:
    """Line number, cells and problem (empty if none) of every record from ``position`` on.

    A quote left open costs its own line only: the lines after it are read again by themselves.
    """
    while position < len(text):
        row, taken = _record(text, position)
        problem = ""
        if len(row) != width:
            problem = f"The line has {len(row)} fields where the header has {width}."
        if taken > 1 and (problem or not _closed(text[position : position + taken])):
            problem, taken = "A quote is opened on this line and not closed.", 1
        if row:
            yield position + 1, row, problem
        position += taken


def _record(text: list[str], position: int) -> tuple[list[str], int]:
    """Cells of the record that starts on a line, and how many lines it takes."""
    line = text[position] if position < len(text) else ""
    if '"' not in line:
        bare = line.rstrip("\r\n")
        return (bare.split(",") if bare.strip() else []), 1
    reader = csv.reader(text[position : position + _MOST_LINES])
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return [line], 2


def _closed(lines: list[str]) -> bool:
    try:
        next(csv.reader(lines, strict=True))
    except csv.Error:
        return False
    return True


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    _check_header(arrow.column_names, path)
    table = pd.DataFrame(
        {name: _as_text(arrow.column(name)) for name in arrow.column_names},
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
        text: pd.Series = cells.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    elif pd.api.types.is_datetime64_dtype(cells.dtype):
        text = cells.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    else:
        text = cells.astype("str")
    return text.astype("str").mask(cells.isna(), "").str.strip()


def _check_header(header: list[str], path: Path) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in (";", "\t", "|")):
        raise InputError(
            f"{path} is not separated by commas: its first line reads '{header[0][:60]}'. Export "
            "it again with commas between the columns"
        )
    if not header or all(name == "" for name in header):
        raise InputError(f"{path} is empty: the first line must name the columns")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{path} repeats the column {', '.join(map(repr, repeated))}; rename one")
