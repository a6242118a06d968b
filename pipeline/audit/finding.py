"""What a check reports: a finding with its evidence, and why a check could not be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class NotApplicable(Exception):
    """A check has nothing to look at; the message says what is missing."""


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
    """One thing that is wrong with an export.

    Attributes
    ----------
    code, title : str
        Of the check that found it.
    severity : {"error", "warning", "info"}
        An error makes a result false, everything else is a warning or for information.
    table : str
        Table at fault.
    columns : tuple of str
        Columns at fault; analytes stand in the evidence.
    summary : str
        What was seen, in a sentence with counts.
    effect : str
        What it does to a result if nothing is done.
    remedy : str
        What to do about it.
    counts : mapping
        Figures behind the summary, by words.
    examples : sequence of Example
        Where to look first.
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
