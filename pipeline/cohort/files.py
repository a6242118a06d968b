"""Raw tables: CSV or Parquet as text, with the line each row stands on."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline import input_limits as limits
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
from pipeline.cohort.frame_numbers import numbers_as_text
from pipeline.cohort.ledger import Ledger, LineCounts
from pipeline.cohort.patient_ids import ID_COLUMNS, bare_ids, refuse_unusable_ids
from pipeline.cohort.private_cells import hide_cells
from pipeline.cohort.schema import TableSchema, canonical_header
from pipeline.cohort.table_lines import UnreadableLine, table_lines
from pipeline.cohort.tables import TABLES
from pipeline.csv_files import restored, restored_cells
from pipeline.errors import InputError, listed, shown
from pipeline.input_files import listing, read_file, refuse_irregular

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods")


def workbook_hint(paths: Iterable[Path]) -> str:
    """What to do about workbooks among the given files, "" where there is none.

    Examples
    --------
    >>> workbook_hint([Path("labs.xlsx")])
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
        If several files fit, because it cannot be known which one is meant, or if one is there
        and is no regular file, such as a link to a share that is not mounted.
    """
    wanted = {name + suffix for suffix in SUFFIXES}
    found = [path for path in listing(folder) if path.name.lower() in wanted]
    for path in found:
        refuse_irregular(path)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputError(
            f"{folder} holds {names}; keep one of them, because it cannot be known which is meant"
        )
    return found[0] if found else None


@dataclass(frozen=True)
class RawTable:
    """A table as text, as :func:`read_raw` gives it for a file.

    Attributes
    ----------
    file : str
        Name in rejects, counts and the digest of a read, for example ``labs.csv``.
    frame : DataFrame
        Text cells, ``""`` where blank, plus ``_line`` (1 = first line of the file).
    sha256 : str
        Digest of the bytes the table was read from.
    source : str
        Name in messages: the path of a file.
    unreadable : tuple of UnreadableLine
    remarks : tuple of str
        Sentences on encoding, separator and column names.
    lines : LineCounts or None
        Physical lines of the file; None for a format without lines, such as Parquet.
    typed : frozenset of str
        Columns that hold numbers rather than text in the source.
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
    """One digest over the names and bytes of several files, whatever folder they lie in."""
    return _sha256_of_named([(path.name, sha256_file(path)) for path in paths])


def sha256_tables(tables: Iterable[RawTable]) -> str:
    """One digest over several tables; that of their files where they were read from files."""
    return _sha256_of_named([(table.file, table.sha256) for table in tables])


def read_raw(path: Path, fields: Collection[str] | None = None) -> RawTable:
    """Read a CSV or Parquet file as text.

    Parameters
    ----------
    path : Path
    fields : collection of str
        Column names of the table's schema; a column that differs from one of them in case,
        spaces or punctuation only is renamed to it. By default the schema that the file is
        named for, if there is one.

    Raises
    ------
    InputError
        If the file cannot be read, has no header, or repeats a column name.
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
    file : str
        Name of the table in rejects.
    fields : collection of str
        As in :func:`read_raw`.
    source : str
        Name in messages; that of the table by default.

    Raises
    ------
    InputError
        If the bytes are no text, there is no header, or a column name is repeated.

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
            name: _bare(name, restored_cells(_bare(name, pd.Series(list(column), dtype="str"))))
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
    """Turn a table in memory into text, as a Parquet file of it is turned into text.

    Parameters
    ----------
    frame : DataFrame
        Its index is not used.
    file : str
        Name of the table in rejects.
    fields : collection of str
        As in :func:`read_raw`.

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
    import pyarrow as pa

    names = [str(name).strip() for name in frame.columns]
    columns = []
    for place, name in enumerate(names):
        try:
            with warnings.catch_warnings():  # Arrow takes times in a way that pandas will change
                warnings.simplefilter("ignore", DeprecationWarning)
                column = numbers_as_text(frame.iloc[:, place])
                table = pa.Table.from_pandas(column.to_frame(), preserve_index=False)
        except UnicodeEncodeError as error:
            raise InputError(
                f"{file}, column '{shown(name)}' holds text that is no Unicode; correct it"
            ) from error
        except pa.ArrowException as error:
            raise InputError(
                f"{file}, column '{shown(name)}' mixes types: {error}. A column holds text, "
                "numbers or times; convert it to text"
            ) from error
        columns.append(table.column(0))
    text = _text_of_arrow(names, columns, file, fields, file)
    cells = json.dumps({name: text[name].tolist() for name in text})
    digest = hashlib.sha256(cells.encode()).hexdigest()
    return RawTable(file, text, digest, file, typed=_typed(text, columns))


