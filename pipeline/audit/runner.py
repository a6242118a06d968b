"""Every check of the audit in the order of its code, run on an export and reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pipeline.audit.check import Check
from pipeline.audit.clock_checks import (
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    OneClock,
    SameTimeOfDay,
)
from pipeline.audit.constant_checks import EncodingConstants, RepeatedConstants
from pipeline.audit.course_checks import AfterTheEnd, CutAtThePeak, PeakColumns, TellingGaps
from pipeline.audit.digit_checks import CodeBeyondLimit, MissingDigit, Sentinels, SilentLimit
from pipeline.audit.export_context import AuditContext, open_export
from pipeline.audit.finding import SEVERITIES, Finding, NotApplicable
from pipeline.audit.identity_checks import PersonsInTheExport, SamePatientTwice, TellingOrder
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
    TellingOrder,
    PersonsInTheExport,
    CutAtThePeak,
    TellingGaps,
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
    SameTimeOfDay,
    OneClock,
    ClockChanges,
    DailyGrades,
    MixedGrading,
    OncePerPatient,
    ForeignZone,
)
# those that may find an error; the others only warn
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
# training stops at these before it asks what was acknowledged
NEVER_ACKNOWLEDGED = ("CHK001", "CHK002")
BLOCKED = InputError.exit_code


@dataclass(frozen=True)
class CheckResult:
    """What became of one check; ``reason`` says why it did not apply."""

    check: type[Check]
    status: Literal["found", "passed", "not applicable"]
    reason: str = ""


@dataclass(frozen=True, repr=False)
class AuditReport:
    """Findings, errors first, and what became of every check.

    Attributes
    ----------
    acknowledged : tuple of str
        Codes that the configuration acknowledges.
    facts : dict
        Rows and patients of the export.
    rejects : DataFrame
        Every refused row or cell, in the columns of ``rejects.csv``.
    """

    findings: tuple[Finding, ...]
    outcomes: tuple[CheckResult, ...]
    acknowledged: tuple[str, ...]
    facts: dict[str, Any]
    rejects: pd.DataFrame

    @property
    def blocking(self) -> list[Finding]:
        """Errors that nobody has acknowledged."""
        return [
            item
            for item in self.findings
            if item.severity == "error"
            and (item.code not in self.acknowledged or item.code in NEVER_ACKNOWLEDGED)
        ]

    def count(self, severity: str) -> int:
        """Findings of one severity."""
        return sum(item.severity == severity for item in self.findings)

    def to_list(self, *, examples: bool = True) -> list[dict[str, Any]]:
        """Content of ``audit.json``; without ``examples`` no cell and no line of the export."""
        entries = [item.to_dict() for item in self.findings]
        if not examples:
            for entry in entries:
                entry["evidence"]["examples"] = []
                if entry["code"] == "CHK002":  # quotes a refused cell
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
        """Codes for the provenance of a bundle: which errors were found, which acknowledged."""
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

    Raises
    ------
    UsageError
        If the configuration acknowledges a code that no check has.
    """
    acknowledged = context.config.audit.acknowledge
    unknown = sorted(set(acknowledged) - set(by_code()))
    if unknown:
        raise UsageError(
            f"audit.acknowledge names {', '.join(unknown)}, which no check has; "
            f"docs/audit.md lists {min(by_code())} to {max(by_code())}"
        )
    findings: list[Finding] = []
    outcomes: list[CheckResult] = []
    for kind in checks:
        try:
            found = kind().check(context)
        except NotApplicable as reason:
            outcomes.append(CheckResult(kind, "not applicable", str(reason)))
            continue
        findings += found
        outcomes.append(CheckResult(kind, "found" if found else "passed"))
    findings.sort(key=_weight)
    refused = context.read.rejects if context.read is not None else pd.DataFrame()
    return AuditReport(tuple(findings), tuple(outcomes), acknowledged, _facts(context), refused)


def audit_folder(
    folder: str | Path, config: Config, *, read: ReadResult | None = None
) -> AuditReport:
    """Run every check on a folder; ``read`` where the cohort has been read already.

    Raises
    ------
    InputError
        If the folder holds no table at all.
    """
    return audit(open_export(folder, config, read=read))


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


def by_code() -> dict[str, type[Check]]:
    """Checks by code.

    Examples
    --------
    >>> by_code()["CHK104"].title
    'The same patient under two ids'
    """
    return {check.code: check for check in CHECKS}


def _weight(item: Finding) -> tuple[int, int]:
    """Errors first, then in the order of ``importance`` in ``audit.yaml``."""
    order: list[str] = audit_settings("importance")
    place = order.index(item.code) if item.code in order else len(order)
    return SEVERITIES.index(item.severity), place


def _facts(context: AuditContext) -> dict[str, Any]:
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
    }
