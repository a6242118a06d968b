"""Enforces the JSON Table Schemas of ``data_schema/`` on column names and text cells."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.ledger import Ledger, quoted, range_text
from pipeline.cohort.specimens import specimen_column
from pipeline.errors import InputError, listed, shown
from pipeline.resources import schema_json

READINGS = ("hours", "at", "days")


def canonical_header(
    header: list[str], fields: Collection[str], source: str
) -> tuple[list[str], list[str]]:
    """Rename columns that differ from a schema field in case, spaces or punctuation only.

    If ``specimen`` is a field, a synonym (``sample_type``) is renamed to it. Other columns keep
    their name; a column without a name becomes ``unnamed_<position>``.

    Parameters
    ----------
    header : list of str
        Column names of the file.
    fields : collection of str
        Fields of the schema.
    source : str
        Name of the file in messages.

    Returns
    -------
    names : list of str
        New names, in the order of ``header``.
    renamed : list of str
        Original names that changed.

    Raises
    ------
    InputError
        If all names are blank, or two columns have the same name.

    Examples
    --------
    >>> canonical_header(["Patient ID", "HLA type"], ["patient_id"], "patients.csv")
    (['patient_id', 'HLA type'], ['Patient ID'])
    """
    if all(name == "" for name in header):
        raise InputError(
            f"{source} is empty: the first line must name the columns; export it again, or omit "
            "the file if the table is optional"
        )
    known = {_compact(name): name for name in fields}
    if "specimen" in fields and (column := specimen_column(header)):
        known.setdefault(_compact(column), "specimen")
    exact = set(header) & set(fields)
    names = []
    for position, name in enumerate(header, start=1):
        field = known.get(_compact(name), name)
        # two columns of one field are a repeat, unless one has the exact name
        chosen = name if field in exact else field
        names.append(chosen or f"unnamed_{position}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        places = ", ".join(
            f"'{shown(name)}' (columns {_positions(names, name)})" for name in repeated
        )
        raise InputError(f"{source} repeats the column {places}; rename or remove one")
    return names, [old for old, new in zip(header, names, strict=True) if old and old != new]


def closest_name(missing: str, present: Collection[str]) -> str:
    """Present column closest to the name of a missing one; "" if none is close.

    Examples
    --------
    >>> closest_name("unit", ["units", "value"]), closest_name("unit", ["sex"])
    ('units', '')
    """
    close = difflib.get_close_matches(missing, list(present), n=1, cutoff=0.75)
    return close[0] if close else ""


@dataclass(frozen=True)
class TableSchema:
    """Fields, clocks and scales of one input table.

    Examples
    --------
    >>> TableSchema.load("labs").required_clocks
    ('collected',)
    """

    name: str
    fields: dict[str, dict[str, Any]]
    required_clocks: tuple[str, ...]
    optional_clocks: tuple[str, ...]
    scales: dict[str, list[int]]

    @classmethod
    def load(cls, name: str) -> TableSchema:
        """Read ``data_schema/<name>.json``."""
        content = schema_json(f"{name}.json")
        return cls(
            name,
            {item["name"]: item for item in content["fields"]},
            tuple(content.get("requiredClocks", ())),
            tuple(content.get("optionalClocks", ())),
            {scale: list(grades) for scale, grades in content.get("scales", {}).items()},
        )

    def required(self) -> list[str]:
        """Columns that must exist."""
        return [
            name
            for name, item in self.fields.items()
            if item.get("constraints", {}).get("required")
        ]

    def plain_fields(self) -> list[str]:
        """Fields that are not clocks."""
        return [name for name, item in self.fields.items() if "clock" not in item]

    def check_columns(self, table: pd.DataFrame, file: str) -> None:
        """Check that required columns exist and that no clock has two columns.

        Raises
        ------
        InputError
            If a column is missing or a clock has two columns.
        """
        present = [name for name in table.columns if name != "_line"]
        missing = [name for name in self.required() if name not in table]
        for clock in self.required_clocks:
            if not any(f"{clock}_{reading}" in table for reading in READINGS):
                missing.append(f"{clock}_hours or {clock}_at")
        if missing:
            near = {name: closest_name(name.split(" ")[0], present) for name in missing}
            hints = [
                f" Is '{shown(close)}' meant for {name}?" for name, close in near.items() if close
            ]
            lacking = f"column{'s' * (len(missing) > 1)} {', '.join(missing)}"
            raise InputError(
                f"{file} lacks the {lacking}. Found: {listed(present)}."
                f"{''.join(hints)} Rename or add it; data_schema/{self.name}.json lists all columns"
            )
        for clock in (*self.required_clocks, *self.optional_clocks):
            columns = [f"{clock}_{item}" for item in READINGS if f"{clock}_{item}" in table]
            if len(columns) > 1:
                raise InputError(f"{file} has both {' and '.join(columns)}; keep one of them")


def enforce(
    table: pd.DataFrame,
    schema: TableSchema,
    file: str,
    ledger: Ledger,
    *,
    decisive: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Check types, enumerations and bounds of every field that is not a clock.

    An illegal cell of a required or ``decisive`` field rejects its row; other illegal cells are
    ignored and reported. Columns outside the schema stay unchanged.

    Returns
    -------
    DataFrame
        The accepted rows; number and integer fields as float, others as text.
    """
    schema.check_columns(table, file)
    for name in schema.plain_fields():
        if name not in table:
            continue
        item = schema.fields[name]
        limits = item.get("constraints", {})
        if limits.get("required") and not item.get("mayBeBlank"):
            table = ledger.reject(
                table,
                table[name] == "",
                file=file,
                column=name,
                code="required_blank",
                reason=f"'{name}' is blank but required.",
                remedy=f"Fill in '{name}'.",
            )
        bad, legal, parsed = check_field(table[name], item)
        if not bad.any():
            table = table.assign(**{name: parsed})
            continue
        reported = {
            "file": file,
            "column": name,
            "code": "illegal_value",
            "reason": quoted(table[name]) + f" is not accepted; accepted is {legal}.",
            "remedy": f"Correct '{name}'"
            + ("." if limits.get("required") else " or leave it blank."),
        }
        if limits.get("required") or name in decisive:
            table = ledger.reject(table, bad, **reported)  # type: ignore[arg-type]
            table = table.assign(**{name: parsed.loc[table.index]})
        else:
            ledger.ignore_cells(table, bad, **reported)  # type: ignore[arg-type]
            missing: object = "" if parsed.dtype == "str" else np.nan
            table = table.assign(**{name: parsed.mask(bad, missing)})
    return table


