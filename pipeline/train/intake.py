"""What training accepts: how much was rejected, and whether the audit blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline import log
from pipeline.audit.export_context import context_of
from pipeline.audit.runner import ERROR_CHECKS, AuditReport, audit, audit_folder, describe
from pipeline.cohort.files import RawTable
from pipeline.cohort.reject_summary import acceptance_setting, too_many_refused
from pipeline.config import Config
from pipeline.config_evaluation import AuditConfig
from pipeline.csv_files import write_csv
from pipeline.errors import InputError
from pipeline.folders.claim import Claim
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.redaction import without_cells


def report_reading(read: ReadResult) -> None:
    """Log what became of the rows of every file, and why rows are refused."""
    for file, count in read.counts.items():
        log.info(
            f"{file}: {count['read']} rows read, {count['accepted']} accepted, "
            f"{count['rejected']} rejected, {count['collapsed']} repeated, "
            f"{count['withdrawn']} withdrawn"
        )
    for remark in read.remarks:
        log.info(remark)
    for file, flags in read.flags.items():
        said = ", ".join(f"{number} {code}" for code, number in sorted(flags.items()))
        log.info(f"{file}: rows used but flagged: {said}")
    read.report_refusals()
    if read.turnaround_imputed:
        log.info(f"result time imputed from the turnaround for {read.turnaround_imputed} lab rows")


def refuse_unusable(read: ReadResult, config: Config) -> None:
    """Refuse a cohort most of whose results are refused, or of whom nobody has a grade.

    What is left of most is no sample of it, and without a grade there is nothing to learn.
    """
    refused, usable = read.refused_share()
    found = too_many_refused(refused, usable, config.cohort.max_rejected_share)
    if found:
        raise InputError(
            f"{found}; a model of the rest would describe the export, not the patients. Correct "
            f"the causes listed above, or accept the share in the config: "
            f"{acceptance_setting(refused, usable)}"
        )
    scales = {item.scale for item in config.outcomes.values()}
    if ungraded := read.no_grades_reason(scales, config.cohort):
        raise InputError(
            f"{ungraded}. Export every charted grade, 0 included, or derive grades from the "
            "observations with cohort.grades: derived"
        )


def write_rows(read: ReadResult, output: Claim) -> None:
    """List refused and flagged rows beside the bundle, whatever becomes of the training."""
    tables = {
        f"{output.out.name}.{name}.csv": table
        for name, table in (("rejects", read.rejects), ("flags", read.notes))
    }
    with output.files(tables, always=True) as folder:
        for name, table in tables.items():
            if len(table):
                write_csv(table, folder / name)
                log.info(f"{len(table)} entries in {output.stated.with_name(name)}")


def read_training(folder: str | Path, config: Config) -> ReadResult:
    """Read a cohort to train on, and log what became of its rows."""
    read = read_cohort(folder, config.cohort, extra_scales=config.scales)
    report_reading(read)
    return read


def audit_cohort(folder: str | Path, config: Config, read: ReadResult) -> AuditReport:
    """Audit a training cohort."""
    log.info("auditing the cohort")
    return audit_folder(folder, config, read=read)


def refuse_blocked(report: AuditReport, page: str) -> None:
    """Refuse a cohort that the audit blocks.

    Parameters
    ----------
    report : AuditReport
    page : str
        Where the remedies are: path of the audit page, or the call that lists them.

    Raises
    ------
    InputError
        The message names every code, and what to do.
    """
    if report.blocking:
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        reasons = "\n".join(f"  {item.code} {item.summary}" for item in report.blocking[:5])
        raise InputError(
            f"the audit blocks this cohort ({codes}):\n{reasons}\n{page} says what to do. If you "
            f"accept that results are false in this respect, set audit.acknowledge: [{codes}]"
        )
    log.info(describe(report))
    log.info(f"audit: {page}")


def refuse_without_labs(read: ReadResult) -> None:
    """Refuse a cohort without a usable lab row."""
    if len(read.cohort.labs) == 0:
        first = read.rejects.head(3)[["reason", "value"]].astype("str")
        reasons = [without_cells(*each) for each in first.itertuples(index=False)]
        raise InputError("no lab row could be used: " + " ".join(reasons))


def audit_warnings(report: AuditReport) -> list[str]:
    """Sentences for the evaluation about errors that the configuration acknowledges."""
    known = {item.code: item for item in report.findings if item.severity == "error"}
    return [
        f"Audit error {code} was acknowledged, so figures may be false: {item.title}. {item.effect}"
        for code, item in known.items()
    ]


def audit_evaluated_cohort(
    tables: Mapping[str, RawTable], config: Config, read: ReadResult
) -> AuditReport:
    """Errors of a cohort on which a bundle is evaluated; they block nothing.

    Errors acknowledged for the training cohort are reported again for this one. Only the checks
    that find errors are run.

    Parameters
    ----------
    tables : mapping of str to RawTable
        The tables that were read.
    config : Config
        Of the bundle, with the reading settings of this cohort.
    read : ReadResult

    Returns
    -------
    AuditReport
    """
    log.info("auditing the cohort for errors")
    config = config.model_copy(update={"audit": AuditConfig()})
    report = audit(context_of(tables, config, read), ERROR_CHECKS)
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
