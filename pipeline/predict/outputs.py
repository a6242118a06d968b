"""Writes the outputs of a scored batch atomically, and recognises a finished run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import __version__
from pipeline.cohort.files import RawTable
from pipeline.cohort.ledger import FUTURE
from pipeline.csv_files import csv_text, read_csv, write_csv
from pipeline.explain.subsequent_events import is_grave
from pipeline.folders.marker import key_of, sha256
from pipeline.model.manifest import SCHEMA_VERSION
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import PreparedBatch
from pipeline.predict.reading_options import ReadingOptions
from pipeline.predict.score import BatchResult
from pipeline.reading.read_result import ReadResult
from pipeline.resources import schema_json

SUMMARY = "run_summary.json"
REPORT = "report"
REJECTS = "rejects.csv"
_WHOLE = [
    item["name"] for item in schema_json("predictions.json")["fields"] if item["type"] == "integer"
]


@dataclass(frozen=True)
class RunOptions:
    """Options of a run that decide what is written.

    Attributes
    ----------
    as_of : str or None
        Landmark of every patient instead of the newest result.
    pages : bool
        Whether the ward list and the patient pages are written.
    emit : tuple of str
        Further formats.
    reading : ReadingOptions
        How the batch was read.
    strict : bool
        Whether any rejected row is fatal.
    spreadsheet_safe : bool
        Whether text of ``predictions.csv`` that a spreadsheet would run is neutralised too.
    """

    as_of: str | None = None
    pages: bool = True
    emit: tuple[str, ...] = ()
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    strict: bool = False
    spreadsheet_safe: bool = False

    def summary(self) -> dict[str, Any]:
        """The options as ``run_summary.json`` holds them."""
        return {
            "as_of": self.as_of,
            "pages": self.pages,
            "emit": sorted(set(self.emit)),
            "reading": self.reading.summary(),
            "strict": self.strict,
            "spreadsheet_safe": self.spreadsheet_safe,
        }


def write_outputs(
    folder: Path,
    result: BatchResult,
    read: ReadResult,
    summary: Mapping[str, Any],
    *,
    pages: Callable[[Path], None] | None = None,
    extra: Callable[[Path], None] | None = None,
    spreadsheet_safe: bool = False,
) -> None:
    """Write predictions, explanations, ``rejects.csv``, ``flags.csv`` and the summary.

    Parameters
    ----------
    folder : Path
        Empty folder of an unfinished output.
    pages : callable, optional
        Writes the pages into the folder it is given, which does not exist yet.
    extra : callable, optional
        Writes further files into the folder it is given.
    spreadsheet_safe : bool
        As in :class:`RunOptions`.
    """
    place = folder / "predictions.csv"
    write_predictions(result.predictions, place, spreadsheet_safe=spreadsheet_safe)
    _write_explanations(result.explanations, folder / "explanations.parquet")
    write_csv(read.rejects, folder / REJECTS)
    write_csv(read.notes, folder / "flags.csv")
    if pages is not None:
        pages(folder / REPORT)
    if extra is not None:
        extra(folder)
    text = json.dumps(dict(summary), indent=1, sort_keys=True, allow_nan=False)
    (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")


def result_key(
    tables: Mapping[str, RawTable],
    remarks: Sequence[str],
    manifest: Path,
    model_name: ModelName,
    options: RunOptions,
) -> str:
    """Digest of everything that can change a byte of a result, but for the clock.

    Parameters
    ----------
    tables : mapping of str to RawTable
        The batch as it was read, once.
    remarks : sequence of str
        On the source as a whole.
    manifest : Path
        Of the bundle, with the digests of its files and reports.
    """
    return key_of(
        {
            "package_version": __version__,
            "tables": {name: [table.file, table.sha256] for name, table in tables.items()},
            "remarks": list(remarks),
            "manifest": sha256(manifest),
            "model": [model_name.name, model_name.version],
            **options.summary(),
        }
    )


def write_predictions(
    predictions: pd.DataFrame, path: Path, *, spreadsheet_safe: bool = False
) -> None:
    """Write predictions with four decimals, LF and blanks for what is missing."""
    table = predictions.copy()
    for name in _WHOLE:
        table[name] = table[name].astype("Float64").round().astype("Int64")
    table["horizon_h"] = table["horizon_h"].map(lambda hours: f"{hours:g}")
    write_csv(table, path, float_format="%.4f", spreadsheet_safe=spreadsheet_safe)


def summarise(
    prepared: PreparedBatch,
    result: BatchResult,
    model_name: ModelName,
    options: RunOptions,
    *,
    exit_code: int,
    started: float,
) -> dict[str, Any]:
    """Content of ``run_summary.json``: counts, digests and versions, nothing patient-level.

    Parameters
    ----------
    started : float
        Reading of ``time.perf_counter`` when the run began.
    """
    read, bundle, events = prepared.read, prepared.bundle, prepared.subsequent_events
    outcomes = bundle.config.outcomes.values()
    return {
        "files": read.counts,
        "derived_ratios": read.derived,
        "flags": read.flags,
        "remarks": read.remarks,
        "patients": len(read.seen_ids),
        "patients_without_estimate": result.unscored_patients(),
        "patients_mostly_refused": len(prepared.mostly_rejected),
        "patients_charted_since": len(events),
        "patients_overtaken": sum(is_grave(each, outcomes) for each in events.values()),
        "statuses": _status_counts(result.predictions),
        "contributions_error_points": round(result.points_error, 4),
        "turnaround_imputed": read.turnaround_imputed,
        "input_sha256": read.sha256,
        "clock_matters": bool((read.rejects["code"] == FUTURE).any()),
        **options.summary(),
        "bundle_sha256": bundle.sha256,
        "model_name": model_name.name,
        "model_version": model_name.version,
        "synthetic_model": bundle.config.cohort.synthetic,
        "package_version": __version__,
        "schema_version": SCHEMA_VERSION,
        "exit_code": exit_code,
        "seconds": round(time.perf_counter() - started, 3),
    }


def read_summary(out: Path) -> dict[str, Any]:
    """Content of ``run_summary.json`` of a finished run."""
    return dict(json.loads((out / SUMMARY).read_text(encoding="utf-8")))


def same_rejects(out: Path, rejects: pd.DataFrame) -> bool:
    """Whether ``rejects.csv`` of a finished run holds exactly these rows."""
    return (out / REJECTS).read_bytes() == csv_text(rejects).encode("utf-8", "backslashreplace")


def rejects_of(out: Path) -> pd.DataFrame:
    """``rejects.csv`` of a finished run, as text."""
    return read_csv(out / REJECTS)


def _status_counts(predictions: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Patients per outcome and status."""
    statuses = predictions.drop_duplicates(["patient_id", "outcome"])
    by_status = statuses.groupby(["outcome", "status"]).size()
    counts: dict[str, dict[str, int]] = {}
    for row in by_status.reset_index(name="number").to_dict("records"):
        counts.setdefault(str(row["outcome"]), {})[str(row["status"])] = int(row["number"])
    return counts


def _write_explanations(explanations: pd.DataFrame, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"number": pa.float64(), "string": pa.string()}
    fields = [
        (item["name"], kinds.get(item["type"], pa.string()))
        for item in schema_json("explanations.json")["fields"]
    ]
    schema = pa.schema(fields)
    pq.write_table(
        pa.Table.from_pandas(explanations[schema.names], schema=schema, preserve_index=False), path
    )
