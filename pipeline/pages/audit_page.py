"""The audit page: what to fix, where it is and why it matters, most serious first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.audit.finding import Example, Finding
from pipeline.audit.runner import NEVER_ACKNOWLEDGED, AuditReport
from pipeline.audit.usability_checks import RefusedRows
from pipeline.format import counted, integer, joined, percent
from pipeline.pages.html import render

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
        Findings and counts.
    title : str
        Heading of the page.
    synthetic : bool
        Adds the banner for simulated patients.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import pandas as pd
    >>> totals = {"rows": {}, "events": {}, "patients": 0, "infusions": 0, "counts": {}}
    >>> report = AuditReport((), (), (), totals, pd.DataFrame())
    >>> "no readable table" in render_audit(report, title="Audit of ward")
    True
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
    """Group findings by severity, code, remedy and effect."""
    groups: dict[tuple[str, str, str, str], list[Finding]] = {}
    for item in report.findings:
        remedy = RefusedRows.remedy if _is_table(item) else item.remedy
        groups.setdefault((item.severity, item.code, remedy, item.effect), []).append(item)
    return [
        {
            "severity": severity,
            "code": code,
            "title": members[0].title,
            "remedy": remedy,
            "effect": effect,
            "findings": members,
            "refused": [_refused(item) for item in members if _is_table(item)],
            "places": [] if _is_table(members[0]) else _places(members),
            "wholes": _whole_columns(members, report),
            "acknowledged": severity == "error"
            and code in report.acknowledged
            and code not in NEVER_ACKNOWLEDGED,
        }
        for (severity, code, remedy, effect), members in groups.items()
    ]


def _overview(report: AuditReport) -> list[dict[str, Any]]:
    """Count the findings of each code and severity."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for item in report.findings:
        line = lines.setdefault(
            (item.severity, item.code),
            {"severity": item.severity, "code": item.code, "title": item.title, "times": 0},
        )
        line["times"] += 1
    return list(lines.values())


def _places(findings: list[Finding]) -> list[tuple[str, Example]]:
    """Examples with their analyte, the same number from each finding."""
    each = max(1, MOST_SHOWN // len(findings))
    places = [
        (str(item.counts.get("analyte", "")), example)
        for item in findings
        for example in item.examples[:each]
    ]
    return places[:MOST_SHOWN]


def _whole_columns(findings: list[Finding], report: AuditReport) -> list[str]:
    """Columns named by findings that have no example rows."""
    files = {Path(file).stem: file for file in report.facts["rows"]}
    return list(
        dict.fromkeys(
            f"the whole column{'s' * (len(item.columns) > 1)} {joined(item.columns)} "
            f"of {files.get(item.table, item.table)}"
            for item in findings
            if item.columns and not item.examples
        )
    )


def _is_table(item: Finding) -> bool:
    """Whether a finding is one reason for rejected rows, shown as a table row."""
    return item.code == RefusedRows.code and item.severity != "error"


def _refused(item: Finding) -> dict[str, Any]:
    """Table row of one reason for rejected rows."""
    entries, read = int(item.counts["entries"]), int(item.counts["rows read"])
    seen, _, reason = item.summary.partition(". For example: ")
    first = item.examples[0]
    return {
        "code": item.counts["code"],
        "file": first.file,
        "entries": entries,
        "share": percent(entries / max(read, 1)),
        "analytes": seen.partition(" (")[2].rstrip(")"),
        "places": item.examples,
        "reason": reason.partition(" Accepted: ")[0],
        "remedy": item.remedy,
    }


def _lead(report: AuditReport) -> str:
    """Summarise errors and warnings in one or two sentences."""
    errors = list(dict.fromkeys(item.code for item in report.blocking))
    warnings = len({item.code for item in report.findings if item.severity == "warning"})
    also = f"{counted(warnings, 'kind')} of warning" if warnings else "no warnings"
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
    """Describe patients, rows, outcomes and checks in one sentence."""
    rows = [f"{integer(count)} rows in {file}" for file, count in report.facts["rows"].items()]
    events = [f"{name} in {integer(count)}" for name, count in report.facts["events"].items()]
    charted = (
        f"Outcomes charted: {joined(events)} patients. "
        if events
        else ("No configured outcome was found in the assessments. ")
    )
    made = sum(item.status != "not applicable" for item in report.outcomes)
    return (
        f"{integer(report.facts['patients'])} patients{_infusions(report)}; "
        f"{joined(rows) or 'no readable table'}. "
        f"{charted}{made} of {len(report.outcomes)} checks could be made."
    )


def _infusions(report: AuditReport) -> str:
    """Number of infusions; blank if every patient has one."""
    count = report.facts["infusions"]
    return "" if count == report.facts["patients"] else f", {integer(count)} infusions"


def _files(report: AuditReport) -> list[dict[str, Any]]:
    """Rows read, accepted and rejected per file."""
    return [{"file": file, **count} for file, count in report.facts["counts"].items()]
