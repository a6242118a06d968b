"""The ledger of rejects and flags: every row or cell with its reason and remedy."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.cohort.decimal_marks import DecimalMarks
from pipeline.cohort.private_cells import hide_cells
from pipeline.errors import shown, visible
from pipeline.remedy import Audience, Interface, Remedy, render

COLUMNS = ["file", "row", "column", "value", "code", "reason", "remedy"]
# rejects without loss of information: not an analyte of the dictionary, or no number
HARMLESS = ("unknown_analyte", "specimen_conflict", "no_result")
FUTURE = "future"
CONTRADICTING = "duplicate_patient"
RAGGED, REPEATED_HEADER = "ragged_line", "repeated_header"
CLOSE_LINE = "Quote fields that hold the separator, close every quote, or complete the line."
KEEP_ONE_ROW = (
    "Keep one row per patient in patients; number a second infusion in the column 'episode' (1, 2)."
)
_LONG = 1e16  # whole numbers from here on are written with a power of ten


@dataclass
class LineCounts:
    """Physical lines of a file below its header.

    Attributes
    ----------
    total : int
    blank : int
        Lines without content.
    continuation : int
        Further lines of a record whose quoted cell spans lines.
    """

    total: int
    blank: int = 0
    continuation: int = 0


@dataclass
class Ledger:
    """Collects rejects and flags; tables carry their file line in the column ``_line``.

    Attributes
    ----------
    live : bool
        Whether this is a batch to be scored, whose operator cannot change the configuration.
    rejected, collapsed, read, cells_ignored : Counter
        Rows (cells) per file.
    lines : dict
        Physical lines per file, for files with lines.
    lost_patients : dict
        Patient to the first reject code in any table.
    other_systems : dict
        Grading system to patients who have a scale graded by it only.
    by_analyte : dict
        Exported name to rejected rows of labs per code.
    lab_codes, rows_refused, results_refused, grades_refused, doses_refused : dict
        Per patient: rejected rows of labs by code, rejected rows, rejected results by exported
        analyte, rejected grades by exported scale, rejected doses by exported drug.
    shifted_patients : set of str
        Patients whose infusion lies in the future, so their dates may be shifted.
    contradictions : dict
        Patient to the lines of patients that differ, and their columns.
    written : dict
        (file, column) to the original cells that reading changed, by line.
    decimal_marks : dict
        File to the meaning of commas and points in its results.
    refused_ids : set of str
        Unusable ids, as outputs show them.
    """

    live: bool = False
    parts: list[pd.DataFrame] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    collapsed: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    lines: dict[str, LineCounts] = field(default_factory=dict)
    cells_ignored: Counter[str] = field(default_factory=Counter)
    lost_patients: dict[str, str] = field(default_factory=dict)
    ragged_patients: dict[str, set[str]] = field(default_factory=dict)
    other_systems: dict[str, set[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    noted: list[pd.DataFrame] = field(default_factory=list)
    by_analyte: dict[str, dict[str, int]] = field(default_factory=dict)
    lab_codes: dict[str, Counter[str]] = field(default_factory=dict)
    rows_refused: Counter[str] = field(default_factory=Counter)
    results_refused: dict[str, Counter[str]] = field(default_factory=dict)
    grades_refused: dict[str, Counter[str]] = field(default_factory=dict)
    doses_refused: dict[str, Counter[str]] = field(default_factory=dict)
    shifted_patients: set[str] = field(default_factory=set)
    contradictions: dict[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], pd.Series] = field(default_factory=dict)
    decimal_marks: dict[str, DecimalMarks] = field(default_factory=dict)
    refused_ids: set[str] = field(default_factory=set)

    @property
    def audience(self) -> Audience:
        """Reader of the entries: the operator of a trained model, or the person who trains."""
        return Audience.SCORING if self.live else Audience.TRAINING

    def remember(self, file: str, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
        """Record the original text of rewritten cells, which rejects quote; returns ``after``."""
        for column in after.columns:
            changed = before[column] != after[column]
            if changed.any():
                cells = before.loc[changed, column]
                self.written[file, column] = cells.set_axis(before.loc[changed, "_line"])
        return after

    def reject(
        self,
        table: pd.DataFrame,
        mask: np.ndarray | pd.Series,
        *,
        file: str,
        column: str,
        code: str,
        reason: str | pd.Series,
        remedy: str | Remedy,
    ) -> pd.DataFrame:
        """Record the masked rows and return the table without them."""
        chosen = np.asarray(mask, dtype=bool)
        if not chosen.any():
            return table
        self._write(table.loc[chosen], file, column, code, _masked(reason, chosen), remedy)
        self.rejected[file] += int(chosen.sum())
        if "analyte" in table:
            for name, number in table.loc[chosen, "analyte"].value_counts().items():
                codes = self.by_analyte.setdefault(str(name), {})
                codes[code] = codes.get(code, 0) + int(number)
        if "patient_id" in table:
            for patient, number in table.loc[chosen, "patient_id"].value_counts(sort=False).items():
                self.lost_patients.setdefault(str(patient), code)
                self.rows_refused[str(patient)] += int(number)
                if "analyte" in table:
                    self.lab_codes.setdefault(str(patient), Counter())[code] += int(number)
        counted = ("analyte", self.results_refused), ("scale", self.grades_refused)
        for column, counts in (*counted, ("drug", self.doses_refused)):
            if {"patient_id", column} <= set(table) and code not in (*HARMLESS, FUTURE):
                rows = table.loc[chosen]
                for patient, name in zip(
                    rows["patient_id"], _as_written(rows, column), strict=True
                ):
                    counts.setdefault(str(patient), Counter())[str(name)] += 1
        return table.loc[~chosen]

    def contradicting(self, patients: pd.Series) -> pd.Series:
        """Lines of patients on which each patient contradicts itself; "" if there are none."""
        return patients.map(lambda name: self.contradictions.get(str(name), "")).astype("str")

    def ignore_cells(
        self,
        table: pd.DataFrame,
        mask: np.ndarray | pd.Series,
        *,
        file: str,
        column: str,
        code: str,
        reason: str | pd.Series,
        remedy: str | Remedy,
    ) -> None:
        """Record cells that are treated as missing while their row is kept."""
        chosen = np.asarray(mask, dtype=bool)
        if not chosen.any():
            return
        text = _masked(reason, chosen)
        suffix = " The cell is treated as missing; the row is kept."
        noted = text + suffix if isinstance(text, str) else text.astype("str") + suffix
        self._write(table.loc[chosen], file, column, code, noted, remedy)
        self.cells_ignored[file] += int(chosen.sum())

    def note(
        self,
        table: pd.DataFrame,
        mask: np.ndarray | pd.Series,
        *,
        file: str,
        column: str,
        code: str,
        reason: str | pd.Series,
        remedy: str | Remedy,
    ) -> None:
        """Flag rows that are used unchanged."""
        chosen = np.asarray(mask, dtype=bool)
        if chosen.any():
            text = _masked(reason, chosen)
            self._write(table.loc[chosen], file, column, code, text, remedy, self.noted)

    def collapse(
        self, table: pd.DataFrame, mask: np.ndarray | pd.Series, *, file: str
    ) -> pd.DataFrame:
        """Count exact duplicates and return the table without them."""
        chosen = np.asarray(mask, dtype=bool)
        self.collapsed[file] += int(chosen.sum())
        return table.loc[~chosen]

    def ragged(
        self,
        file: str,
        line: int,
        reason: str,
        *,
        patient: str = "",
        code: str = RAGGED,
        remedy: str = CLOSE_LINE,
    ) -> None:
        """Record a line that is not a row; ``patient`` if it is known."""
        entry = (file, line, "", "", code, reason, remedy)
        self.parts.append(pd.DataFrame([entry], columns=COLUMNS))
        self.rejected[file] += 1
        if patient:
            self.ragged_patients.setdefault(file, set()).add(patient)
            self.lost_patients.setdefault(patient, code)
            self.rows_refused[patient] += 1

    def count_lines(self, file: str, lines: LineCounts) -> None:
        """Add the physical lines of a file."""
        known = self.lines.setdefault(file, LineCounts(0))
        known.total += lines.total
        known.blank += lines.blank
        known.continuation += lines.continuation

    def line_counts(self, file: str) -> dict[str, int]:
        """``lines = read + blank_lines + continuation_lines``; empty if every line is a row."""
        lines = self.lines.get(file)
        if lines is None or lines.total == self.read[file]:
            return {}
        return {
            "lines": lines.total,
            "blank_lines": lines.blank,
            "continuation_lines": lines.continuation,
        }

    def why_lost(self) -> dict[str, str]:
        """Main reject code per patient: of patients if rejected there, else most common in labs."""
        main_codes = dict(self.lost_patients)
        for patient, codes in self.lab_codes.items():
            if main_codes[patient] in codes:
                main_codes[patient] = codes.most_common(1)[0][0]
        return main_codes

    def frame(self) -> pd.DataFrame:
        """All entries in the order of ``rejects.csv``."""
        return _sorted(self.parts)

    def notes(self) -> pd.DataFrame:
        """All flagged rows, in the columns of ``rejects.csv``."""
        return _sorted(self.noted)

    def flags(self) -> dict[str, dict[str, int]]:
        """Per file, the number of rows with each flag."""
        flagged: dict[str, dict[str, int]] = {}
        for part in self.noted:
            counts = flagged.setdefault(str(part["file"].iloc[0]), {})
            code = str(part["code"].iloc[0])
            counts[code] = counts.get(code, 0) + len(part)
        return flagged

    def counts(self, withdrawn: dict[str, int]) -> dict[str, dict[str, int]]:
        """Rows per file: ``read = accepted + rejected + collapsed + withdrawn``.

        The counts of :meth:`line_counts` follow if they differ from those of rows.
        """
        result = {}
        for file in sorted(self.read):
            cancelled = withdrawn.get(file, 0)
            rejected, collapsed = self.rejected[file], self.collapsed[file]
            result[file] = {
                "read": self.read[file],
                "accepted": self.read[file] - rejected - collapsed - cancelled,
                "rejected": rejected,
                "collapsed": collapsed,
                "withdrawn": cancelled,
                "cells_ignored": self.cells_ignored[file],
                **self.line_counts(file),
            }
        return result

    def _write(
        self,
        rows: pd.DataFrame,
        file: str,
        column: str,
        code: str,
        reason: str | pd.Series,
        remedy: str | Remedy,
        target: list[pd.DataFrame] | None = None,
    ) -> None:
        hide_cells(rows)
        value = _as_written(rows, column)
        if (file, column) in self.written:
            known = rows["_line"].map(self.written[file, column])
            value = known.where(known.notna(), value).astype("str")
        (self.parts if target is None else target).append(
            pd.DataFrame(
                {
                    "file": file,
                    "row": rows["_line"].to_numpy(),
                    "column": column,
                    "value": value.str.slice(0, 80).to_numpy(),
                    "code": code,
                    "reason": reason if isinstance(reason, str) else reason.to_numpy(),
                    "remedy": render(remedy, self.audience, Interface.MAKE),
                }
            )
        )


def quoted(cells: pd.Series) -> pd.Series:
    """Cells in quotes, as reasons show them; long cells are cut.

    Parameters
    ----------
    cells : Series of str
        Cells as exported.

    Returns
    -------
    Series of str

    Examples
    --------
    >>> quoted(pd.Series(["n/a"], dtype="str"))[0]
    "'n/a'"
    """
    return "'" + cells.map({text: shown(text) for text in cells.unique()}).astype("str") + "'"


def range_text(low: float, high: float) -> str:
    """Legal range in words, without an infinite end.

    Examples
    --------
    >>> range_text(0, 120), range_text(0, float("inf")), range_text(-float("inf"), 5)
    ('from 0 to 120', 'of at least 0', 'of at most 5')
    """
    ends = [plain_number(low), plain_number(high)]
    if math.isinf(low) and math.isinf(high):
        return "of any size"
    if math.isinf(high):
        return f"of at least {ends[0]}"
    return f"of at most {ends[1]}" if math.isinf(low) else f"from {ends[0]} to {ends[1]}"


def plain_number(value: float) -> str:
    """Number without a needless decimal: 7, not 7.0.

    Examples
    --------
    >>> plain_number(7.0), plain_number(0.25), plain_number(1e99)
    ('7', '0.25', '1e+99')
    """
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < _LONG else str(number)


def _as_written(rows: pd.DataFrame, column: str) -> pd.Series:
    """Cells of a column as in the file, if still known."""
    if f"_raw_{column}" in rows:
        return rows[f"_raw_{column}"].astype("str")
    if column not in rows:
        return pd.Series("", index=rows.index)
    cells = rows[column]
    if pd.api.types.is_float_dtype(cells.dtype):
        return cells.map(lambda value: "" if pd.isna(value) else plain_number(value)).astype("str")
    return cells.astype("str")


def _sorted(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame({name: pd.Series([], dtype="str") for name in COLUMNS})
    table = pd.concat(parts, ignore_index=True)
    for name in ("value", "reason"):
        seen = {text: visible(text) for text in table[name].unique()}
        table[name] = table[name].map(seen).astype("str")
    return table.sort_values(
        ["file", "row", "column"],
        key=lambda cells: cells.map(_causes_first) if cells.name == "file" else cells,
        kind="stable",
        ignore_index=True,
    )


def _causes_first(file: str) -> str:
    """Sort ``patients`` first, because its rejects explain those of other tables."""
    return f"0{file}" if file.startswith("patients") else f"1{file}"


def _masked(reason: str | pd.Series, mask: np.ndarray) -> str | pd.Series:
    return reason if isinstance(reason, str) else reason.loc[mask]
