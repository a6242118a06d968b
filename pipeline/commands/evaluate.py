"""``cytocast evaluate``: score a bundle on another cohort."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import log
from pipeline.csv_files import write_csv
from pipeline.evaluate.external_validation import evaluate_bundle
from pipeline.folders.claim import claim
from pipeline.model.bundle import load_bundle, read_evaluation
from pipeline.model.registry import bundle_folder
from pipeline.model.signature import refuse_unsigned
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.evaluation_summary import describe
from pipeline.pages.evaluation_titles import page_title
from pipeline.predict.prepare import read_cohort_for
from pipeline.predict.reading_options import reading_options, with_reading
from pipeline.simulate.export import is_simulated
from pipeline.train.intake import audit_evaluated_cohort, error_sentences, errors_line


def evaluate_command(
    model: str,
    cohort: Path,
    out: Path,
    config_files: Sequence[Path] = (),
    *,
    time_zone: str | None,
    force: bool,
    signed_by: Path | None = None,
) -> tuple[int, str]:
    """Score a bundle on a cohort and write ``evaluation.json`` and ``evaluation.html``.

    Parameters
    ----------
    config_files : sequence of Path
        How this cohort is read where that differs from training: settings of ``cohort`` only.
    signed_by : Path, optional
        Public key; a bundle that its owner has not signed is refused.
    """
    folder = bundle_folder(model)
    reads = [cohort, folder, *config_files, *([signed_by] if signed_by else [])]
    with claim(out, command="evaluate", reads=reads, force=force) as output:
        output.refuse_occupied()
        refuse_unsigned(folder, signed_by)
        trained = load_bundle(folder)
        config = with_reading(trained.config, config_files, time_zone, command="evaluate")
        bundle = replace(trained, config=config)
        log.info("reading the cohort")
        read = read_cohort_for(bundle, cohort)
        read.report_refusals()
        audit = audit_evaluated_cohort(cohort, bundle.config, read)
        result = evaluate_bundle(
            bundle,
            read,
            read_evaluation(folder),
            cohort_name=cohort.resolve().name,
            synthetic=is_simulated(cohort),
        )
        reading = reading_options(trained.config.cohort, config.cohort).differing()
        result = result.with_parts(
            audit=audit.summary(),
            warnings=[*error_sentences(audit), *result.report.warnings],
            read_with=reading,
        )
        with output.folder() as target:
            (target / "evaluation.json").write_text(result.report.to_json(), encoding="utf-8")
            page = render_evaluation(result.report, result.curves, title=page_title(result.report))
            (target / "evaluation.html").write_text(page, encoding="utf-8")
            write_csv(read.rejects, target / "rejects.csv")
            write_csv(read.notes, target / "flags.csv")
    lines = [describe(result.report), f"Page: {out / 'evaluation.html'}"]
    if reading:
        told = ", ".join(f"{name}: {json.dumps(value)}" for name, value in reading.items())
        lines.insert(0, f"Read with other settings than in training: {told}")
    if audit.blocking:
        lines.insert(0, f"{errors_line(audit)}")
    return 0, "\n".join(lines)
