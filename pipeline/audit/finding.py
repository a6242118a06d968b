"""Results of a check: a finding with its evidence, or the reason why it does not apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class NotApplicable(Exception):
    """The export lacks the data for a check; the message names what is missing."""


@dataclass(frozen=True)
class Example:
    """One place in a file; ``value`` is the cell, never a name or an id."""

    file: str
    row: int
    column: str
    value: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"file": self.file, "row": self.row, "column": self.column, "value": self.value}


@dataclass(frozen=True)
class Finding:
    """One defect of an export.

    Attributes
    ----------
    code, title : str
        Code and title of the check.
    severity : {"error", "warning", "info"}
        An error makes results false; a warning makes them weaker than they look.
    table : str
        Affected table.
    columns : tuple of str
        Affected columns; the evidence names the analytes.
    summary : str
        One sentence with counts.
    effect : str
        How the defect changes results.
    remedy : str
        How to correct it.
    counts : mapping
        Figures of the summary by name.
    examples : sequence of Example
        First places in the files.
    """

    code: str
    title: str
    severity: Severity
    table: str
    columns: tuple[str, ...]
    summary: str
    effect: str
    remedy: str
    counts: Mapping[str, Any] = field(default_factory=dict)
    examples: Sequence[Example] = ()

    def to_dict(self) -> dict[str, Any]:
        """Entry of ``audit.json``."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "table": self.table,
            "columns": list(self.columns),
            "evidence": {
                "summary": self.summary,
                "effect": self.effect,
                "counts": dict(self.counts),
                "examples": [example.to_dict() for example in self.examples],
            },
            "remedy": self.remedy,
        }
