"""Reads and checks a training cohort: rejected rows, grades, and errors of the audit."""

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
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.folders.claim import Claim
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.redaction import without_cells


def report_reading(read: ReadResult) -> None:
    """Log accepted, rejected and flagged rows per file, with reasons.

    Parameters
    ----------
    read : ReadResult

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> report_reading(SimpleNamespace(
    ...     counts={}, remarks=[], flags={}, turnaround_imputed=0, report_refusals=lambda: None))
    """
    for file, count in read.counts.items():
        log.info(
            f"{file}: {count['read']} rows read, {count['accepted']} accepted, "
            f"{count['rejected']} rejected, {count['collapsed']} repeated, "
            f"{count['withdrawn']} withdrawn"
        )
    for remark in read.remarks:
        log.info(remark)
    for file, flags in read.flags.items():
        counts = ", ".join(f"{number} {code}" for code, number in sorted(flags.items()))
        log.info(f"{file}: rows flagged but used: {counts}")
    read.report_refusals()
    if read.turnaround_imputed:
        log.info(
            f"{read.turnaround_imputed} lab rows without result time: imputed from the turnaround"
        )


def refuse_unusable(read: ReadResult, config: Config) -> None:
    """Refuse a cohort with too many rejected results or without any grade.

    Parameters
    ----------
    read : ReadResult
    config : Config

    Raises
    ------
    InputError
        If the remainder is not representative, or there is no outcome to learn.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.config import load_config
    >>> from pipeline.errors import CytocastError
    >>> read = SimpleNamespace(
    ...     refused_share=lambda: (0, 40), no_grades_reason=lambda *_: "no row has a grade")
    >>> try:
    ...     refuse_unusable(read, load_config())
    ... except CytocastError as error:
    ...     str(error).split(".")[0]
    'no row has a grade'
    """
    rejected, usable = read.refused_share()
    problem = too_many_refused(rejected, usable, config.cohort.max_rejected_share)
    if problem:
        raise InputError(
            f"{problem}; the remainder is not representative. Correct the causes listed above, or "
            f"accept the share in the config: {acceptance_setting(rejected, usable)}"
        )
    scales = {item.scale for item in config.outcomes.values()}
    if ungraded := read.no_grades_reason(scales, config.cohort):
        raise InputError(
            f"{ungraded}. Export every charted grade, including 0, or derive grades from "
            "observations with cohort.grades: derived"
        )


def write_rows(read: ReadResult, output: Claim) -> None:
    r"""Write rejected and flagged rows next to the bundle, even if training fails later.

    Parameters
    ----------
    read : ReadResult
    output : Claim
        Of the bundle ``<out>``; the files are ``<out>.rejects.csv`` and ``<out>.flags.csv``.

    Examples
    --------
    >>> import pandas as pd
    >>> from tempfile import TemporaryDirectory
    >>> from types import SimpleNamespace
    >>> from pipeline.folders.claim import claim
    >>> rejects = pd.DataFrame({"file": ["labs.csv"], "row": ["6"]})
    >>> read = SimpleNamespace(rejects=rejects, notes=rejects.head(0))
    >>> with TemporaryDirectory() as place:
    ...     with claim(Path(place) / "mine", command="train", force=False) as output:
    ...         write_rows(read, output)
    ...     (Path(place) / "mine.rejects.csv").read_text()
    'file,row\nlabs.csv,6\n'
    """
    tables = {
        f"{output.out.name}.{name}.csv": table
        for name, table in (("rejects", read.rejects), ("flags", read.notes))
    }
    with output.files(tables, always=True) as folder:
        for name, table in tables.items():
            if len(table):
                write_csv(table, folder / name)
                log.info(f"{len(table)} rows or cells listed in {output.stated.with_name(name)}")


def read_training(folder: str | Path, config: Config) -> ReadResult:
    r"""Read a training cohort, and log accepted, rejected and flagged rows.

    Parameters
    ----------
    folder : path
    config : Config

    Returns
    -------
    ReadResult

    Raises
    ------
    InputError
        If a required table or column is missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.config import load_config
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "patients.csv").write_text("patient_id\nA\n")
    ...     header = "patient_id,analyte,value,unit,collected_hours\n"
    ...     _ = (Path(place) / "labs.csv").write_text(header + "A,crp,9,mg/L,30\n")
    ...     rows = "patient_id,scale,grade,assessed_hours\nA,crs,1,24\n"
    ...     _ = (Path(place) / "assessments.csv").write_text(rows)
    ...     read_training(place, load_config()).counts["labs.csv"]["accepted"]
    1
    """
    read = read_cohort(folder, config.cohort, extra_scales=config.scales)
    report_reading(read)
    return read


