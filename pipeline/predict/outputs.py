"""Writes the outputs of a scored batch, and recognises a finished run."""

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
    """Options of a run that change its outputs.

    Attributes
    ----------
    as_of : str or None
        Landmark of every patient instead of the newest result.
    pages : bool
        Whether the ward list and the patient pages are written.
    emit : tuple of str
        Further formats.
    reading : ReadingOptions
        Reading settings of the batch.
    strict : bool
        Whether any rejected row stops the run.
    spreadsheet_safe : bool
        Whether risky text of ``predictions.csv`` is neutralised for spreadsheets.
    """

    as_of: str | None = None
    pages: bool = True
    emit: tuple[str, ...] = ()
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    strict: bool = False
    spreadsheet_safe: bool = False

    def summary(self) -> dict[str, Any]:
        """The options in the form of ``run_summary.json``."""
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
    result : BatchResult
    read : ReadResult
    summary : mapping
        From :func:`summarise`.
    pages : callable, optional
        Writes the pages into the given folder, which does not exist yet.
    extra : callable, optional
        Writes further files into the given folder.
    spreadsheet_safe : bool
        As in :class:`RunOptions`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from types import SimpleNamespace
    >>> from pipeline.explain.explanation_rows import COLUMNS as EXPLANATIONS
    >>> from pipeline.predict.predictions_table import COLUMNS
    >>> frame = pd.DataFrame(columns=COLUMNS)
    >>> result = BatchResult(frame, pd.DataFrame(columns=EXPLANATIONS))
    >>> read = SimpleNamespace(rejects=frame, notes=frame)
    >>> with TemporaryDirectory() as place:
    ...     write_outputs(Path(place), result, read, {"patients": 0})
    ...     sorted(path.name for path in Path(place).iterdir())
    ['explanations.parquet', 'flags.csv', 'predictions.csv', 'rejects.csv', 'run_summary.json']
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
    """Digest of everything that can change a result, except the clock.

    Parameters
    ----------
    tables : mapping of str to RawTable
        The batch.
    remarks : sequence of str
        On the source as a whole.
    manifest : Path
        Of the bundle, with the digests of its files and reports.
    model_name : ModelName
    options : RunOptions

    Returns
    -------
    str
        Hexadecimal.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> name = ModelName("cytocast", "1")
    >>> with TemporaryDirectory() as place:
    ...     manifest = Path(place) / "manifest.json"
    ...     _ = manifest.write_text("{}")
    ...     keys = [result_key({}, (), manifest, name, RunOptions(pages=each))
    ...             for each in (True, True, False)]
    >>> keys[0] == keys[1], keys[0] == keys[2]
    (True, False)
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
    """Write predictions with four decimals; missing values are blank."""
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
    """Content of ``run_summary.json``: counts, digests and versions, no data of single patients.

    Parameters
    ----------
    prepared : PreparedBatch
    result : BatchResult
    model_name : ModelName
    options : RunOptions
    exit_code : int
    started : float
        ``time.perf_counter()`` at the start of the run.

    Returns
    -------
    dict

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.model.bundle import empty_bundle
    >>> from pipeline.predict.prepare import prepare_batch, read_for
    >>> from pipeline.predict.score import score_batch
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "9",
    ...                      "unit": "mg/L", "collected_hours": 30})
    >>> bundle, name = empty_bundle(), ModelName("cytocast", "1")
    >>> prepared = prepare_batch(read_for(bundle, {"labs": raw_from_frame(labs, "labs")}), bundle)
    >>> frame = pd.DataFrame({"patient_id": ["A"], "outcome": ["icans"], "status": ["ok"]})
    >>> result = BatchResult(frame, frame)
    >>> summary = summarise(prepared, result, name, RunOptions(), exit_code=0, started=0.0)
    >>> summary["patients"], summary["statuses"]
    (1, {'icans': {'ok': 1}})
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
    """Content of ``run_summary.json`` of a finished run.

    Parameters
    ----------
    out : Path
        Folder of the run.

    Returns
    -------
    dict

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / SUMMARY).write_text('{"patients": 12}')
    ...     read_summary(Path(place))
    {'patients': 12}
    """
    return dict(json.loads((out / SUMMARY).read_text(encoding="utf-8")))


def same_rejects(out: Path, rejects: pd.DataFrame) -> bool:
    """Whether ``rejects.csv`` of a finished run has exactly the given rows.

    Parameters
    ----------
    out : Path
        Folder of the run.
    rejects : DataFrame

    Returns
    -------
    bool

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rejects = pd.DataFrame({"file": ["labs.csv"], "row": ["6"]})
    >>> with TemporaryDirectory() as place:
    ...     write_csv(rejects, Path(place) / REJECTS)
    ...     same_rejects(Path(place), rejects), same_rejects(Path(place), rejects.head(0))
    (True, False)
    """
    return (out / REJECTS).read_bytes() == csv_text(rejects).encode("utf-8", "backslashreplace")


def rejects_of(out: Path) -> pd.DataFrame:
    """Read ``rejects.csv`` of a finished run.

    Parameters
    ----------
    out : Path
        Folder of the run.

    Returns
    -------
    DataFrame of str

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     write_csv(pd.DataFrame({"file": ["labs.csv"], "row": [6]}), Path(place) / REJECTS)
    ...     rejects_of(Path(place)).to_dict("list")
    {'file': ['labs.csv'], 'row': ['6']}
    """
    return read_csv(out / REJECTS)


def _status_counts(predictions: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Number of patients by outcome and status."""
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
