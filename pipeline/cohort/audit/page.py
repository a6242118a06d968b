"""The audit page: what to fix, where it stands and why it matters, most serious first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.cohort.audit.finding import Example, Finding
from pipeline.cohort.audit.runner import NEVER_ACKNOWLEDGED, AuditReport
from pipeline.report.format import integer, joined
from pipeline.report.page import render

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHOWN = 10
HEADINGS = {
    "error": "Errors: a result would be false",
    "warning": "Warnings: a result would be weaker than it looks",
    "info": "For information",
}


def render_audit(report: AuditReport, *, title: str, synthetic: bool = False) -> str:
    """Render an audit as one self-contained HTML page.

    Parameters
    ----------
    report : AuditReport
    title : str
        Heading of the page.
    synthetic : bool
        Whether to say that the patients are simulated.
    """
    groups = _grouped(report)
    sections = [
        {"severity": severity, "heading": heading, "groups": chosen}
        for severity, heading in HEADINGS.items()
        if (chosen := [group for group in groups if group["severity"] == severity])
    ]
    quiet = {
        status: [item for item in report.outcomes if item.status == status]
        for status in ("passed", "not applicable")
    }
    return render(
        TEMPLATES,
        "audit.html.j2",
        title=title,
        synthetic=synthetic,
        lead=_lead(report),
        blocked=bool(report.blocking),
        what=_what(report),
        sections=sections,
        overview=_overview(report),
        most_shown=MOST_SHOWN,
        passed=quiet["passed"],
        skipped=quiet["not applicable"],
        files=_files(report),
    )


def _grouped(report: AuditReport) -> list[dict[str, Any]]:
    """Findings of one check, severity and remedy under one heading."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for item in report.findings:
        groups.setdefault((item.severity, item.code, item.remedy, item.effect), []).append(item)
    return [
        {
            "severity": severity,
            "code": code,
            "title": found[0].title,
            "remedy": remedy,
            "effect": effect,
            "findings": found,
            "places": _places(found),
            "acknowledged": severity == "error"
            and code in report.acknowledged
            and code != NEVER_ACKNOWLEDGED,
        }
        for (severity, code, remedy, effect), found in groups.items()
    ]


def _overview(report: AuditReport) -> list[dict[str, Any]]:
    """One line per code and severity: how often, and what."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for item in report.findings:
        line = lines.setdefault(
            (item.severity, item.code),
            {"severity": item.severity, "code": item.code, "title": item.title, "times": 0},
        )
        line["times"] += 1
    return list(lines.values())


def _places(found: list[Finding]) -> list[Example]:
    """Where to look: the examples of one finding, or the first of each of several."""
    if len(found) == 1:
        return list(found[0].examples)
    return [item.examples[0] for item in found if item.examples][:MOST_SHOWN]


def _lead(report: AuditReport) -> str:
    """The verdict in plain words."""
    errors = list(dict.fromkeys(item.code for item in report.blocking))
    warnings = len({item.code for item in report.findings if item.severity == "warning"})
    also = f"{warnings} kind{'s' * (warnings != 1)} of warning" if warnings else "no warnings"
    if errors:
        return (
            f"Training on this export is blocked by {joined(errors)}. Fix what stands under "
            f"Errors first; there {'is' if warnings == 1 else 'are'} also {also}."
        )
    known = sorted({item.code for item in report.findings if item.severity == "error"})
    if known:
        return (
            f"Training is possible only because the configuration acknowledges {joined(known)}. "
            f"Figures from this export are not to be believed in that respect; {also}."
        )
    return f"Nothing here makes a result false, so training is not blocked; {also}."


def _what(report: AuditReport) -> str:
    """What was looked at, in a sentence."""
    rows = [f"{integer(count)} rows in {file}" for file, count in report.facts["rows"].items()]
    events = [f"{name} in {integer(count)}" for name, count in report.facts["events"].items()]
    found = (
        f"Outcomes charted: {joined(events)} patients. "
        if events
        else ("No configured outcome was found in the assessments. ")
    )
    made = sum(item.status != "not applicable" for item in report.outcomes)
    return (
        f"{integer(report.facts['patients'])} patients; {joined(rows) or 'no readable table'}. "
        f"{found}{made} of {len(report.outcomes)} checks could be made."
    )


def _files(report: AuditReport) -> list[dict[str, Any]]:
    """Rows read, accepted and refused per file."""
    return [{"file": file, **count} for file, count in report.facts["counts"].items()]
