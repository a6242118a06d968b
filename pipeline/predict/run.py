"""The operator's command: a batch in, a complete output folder and an exit code out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline import log
from pipeline.cohort.files import sha256_files
from pipeline.cohort.reader import ReadResult, batch_paths, read_batch
from pipeline.cohort.timestamps import zone
from pipeline.errors import InputError
from pipeline.folders import refuse_occupied
from pipeline.model.bundle import Bundle, load_bundle, read_evaluation, read_manifest
from pipeline.predict.batch import BatchResult, ModelName, score_batch
from pipeline.predict.console import console_words, reading_words
from pipeline.predict.outputs import finished_before, rejects_of, summarise, write_outputs

DONE, NOTHING_SCORED, PARTIAL = 0, 3, 4


def predict(
    source: Path,
    out: Path,
    model: str,
    *,
    as_of: str | None = None,
    time_zone: str | None = None,
    strict: bool = False,
    force: bool = False,
    pages: bool = True,
    emit: Sequence[str] = (),
) -> tuple[int, str]:
    """Score a batch and write ``out``.

    Parameters
    ----------
    source : Path
        Folder of tables or a labs file.
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    strict : bool
        Treat any rejected row as fatal.
    pages : bool
        Also write the ward list and a page per patient.
    emit : sequence of str
        Further formats: ``fhir``.

    Returns
    -------
    exit_code : int
        0 done, 3 nothing scored, 4 at least one patient without an estimate because of input.
    summary : str
        Result in words for stdout.
    """
    started = time.perf_counter()
    zone(time_zone)
    paths = batch_paths(source)
    folder, version = resolve_model(model)
    digest = read_manifest(folder)["bundle_sha256"]
    before = finished_before(
        out, sha256_files(list(paths.values())), digest, as_of, pages=pages, emit=emit
    )
    if before is not None and not force:
        said = f"{out} already holds this result; nothing was rewritten\n"
        return int(before["exit_code"]), said + console_words(out, before, rejects_of(out))
    refuse_occupied(out, source, folder, force=force)
    bundle = load_bundle(folder)
    config = bundle.config.cohort
    if time_zone is not None:
        config = config.model_copy(update={"time_zone": time_zone})
    scales = tuple(item.scale for item in bundle.config.outcomes.values())
    known = bundle.reference
    read = read_batch(
        source,
        config,
        known.local,
        limits=known.limits,
        products=known.products,
        as_of=as_of,
        extra_scales=scales,
    )
    read.report_refusals()
    if strict and len(read.rejects):
        first = read.rejects.iloc[0]
        raise InputError(
            f"--strict: {len(read.rejects)} cells or rows were refused, first {first['file']} line "
            f"{first['row']}, {first['column']}: {first['reason']} {first['remedy']}"
        )
    name = ModelName(bundle.config.tracking.model_name, version or digest[:12])
    result = score_batch(read, bundle, name, as_of=as_of is not None)
    code = _exit_code(len(read.cohort.labs), result.unscored_patients())
    summary = summarise(
        read,
        result,
        bundle,
        name,
        as_of=as_of,
        pages=pages,
        emit=emit,
        reading=reading_words(config),
        exit_code=code,
        started=started,
    )
    extra = _emitter(result, bundle) if "fhir" in emit else None
    writer = _page_writer(folder, result, read, bundle, name, as_of) if pages else None
    write_outputs(out, result, read, summary, force=force, pages=writer, extra=extra)
    return code, console_words(out, summary, read.rejects)


def resolve_model(model: str) -> tuple[Path, str]:
    """Bundle folder of a path or registry address, and the registered version ("" for a path)."""
    if not model.startswith("models:/"):
        return Path(model), ""
    from pipeline.model.registry import fetch_bundle

    log.info(f"fetching {model}")
    return fetch_bundle(model)


def _page_writer(
    folder: Path,
    result: BatchResult,
    read: ReadResult,
    bundle: Bundle,
    name: ModelName,
    as_of: str | None,
) -> Callable[[Path], None]:
    from pipeline.predict.pages import write_pages

    evaluation, made = read_evaluation(folder), datetime.now(UTC)

    def write(target: Path) -> None:
        asked = as_of is not None
        write_pages(target, result, read, bundle, name, evaluation, made=made, as_of=asked)

    return write


def _emitter(result: BatchResult, bundle: Bundle) -> Callable[[Path], None]:
    from pipeline.predict.fhir import risk_assessments, write_risk_assessments

    resources = risk_assessments(
        result.predictions, bundle.config.outcomes, synthetic=bundle.config.cohort.synthetic
    )
    return lambda target: write_risk_assessments(resources, target)


def _exit_code(lab_rows: int, unscored: int) -> int:
    if lab_rows == 0:
        return NOTHING_SCORED
    return PARTIAL if unscored else DONE
