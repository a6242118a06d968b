"""``cytocast audit``: an export in, one page and one JSON file out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline import log
from pipeline.audit.runner import BLOCKED, as_json, audit_folder, describe
from pipeline.cohort.timestamps import zone
from pipeline.config import load_config
from pipeline.csv_files import write_csv
from pipeline.folders.claim import claim
from pipeline.pages.audit_page import render_audit


def audit_command(
    cohort: Path,
    out: Path,
    config_files: Sequence[Path],
    *,
    time_zone: str | None,
    force: bool,
) -> tuple[int, str]:
    """Audit an export; write ``audit.html``, ``audit.json`` and, if any, ``rejects.csv``.

    Returns
    -------
    code, summary
        3 when an error blocks, 0 otherwise, and the findings in a line each.
    """
    config = load_config(config_files)
    if time_zone is not None:
        zone(time_zone)
        reading = config.cohort.model_copy(update={"time_zone": time_zone})
        config = config.model_copy(update={"cohort": reading})
    with claim(out, command="audit", reads=[cohort, *config_files], force=force) as output:
        output.refuse_occupied()
        log.info("auditing the export")
        report = audit_folder(cohort, config)
        with output.folder() as folder:
            title = f"Audit of {cohort.resolve().name}"
            page = render_audit(report, title=title, synthetic=config.cohort.synthetic)
            (folder / "audit.html").write_text(page, encoding="utf-8")
            (folder / "audit.json").write_text(as_json(report), encoding="utf-8")
            if len(report.rejects):
                write_csv(report.rejects, folder / "rejects.csv")
    pages = f"Page: {out / 'audit.html'}"
    if len(report.rejects):
        pages += f"; every refused row: {out / 'rejects.csv'}"
    return BLOCKED if report.blocking else 0, f"{describe(report)}\n{pages}"
