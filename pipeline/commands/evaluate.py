"""``cytocast evaluate``: evaluates a bundle on another cohort."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import log
from pipeline.audit.runner import AuditReport
from pipeline.csv_files import write_csv
from pipeline.evaluate.external_validation import evaluate_bundle
from pipeline.evaluate.report import Evaluation
from pipeline.folders.claim import claim
from pipeline.model.bundle import Bundle, load_bundle, read_evaluation
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.registry import bundle_folder
from pipeline.model.signature import refuse_unsigned
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.evaluation_summary import describe
from pipeline.pages.evaluation_titles import page_title
from pipeline.predict.prepare import read_cohort_for
from pipeline.predict.reading_options import reading_options, with_reading
from pipeline.reading.exported_cohort import export_tables
from pipeline.reading.read_result import ReadResult
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
    """Evaluate a bundle on a cohort; write ``evaluation.json`` and ``evaluation.html``.

    Parameters
    ----------
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    cohort : Path
        Folder of the export.
    out : Path
        Folder to write.
    config_files : sequence of Path
        Reading settings of ``cohort`` that differ from training.
    time_zone : str or None
        Zone of times without offset.
    force : bool
        Replace the existing content of ``out``.
    signed_by : Path, optional
        Public key; a bundle without a signature of its private key is refused.

    Returns
    -------
    code : int
        0.
    summary : str
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
        tables, remarks = export_tables(cohort, bundle.config)
        read = read_cohort_for(bundle, tables, remarks)
        read.report_refusals()
        audit = audit_evaluated_cohort(tables, bundle.config, read)
        differing = reading_options(trained.config.cohort, config.cohort).differing()
        result = audited_evaluation(
            bundle,
            read,
            audit,
            read_evaluation(folder),
            cohort_name=cohort.resolve().name,
            synthetic=is_simulated(cohort),
            read_with=differing,
        )
        with output.folder() as target:
            (target / "evaluation.json").write_text(result.report.to_json(), encoding="utf-8")
            page = render_evaluation(result.report, title=page_title(result.report))
            (target / "evaluation.html").write_text(page, encoding="utf-8")
            write_csv(read.rejects, target / "rejects.csv")
            write_csv(read.notes, target / "flags.csv")
    lines = [describe(result.report), f"Page: {out / 'evaluation.html'}"]
    if differing:
        settings = ", ".join(f"{name}: {json.dumps(value)}" for name, value in differing.items())
        lines.insert(0, f"Reading settings that differ from training: {settings}")
    if audit.blocking:
        lines.insert(0, f"{errors_line(audit)}")
    return 0, "\n".join(lines)


def audited_evaluation(
    bundle: Bundle,
    read: ReadResult,
    audit: AuditReport,
    training: EvaluationReport | None,
    *,
    cohort_name: str,
    synthetic: bool,
    read_with: dict[str, Any],
) -> Evaluation:
    """Evaluate a bundle on a cohort, and add the errors of its audit to the report.

    Parameters
    ----------
    bundle : Bundle
        With the reading settings of the cohort.
    read : ReadResult
    audit : AuditReport
    training : EvaluationReport or None
        Of the training.
    cohort_name : str
    synthetic : bool
        Whether the patients are simulated.
    read_with : dict
        Reading settings that differ from training.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        If none of the bundle's outcomes can be scored on the cohort.
    """
    result = evaluate_bundle(bundle, read, training, cohort_name=cohort_name, synthetic=synthetic)
    return result.with_parts(
        audit=audit.summary(),
        warnings=[*error_sentences(audit), *result.report.warnings],
        read_with=read_with,
    )
