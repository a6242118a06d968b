"""Numbers in object columns of a DataFrame, written as plain text."""

from __future__ import annotations

import numbers
from decimal import Decimal

import pandas as pd

_NUMBERS = (numbers.Real, Decimal)


def numbers_as_text(cells: pd.Series) -> pd.Series:
    """Write numbers as text in an object column that mixes them with text or has decimals.

    Examples
    --------
    >>> numbers_as_text(pd.Series(["<5", 5.0, 7], dtype=object)).tolist()
    ['<5', '5', '7']
    """
    if cells.dtype != object:
        return cells
    kinds: set[type] = {type(cell) for cell in cells[cells.notna()]}
    numeric = all(issubclass(kind, _NUMBERS) for kind in kinds - {str}) and bool not in kinds
    if not numeric or (len(kinds) < 2 and Decimal not in kinds):
        return cells
    return cells.map(_number_as_text, na_action="ignore")


def _number_as_text(cell: str | numbers.Real | Decimal) -> str:
    if isinstance(cell, str | Decimal):
        return f"{cell:f}" if isinstance(cell, Decimal) else cell
    return str(cell if isinstance(cell, numbers.Integral) else float(cell)).removesuffix(".0")
