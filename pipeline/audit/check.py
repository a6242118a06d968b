"""Base class of the checks: code, title, severity, effect, remedy and one method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Example, Finding, Severity


class Check(ABC):
    """One numbered check of an export.

    A subclass sets the class attributes and implements :meth:`check`, which raises
    :class:`NotApplicable` when the export lacks the data for the check.

    Attributes
    ----------
    code : str
        ``CHK`` and three digits; never reused.
    title : str
        The defect in a few words.
    severity : {"error", "warning", "info"}
        Default severity of the findings.
    effect, remedy : str
        How the defect changes results, and how to correct it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity] = "warning"
    effect: ClassVar[str]
    remedy: ClassVar[str]

    @abstractmethod
    def check(self, context: AuditContext) -> list[Finding]:
        """Return the findings of this check; an empty list if there are none."""

    @classmethod
    def anchor(cls) -> str:
        """Link to the section of the documentation on this check."""
        return f"docs/audit.md#{cls.code.lower()}"

    def finding(
        self,
        summary: str,
        *,
        table: str,
        columns: Sequence[str],
        counts: Mapping[str, Any] | None = None,
        examples: Sequence[Example] = (),
        severity: Severity | None = None,
        remedy: str | None = None,
        effect: str | None = None,
    ) -> Finding:
        """Build a finding of this check; arguments left out take the class attributes."""
        return Finding(
            code=self.code,
            title=self.title,
            severity=severity or self.severity,
            table=table,
            columns=tuple(columns),
            summary=summary,
            effect=effect or self.effect,
            remedy=remedy or self.remedy,
            counts=counts or {},
            examples=tuple(examples),
        )
