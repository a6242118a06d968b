"""The audit page: every finding once under its severity, examples cut, verdict by what blocks."""

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.audit.finding import Example, Finding
from pipeline.audit.runner import CHECKS, AuditReport, CheckResult
from pipeline.pages.audit_page import MOST_SHOWN, render_audit
from tests.pages.html_reader import read

FACTS = {
    "rows": {"labs.csv": 120}, "patients": 12, "infusions": 12, "events": {"severe_crs": 3},
    "counts": {"labs.csv": dict.fromkeys(("read", "accepted", "rejected", "collapsed"), 1)
               | {"withdrawn": 0, "cells_ignored": 0}},
}  # fmt: skip


def finding(code, severity, *, examples=1, summary="seen", **changes):
    check = next(check for check in CHECKS if check.code == code)
    places = [Example("labs.csv", 2 + n, "value", f"c{n}") for n in range(examples)]
    content = {
        "code": code, "title": check.title, "severity": severity, "table": "labs",
        "columns": ("value",), "summary": summary, "effect": check.effect, "remedy": check.remedy,
        "examples": places,
    }  # fmt: skip
    return Finding(**{**content, **changes})


def report(*findings, acknowledged=()):
    codes = {item.code for item in findings}
    outcomes = tuple(
        CheckResult(check, "found" if check.code in codes else "passed") for check in CHECKS
    )
    return AuditReport(findings, outcomes, acknowledged, FACTS, pd.DataFrame())


def page(*findings, **changes):
    return read(render_audit(report(*findings, **changes), title="Any"))


def articles(reader):
    return [a["class"] for tag, a in reader.tags if tag == "article"]


def test_findings_are_grouped_by_check_and_ordered_by_severity():
    reader = page(
        finding("CHK104", "error"),
        finding("CHK303", "warning", summary="one"),
        finding("CHK303", "warning", summary="two"),
        finding("CHK106", "info"),
    )
    assert articles(reader) == ["error", "warning", "info"]
    assert "one" in reader.text
    assert "two" in reader.text


@pytest.mark.parametrize(
    ("findings", "acknowledged", "blocked"),
    [
        ([finding("CHK104", "error")], (), True),
        ([finding("CHK104", "error")], ("CHK104",), False),
        ([finding("CHK001", "error")], ("CHK001",), True),
        ([finding("CHK303", "warning")], (), False),
        ([], (), False),
    ],
)
def test_the_verdict_is_blocked_by_errors_that_nobody_acknowledges(findings, acknowledged, blocked):
    reader = page(*findings, acknowledged=acknowledged)
    verdicts = [a["class"] for _, a in reader.tags if "verdict" in (a.get("class") or "")]
    assert len(verdicts) == 1
    assert ("blocked" in verdicts[0]) == blocked


def cells_of(reader):
    return [
        word
        for word in reader.text.replace(",", " ").split()
        if word[0] == "c" and word[1:].isdigit()
    ]


def test_examples_are_cut_and_shared_out_over_the_findings_of_a_check():
    many = page(finding("CHK303", "warning", examples=40))
    assert len(cells_of(many)) == MOST_SHOWN
    several = page(*[finding("CHK303", "warning", examples=40, summary=f"s{n}") for n in range(5)])
    assert cells_of(several) == ["c0", "c1"] * 5


def test_without_an_example_the_whole_column_is_named():
    text = page(finding("CHK402", "warning", examples=0, columns=("resulted_at",))).text
    assert "resulted_at of labs.csv" in text


def test_text_of_the_export_is_escaped():
    place = Example("labs.csv", 2, "value", "<script>alert(1)</script>")
    reader = read(
        render_audit(
            report(replace(finding("CHK303", "warning"), examples=(place,))),
            title="<b>",
            synthetic=True,
        )
    )
    assert "<script>alert(1)</script>" in reader.text
    assert "script" not in {tag for tag, _ in reader.tags}
