"""Raw tables: CSV or Parquet as text, with the line each row stands on."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.rejects import Ledger
from pipeline.errors import InputError

csv.field_size_limit(10_000_000)
_SUFFIXES = (".csv", ".parquet")


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
            reader = csv.reader(handle)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            width, rows, lines = len(header), [], []
            before = reader.line_num
            for row in reader:
                line, before = before + 1, reader.line_num
                if len(row) == width:
                    rows.append(row)
                    lines.append(line)
                elif row:
                    ledger.ragged(path.name, line, len(row), width)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as UTF-8 CSV: {error}. Export it again as comma-separated UTF-8"
        ) from error
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


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    _check_header(arrow.column_names, path)
    table = pd.DataFrame(
        {name: _as_text(arrow.column(name).to_pandas()) for name in arrow.column_names}
    )
    table["_line"] = np.arange(1, len(table) + 1)
    return table


def _as_text(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        text = column.dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    elif pd.api.types.is_datetime64_dtype(column.dtype):
        text = column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f")
    elif pd.api.types.is_float_dtype(column.dtype):
        text = pd.Series([repr(float(value)) for value in column], dtype="str")
    else:
        text = column.astype("str")
    return text.where(column.notna(), "").astype("str").str.strip()


def _check_header(header: list[str], path: Path) -> None:
    if not header or all(name == "" for name in header):
        raise InputError(f"{path} is empty: the first line must name the columns")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{path} repeats the column {', '.join(repeated)}; rename or remove one")
