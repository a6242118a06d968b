"""Small exports for the tests of this room: tables as lists of rows, written as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from pipeline.config_cohort import CohortConfig
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_batch, read_cohort

Rows = Sequence[Sequence[object]]

PATIENTS: Rows = [("patient_id",), ("A",), ("B",)]
LABS: Rows = [
    ("patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"),
    ("A", "crp", "12", "mg/L", "5", "7"),
    ("B", "ferritin", "300", "ng/mL", "30", "33"),
]
ASSESSMENTS: Rows = [
    ("patient_id", "scale", "grade", "assessed_hours"),
    ("A", "crs", "0", "23.9"),
    ("B", "crs", "2", "23.9"),
]
AT = "2024-03-01T08:00:00+00:00"


def write_table(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\r\n").writerows(rows)
    return path


def write_export(
    folder: Path,
    *,
    patients: Rows | None = PATIENTS,
    labs: Rows | None = LABS,
    assessments: Rows | None = ASSESSMENTS,
    treatments: Rows | None = None,
    observations: Rows | None = None,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "patients": patients,
        "labs": labs,
        "assessments": assessments,
        "treatments": treatments,
        "observations": observations,
    }
    for name, rows in tables.items():
        if rows is not None:
            write_table(folder / f"{name}.csv", rows)
    return folder


def lab_rows(*rows: Sequence[object], columns: str = "") -> Rows:
    """Lab rows of patient A: analyte, value, unit, collected, resulted, then ``columns``."""
    header = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"]
    return [[*header, *columns.split()], *[["A", *row] for row in rows]]


def read(folder: Path, **settings: object) -> ReadResult:
    return read_cohort(folder, CohortConfig(**settings))  # type: ignore[arg-type]


def score(path: Path, *, as_of: str | None = None, **settings: object) -> ReadResult:
    return read_batch(path, CohortConfig(**settings), {}, as_of=as_of)  # type: ignore[arg-type]


def read_labs(folder: Path, *rows: Sequence[object], columns: str = "", **settings: object):
    """Read a batch of lab rows of patient A."""
    path = write_table(folder / "labs.csv", lab_rows(*rows, columns=columns))
    return score(path, **settings)


def codes(result: ReadResult) -> list[str]:
    return result.rejects["code"].tolist()


def conserved(result: ReadResult) -> None:
    """Every row read is accepted, rejected, collapsed or withdrawn; none is lost or invented."""
    labs = result.cohort.labs
    own = ~labs["cancelled"] & (labs["flag"] != "derived")
    kept = {
        "patients": len(result.cohort.patients),
        "labs": int(own.sum()),
        "treatments": len(result.cohort.treatments),
        "observations": len(result.cohort.observations),
        "assessments": len(result.cohort.assessments),
    }
    for name, file in result.files.items():
        count = result.counts[file]
        parts = ("accepted", "rejected", "collapsed", "withdrawn")
        assert count["read"] == sum(count[part] for part in parts)
        lines = ("blank_lines", "continuation_lines")
        assert count.get("lines", count["read"]) == count["read"] + sum(
            count.get(part, 0) for part in lines
        )
        assert count["accepted"] == kept[name] - result.surplus[name]
        noted = (result.rejects["file"] == file).sum()
        assert noted == count["rejected"] + count["cells_ignored"]
