"""One column per analyte, one row per draw: to the tables labs, patients and assessments."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.written_times import iso_times
from pipeline.errors import InputError, UsageError
from pipeline.importers.records import STATE_OFFSET, clock_changes, offset_hint, with_offsets
from pipeline.importers.wide_mapping import WideMapping


@dataclass(frozen=True)
class WideTables:
    """Tables in our layout by name, and how many cells of labs were filled and blank."""

    tables: dict[str, pd.DataFrame]
    filled: int
    blank: int


def check_columns(table: pd.DataFrame, mapping: WideMapping, file: str) -> None:
    """Refuse a mapping that does not account for every column of the sheet.

    Raises
    ------
    UsageError
        Naming the columns that are missing, and those without a role.
    """
    present = [name for name in table.columns if name != "_line"]
    named = mapping.columns()
    missing = [name for name in named if name not in present]
    new = [name for name in present if name not in named]
    if missing:
        raise UsageError(
            f"the mapping names {', '.join(map(repr, missing))}, which {file} lacks. "
            f"Found: {', '.join(present)}"
        )
    if new:
        raise UsageError(
            f"{file} has columns without a role in the mapping: {', '.join(map(repr, new))}. "
            "Give each a role, or list it under 'ignored'"
        )


def with_zone_offsets(
    table: pd.DataFrame, mapping: WideMapping, file: str, time_zone: str | None, ledger: Ledger
) -> pd.DataFrame:
    """The sheet with the offset of the zone behind times that have none.

    A row whose time clocks skip or show twice is refused. Without a zone the times are counted.
    """
    check_columns(table, mapping, file)
    clocks = [mapping.collected, *([mapping.resulted] if mapping.resulted else [])]
    columns = [clock.column for clock in clocks if clock.reads == "at"]
    columns += [
        column
        for column, field in mapping.patients.items()
        if field == "infusion_time" or field.endswith("_at")
    ]
    iso = {column: iso_times(table[column], mapping.date_order) for column in columns}
    table = ledger.remember(file, table, table.assign(**iso))
    missing = 0
    for column in columns:
        why = clock_changes(table[column], time_zone)
        table = ledger.reject(
            table,
            why != "",
            file=file,
            column=column,
            code="time_unusable",
            reason=quoted(table[column]) + " " + why + ".",
            remedy=STATE_OFFSET,
        )
        cells, naive = with_offsets(table[column], time_zone)
        table, missing = table.assign(**{column: cells}), missing + naive
    offset_hint(missing, ledger)
    return table


def from_wide(table: pd.DataFrame, mapping: WideMapping, file: str) -> WideTables:
    """Rewrite a wide sheet; every filled cell of an analyte becomes one row of labs.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``_line``, as :func:`pipeline.cohort.files.read_raw` gives them.
    mapping : WideMapping
    file : str
        Name of the sheet, for messages.

    Raises
    ------
    UsageError
        If the mapping does not account for every column.
    InputError
        If a patient has several values in a column of patients.
    """
    check_columns(table, mapping, file)
    identity = table[mapping.patient_id]
    times = {f"collected_{mapping.collected.reads}": table[mapping.collected.column]}
    if mapping.resulted is not None:
        times[f"resulted_{mapping.resulted.reads}"] = table[mapping.resulted.column]
    parts = [
        pd.DataFrame(
            {"patient_id": identity, "analyte": lab.analyte, "value": table[column],
             "unit": lab.unit, **times}
        ).loc[table[column] != ""]
        for column, lab in mapping.labs.items()
    ]  # fmt: skip
    labs = pd.concat(parts).sort_index(kind="stable") if parts else pd.DataFrame()
    tables = {"labs": labs, "patients": _patients(table, mapping, file)}
    if mapping.grades:
        clock = f"assessed_{mapping.collected.reads}"
        grades = [
            pd.DataFrame(
                {"patient_id": identity, "scale": scale, "grade": table[column],
                 clock: table[mapping.collected.column]}
            ).loc[table[column] != ""]
            for column, scale in mapping.grades.items()
        ]  # fmt: skip
        tables["assessments"] = pd.concat(grades).sort_index(kind="stable")
    return WideTables(tables, len(labs), len(table) * len(mapping.labs) - len(labs))


def _patients(table: pd.DataFrame, mapping: WideMapping, file: str) -> pd.DataFrame:
    """One row per patient with the only filled value of each column."""
    rows = table.loc[table[mapping.patient_id] != ""]
    ids = rows[mapping.patient_id].drop_duplicates().sort_values()
    people = pd.DataFrame({"patient_id": ids}).reset_index(drop=True)
    for column, field in mapping.patients.items():
        filled = rows.loc[rows[column] != "", [mapping.patient_id, column, "_line"]]
        distinct = filled.drop_duplicates([mapping.patient_id, column])
        clash = distinct.loc[distinct.duplicated(mapping.patient_id)]
        if len(clash):
            line = int(clash["_line"].iloc[0])
            raise InputError(
                f"{file} line {line}: column '{column}' differs from an earlier row of the same "
                f"patient, but '{field}' has one value per patient; correct it, or list the "
                "column under 'ignored'"
            )
        values = distinct.set_index(mapping.patient_id)[column]
        people[field] = people["patient_id"].map(values).fillna("")
    return people
