"""``cytocast predict``: scores a batch and writes the output folder."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cohort.reject_summary import mostly_refused_lines
from pipeline.cohort.timestamps import zone
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.folders.claim import Claim, claim
from pipeline.format import joined
from pipeline.model.bundle import load_bundle, read_config, read_evaluation
from pipeline.model.manifest import MANIFEST, read_manifest
from pipeline.model.registry import resolve_model
from pipeline.model.signature import refuse_unsigned
from pipeline.model.status import ABSTAINED, REJECTED
from pipeline.predict.outputs import (
    REPORT,
    RunOptions,
    read_summary,
    rejects_of,
    result_key,
    same_rejects,
    summarise,
    write_outputs,
)
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import PreparedBatch, prepare_batch, read_for
from pipeline.predict.reading_options import reading_options, with_reading
from pipeline.predict.score import BatchResult, score_batch
from pipeline.reading.paths import batch_paths, folder_remarks
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import raw_tables
from pipeline.redaction import without_cells

DONE, NOTHING_SCORED, PARTIAL = 0, 3, 4
_CODES = 5
_ABOUT_FLAGS = {
    "unknown_drug": " (drug not recognised, dose not used)",
    "drug_in_text": " (drug recognised within a longer text)",
    "drug_class_only": " (only the drug class is given, strength unknown)",
    "dose_implausible": " (dose outside the label)",
    "unseen_category": " (category of fewer than 5 training patients)",
}


def predict(
    source: Path,
    out: Path,
    model: str,
    config_files: Sequence[Path] = (),
    *,
    as_of: str | None = None,
    time_zone: str | None = None,
    strict: bool = False,
    force: bool = False,
    pages: bool = True,
    emit: Sequence[str] = (),
    signed_by: Path | None = None,
    spreadsheet_safe: bool = False,
    made: datetime | None = None,
) -> tuple[int, str]:
    """Score a batch and write ``out``.

    Parameters
    ----------
    source : Path
        Folder of tables or a labs file.
    out : Path
        Folder to write.
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    config_files : sequence of Path
        Reading settings of ``cohort`` that differ from training.
    as_of : str, optional
        Landmark of every patient, in hours or ISO 8601; default: the newest result.
    time_zone : str, optional
        Zone of times without offset.
    strict : bool
        Stop if any row is rejected.
    force : bool
        Replace the existing content of ``out``.
    pages : bool
        Also write the ward list and a page per patient.
    emit : sequence of str
        Further formats: ``fhir``.
    signed_by : Path, optional
        Public key; a bundle without a signature of its private key is refused.
    spreadsheet_safe : bool
        Neutralise text of ``predictions.csv`` that a spreadsheet would run.
    made : datetime, optional
        Time of writing that pages state; default: the present.

    Returns
    -------
    exit_code : int
        0 done, 3 nothing scored, 4 at least one patient without an estimate because of input.
    summary : str
        For stdout.
    """
    started = time.perf_counter()
    zone(time_zone)
    folder, version = resolve_model(model)
    reads = [source, folder, *config_files, *([signed_by] if signed_by else [])]
    with claim(out, command="predict", reads=reads, force=force) as output:
        refuse_unsigned(folder, signed_by)
        paths = batch_paths(source)
        digest, trained = read_manifest(folder)["bundle_sha256"], read_config(folder)
        config = with_reading(trained, config_files, time_zone, command="predict")
        reading = reading_options(trained.cohort, config.cohort)
        options = RunOptions(as_of, pages, tuple(emit), reading, strict, spreadsheet_safe)
        name = ModelName(config.tracking.model_name, version or digest[:12])
        # read once, so that the digest is of the scored content
        tables, remarks = raw_tables(paths), folder_remarks(source, paths)
        key = result_key(tables, remarks, folder / MANIFEST, name, options)
        earlier = read_summary(output.out) if output.finished(key) and not force else None
        if earlier is not None and not earlier["clock_matters"]:
            return _unchanged(output, earlier)

        if earlier is None:
            output.refuse_occupied()
        bundle = replace(load_bundle(folder), config=config)
        read = read_for(bundle, tables, as_of=as_of, remarks=remarks)
        if earlier is not None and same_rejects(output.out, read.rejects):
            return _unchanged(output, earlier)
        output.refuse_occupied()
        read.report_refusals()
        if strict:
            _refuse_rejects(read)

        prepared = prepare_batch(read, bundle, as_of=as_of is not None)
        result = score_batch(prepared, name)

        code = _exit_code(len(read.cohort.labs), result.unscored_patients())
        summary = summarise(prepared, result, name, options, exit_code=code, started=started)
        with output.folder(key) as target:
            write_outputs(
                target,
                result,
                read,
                summary,
                pages=_page_writer(folder, prepared, result, name, made) if pages else None,
                extra=_fhir_writer(prepared, result) if "fhir" in emit else None,
                spreadsheet_safe=spreadsheet_safe,
            )
    return code, console_text(out, summary, read.rejects)


def _unchanged(output: Claim, earlier: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code and summary of a result that exists already."""
    out = output.stated
    text = console_text(out, earlier, rejects_of(output.out))
    code = int(earlier["exit_code"])
    return code, f"{out} already holds this result; nothing was rewritten\n{text}"