def _sha256_of_named(digests: list[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, each in sorted(digests, key=lambda item: item[0]):
        digest.update(f"{name}:{each}\n".encode())
    return digest.hexdigest()


def _fields_of(file: str, fields: Collection[str] | None) -> Collection[str]:
    """The given fields, or those of the schema that a file is named for."""
    if fields is not None:
        return fields
    name = Path(file).stem.lower()
    return tuple(TableSchema.load(name).fields) if name in TABLES else ()


def _remarks(
    file: str, encoding: str, separator: str, renamed: list[str], joined: list[str]
) -> Iterator[str]:
    if encoding != "UTF-8":
        yield f"{file} is not UTF-8; it was read as {encoding}."
    if separator != ",":
        yield f"{file} is separated by {separator_name(separator)}."
    if renamed:
        yield f"{file}: columns read under their usual name: {listed(renamed)}."
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
    frame = _text_of_arrow(names, arrow.columns, path.name, fields, str(path))
    typed = _typed(frame, arrow.columns)
    digest = hashlib.sha256(content).hexdigest()
    return RawTable(path.name, frame, digest, str(path), typed=typed)


def _refuse_expansion(metadata: pq.FileMetaData, stored: int, path: Path) -> None:
    """Refuse a table that takes the memory once it is decompressed."""
    refuse_columns(metadata.num_columns, str(path))
    cells = metadata.num_rows * metadata.num_columns
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    most = min(limits.PARQUET_CELLS, max(limits.PARQUET_FREE_CELLS, limits.PARQUET_RATIO * stored))
    if cells > most or size > limits.PARQUET_BYTES:
        raise InputError(
            f"{path} holds {cells:,} cells, {size:,} bytes after decompression; {most:,} cells and "
            f"{limits.PARQUET_BYTES:,} bytes are read of a file of its size. Split it"
        )


def _text_of_arrow(
    names: list[str],
    columns: Sequence[pa.ChunkedArray],
    file: str,
    fields: Collection[str] | None,
    source: str,
) -> pd.DataFrame:
    """Columns of Arrow as text cells with ``_line``."""
    header, _ = canonical_header(names, _fields_of(file, fields), source)
    count = len(columns[0]) if columns else 0
    frame = pd.DataFrame(
        {name: _bare(name, _as_text(col)) for name, col in zip(header, columns, strict=True)},
        index=pd.RangeIndex(count),
    )
    frame["_line"] = np.arange(1, count + 1)
    return frame


def _typed(frame: pd.DataFrame, columns: Sequence[pa.ChunkedArray]) -> frozenset[str]:
    """Names of the numeric columns of a table, by the types of its Arrow columns."""
    import pyarrow as pa

    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)
    return frozenset(
        name
        for name, column in zip(frame.columns, columns, strict=False)
        if any(is_kind(column.type) for is_kind in kinds)
    )


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
    return text.astype("str").mask(cells.isna(), "")


def _bare(name: str, cells: pd.Series) -> pd.Series:
    """Cells without the space around them; of ids only plain spaces are cut off."""
    return bare_ids(cells) if name in ID_COLUMNS else cells.str.strip()
