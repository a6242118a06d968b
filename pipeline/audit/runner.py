"""Runs the checks of the audit on an export, in the order of their codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pipeline.audit.amount_checks import DosesWithoutAmount, ScoresOfAGroup
from pipeline.audit.check import Check
from pipeline.audit.clock_checks import (
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    OneClock,
    RareResults,
    SameTimeOfDay,
)
from pipeline.audit.constant_checks import EncodingConstants, RepeatedConstants
from pipeline.audit.course_checks import AfterTheEnd, CutAtThePeak, InformativeGaps, PeakColumns
from pipeline.audit.digit_checks import CodeBeyondLimit, MissingDigit, Sentinels, SilentLimit
from pipeline.audit.export_context import AuditContext, open_export
from pipeline.audit.export_overview import export_overview
from pipeline.audit.finding import SEVERITIES, Finding, NotApplicable
from pipeline.audit.identity_checks import InformativeOrder, PersonsInTheExport, SamePatientTwice
from pipeline.audit.leakage_checks import ColumnsThatAreTheOutcome, OutcomeAmongInputs
from pipeline.audit.limit_checks import ImplausibleLimits
from pipeline.audit.specimen_checks import Contradictions, ImpossibleJumps, TwoPopulations
from pipeline.audit.unit_checks import (
    BasisChanges,
    MissingBasis,
    MissingUnit,
    ShiftedNames,
    UnitSlips,
)
from pipeline.audit.usability_checks import (
    FewEvents,
    NeverGradedPatients,
    PatientsWithoutLabs,
    RefusedRows,
    Unreadable,
)
from pipeline.audit.zone_checks import ForeignZone
from pipeline.cohort.column_words import audit_settings
from pipeline.config import Config
from pipeline.errors import InputError, UsageError
from pipeline.format import counted
from pipeline.reading.read_result import ReadResult

CHECKS: tuple[type[Check], ...] = (
    Unreadable,
    RefusedRows,
    FewEvents,
    PatientsWithoutLabs,
    NeverGradedPatients,
    EncodingConstants,
    ColumnsThatAreTheOutcome,
    OutcomeAmongInputs,
    SamePatientTwice,
    InformativeOrder,
    PersonsInTheExport,
    CutAtThePeak,
    InformativeGaps,
    AfterTheEnd,
    PeakColumns,
    MissingDigit,
    SilentLimit,
    CodeBeyondLimit,
    Sentinels,
    TwoPopulations,
    Contradictions,
    ImpossibleJumps,
    RepeatedConstants,
    ImplausibleLimits,
    MissingUnit,
    MissingBasis,
    UnitSlips,
    ShiftedNames,
    BasisChanges,
    ScoresOfAGroup,
    DosesWithoutAmount,
    SameTimeOfDay,
    OneClock,
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    ForeignZone,
    RareResults,
)
# checks that can report an error; the others only warn
ERROR_CHECKS: tuple[type[Check], ...] = (
    Unreadable,
    RefusedRows,
    EncodingConstants,
    ColumnsThatAreTheOutcome,
    OutcomeAmongInputs,
    SamePatientTwice,
    PeakColumns,
    ForeignZone,
)
# errors that stop training even if the configuration acknowledges them
NEVER_ACKNOWLEDGED = ("CHK001", "CHK002")
BLOCKED = InputError.exit_code


@dataclass(frozen=True)
class CheckResult:
    """Status of one check; ``reason`` is filled if the check does not apply."""

    check: type[Check]
    status: Literal["found", "passed", "not applicable"]
    reason: str = ""


@dataclass(frozen=True, repr=False)
class AuditReport:
    """Findings of an audit, and the status of every check.

    Attributes
    ----------
    findings : tuple of Finding
        Errors first, then in the order of ``importance`` in ``audit.yaml``.
    outcomes : tuple of CheckResult
        One per check.
    acknowledged : tuple of str
        Codes that the configuration acknowledges.
    facts : dict
        ``patients``, ``infusions``, ``rows`` per file, ``events`` per outcome, ``counts`` of
        read and rejected rows per file, ``readable``, and ``overview`` (:class:`ExportOverview`).
    rejects : DataFrame
        Every rejected row or cell, in the columns of ``rejects.csv``.
    """

    findings: tuple[Finding, ...]
    outcomes: tuple[CheckResult, ...]
    acknowledged: tuple[str, ...]
    facts: dict[str, Any]
    rejects: pd.DataFrame

    @property
    def blocking(self) -> list[Finding]:
        """Errors that the configuration does not acknowledge."""
        return [
            item
            for item in self.findings
            if item.severity == "error"
            and (item.code not in self.acknowledged or item.code in NEVER_ACKNOWLEDGED)
        ]

    def count(self, severity: str) -> int:
        """Number of findings of one severity."""
        return sum(item.severity == severity for item in self.findings)

    def to_list(self, *, examples: bool = True) -> list[dict[str, Any]]:
        """Content of ``audit.json``; without ``examples`` it quotes no cell and no line."""
        entries = [item.to_dict() for item in self.findings]
        if not examples:
            for entry in entries:
                entry["evidence"]["examples"] = []
                if entry["code"] == "CHK002":  # its summary quotes a rejected cell
                    entry["evidence"]["summary"] = entry["evidence"]["summary"].split(". For")[0]
        return entries

    def to_frame(self) -> pd.DataFrame:
        """Findings as a table, errors first.

        Returns
        -------
        DataFrame
            ``severity, code, title, table, summary, effect, remedy``.
        """
        columns = ["severity", "code", "title", "table", "summary", "effect", "remedy"]
        rows = [[getattr(item, name) for name in columns] for item in self.findings]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        return f"AuditReport: {describe(self)}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(verdict(self))}</p>{self.to_frame().to_html(index=False)}"

    def summary(self) -> dict[str, list[str]]:
        """Codes of errors and warnings for the provenance of a bundle."""
        errors = {item.code for item in self.findings if item.severity == "error"}
        blocking = {item.code for item in self.blocking}
        warnings = {item.code for item in self.findings if item.severity == "warning"}
        return {
            "acknowledged_errors": sorted(errors - blocking),
            "unacknowledged_errors": sorted(blocking),
            "warnings": sorted(warnings),
        }


def audit(context: AuditContext, checks: Sequence[type[Check]] = CHECKS) -> AuditReport:
    """Run checks on an opened export.

    Parameters
    ----------
    context : AuditContext
        From :func:`~pipeline.audit.export_context.open_export`.
    checks : sequence of Check classes
        All of them by default.

    Returns
    -------
    AuditReport

    Raises
    ------
    UsageError
        If the configuration acknowledges an unknown code.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> labs = {"patient_id": ["a", "a"], "analyte": "crp", "value": "9", "unit": ["", "mg/L"]}
    >>> raw = {"labs": pd.DataFrame({**labs, "_line": [2, 3]})}
    >>> context = AuditContext(raw, {"labs": "labs.csv"}, load_config())
    >>> audit(context, [by_code()["CHK301"]]).findings[0].summary
    '1 of 2 lab rows have no unit: crp (1).'
    """
    acknowledged = context.config.audit.acknowledge
    unknown = sorted(set(acknowledged) - set(by_code()))
    if unknown:
        raise UsageError(
            f"audit.acknowledge names an unknown code: {', '.join(unknown)}. Known codes are "
            f"{min(by_code())} to {max(by_code())}; docs/audit.md lists them"
        )
    findings: list[Finding] = []
    outcomes: list[CheckResult] = []
    for kind in checks:
        try:
            new = kind().check(context)
        except NotApplicable as reason:
            outcomes.append(CheckResult(kind, "not applicable", str(reason)))
            continue
        findings += new
        outcomes.append(CheckResult(kind, "found" if new else "passed"))
    findings.sort(key=_sort_key)
    rejects = context.read.rejects if context.read is not None else pd.DataFrame()
    contents = _export_contents(context)
    return AuditReport(tuple(findings), tuple(outcomes), acknowledged, contents, rejects)


def audit_folder(
    folder: str | Path, config: Config, *, read: ReadResult | None = None
) -> AuditReport:
    r"""Run every check on a folder.

    Parameters
    ----------
    folder : path
        Folder of an export.
    config : Config
        Configuration of the run.
    read : ReadResult, optional
        The cohort of this folder, if it has been read already.

    Returns
    -------
    AuditReport

    Raises
    ------
    InputError
        If the folder holds no table.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.config import load_config
    >>> with TemporaryDirectory() as folder:
    ...     labs = "patient_id,analyte,value,unit\na,crp,9,\n"
    ...     _ = Path(folder, "labs.csv").write_text(labs)
    ...     print(describe(audit_folder(folder, load_config())))
    BLOCKED by CHK001: 1 error and 2 warnings.
      error   CHK001  The export cannot be read for training
      warning CHK301  Results without a unit
      warning CHK402  Result times are missing or equal to collection times
    """
    return audit(open_export(folder, config, read=read))


def as_json(report: AuditReport, *, examples: bool = True) -> str:
    r"""Return the text of ``audit.json``.

    Parameters
    ----------
    report : AuditReport
        From :func:`audit`.
    examples : bool
        Whether to quote cells and lines of the export.

    Returns
    -------
    str

    Examples
    --------
    >>> as_json(AuditReport((), (), (), {}, pd.DataFrame()))
    '[]\n'
    """
    entries = report.to_list(examples=examples)
    return json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def describe(report: AuditReport) -> str:
    """Return the verdict and one line per code as text for a console.

    Parameters
    ----------
    report : AuditReport
        From :func:`audit`.

    Returns
    -------
    str

    Examples
    --------
    >>> unit = by_code()["CHK301"]().finding("No unit.", table="labs", columns=["unit"])
    >>> print(describe(AuditReport((unit,), (), (), {}, pd.DataFrame())))
    Not blocked: 0 errors and 1 warning.
      warning CHK301  Results without a unit
    """
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
    """One sentence: whether the audit blocks training, with counts."""
    errors, warnings = report.count("error"), report.count("warning")
    counts = f"{counted(errors, 'error')} and {counted(warnings, 'warning')}"
    if report.blocking:
        codes = ", ".join(dict.fromkeys(item.code for item in report.blocking))
        return f"BLOCKED by {codes}: {counts}."
    if errors:
        return f"Not blocked, errors acknowledged: {counts}."
    return f"Not blocked: {counts}."


def by_code() -> dict[str, type[Check]]:
    """Return the checks by code.

    Returns
    -------
    dict of str to Check class

    Examples
    --------
    >>> by_code()["CHK104"].title
    'The same patient under two ids'
    """
    return {check.code: check for check in CHECKS}


def _sort_key(item: Finding) -> tuple[int, int]:
    """Severity, then position in ``importance`` of ``audit.yaml``."""
    order: list[str] = audit_settings("importance")
    position = order.index(item.code) if item.code in order else len(order)
    return SEVERITIES.index(item.severity), position


def _export_contents(context: AuditContext) -> dict[str, Any]:
    rows = {context.files[name]: len(raw) for name, raw in context.raw.items()}
    named = context.config.outcomes
    events = {named[label.name].label: int(label.event.sum()) for label in context.labels}
    counts = context.read.counts if context.read is not None else {}
    return {
        "patients": context.n_patients,
        "infusions": context.n_infusions,
        "rows": rows,
        "events": events,
        "counts": counts,
        "readable": context.read is not None,
        "overview": export_overview(context),
    }
