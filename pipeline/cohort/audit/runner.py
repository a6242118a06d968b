"""Runs every check on an export and says whether what they found blocks a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pipeline.cohort.audit.check import Check
from pipeline.cohort.audit.context import AuditContext, open_export
from pipeline.cohort.audit.finding import SEVERITIES, Finding, NotApplicable
from pipeline.cohort.audit.registry import CHECKS, by_code
from pipeline.cohort.audit.words import settings
from pipeline.cohort.reader import ReadResult
from pipeline.config import Config
from pipeline.errors import UsageError

# training stops at these before it asks what was acknowledged
NEVER_ACKNOWLEDGED = ("CHK001", "CHK002")


@dataclass(frozen=True)
class Outcome:
    """What became of one check; ``reason`` says why it did not apply."""

    check: type[Check]
    status: Literal["found", "passed", "not applicable"]
    reason: str = ""


@dataclass(frozen=True)
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
    outcomes: tuple[Outcome, ...]
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
    outcomes: list[Outcome] = []
    for kind in checks:
        try:
            found = kind().check(context)
        except NotApplicable as reason:
            outcomes.append(Outcome(kind, "not applicable", str(reason)))
            continue
        findings += found
        outcomes.append(Outcome(kind, "found" if found else "passed"))
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


def _weight(item: Finding) -> tuple[int, int]:
    """Errors first, then in the order of ``importance`` in ``audit.yaml``."""
    order: list[str] = settings("importance")
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
