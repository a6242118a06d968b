"""The audit page: what to fix, where it is and why it matters, most serious first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.audit.export_overview import ExportOverview
from pipeline.audit.finding import Example, Finding
from pipeline.audit.runner import NEVER_ACKNOWLEDGED, AuditReport
from pipeline.audit.usability_checks import RefusedRows
from pipeline.cohort.analytes import dictionary
from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.explain.phrases import section
from pipeline.format import counted, integer, joined, percent, words
from pipeline.pages.audit_charts import completeness_heatmap, reject_bars
from pipeline.pages.csv_links import data_link
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.html import render

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHOWN = 10
_MOST_ANALYTES = 30
_COUNTS = ("read", "accepted", "rejected", "collapsed", "withdrawn", "cells_ignored")
_SEVERITIES = ("error", "warning", "info")
_text = partial(evaluation_phrase, "audit")


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
        {"severity": severity, "heading": _text(severity), "groups": chosen}
        for severity in _SEVERITIES
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
        index=_index(report),
        figures=_figures(report),
        tables=_tables(report),
        mixed=_mixed_units(_export(report)),
        link=data_link,
        most_shown=MOST_SHOWN,
        passed=quiet["passed"],
        skipped=quiet["not applicable"],
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


def _index(report: AuditReport) -> list[dict[str, Any]]:
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
            _text(
                "columns" if len(item.columns) > 1 else "column",
                columns=joined(item.columns),
                file=files.get(item.table, item.table),
            )
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
    also = _text("some_warnings", kinds=counted(warnings, "kind")) if warnings else ""
    also = also or _text("no_warnings")
    if errors:
        verb = _text("is_one" if warnings == 1 else "are_many")
        return _text("blocked", codes=joined(errors), verb=verb, warnings=also)
    known = sorted({item.code for item in report.findings if item.severity == "error"})
    if known:
        return _text("acknowledged", codes=joined(known), warnings=also)
    return _text("free", warnings=also)


def _what(report: AuditReport) -> str:
    """Describe patients, rows, outcomes and checks in one sentence."""
    rows = [
        _text("rows", count=integer(count), file=file)
        for file, count in report.facts["rows"].items()
    ]
    events = [
        _text("events", name=name, count=integer(count))
        for name, count in report.facts["events"].items()
    ]
    made = sum(item.status != "not applicable" for item in report.outcomes)
    return _text(
        "what",
        patients=integer(report.facts["patients"]),
        infusions=_infusions(report),
        rows=joined(rows) or _text("no_table"),
        charted=_text("charted", events=joined(events)) if events else _text("not_charted"),
        made=made,
        whole=len(report.outcomes),
    )


def _infusions(report: AuditReport) -> str:
    """Number of infusions; blank if every patient has one."""
    count = report.facts["infusions"]
    if count == report.facts["patients"]:
        return ""
    return _text("infusions", count=integer(count))


def _export(report: AuditReport) -> ExportOverview:
    overview: ExportOverview = report.facts.get("overview", ExportOverview())
    return overview


def _figures(report: AuditReport) -> list[tuple[str, Markup]]:
    """Charts of the overview that have data."""
    export, counts = _export(report), report.facts["counts"]
    texts, figures = section("audit_overview"), []
    if export.completeness:
        names = {_label(analyte): row for analyte, row in export.completeness.items()}
        shown = dict(list(names.items())[:_MOST_ANALYTES])
        title = texts["completeness"]["title"]
        figures.append((title, completeness_heatmap(export.days, shown, title=title)))
    if counts:
        title = texts["rejects"]
        rejected = {file: (int(row["rejected"]), int(row["read"])) for file, row in counts.items()}
        figures.append((title, reject_bars(rejected, title=title)))
    return figures


def _mixed_units(export: ExportOverview) -> list[tuple[str, str]]:
    """Analytes written in several units, with the number of rows of each."""
    return [
        (
            _label(analyte),
            ", ".join(
                _text("unit_count", unit=unit or _text("no_unit"), count=integer(n))
                for unit, n in ordered
            ),
        )
        for analyte, units in sorted(export.units.items())
        if len(ordered := sorted(units.items(), key=lambda item: -item[1])) > 1
    ]


def _tables(report: AuditReport) -> list[tuple[str, str, Grid]]:
    """Key, sentence and table of every folded table."""
    export, counts = _export(report), report.facts["counts"]
    texts = section("audit_overview")
    completeness: list[tuple[str, ...]] = [
        (_label(analyte), *(percent(share) for share in row))
        for analyte, row in export.completeness.items()
    ]
    units: list[tuple[str, ...]] = [
        (_label(analyte), unit or _text("no_unit"), integer(count))
        for analyte, by_unit in sorted(export.units.items())
        for unit, count in by_unit.items()
    ]
    days = tuple(_text("before") if day < 0 else _text("day", day=day) for day in export.days)
    files: list[tuple[str, ...]] = [
        (file, *(integer(row[name]) for name in _COUNTS)) for file, row in counts.items()
    ]
    head = (_text("file"), *(words(name) for name in _COUNTS))
    grids = {
        "rows": Grid(texts["rows"]["title"], head, files),
        "completeness": Grid(
            texts["completeness"]["title"], (_text("analyte"), *days), completeness
        ),
        "units": Grid(
            texts["units"]["title"], tuple(evaluation_section("audit")["units_head"]), units
        ),
    }
    return [(key, texts[key]["sentence"], grid) for key, grid in grids.items() if grid.rows]


def _label(analyte: str) -> str:
    known = dictionary().get(analyte)
    return analyte if known is None else known.short
