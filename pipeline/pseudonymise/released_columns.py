"""Selects the columns and cells for release, and lists what is withheld."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.cohort.column_words import identifies_persons
from pipeline.cohort.schema import TableSchema, check_field, to_number
from pipeline.errors import UsageError
from pipeline.format import counted

# replaces a withheld cell; no column accepts it as a value
WITHHELD = "unreadable"
_MOST_ROWS = 5


OLDEST = 89  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 become one category, 90 or older
_YEAR, _PART = r"(?:19|20|21)\d{2}", r"\d{1,2}"
_DATE = re.compile(
    rf"(?<!\d){_YEAR}([-/.]){_PART}\1{_PART}(?!\d)|(?<!\d){_PART}([-/.]){_PART}\2{_YEAR}(?!\d)"
)


@dataclass
class Account:
    """Lines of the summary.

    Attributes
    ----------
    lines : list of str
        In order of processing.
    """

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Add one line."""
        self.lines.append(line)

    def withhold(
        self,
        table: pd.DataFrame,
        column: str,
        mask: pd.Series,
        *,
        file: str,
        why: str,
        blank: bool = False,
    ) -> pd.DataFrame:
        """Replace masked cells of a column, or blank them, and add a line with their rows."""
        chosen = np.asarray(mask, dtype=bool)
        if not chosen.any():
            return table
        rows = table.loc[chosen, "_line"].tolist()
        shown_rows = ", ".join(map(str, rows[:_MOST_ROWS])) + (
            " ..." if len(rows) > _MOST_ROWS else ""
        )
        place = f"{file}, column {column}, row {shown_rows}"
        action = "left blank" if blank else f"withheld ('{WITHHELD}')"
        self.add(f"{action}: {place}: {counted(len(rows), 'cell')} {why}")
        replacement = "" if blank else WITHHELD
        return table.assign(**{column: table[column].mask(chosen, replacement).astype("str")})


def allowed_columns(
    table: pd.DataFrame, schema: TableSchema, file: str, keep: Collection[str], account: Account
) -> pd.DataFrame:
    """Drop columns that identify persons, or are neither in the schema nor in ``keep``.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``patient_id`` and ``_line``.
    schema : TableSchema
    file : str
        Name of the file, for messages.
    keep : collection of str
        Columns to keep although the schema does not name them.
    account : Account
        Receives a line per dropped column.

    Returns
    -------
    DataFrame

    Raises
    ------
    UsageError
        If a column to keep identifies persons.

    Examples
    --------
    >>> labs = pd.DataFrame({"patient_id": ["A"], "value": ["1"], "MRN": ["17"], "_line": [2]})
    >>> allowed_columns(labs, TableSchema.load("labs"), "labs.csv", (), Account()).columns.tolist()
    ['patient_id', 'value', '_line']
    """
    for column in map(str, table.columns.drop(["_line", "patient_id"])):
        why = identifies_persons(column, table[column])
        if why and column in schema.required():
            account.add(f"check {file}, column {column}: it is required and kept, but {why}")
        elif why and column in keep:
            raise UsageError(
                f"--keep {column}: this column of {file} identifies persons ({why}) and is never "
                "kept. If it does not identify persons, rename it at the source",
                options=("keep",),
            )
        elif why:
            account.add(f"dropped: {file}, column {column}: identifies persons, {why}")
            table = table.drop(columns=column)
        elif column not in schema.fields and column not in keep:
            account.add(
                f"dropped: {file}, column {column}: not in the schema (to keep it: --keep {column})"
            )
            table = table.drop(columns=column)
    return table


def safe_cells(
    table: pd.DataFrame, schema: TableSchema, file: str, done: Collection[str], account: Account
) -> pd.DataFrame:
    """Withhold cells that contain a date or are not accepted by the schema.

    Reading would reject or ignore these cells.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``patient_id`` and ``_line``.
    schema : TableSchema
    file : str
        Name of the file, for the account.
    done : collection of str
        Columns of times; they are not checked here.
    account : Account
        Receives a line per column with withheld cells.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> cells = {"patient_id": ["A", "A"], "value": ["12", "see 2026-03-04"], "_line": [2, 3]}
    >>> labs = pd.DataFrame(cells)
    >>> safe_cells(labs, TableSchema.load("labs"), "labs.csv", (), Account())["value"].tolist()
    ['12', 'unreadable']
    """
    for column in map(str, table.columns.drop(["_line", "patient_id"])):
        if column in done:
            continue
        cells, item = table[column], schema.fields.get(column, {})
        illegal, legal, _ = check_field(cells, item)
        table = account.withhold(
            table, column, pd.Series(illegal), file=file, why=f"not accepted (accepted: {legal})"
        )
        dated = cells.map({cell: _DATE.search(cell) is not None for cell in cells.unique()})
        table = account.withhold(
            table,
            column,
            dated.astype(bool).to_numpy() & ~np.asarray(illegal),
            file=file,
            why="with a date",
        )
    return table


def capped_ages(table: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Set ages above 89 to 90, one category for the oldest.

    Parameters
    ----------
    table : DataFrame
        Text cells, with or without ``age_years``.
    account : Account
        Receives the number of changed ages.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> capped_ages(pd.DataFrame({"age_years": ["89", "97"]}), Account())["age_years"].tolist()
    ['89', '90']
    """
    if "age_years" not in table:
        return table
    old = to_number(table["age_years"]) > OLDEST
    if old.any():
        account.add(f"ages above {OLDEST} set to {OLDEST + 1}: {int(old.sum())}")
    return table.assign(age_years=table["age_years"].mask(old, str(OLDEST + 1)).astype("str"))
