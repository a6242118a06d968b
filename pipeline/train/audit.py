"""The audit inside a training: it blocks on errors that nobody has acknowledged."""

from __future__ import annotations

from pathlib import Path

from pipeline import log
from pipeline.cohort.audit import AuditReport, audit_folder
from pipeline.cohort.audit.command import describe
from pipeline.cohort.audit.page import render_audit
from pipeline.cohort.reader import ReadResult
from pipeline.config import Config
from pipeline.errors import InputError


def audit_cohort(folder: str | Path, config: Config, read: ReadResult, out: Path) -> AuditReport:
    """Audit a training cohort and write the page to ``<out>.audit.html`` beside the bundle.

    Raises
    ------
    InputError
        If an error blocks; the message names every code and the way out.
    """
    log.info("auditing the cohort")
    report = audit_folder(folder, config, read=read)
    out.parent.mkdir(parents=True, exist_ok=True)
    page = out.with_name(f"{out.name}.audit.html")
    title = f"Audit of {config.cohort.name}"
    page.write_text(
        render_audit(report, title=title, synthetic=config.cohort.synthetic), encoding="utf-8"
    )
    if report.blocking:
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        reasons = "\n".join(f"  {item.code} {item.summary}" for item in report.blocking[:5])
        raise InputError(
            f"the audit blocks this cohort ({codes}):\n{reasons}\n{page} says what to do. If you "
            f"accept that results are false in this respect, set audit.acknowledge: [{codes}]"
        )
    log.info(describe(report))
    log.info(f"audit: {page}")
    return report


def audit_warnings(report: AuditReport) -> list[str]:
    """Sentences for the evaluation about errors that the configuration acknowledges."""
    known = {item.code: item for item in report.findings if item.severity == "error"}
    return [
        f"Audit error {code} was acknowledged, so figures may be false: {item.title}. {item.effect}"
        for code, item in known.items()
    ]
