"""DataFrames and Arrow columns to text cells, as a CSV file of them has."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.cohort.frame_numbers import numbers_as_text
from pipeline.cohort.patient_ids import bare_cells
from pipeline.errors import InputError, shown

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_columns(frame: pd.DataFrame, file: str) -> tuple[list[str], list[pa.ChunkedArray]]:
    """Names and Arrow columns of a DataFrame, without its index.

    Raises
    ------
    InputError
        If a column mixes text or numbers with other types.

    Examples
    --------
    >>> names, columns = arrow_columns(pd.DataFrame({"value ": ["<5", 5.0]}), "labs")
    >>> names, columns[0].to_pylist()
    (['value'], ['<5', '5'])
    """
    import pyarrow as pa

    names = [str(name).strip() for name in frame.columns]
    columns = []
    for place, name in enumerate(names):
        try:
            with warnings.catch_warnings():  # Arrow reads times by an interface pandas deprecates
                warnings.simplefilter("ignore", DeprecationWarning)
                column = numbers_as_text(frame.iloc[:, place])
                table = pa.Table.from_pandas(column.to_frame(), preserve_index=False)
        except UnicodeEncodeError as error:
            raise InputError(
                f"{file}, column '{shown(name)}' has text that is not Unicode; correct it"
            ) from error
        except pa.ArrowException as error:
            raise InputError(
                f"{file}, column '{shown(name)}' mixes types: {error}. Text, numbers or times are "
                "accepted; convert the column to text"
            ) from error
        columns.append(table.column(0))
    return names, columns


def text_of_arrow(header: Sequence[str], columns: Sequence[pa.ChunkedArray]) -> pd.DataFrame:
    """Text cells of Arrow columns, "" where null.

    Parameters
    ----------
    header : sequence of str
        Name of each column.
    columns : sequence of ChunkedArray
        Columns of one length.

    Returns
    -------
    DataFrame
        One text column per name, and ``_line`` (1 = first row).

    Examples
    --------
    >>> import pyarrow as pa
    >>> text_of_arrow(["value"], [pa.chunked_array([[5.0, None]])]).to_dict("list")
    {'value': ['5', ''], '_line': [1, 2]}
    """
    count = len(columns[0]) if columns else 0
    frame = pd.DataFrame(
        {name: bare_cells(name, _as_text(col)) for name, col in zip(header, columns, strict=True)},
        index=pd.RangeIndex(count),
    )
    frame["_line"] = np.arange(1, count + 1)
    return frame


def numeric_columns(names: Iterable[str], columns: Sequence[pa.ChunkedArray]) -> frozenset[str]:
    """Names of the columns that Arrow holds as numbers.

    Examples
    --------
    >>> import pyarrow as pa
    >>> sorted(numeric_columns(["a", "b"], [pa.chunked_array([[1]]), pa.chunked_array([["1"]])]))
    ['a']
    """
    import pyarrow as pa

    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)
    return frozenset(
        name
        for name, column in zip(names, columns, strict=False)
        if any(is_kind(column.type) for is_kind in kinds)
    )


def _as_text(column: pa.ChunkedArray) -> pd.Series:
    import pyarrow as pa

    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        # cast by Arrow, because pandas turns whole numbers of a column with nulls into 1.0
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
