"""Rewrites the numbers of every table with a decimal point; rejects ambiguous ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial, reduce
from operator import or_

import pandas as pd

from pipeline.cohort.decimal_marks import DecimalMarks, MarkEvidence, evidence_of, plain_numbers
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.schema import TableSchema
from pipeline.config_cohort import CohortConfig
from pipeline.remedy import Remedy, render

# text columns whose cells may be numbers
_RESULTS = {"labs": ("value",), "observations": ("value",)}
_NUMERIC = ("number", "integer")


def read_number_columns(
    raw: Mapping[str, pd.DataFrame],
    typed: Mapping[str, Collection[str]],
    names: Mapping[str, str],
    config: CohortConfig,
    ledger: Ledger,
    remedy: str | Remedy,
) -> dict[str, pd.DataFrame]:
    """Write the numbers of each table with a decimal point, by the setting and the files.

    An ambiguous number (``12.845`` among numbers like ``182,4``) rejects its row in a required
    column or a time; in other columns only the cell is ignored. The cells of ``labs.value`` stay
    unchanged; ``ledger.decimal_marks`` receives the meaning of their marks.

    The marks of a time are resolved by its column first, because programs compute times. Other
    columns are resolved by the file, then by the other files of the export.

    Parameters
    ----------
    raw : mapping of str to DataFrame
        Text tables by name.
    typed : mapping of str to collection of str
        Columns that are numeric in the source, so their marks are not ambiguous.
    names : mapping of str to str
        File of each table.
    config : CohortConfig
        ``decimal_comma`` and ``host_columns`` are used.
    ledger : Ledger
        Receives rejects, ignored cells and decimal marks.
    remedy : str or Remedy
        Remedy of an ambiguous mark.

    Returns
    -------
    dict of str to DataFrame

    Examples
    --------
    >>> raw = {"treatments": pd.DataFrame({"dose": ["62,5"], "_line": [2]})}
    >>> config = CohortConfig(decimal_comma=True)
    >>> names = {"treatments": "treatments.csv"}
    >>> read_number_columns(raw, {}, names, config, Ledger(), "")["treatments"]["dose"].tolist()
    ['62.5']
    """
    columns = {name: _columns(name, raw[name], typed.get(name, ()), config) for name in raw}
    shown = {
        name: {column: evidence_of(raw[name][column].unique()) for column in columns[name]}
        for name in raw
    }
    files = {name: _of_file(shown[name]) for name in raw}
    export = reduce(or_, files.values(), MarkEvidence())
    marked = {}
    for name, table in raw.items():
        file = names[name]
        around = _nearest(files[name], export)
        if name == "labs":
            typed_value = "value" in typed.get(name, ())
            ledger.decimal_marks[file] = (
                DecimalMarks() if typed_value else DecimalMarks(config.decimal_comma, around)
            )
        schema = TableSchema.load(name)
        for column, own in shown[name].items():
            if name == "labs" and column == "value":
                continue
            marks = DecimalMarks(config.decimal_comma, around)
            if _is_clock(column):
                computed = own.point and not own.comma  # by a program, independent of the results
                stated = None if computed else config.decimal_comma
                marks = DecimalMarks(stated, _nearest(own, around))
            refuse = partial(_refuse, column=column, schema=schema, file=file, remedy=remedy)
            table = _with_point(table, column, file, marks, ledger, refuse)
        marked[name] = table
    return marked


def _with_point(
    table: pd.DataFrame,
    column: str,
    file: str,
    marks: DecimalMarks,
    ledger: Ledger,
    refuse: Callable[..., pd.DataFrame],
) -> pd.DataFrame:
    plain, problems = plain_numbers(table[column], marks)
    why = {text: render(problem, ledger.audience) for text, problem in problems.items()}
    bad = table[column].isin(list(problems))
    reason = quoted(table[column]) + " " + table[column].map(why).astype("str") + "."
    _remember(ledger, file, column, table.loc[plain != table[column]])
    written = table.assign(**{column: plain})
    return refuse(written, bad, reason, ledger) if problems else written


def _refuse(
    table: pd.DataFrame,
    bad: pd.Series,
    reason: pd.Series,
    ledger: Ledger,
    *,
    column: str,
    schema: TableSchema,
    file: str,
    remedy: str | Remedy,
) -> pd.DataFrame:
    """Reject the row of a required cell or a time; treat another cell as missing."""
    field = schema.fields.get(column, {})
    if _is_clock(column) or field.get("constraints", {}).get("required"):
        code = "time_unusable" if _is_clock(column) else "illegal_value"
        return ledger.reject(
            table, bad, file=file, column=column, code=code, reason=reason, remedy=remedy
        )
    ledger.ignore_cells(
        table, bad, file=file, column=column, code="illegal_value", reason=reason, remedy=remedy
    )
    return table.assign(**{column: table[column].mask(bad, "")})


def _remember(ledger: Ledger, file: str, column: str, rows: pd.DataFrame) -> None:
    """Add the original text of rewritten cells, which rejects quote."""
    if rows.empty:
        return
    cells = rows[column].set_axis(rows["_line"])
    earlier = ledger.written.get((file, column))
    ledger.written[file, column] = cells if earlier is None else earlier.combine_first(cells)


def _columns(
    name: str, table: pd.DataFrame, typed: Collection[str], config: CohortConfig
) -> list[str]:
    """Text columns of a table that hold numbers."""
    schema = TableSchema.load(name)
    wanted = [key for key, item in schema.fields.items() if item.get("type") in _NUMERIC]
    wanted += _RESULTS.get(name, ())
    if name == "patients":
        wanted += [key for key in config.host_columns if key not in schema.fields]
    return [key for key in dict.fromkeys(wanted) if key in table and key not in typed]


def _of_file(shown: Mapping[str, MarkEvidence]) -> MarkEvidence:
    """Evidence of a file; a point in a computed time is no evidence for other columns."""
    parts = [
        MarkEvidence(comma=seen.comma, either=seen.either) if _is_clock(column) else seen
        for column, seen in shown.items()
    ]
    return reduce(or_, parts, MarkEvidence())


def _nearest(own: MarkEvidence, wider: MarkEvidence) -> MarkEvidence:
    """Evidence of the file if it is decisive, else also of the export."""
    return own if own.decisive else own | wider


def _is_clock(column: str) -> bool:
    return column.endswith(("_hours", "_days"))