def console_text(out: Path, summary: Mapping[str, Any], rejects: pd.DataFrame) -> str:
    """Summary that ``cytocast predict`` prints.

    Parameters
    ----------
    summary : mapping
        Content of ``run_summary.json``.
    rejects : DataFrame
        Content of ``rejects.csv``.
    """
    lines = []
    if summary["synthetic_model"]:
        lines.append("SYNTHETIC model: trained on simulated patients.")
    lines.append(f"patients read: {summary['patients']}, results in {out}")
    lines += [f"  {name}: {status_text(each)}" for name, each in summary["statuses"].items()]
    lines += [f"  {line}" for line in mostly_refused_lines(rejects, summary["files"])]
    if summary["patients_mostly_refused"]:
        lines.append(
            "  patients without an estimate because most results were rejected: "
            f"{summary['patients_mostly_refused']}"
        )
    lines += [f"  {line}" for line in reading_lines(summary["reading"])]
    lines.append(f"  rejected rows or cells: {len(rejects)}, see {out / 'rejects.csv'}")
    for code, number in rejects["code"].value_counts().items():
        lines.append(f"    {code}: {number}")
    flags: Counter[str] = Counter()
    for each in summary["flags"].values():
        flags.update(each)
    if flags:
        lines.append(f"  flagged but used: {flags.total()}, see {out / 'flags.csv'}")
    for code, number in flags.most_common():
        lines.append(f"    {code}: {number}{_ABOUT_FLAGS.get(code, '')}")
    unscored = summary["patients_without_estimate"]
    if unscored:
        lines.append(f"  patients without an estimate because of their input: {unscored}")
    since = summary["patients_charted_since"]
    if since:
        lines.append(
            "  patients with a grade, drug or death charted after the estimate (shown, not used): "
            f"{since}; of these with an event or death: {summary['patients_overtaken']}"
        )
        lines.append("    to use it, give the current time with --as-of (make: AS_OF=)")
    if summary["pages"]:
        lines.append(f"  ward list and pages: {out / REPORT / 'index.html'}")
    if summary["emit"]:
        lines.append(f"  FHIR RiskAssessment resources: {out / 'riskassessments.ndjson'}")
    lines.append("Research use only; not for clinical decisions.")
    return "\n".join(lines)