def check_field(cells: pd.Series, item: dict[str, Any]) -> tuple[np.ndarray, str, pd.Series]:
    """Check the cells of one field.

    Parameters
    ----------
    cells : Series of str
        Cells, "" where blank.
    item : dict
        Field of a table schema: ``type``, ``constraints``, ``aliases``.

    Returns
    -------
    illegal : ndarray of bool
        Mask of cells that are not accepted; blank cells are.
    legal : str
        Description of accepted values.
    parsed : Series
        Numbers as float (NaN if unreadable), enumerations in lower case, other cells unchanged.

    Examples
    --------
    >>> bad, legal, _ = check_field(pd.Series(["7", "x", ""], dtype="str"), {"type": "integer"})
    >>> bad.tolist(), legal
    ([False, True, False], 'a whole number of any size')
    """
    limits = item.get("constraints", {})
    filled = (cells != "").to_numpy()
    if "enum" in limits:
        lower = cells.str.lower().replace(item.get("aliases", {}))
        bad = filled & ~lower.isin(limits["enum"]).to_numpy()
        return bad, "one of " + ", ".join(map(str, limits["enum"])), lower
    if item.get("type") not in ("number", "integer"):
        return np.zeros(len(cells), dtype=bool), "text", cells
    number = to_number(cells)
    values = number.to_numpy()
    low, high = limits.get("minimum", -np.inf), limits.get("maximum", np.inf)
    bad = filled & ~((values >= low) & (values <= high) & np.isfinite(values))
    legal = f"a number {range_text(low, high)}"
    if item["type"] == "integer":
        bad |= filled & (values != np.floor(values))
        legal = "a whole" + legal[1:]
    return bad, legal, number


def to_number(cells: pd.Series) -> pd.Series:
    """Text to float64; text that is not a plain number becomes NaN.

    Parameters
    ----------
    cells : Series of str
        Cells, "" where blank.

    Returns
    -------
    Series of float

    Examples
    --------
    >>> to_number(pd.Series(["5.0", "<5", ""])).tolist()
    [5.0, nan, nan]
    """
    return pd.to_numeric(cells.replace("", None), errors="coerce").astype("float64")


def _compact(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9]", "", plain)


def _positions(names: list[str], name: str) -> str:
    return " and ".join(str(place) for place, item in enumerate(names, start=1) if item == name)
