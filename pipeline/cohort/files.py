"""Raw tables: CSV, Parquet and DataFrames as text, with the line of each row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline import input_limits as limits
from pipeline.cohort.arrow_text import arrow_columns, numeric_columns, text_of_arrow
from pipeline.cohort.delimited import (
    decode,
    header_of,
    refuse_binary,
    refuse_columns,
    refuse_other_formats,
    separator_name,
    separator_of,
    stated_separator,
)
from pipeline.cohort.ledger import Ledger, LineCounts
from pipeline.cohort.patient_ids import bare_cells, refuse_unusable_ids
from pipeline.cohort.private_cells import hide_cells
from pipeline.cohort.schema import TableSchema, canonical_header
from pipeline.cohort.table_lines import UnreadableLine, table_lines
from pipeline.cohort.tables import TABLES
from pipeline.csv_files import restored, restored_cells
from pipeline.errors import InputError, listed
from pipeline.input_files import listing, read_file, refuse_irregular

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods")


def workbook_hint(paths: Iterable[Path]) -> str:
    """End of a message that names a workbook among the given files; "" if there is none.

    Parameters
    ----------
    paths : iterable of Path
        Files to check by their suffix.

    Returns
    -------
    str

    Examples
    --------
    >>> workbook_hint([Path("labs.xlsx")])
    '. labs.xlsx is a workbook: export each sheet as CSV (UTF-8) or Parquet'
    """
    workbooks = [path.name for path in paths if path.suffix.lower() in WORKBOOKS]
    if not workbooks:
        return ""
    return f". {workbooks[0]} is a workbook: export each sheet as CSV (UTF-8) or Parquet"


def find_table(folder: Path, name: str) -> Path | None:
    """Path of a table in a folder, ignoring case.

    Parameters
    ----------
    folder : Path
        Folder to search.
    name : str
        Table, for example ``labs``.

    Returns
    -------
    Path or None
        None if no file has the name.

    Raises
    ------
    InputError
        If several files match, or the file is not regular, for example a broken link.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "Labs.CSV").write_text("")
    ...     find_table(Path(folder), "labs").name
    'Labs.CSV'
    """
    wanted = {name + suffix for suffix in SUFFIXES}
    matches = [path for path in listing(folder) if path.name.lower() in wanted]
    for path in matches:
        refuse_irregular(path)
    if len(matches) > 1:
        names = " and ".join(path.name for path in matches)
        raise InputError(f"{folder} holds {names}; keep one of them, because both are one table")
    return matches[0] if matches else None


@dataclass(frozen=True)
class RawTable:
    """A table as text.

    Attributes
    ----------
    file : str
        Name in rejects and counts, for example ``labs.csv``.
    frame : DataFrame
        Text cells, ``""`` where blank, plus ``_line`` (1 = first line of the file).
    sha256 : str
        Digest of the bytes of the table.
    source : str
        Name in messages, for example the path.
    unreadable : tuple of UnreadableLine
        Lines that are not rows.
    remarks : tuple of str
        On encoding, separator and column names.
    lines : LineCounts or None
        Physical lines of the file; None for a format without lines, for example Parquet.
    typed : frozenset of str
        Columns that are numeric in the source.
    """

    file: str
    frame: pd.DataFrame
    sha256: str
    source: str
    unreadable: tuple[UnreadableLine, ...] = ()
    remarks: tuple[str, ...] = ()
    lines: LineCounts | None = None
    typed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        hide_cells(self.frame)

    def record_in(self, ledger: Ledger) -> pd.DataFrame:
        """Enter remarks, unreadable lines and rows in a ledger; returns rows with usable ids."""
        ledger.remarks.extend(self.remarks)
        for item in self.unreadable:
            ledger.ragged(
                self.file,
                item.line,
                item.reason,
                patient=item.patient,
                code=item.code,
                remedy=item.remedy,
            )
        ledger.read[self.file] += len(self.frame) + len(self.unreadable)
        if self.lines is not None:
            ledger.count_lines(self.file, self.lines)
        return refuse_unusable_ids(self.frame, self.file, ledger)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(read_file(path)).hexdigest()


def sha256_files(paths: Iterable[Path]) -> str:
    """One digest over the names and bytes of several files, independent of their folder.

    Parameters
    ----------
    paths : iterable of Path
        Files, in any order.

    Returns
    -------
    str
        SHA-256 in hex.

    Examples
    --------
    >>> sha256_files([])[:12]
    'e3b0c44298fc'
    """
    return _sha256_of_named([(path.name, sha256_file(path)) for path in paths])


def sha256_tables(tables: Iterable[RawTable]) -> str:
    r"""One digest over several tables; equals :func:`sha256_files` of the files they come from.

    Parameters
    ----------
    tables : iterable of RawTable
        Tables, in any order.

    Returns
    -------
    str
        SHA-256 in hex.

    Examples
    --------
    >>> labs = raw_from_csv(b"patient_id,value\nA,5.0\n", "labs.csv")
    >>> len(sha256_tables([labs]))
    64
    """
    return _sha256_of_named([(table.file, table.sha256) for table in tables])


def read_raw(path: Path, fields: Collection[str] | None = None) -> RawTable:
    r"""Read a CSV or Parquet file as text.

    Parameters
    ----------
    path : Path
        File; ``.parquet`` is read as Parquet, any other suffix as delimited text.
    fields : collection of str, optional
        Column names of the table's schema; a column that differs from one of them in case, spaces
        or punctuation only is renamed to it. By default those of the schema with the file's name.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        If the file cannot be read, has no header, or repeats a column name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labs.csv")
    ...     _ = path.write_text("Patient ID;value\nA;5,0\n")
    ...     read_raw(path).frame.to_dict("records")
    [{'patient_id': 'A', 'value': '5,0', '_line': 2}]
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path, fields)
    return raw_from_csv(read_file(path), path.name, fields, source=str(path))


