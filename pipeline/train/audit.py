"""The audit inside a training: it blocks on errors that nobody has acknowledged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline import log
from pipeline.cohort.audit import AuditReport, audit, audit_folder, open_export
from pipeline.cohort.audit.command import describe
from pipeline.cohort.audit.page import render_audit
from pipeline.cohort.audit.registry import ERROR_CHECKS
from pipeline.cohort.reader import ReadResult
from pipeline.config import AuditConfig, Config
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


def errors_of_other(folder: str | Path, config: Config, read: ReadResult) -> AuditReport:
    """Errors of a cohort on which a bundle is evaluated; they block nothing.

    What was acknowledged for the training cohort says nothing of this one. Only checks that find
    errors are made, so that it costs little.
    """
    log.info("auditing the cohort for errors")
    config = config.model_copy(update={"audit": AuditConfig()})
    report = audit(open_export(folder, config, read=read), ERROR_CHECKS)
    errors = tuple(item for item in report.findings if item.severity == "error")
    return replace(report, findings=errors)


def errors_line(report: AuditReport) -> str:
    """One sentence on the errors of an evaluated cohort."""
    codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
    return (
        f"THE AUDIT FINDS ERRORS in this cohort ({codes}), so the figures may be false; "
        "`cytocast audit` says where and what to do."
    )


def error_sentences(report: AuditReport) -> list[str]:
    """Sentences for the evaluation about errors of the evaluated cohort."""
    return [
        f"Audit error {item.code} in this cohort, so figures may be false: {item.title}. "
        f"{item.summary}"
        for item in report.blocking
    ]
