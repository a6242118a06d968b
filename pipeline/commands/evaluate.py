"""``cytocast evaluate``: score a bundle on another cohort."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import log
from pipeline.cohort.timestamps import zone
from pipeline.config import Config, reading_settings
from pipeline.config_cohort import READING, CohortConfig
from pipeline.evaluate.external_validation import evaluate_bundle
from pipeline.folders import complete_folder, refuse_occupied
from pipeline.format import joined
from pipeline.model.bundle import load_bundle, read_evaluation
from pipeline.model.registry import bundle_folder
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.evaluation_summary import describe
from pipeline.pages.evaluation_titles import page_title
from pipeline.predict.prepare import read_cohort_for
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
) -> tuple[int, str]:
    """Score a bundle on a cohort and write ``evaluation.json`` and ``evaluation.html``.

    Parameters
    ----------
    config_files : sequence of Path
        How this cohort is read where that differs from training: settings of ``cohort`` only.
    """
    folder = bundle_folder(model)
    refuse_occupied(out, cohort, folder, force=force)
    trained = load_bundle(folder)
    bundle = replace(trained, config=_read_by(trained.config, config_files, time_zone))
    config = bundle.config.cohort
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
    reading = _otherwise(trained.config.cohort, config)
    result = result.with_parts(
        audit=audit.summary(),
        warnings=[*error_sentences(audit), *result.report.warnings],
        read_with=reading,
    )
    with complete_folder(out, force=force) as target:
        (target / "evaluation.json").write_text(result.report.to_json(), encoding="utf-8")
        page = render_evaluation(result.report, result.curves, title=page_title(result.report))
        (target / "evaluation.html").write_text(page, encoding="utf-8")
        read.rejects.to_csv(target / "rejects.csv", index=False, lineterminator="\n")
        read.notes.to_csv(target / "flags.csv", index=False, lineterminator="\n")
    lines = [describe(result.report), f"Page: {out / 'evaluation.html'}"]
    if reading:
        told = ", ".join(f"{name}: {json.dumps(value)}" for name, value in reading.items())
        lines.insert(0, f"Read with other settings than in training: {told}")
    if audit.blocking:
        lines.insert(0, f"{errors_line(audit)}")
    return 0, "\n".join(lines)


def _read_by(config: Config, files: Sequence[Path], time_zone: str | None) -> Config:
    """Settings of a bundle with those of the files, and the zone, for reading another cohort."""
    cohort, unused = reading_settings(config, files)
    if unused:
        log.warn(
            f"{joined([str(path) for path in files])}: {joined(list(unused))} not used; of a "
            f"configuration, evaluate takes only how the cohort is read (cohort: "
            f"{', '.join(READING)}). The rest was settled when the bundle was trained"
        )
    if time_zone is not None:
        zone(time_zone)
        cohort = cohort.model_copy(update={"time_zone": time_zone})
    return config.model_copy(update={"cohort": cohort})


def _otherwise(trained: CohortConfig, now: CohortConfig) -> dict[str, Any]:
    """Settings of reading that differ from those of training."""
    before, after = trained.model_dump(mode="json"), now.model_dump(mode="json")
    return {name: after[name] for name in READING if after[name] != before[name]}