def audit_cohort(folder: str | Path, config: Config, read: ReadResult) -> AuditReport:
    r"""Audit a training cohort.

    Parameters
    ----------
    folder : path
    config : Config
    read : ReadResult
        Of this folder.

    Returns
    -------
    AuditReport

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.config import load_config
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "patients.csv").write_text("patient_id\nA\n")
    ...     header = "patient_id,analyte,value,unit,collected_hours\n"
    ...     _ = (Path(place) / "labs.csv").write_text(header + "A,crp,9,mg/L,30\n")
    ...     rows = "patient_id,scale,grade,assessed_hours\nA,crs,1,24\n"
    ...     _ = (Path(place) / "assessments.csv").write_text(rows)
    ...     read = read_training(place, load_config())
    ...     [item.code for item in audit_cohort(place, load_config(), read).blocking]
    []
    """
    log.info("auditing the cohort")
    return audit_folder(folder, config, read=read)


def refuse_blocked(report: AuditReport, page: str) -> None:
    """Refuse a cohort with errors of the audit that are not acknowledged.

    Parameters
    ----------
    report : AuditReport
    page : str
        Where the remedies are: path of the audit page, or the call that lists them.

    Raises
    ------
    InputError
        The message names every code, and what to do.

    Examples
    --------
    >>> import pandas as pd
    >>> refuse_blocked(AuditReport((), (), (), {}, pd.DataFrame()), "audit.html")
    """
    if report.blocking:
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        reasons = "\n".join(f"  {item.code} {item.summary}" for item in report.blocking[:5])
        raise InputError(
            f"the audit blocks this cohort ({codes}):\n{reasons}\nSee {page} for what to do. To "
            f"accept results that these errors distort, set audit.acknowledge: [{codes}]"
        )
    log.info(describe(report))
    log.info(f"audit: {page}")


def refuse_without_labs(read: ReadResult) -> None:
    """Refuse a cohort without a usable lab row.

    Parameters
    ----------
    read : ReadResult

    Raises
    ------
    InputError
        With the reasons of the first rejected rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.tables import empty_cohort
    >>> rejects = pd.DataFrame({"reason": ["unit furlong is unknown."], "value": ["12"]})
    >>> refuse_without_labs(SimpleNamespace(cohort=empty_cohort(["A"]), rejects=rejects))
    Traceback (most recent call last):
    pipeline.errors.InputError: no lab row could be used: unit furlong is unknown.
    """
    if len(read.cohort.labs) == 0:
        first = read.rejects.head(3)[["reason", "value"]].astype("str")
        reasons = [without_cells(*each) for each in first.itertuples(index=False)]
        raise InputError("no lab row could be used: " + " ".join(reasons))


def audit_warnings(report: AuditReport) -> list[str]:
    """Warnings of the evaluation about audit errors that the configuration acknowledges."""
    known = {item.code: item for item in report.findings if item.severity == "error"}
    return [
        evaluation_phrase(
            "training", "acknowledged", code=code, title=item.title, effect=item.effect
        )
        for code, item in known.items()
    ]


def audit_evaluated_cohort(
    tables: Mapping[str, RawTable], config: Config, read: ReadResult
) -> AuditReport:
    """Audit a cohort on which a bundle is evaluated, for errors only; they do not block.

    Errors acknowledged for the training cohort are reported again for this one.

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

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.model.bundle import empty_bundle
    >>> from pipeline.predict.prepare import read_cohort_for
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "9",
    ...                      "unit": "mg/L", "collected_hours": 30})
    >>> grades = pd.DataFrame({"patient_id": ["A"], "scale": "crs", "grade": 1,
    ...                        "assessed_hours": 24})
    >>> tables = {"patients": labs[["patient_id"]], "labs": labs, "assessments": grades}
    >>> raw = {name: raw_from_frame(table, name) for name, table in tables.items()}
    >>> bundle = empty_bundle()
    >>> report = audit_evaluated_cohort(raw, bundle.config, read_cohort_for(bundle, raw))
    >>> [item.code for item in report.findings]
    []
    """
    log.info("auditing the cohort for errors")
    config = config.model_copy(update={"audit": AuditConfig()})
    report = audit(context_of(tables, config, read), ERROR_CHECKS)
    errors = tuple(item for item in report.findings if item.severity == "error")
    return replace(report, findings=errors)


def errors_line(report: AuditReport) -> str:
    """Sentence for stdout on the audit errors of an evaluated cohort.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> print(errors_line(SimpleNamespace(blocking=[SimpleNamespace(code="CHK104")])))
    AUDIT ERRORS in this cohort (CHK104), so the figures may be wrong; run `cytocast audit` for \
places and remedies.
    """
    codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
    return (
        f"AUDIT ERRORS in this cohort ({codes}), so the figures may be wrong; "
        "run `cytocast audit` for places and remedies."
    )


def error_sentences(report: AuditReport) -> list[str]:
    """Warnings of the evaluation about audit errors of the evaluated cohort.

    Parameters
    ----------
    report : AuditReport

    Returns
    -------
    list of str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> error = SimpleNamespace(code="CHK104", title="Repeated patients", summary="2 of 40.")
    >>> error_sentences(SimpleNamespace(blocking=[error]))
    ['Audit error CHK104 in this cohort, so figures may be wrong: Repeated patients. 2 of 40.']
    """
    return [
        evaluation_phrase(
            "training", "error", code=item.code, title=item.title, summary=item.summary
        )
        for item in report.blocking
    ]
