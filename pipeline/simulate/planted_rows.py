"""Rows with planted faults, added to the synthetic cohort and listed with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.simulate.simulated_tables import Tables

# table, required cells of the copied row, changed cells, column and code of the expected reject
Fault = tuple[str, Mapping[str, str], Mapping[str, str], str, str]
FAULTS: tuple[Fault, ...] = (
    ("labs", {"analyte": "d_dimer"}, {"unit": "mg/L", "loinc": ""}, "unit", "unit_refused"),
    ("labs", {"analyte": "ferritin"}, {"unit": "IU/mL"}, "unit", "unit_refused"),
    # without an upper limit, because a number above a stated limit is read as ">limit"
    (
        "labs",
        {"analyte": "crp"},
        {"value": "12000", "unit": "mg/L", "uloq": ""},
        "value",
        "implausible",
    ),
    ("labs", {"analyte": "hemoglobin"}, {"value": "98", "unit": "g/dL"}, "value", "implausible"),
    ("labs", {"analyte": "platelets"}, {"value": "clotted"}, "value", "no_result"),
    ("labs", {"analyte": "il6"}, {"value": "-1"}, "value", "sentinel"),
    ("labs", {"analyte": "il6"}, {"analyte": "zonulin"}, "analyte", "unknown_analyte"),
    ("labs", {"analyte": "crp"}, {"analyte": ""}, "analyte", "required_blank"),
    ("labs", {"analyte": "crp"}, {"loinc": "2276-4"}, "loinc", "loinc_conflict"),
    (
        "labs",
        {"analyte": "d_dimer"},
        {"unit": "mg/L DDU", "loinc": "48065-7"},
        "unit",
        "loinc_unit_conflict",
    ),
    ("labs", {"analyte": "ldh"}, {"collected_at": "@naive"}, "collected_at", "time_unusable"),
    (
        "labs",
        {"analyte": "creatinine"},
        {"resulted_at": "2019-01-01T08:00:00+01:00", "status": "final"},
        "resulted_at",
        "time_unusable",
    ),
    (
        "labs",
        {"analyte": "albumin"},
        {"resulted_at": "@earlier"},
        "resulted_at",
        "resulted_before_collected",
    ),
    ("labs", {"analyte": "ldh"}, {"status": "wrong patient"}, "status", "illegal_value"),
    ("labs", {"analyte": "crp"}, {"patient_id": "NOBODY"}, "patient_id", "unknown_patient"),
    ("assessments", {"scale": "crs"}, {"grade": "7"}, "grade", "grade_outside_scale"),
    ("assessments", {"scale": "icans"}, {"grade": "2.5"}, "grade", "illegal_value"),
    ("assessments", {"scale": "icans"}, {"scale": "cres"}, "scale", "unknown_scale"),
    (
        "assessments",
        {"scale": "crs"},
        {"grading_system": "lee2014"},
        "grading_system",
        "other_grading_system",
    ),
    ("observations", {"item": "temperature_c"}, {"value": "99.1"}, "value", "illegal_value"),
    ("observations", {"item": "hypotension"}, {"item": "tremor"}, "item", "unknown_item"),
    ("treatments", {}, {"given_at": "yesterday"}, "given_at", "time_unusable"),
)


def plant_rows(tables: Tables, random: np.random.Generator) -> tuple[Tables, pd.DataFrame]:
    """Add one row per fault, each a changed copy of the row before it.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Exported tables with text cells.
    random : numpy.random.Generator
        Stream ``planted``.

    Returns
    -------
    tables : dict of str to DataFrame
        The tables with the planted rows.
    planted : DataFrame
        ``file, row, column, code``; ``row`` is the line of the CSV file, with the header as line 1.

    Examples
    --------
    >>> doses = pd.DataFrame({"patient_id": ["A"], "given_at": ["2026-03-30T08:00:00Z"]})
    >>> tables, planted = plant_rows({"treatments": doses}, np.random.default_rng(0))
    >>> tables["treatments"]["given_at"].tolist()
    ['2026-03-30T08:00:00Z', 'yesterday']
    >>> planted.to_numpy().tolist()
    [['treatments.csv', 3, 'given_at', 'time_unusable']]
    """
    result = dict(tables)
    entries = []
    for name, table in tables.items():
        changed: list[dict[str, str]] = []
        positions: list[float] = []
        faults: list[tuple[str, str]] = []
        for target, model, change, column, code in FAULTS:
            position = _position(table, model, random) if target == name else None
            if position is not None:
                copied = {str(key): str(cell) for key, cell in table.iloc[position].items()}
                changed.append({**copied, **_changes(table, position, change)})
                positions.append(position + 0.5 + 0.001 * len(positions))
                faults.append((column, code))
        if not changed:
            continue
        both = pd.concat([table, pd.DataFrame(changed)], ignore_index=True).astype("str")
        key = np.concatenate([np.arange(len(table), dtype=float), np.array(positions)])
        order = np.argsort(key, kind="stable")
        result[name] = both.iloc[order].reset_index(drop=True)
        line = np.empty(len(order), dtype=np.int64)
        line[order] = np.arange(len(order)) + 2
        for (column, code), row in zip(faults, line[len(table) :], strict=True):
            entries.append((f"{name}.csv", int(row), column, code))
    frame = pd.DataFrame(sorted(entries), columns=["file", "row", "column", "code"])
    return result, frame


def _position(
    table: pd.DataFrame, model: Mapping[str, str], random: np.random.Generator
) -> int | None:
    """Random row with the required cells; None without any."""
    fits = np.ones(len(table), dtype=bool)
    for column, value in model.items():
        fits &= (table[column] == value).to_numpy()
    if "status" in table:
        fits &= ((table["status"] == "final") & (table["resulted_at"] != "")).to_numpy()
    rows = np.flatnonzero(fits)
    return int(random.choice(rows)) if len(rows) else None


def _changes(table: pd.DataFrame, position: int, change: Mapping[str, str]) -> dict[str, str]:
    """Resolve ``@naive`` (time without offset) and ``@earlier`` (a week before the sample)."""
    result = dict(change)
    for column, value in change.items():
        if value == "@naive":
            result[column] = str(table[column].iloc[position])[:19]
        elif value == "@earlier":
            sample = pd.Timestamp(str(table["collected_at"].iloc[position]))
            result[column] = (sample - pd.Timedelta(days=7)).isoformat()
    return result
