"""The base of every check: code, title, severity, effect, remedy, and one method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pipeline.audit.export_context import AuditContext
from pipeline.audit.finding import Example, Finding, Severity


class Check(ABC):
    """One numbered question about an export.

    A subclass states its class attributes and answers in :meth:`check`. It raises
    :class:`NotApplicable` when the export has nothing to look at.

    Attributes
    ----------
    code : str
        ``CHK`` and three digits; never reused.
    title : str
        The defect in a few words.
    severity : {"error", "warning", "info"}
        Of its findings, unless one says otherwise.
    effect, remedy : str
        What the defect does to a result, and what to do about it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity] = "warning"
    effect: ClassVar[str]
    remedy: ClassVar[str]

    @abstractmethod
    def check(self, context: AuditContext) -> list[Finding]:
        """Findings of this check, an empty list when there is nothing to report."""

    @classmethod
    def anchor(cls) -> str:
        """Where the documentation explains this check."""
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
        """Build a finding of this check; what is not given is that of the class."""
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