def status_text(counts: Mapping[str, int]) -> str:
    """Number of patients per status, and the abstention rate among those with usable input.

    Examples
    --------
    >>> status_text({"ok": 3, "abstained": 1, "rejected": 2})
    '1 abstained, 3 ok, 2 rejected (abstention rate 25%)'
    >>> status_text({"rejected": 3})
    '3 rejected (no patient has usable input)'
    """
    text = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    usable = sum(counts.values()) - counts.get(REJECTED, 0)
    if not usable:
        return f"{text} (no patient has usable input)"
    return f"{text} (abstention rate {100 * counts.get(ABSTAINED, 0) / usable:.0f}%)"


def reading_lines(reading: Mapping[str, Any]) -> list[str]:
    """Lines on the reading settings of a batch; none for default settings.

    Parameters
    ----------
    reading : mapping
        From ``ReadingOptions.summary``.

    Examples
    --------
    >>> reading_lines({"settings": {"time_zone": "UTC"}, "differs_from_training": ["time_zone"]})
    ['read with: times without offset in UTC (differs from training: time_zone)']
    """
    effects = reading_text(CohortConfig(**reading["settings"]))
    differs = joined(reading["differs_from_training"])
    if not differs:
        return [f"read as in training: {effect}" for effect in effects]
    effects = effects or ["settings of --config"]
    return [f"read with: {effect} (differs from training: {differs})" for effect in effects]


def reading_text(config: CohortConfig) -> list[str]:
    """Effect of the settings on numbers, dates and units; at most one line.

    Examples
    --------
    >>> reading_text(CohortConfig(decimal_comma=True, date_order="day_first"))
    ['a comma before decimals (12,5 is 12.5); dates with the day first (01/03 is 1 March)']
    >>> reading_text(CohortConfig())
    []
    """
    effects = []
    if config.decimal_comma is not None:
        mark, example = (
            ("comma", "12,5 is 12.5") if config.decimal_comma else ("point", "12,500 is 12500")
        )
        effects.append(f"a {mark} before decimals ({example})")
    if config.date_order is not None:
        first, example = {
            "day_first": ("day", "1 March"),
            "month_first": ("month", "3 January"),
        }[config.date_order]
        effects.append(f"dates with the {first} first (01/03 is {example})")
    if config.time_zone is not None:
        effects.append(f"times without offset in {config.time_zone}")
    if config.assume_units:
        effects.append(f"units assumed for {joined(sorted(config.assume_units))}")
    return ["; ".join(effects)] if effects else []


def _refuse_rejects(read: ReadResult) -> None:
    """Refuse a batch with rejected rows or cells (``--strict``)."""
    if not len(read.rejects):
        return
    first = read.rejects.iloc[0]
    reason = without_cells(str(first["reason"]), str(first["value"]))
    raise InputError(
        f"--strict: {len(read.rejects)} rows or cells are rejected, first {first['file']} line "
        f"{first['row']}, {first['column']}: {reason} {first['remedy']}",
        options=("strict",),
    )


def _page_writer(
    folder: Path,
    prepared: PreparedBatch,
    result: BatchResult,
    name: ModelName,
    made: datetime | None,
) -> Callable[[Path], None]:
    from pipeline.explain.model_summary import summarise_model
    from pipeline.pages.batch_pages import write_pages
    from pipeline.predict.patient_results import patient_results

    evaluation, made = read_evaluation(folder), made or datetime.now(UTC)
    model = summarise_model(prepared.bundle, name.name, name.version, evaluation)
    patients = patient_results(prepared, result, model)
    return lambda target: write_pages(target, patients, model, made=made, bundle=folder)


def _fhir_writer(prepared: PreparedBatch, result: BatchResult) -> Callable[[Path], None]:
    from pipeline.predict.risk_assessment import risk_assessments, write_risk_assessments

    config = prepared.bundle.config
    resources = risk_assessments(
        result.predictions, config.outcomes, synthetic=config.cohort.synthetic
    )
    return lambda target: write_risk_assessments(resources, target)


def _exit_code(lab_rows: int, unscored: int) -> int:
    if lab_rows == 0:
        return NOTHING_SCORED
    return PARTIAL if unscored else DONE