def raw_from_csv(
    content: bytes, file: str, fields: Collection[str] | None = None, *, source: str = ""
) -> RawTable:
    r"""Read the bytes of a CSV file.

    Parameters
    ----------
    content : bytes
        Of the file.
    file : str
        Name of the table in rejects.
    fields : collection of str, optional
        As in :func:`read_raw`.
    source : str
        Name in messages; that of the table by default.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        If the bytes are not text, there is no header, or a column name is repeated.

    Examples
    --------
    >>> raw_from_csv(b"patient_id,value\nA,5.0\n", "labs.csv").frame.to_dict("records")
    [{'patient_id': 'A', 'value': '5.0', '_line': 2}]
    """
    source, fields = source or file, _fields_of(file, fields)
    refuse_other_formats(content, source)
    decoded = decode(content)
    text = decoded.lines
    start = next((place for place, line in enumerate(text) if line.strip()), len(text))
    refuse_binary(text[start] if start < len(text) else "", source)
    separator = stated_separator(text[start]) if start < len(text) else ""
    if separator:
        start += 1
    elif start < len(text):
        wanted = set(fields)
        separator = separator_of(text[start], wanted.__contains__)
    first, taken = header_of(text, start, separator or ",", source)
    refuse_columns(len(first), source)
    header, renamed = canonical_header([restored(name.strip()) for name in first], fields, source)
    body = table_lines(decoded, start + taken, first, header, separator or ",")
    rows = body.rows
    cells = zip(*rows.values(), strict=True) if rows else ([] for _ in header)
    frame = pd.DataFrame(
        {
            name: bare_cells(
                name, restored_cells(bare_cells(name, pd.Series(list(column), dtype="str")))
            )
            for name, column in zip(header, cells, strict=True)
        }
    )
    frame["_line"] = np.asarray(list(rows), dtype=np.int64)
    remarks = tuple(_remarks(file, decoded.encoding, separator or ",", renamed, body.joined))
    digest = hashlib.sha256(content).hexdigest()
    return RawTable(file, frame, digest, source, tuple(body.unreadable), remarks, body.counts)


def raw_from_frame(
    frame: pd.DataFrame, file: str, fields: Collection[str] | None = None
) -> RawTable:
    """Convert a DataFrame to text, as :func:`read_raw` reads a Parquet file of it.

    Parameters
    ----------
    frame : DataFrame
        Its index is not used.
    file : str
        Name of the table in rejects.
    fields : collection of str, optional
        As in :func:`read_raw`.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        If a column mixes text or numbers with other types, there is no column, or a column name
        is repeated.

    Examples
    --------
    >>> labs = pd.DataFrame({"patient_id": [7], "value": [5.0], "unit": ["mg/L"]})
    >>> raw_from_frame(labs, "labs").frame.to_dict("records")
    [{'patient_id': '7', 'value': '5', 'unit': 'mg/L', '_line': 1}]
    """
    names, columns = arrow_columns(frame, file)
    header, _ = canonical_header(names, _fields_of(file, fields), file)
    text = text_of_arrow(header, columns)
    cells = json.dumps({name: text[name].tolist() for name in text})
    digest = hashlib.sha256(cells.encode()).hexdigest()
    return RawTable(file, text, digest, file, typed=numeric_columns(text.columns, columns))


def _sha256_of_named(digests: list[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, each in sorted(digests, key=lambda item: item[0]):
        digest.update(f"{name}:{each}\n".encode())
    return digest.hexdigest()


def _fields_of(file: str, fields: Collection[str] | None) -> Collection[str]:
    """The given fields, or those of the schema with the name of the file."""
    if fields is not None:
        return fields
    name = Path(file).stem.lower()
    return tuple(TableSchema.load(name).fields) if name in TABLES else ()


def _remarks(
    file: str, encoding: str, separator: str, renamed: list[str], joined: list[str]
) -> Iterator[str]:
    if encoding != "UTF-8":
        yield f"{file} is not UTF-8; it is read as {encoding}."
    if separator != ",":
        yield f"{file} is separated by {separator_name(separator)}."
    if renamed:
        yield f"{file}: columns read under their schema name: {listed(renamed)}."
    if joined:
        yield f"{file}: a stray quote joins rows on lines {listed(joined)}; see the rejects."


def _read_parquet(path: Path, fields: Collection[str] | None) -> RawTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_file(path)
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            _refuse_expansion(file.metadata, len(content), path)
            arrow = file.read()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} is not a readable Parquet file: {error}") from error
    names = [name.strip() for name in arrow.column_names]
    header, _ = canonical_header(names, _fields_of(path.name, fields), str(path))
    frame = text_of_arrow(header, arrow.columns)
    typed = numeric_columns(frame.columns, arrow.columns)
    digest = hashlib.sha256(content).hexdigest()
    return RawTable(path.name, frame, digest, str(path), typed=typed)


def _refuse_expansion(metadata: pq.FileMetaData, stored: int, path: Path) -> None:
    """Refuse a table that would exceed memory once decompressed."""
    refuse_columns(metadata.num_columns, str(path))
    cells = metadata.num_rows * metadata.num_columns
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    most = min(limits.PARQUET_CELLS, max(limits.PARQUET_FREE_CELLS, limits.PARQUET_RATIO * stored))
    if cells > most or size > limits.PARQUET_BYTES:
        raise InputError(
            f"{path} has {cells:,} cells, {size:,} bytes after decompression; at most {most:,} "
            f"cells and {limits.PARQUET_BYTES:,} bytes are read from a file of this size. Split it"
        )
