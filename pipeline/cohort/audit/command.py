"""``cytocast audit``: an export in, one page and one JSON file out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline import log
from pipeline.cohort.audit.page import render_audit
from pipeline.cohort.audit.runner import NEVER_ACKNOWLEDGED, AuditReport, audit_folder
from pipeline.cohort.timestamps import zone
from pipeline.config import load_config
from pipeline.errors import InputError
from pipeline.folders import complete_folder, refuse_occupied
from pipeline.report.format import counted

BLOCKED = InputError.exit_code


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
    refuse_occupied(out, cohort, force=force)
    log.info("auditing the export")
    report = audit_folder(cohort, config)
    with complete_folder(out, force=force) as folder:
        title = f"Audit of {cohort.resolve().name}"
        page = render_audit(report, title=title, synthetic=config.cohort.synthetic)
        (folder / "audit.html").write_text(page, encoding="utf-8")
        (folder / "audit.json").write_text(as_json(report), encoding="utf-8")
        if len(report.rejects):
            report.rejects.to_csv(folder / "rejects.csv", index=False, lineterminator="\n")
    pages = f"Page: {out / 'audit.html'}"
    if len(report.rejects):
        pages += f"; every refused row: {out / 'rejects.csv'}"
    return BLOCKED if report.blocking else 0, f"{describe(report)}\n{pages}"


def as_json(report: AuditReport, *, examples: bool = True) -> str:
    """Text of ``audit.json``."""
    entries = report.to_list(examples=examples)
    return json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def describe(report: AuditReport) -> str:
    """The verdict and a line per code, for stdout and for the message of a blocked training."""
    lines = [verdict(report)]
    accepted = set(report.acknowledged) - set(NEVER_ACKNOWLEDGED)
    codes = dict.fromkeys((item.severity, item.code, item.title) for item in report.findings)
    for severity, code, title in codes:
        count = sum((item.severity, item.code) == (severity, code) for item in report.findings)
        known = " (acknowledged)" if severity == "error" and code in accepted else ""
        times = f", {count} times" if count > 1 else ""
        lines.append(f"  {severity:8}{code}  {title}{times}{known}")
    return "\n".join(lines)


def verdict(report: AuditReport) -> str:
    """Whether the audit blocks, in one sentence with counts."""
    errors, warnings = report.count("error"), report.count("warning")
    found = f"{counted(errors, 'error')} and {counted(warnings, 'warning')}"
    if report.blocking:
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        return f"BLOCKED by {codes}: {found}."
    if errors:
        return f"Not blocked, errors acknowledged: {found}."
    return f"Not blocked: {found}."
