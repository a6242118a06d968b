"""Which columns and cells may leave, and the account of what was withheld."""

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

# replaces a cell that may not be released; no column accepts it as a value
WITHHELD = "unreadable"
_ROWS_TOLD = 5


OLDEST = 89  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 become one category, 90 or older
_YEAR, _PART = r"(?:19|20|21)\d{2}", r"\d{1,2}"
_DATE = re.compile(
    rf"(?<!\d){_YEAR}([-/.]){_PART}\1{_PART}(?!\d)|(?<!\d){_PART}([-/.]){_PART}\2{_YEAR}(?!\d)"
)


@dataclass
class Account:
    """Collects what the summary tells.

    Attributes
    ----------
    lines : list of str
        Sentences, in the order in which things were done.
    """

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Add one sentence."""
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
        """Replace masked cells of a column, or blank them, and say where they stood."""
        chosen = np.asarray(mask, dtype=bool)
        if not chosen.any():
            return table
        rows = table.loc[chosen, "_line"].tolist()
        told = ", ".join(map(str, rows[:_ROWS_TOLD])) + (" ..." if len(rows) > _ROWS_TOLD else "")
        place = f"{file}, column {column}, row {told}"
        fate = "left blank" if blank else f"withheld ('{WITHHELD}')"
        self.say(f"{fate}: {place}: {counted(len(rows), 'cell')} {why}")
        kept = "" if blank else WITHHELD
        return table.assign(**{column: table[column].mask(chosen, kept).astype("str")})


def allowed_columns(
    table: pd.DataFrame, schema: TableSchema, file: str, keep: Collection[str], account: Account
) -> pd.DataFrame:
    """The table without columns that identify persons, or that neither schema nor user names.

    Raises
    ------
    UsageError
        If a column to keep identifies persons.
    """
    for column in map(str, table.columns.drop(["_line", "patient_id"])):
        why = identifies_persons(column, table[column])
        if why and column in schema.required():
            account.say(f"look at {file}, column {column}: it is required and kept, but {why}")
        elif why and column in keep:
            raise UsageError(
                f"--keep {column}: this column of {file} identifies persons ({why}) and is never "
                "kept. If it does not, rename it at the source",
                options=("keep",),
            )
        elif why:
            account.say(f"dropped: {file}, column {column}: identifies persons, {why}")
            table = table.drop(columns=column)
        elif column not in schema.fields and column not in keep:
            account.say(
                f"dropped: {file}, column {column}: no schema names it (keep it: --keep {column})"
            )
            table = table.drop(columns=column)
    return table


def safe_cells(
    table: pd.DataFrame, schema: TableSchema, file: str, done: Collection[str], account: Account
) -> pd.DataFrame:
    """Withhold cells that hold a date, or text in a column of numbers, where no time was moved.

    No such cell means anything to the reader, which refuses or ignores it either way.

    Parameters
    ----------
    done : collection of str
        Columns of times, already moved.
    """
    for column in map(str, table.columns.drop(["_line", "patient_id"])):
        if column in done:
            continue
        cells, item = table[column], schema.fields.get(column, {})
        illegal, legal, _ = check_field(cells, item)
        table = account.withhold(
            table, column, pd.Series(illegal), file=file, why=f"not legal (legal is {legal})"
        )
        dated = cells.map({cell: _DATE.search(cell) is not None for cell in cells.unique()})
        table = account.withhold(
            table,
            column,
            dated.astype(bool).to_numpy() & ~np.asarray(illegal),
            file=file,
            why="with a date inside",
        )
    return table


def capped_ages(table: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Ages above 89 as 90, the one category of the oldest."""
    if "age_years" not in table:
        return table
    old = to_number(table["age_years"]) > OLDEST
    if old.any():
        account.say(f"ages above {OLDEST} set to {OLDEST + 1}: {int(old.sum())}")
    return table.assign(age_years=table["age_years"].mask(old, str(OLDEST + 1)).astype("str"))
