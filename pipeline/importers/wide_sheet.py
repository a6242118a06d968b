"""Rewrites a sheet with one column per analyte as the tables of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.schema import to_number
from pipeline.cohort.written_times import iso_times
from pipeline.errors import InputError, UsageError, listed
from pipeline.importers.records import STATE_OFFSET, clock_changes, offset_hint, with_offsets
from pipeline.importers.wide_clocks import clock_columns
from pipeline.importers.wide_columns import (
    CLOCKS,
    DataColumn,
    DoseColumn,
    GradeColumn,
    LabColumn,
    ObservationColumn,
    TimeColumn,
    WideMapping,
)
from pipeline.importers.wide_proposal import CODED, codes_in, stated_columns

_TABLES = {"labs": "labs", "grades": "assessments", "doses": "treatments",
           "observations": "observations"}  # fmt: skip


@dataclass(frozen=True)
class WideTables:
    """Tables of a cohort by name, and counts of the cells and lines of the sheet.

    Attributes
    ----------
    filled, blank : int
        Cells of labs that are imported, and cells that are blank.
    untimed : dict of int
        Filled cells rejected because their clock is blank, by table.
    unused : int
        Lines that are blank in every column with a role.
    """

    tables: dict[str, pd.DataFrame]
    filled: int
    blank: int
    untimed: dict[str, int] = field(default_factory=dict)
    unused: int = 0


def check_columns(table: pd.DataFrame, mapping: WideMapping, file: str) -> None:
    """Refuse a mapping that does not define every column, clock and code of the sheet.

    Raises
    ------
    UsageError
        If columns are missing or have no role, clocks are ambiguous, or codes have no meaning.
    """
    present = [name for name in table.columns if name != "_line"]
    named = mapping.columns()
    missing = [name for name in named if name not in present]
    new = [name for name in present if name not in named]
    if missing:
        raise UsageError(
            f"the mapping names {', '.join(map(repr, missing))}, which {file} lacks; correct the "
            f"mapping. Columns of the sheet: {', '.join(present)}"
        )
    if new:
        raise UsageError(
            f"{file} has columns without a role in the mapping: {', '.join(map(repr, new))}; "
            "give each a role, or list it under 'ignored'"
        )
    _check_clocks(table, mapping, file)
    _check_codes(table, mapping, file)


def with_zone_offsets(
    table: pd.DataFrame, mapping: WideMapping, file: str, time_zone: str | None, ledger: Ledger
) -> pd.DataFrame:
    """Append the offset of a zone to times without one.

    Rows with a time that the zone skips or has twice are rejected.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``_line``.
    mapping : WideMapping
    file : str
        Name of the sheet, for messages.
    time_zone : str or None
        IANA name; None only counts times without offset.
    ledger : Ledger
        Receives rejected rows and the count of times without offset.

    Returns
    -------
    DataFrame

    Raises
    ------
    UsageError
        If the mapping does not define every column, clock and code.

    Examples
    --------
    >>> sheet = pd.DataFrame({"id": ["A"], "date": ["2026-03-01 08:00"], "_line": [2]})
    >>> mapping = WideMapping(patient_id="id", collected="date", labs={})
    >>> with_zone_offsets(sheet, mapping, "s.csv", "Europe/Berlin", Ledger())["date"].tolist()
    ['2026-03-01T08:00:00+01:00']
    """
    check_columns(table, mapping, file)
    clocks = [clock for clock in mapping.clocks() if clock.reads == "at" and clock.column]
    for clock in clocks:
        table = table.assign(**{clock.column: _joined(table, clock)})
    columns = [clock.column for clock in clocks]
    columns += [
        column
        for column, item in mapping.patient_columns().items()
        if item.to == "infusion_time" or item.to.endswith("_at")
    ]
    iso = {column: iso_times(table[column], mapping.date_order) for column in columns}
    table = ledger.remember(file, table, table.assign(**iso))
    missing = 0
    for column in dict.fromkeys(columns):
        problem = clock_changes(table[column], time_zone)
        table = ledger.reject(
            table,
            problem != "",
            file=file,
            column=column,
            code="time_unusable",
            reason=quoted(table[column]) + " " + problem + ".",
            remedy=STATE_OFFSET,
        )
        cells, naive = with_offsets(table[column], time_zone)
        table, missing = table.assign(**{column: cells}), missing + naive
    offset_hint(missing, ledger)
    return table


def from_wide(
    table: pd.DataFrame, mapping: WideMapping, file: str, ledger: Ledger | None = None
) -> WideTables:
    """Rewrite a wide sheet; every filled cell of a lab, grade, dose or observation is a row.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``_line``, from :func:`pipeline.cohort.files.read_raw`.
    mapping : WideMapping
    file : str
        Name of the sheet, for messages.
    ledger : Ledger, optional
        Receives filled cells with a blank clock; their lines do not count as rejected.

    Returns
    -------
    WideTables

    Raises
    ------
    UsageError
        If the mapping does not define every column, clock and code.
    InputError
        If a patient has several values in a column of patients.

    Examples
    --------
    >>> sheet = {"id": ["A"], "day": ["3"], "CRP": ["12"], "IL-6": [""], "_line": [2]}
    >>> labs = {"CRP": {"analyte": "crp", "unit": "mg/L"}, "IL-6": {"analyte": "il6"}}
    >>> clock = {"column": "day", "reads": "days"}
    >>> mapping = WideMapping(patient_id="id", collected=clock, labs=labs)
    >>> imported = from_wide(pd.DataFrame(sheet), mapping, "sheet.csv")
    >>> imported.tables["labs"].values.tolist(), imported.blank
    ([['A', 'crp', '12', 'mg/L', '3']], 1)
    """
    check_columns(table, mapping, file)
    cells = Ledger()
    tables, used = {}, pd.Series(False, index=table.index)
    for group, name in _TABLES.items():
        parts = [
            _long(table, column, item, mapping, group)
            for column, item in mapping.columns_of(group).items()
        ]
        long = pd.concat(parts).sort_index(kind="stable") if parts else pd.DataFrame()
        used.loc[long.index] = True
        kept = _timed(long, file, cells, name)
        if group == "labs" or len(kept):
            tables[name] = kept
    if ledger is not None:
        ledger.parts += cells.parts
    tables = {"labs": tables.pop("labs"), "patients": _patients(table, mapping, file), **tables}
    people = [name for name in mapping.patients if (table[name] != "").any()]
    used |= (table[people] != "").any(axis=1)
    filled = len(tables["labs"])
    untimed = {name: number for name in _TABLES.values() if (number := cells.rejected[name])}
    blank = len(table) * len(mapping.labs) - filled - untimed.get("labs", 0)
    return WideTables(tables, filled, blank, untimed, int((~used).sum()))


def _long(
    table: pd.DataFrame, column: str, item: DataColumn, mapping: WideMapping, group: str
) -> pd.DataFrame:
    """One row per filled cell of a column, with the clock of the column."""
    clock = mapping.clock_of(group, column) or mapping.collected
    cells = translated(table[column], item.values)
    filled = cells != ""
    content: dict[str, object] = {"patient_id": table[mapping.patient_id]}
    if isinstance(item, LabColumn):
        content |= {"analyte": item.analyte, "value": cells, "unit": item.unit}
        content |= {"specimen": table[mapping.specimen]} if mapping.specimen else {}
    elif isinstance(item, GradeColumn):
        content |= {"scale": item.scale, "grade": cells}
    elif isinstance(item, ObservationColumn):
        content |= {"item": item.item, "value": cells}
    elif isinstance(item, DoseColumn):
        dose = table[item.dose] if item.dose else cells if item.unit and item.drug else ""
        content |= {"drug": item.drug or cells, "dose": dose, "unit": item.unit}
        filled &= ~(to_number(cells) == 0)  # a dose of 0 counts as not given
    content[f"{CLOCKS[group]}_{clock.reads}"] = _joined(table, clock)
    if group == "labs" and mapping.resulted is not None:
        own = clock.column == mapping.collected.column
        content[f"resulted_{mapping.resulted.reads}"] = (
            _joined(table, mapping.resulted) if own else ""
        )
    kept = {"_line": table["_line"], "_column": column, "_clock": clock.column}
    return pd.DataFrame({**content, **kept}, index=table.index).loc[filled]


def _timed(rows: pd.DataFrame, file: str, cells: Ledger, table: str) -> pd.DataFrame:
    """Rows with a time; the other cells are recorded in the ledger."""
    if rows.empty:
        return rows.drop(columns=["_line", "_column", "_clock"], errors="ignore")
    clocks = tuple(f"{name}_" for name in CLOCKS.values())
    times = [name for name in map(str, rows.columns) if name.startswith(clocks)]
    untimed = (rows[times] == "").all(axis=1)
    value = next(name for name in ("value", "grade", "drug") if name in rows)
    for column in rows.loc[untimed, "_column"].unique():
        chosen = (untimed & (rows["_column"] == column)).to_numpy()
        quoted_cells = (
            rows["dose"] if value == "drug" and (rows["dose"] != "").any() else rows[value]
        )
        cells.reject(
            pd.DataFrame({column: quoted_cells.to_numpy(), "_line": rows["_line"].to_numpy()}),
            chosen,
            file=file,
            column=column,
            code="time_unusable",
            reason=pd.Series(
                "The cell has no time: '" + rows["_clock"] + "' is blank in its row."
            ).reset_index(drop=True),
            remedy="Fill in the time, or correct the clock of the column in the mapping.",
        )
        cells.rejected[table] += int(np.count_nonzero(chosen))
    return rows.loc[~untimed].drop(columns=["_line", "_column", "_clock"])


def translated(cells: pd.Series, values: Mapping[str, str] | None) -> pd.Series:
    """Replace codes by their meaning; other cells stay unchanged.

    Examples
    --------
    >>> translated(pd.Series(["1", "2.0", ""]), {"1": "male", "2": "female"}).tolist()
    ['male', 'female', '']
    """
    if not values:
        return cells
    plain = cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    meaning = {code: values.get(code, "") for code in plain.unique()}
    return plain.map(meaning).where(plain.isin(list(values)), cells).astype("str")


def _joined(table: pd.DataFrame, clock: TimeColumn) -> pd.Series:
    """Cells of a clock; a date without a time gets the time of day of its separate column."""
    dates = table[clock.column]
    if clock.time is None:
        return dates
    times = table[clock.time]
    bare = (dates != "") & (times != "") & ~dates.str.contains(":", regex=False)
    return dates.where(~bare, dates + " " + times).astype("str")


def _check_clocks(table: pd.DataFrame, mapping: WideMapping, file: str) -> None:
    """Refuse columns without a clock if the sheet has several columns of times."""
    own = {mapping.collected.column, mapping.collected.time}
    times = clock_columns(mapping.times_of(table.columns), table).reads
    stated = [clock.column for clock in mapping.clocks()]
    further = [name for name in dict.fromkeys([*times, *stated]) if name and name not in own]
    for group, clock in CLOCKS.items():
        bare = stated_columns(mapping, group)
        if bare and (further or not mapping.collected.column):
            candidates = ", ".join(map(repr, [mapping.collected.column, *further]))
            raise UsageError(
                f"{file} has several columns of times, and the mapping has no clock for {group} "
                f"{listed(bare, most=6)}. Add '{clock}: {{column: ..., reads: at}}', or 'at' to a "
                f"column. Candidates: {candidates}"
            )


def _check_codes(table: pd.DataFrame, mapping: WideMapping, file: str) -> None:
    """Refuse codes without a meaning in the mapping."""
    people = mapping.patient_columns()
    translations = {f"patients.{name}": (name, item.values) for name, item in people.items()}
    for group in CLOCKS:
        items = mapping.columns_of(group)
        translations |= {f"{group}.{name}": (name, item.values) for name, item in items.items()}
    for role, (column, values) in translations.items():
        cells = table[column]
        if values:
            plain = cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
            known = plain.isin([*values, *values.values(), ""])
            unknown: tuple[str, ...] = tuple(cells[~known].unique())
        else:
            coded = role.startswith("patients.") and people[column].to in CODED
            unknown = codes_in(cells) if coded else ()
        if unknown:
            example = f"{{to: {people[column].to}, " if column in people else "{"
            raise UsageError(
                f"{file}: column '{column}' has {listed(unknown, most=6)}, which {role} of the "
                f"mapping does not define. Add: {example}values: {{'{unknown[0]}': ...}}}}"
            )


def _patients(table: pd.DataFrame, mapping: WideMapping, file: str) -> pd.DataFrame:
    """One row per patient with the only filled value of each column."""
    rows = table.loc[table[mapping.patient_id] != ""]
    ids = rows[mapping.patient_id].drop_duplicates().sort_values()
    people = pd.DataFrame({"patient_id": ids}).reset_index(drop=True)
    for column, item in mapping.patient_columns().items():
        filled = rows.loc[rows[column] != "", [mapping.patient_id, column, "_line"]]
        distinct = filled.drop_duplicates([mapping.patient_id, column])
        clash = distinct.loc[distinct.duplicated(mapping.patient_id)]
        if len(clash):
            line = int(clash["_line"].iloc[0])
            raise InputError(
                f"{file} line {line}: column '{column}' differs from an earlier row of the same "
                f"patient, but '{item.to}' has one value per patient; correct it, or list the "
                "column under 'ignored'"
            )
        values = translated(distinct.set_index(mapping.patient_id)[column], item.values)
        people[item.to] = people["patient_id"].map(values).astype("str").fillna("")
    return people
