"""A finding as an entry of audit.json."""

import json

from pipeline.audit.finding import SEVERITIES, Example, Finding


def finding(**changes):
    content = {
        "code": "CHK000", "title": "t", "severity": "error", "table": "labs",
        "columns": ("value", "unit"), "summary": "s", "effect": "e", "remedy": "r",
    }  # fmt: skip
    return Finding(**{**content, **changes})


def test_an_entry_has_the_fields_of_the_contract_and_survives_json():
    places = (Example("labs.csv", 3, "value", "7"), Example("labs.csv", 9, "unit"))
    entry = finding(counts={"rows": 2}, examples=places).to_dict()
    assert list(entry) == ["code", "severity", "title", "table", "columns", "evidence", "remedy"]
    assert entry["columns"] == ["value", "unit"]
    assert entry["evidence"]["counts"] == {"rows": 2}
    assert entry["evidence"]["examples"] == [place.to_dict() for place in places]
    assert json.loads(json.dumps(entry)) == entry


def test_counts_are_copied_so_that_a_finding_stays_as_it_was_made():
    counts = {"rows": 2}
    entry = finding(counts=counts).to_dict()
    counts["rows"] = 3
    assert entry["evidence"]["counts"] == {"rows": 2}


def test_errors_come_first():
    found = [finding(severity=severity) for severity in ("info", "error", "warning")]
    order = sorted(found, key=lambda item: SEVERITIES.index(item.severity))
    assert [item.severity for item in order] == ["error", "warning", "info"]
