"""Completeness counts patients still measured; units are those written."""

import pandas as pd

from pipeline.audit.export_context import AuditContext
from pipeline.audit.export_overview import ExportOverview, export_overview
from pipeline.config import load_config


def overview(*rows):
    names = ("patient_id", "analyte", "value", "unit", "collected_hours")
    labs = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows], dtype="str")
    raw = {"labs": labs.assign(_line=range(2, len(labs) + 2))}
    return export_overview(AuditContext(raw, {"labs": "labs.csv"}, load_config()))


def test_a_patient_counts_once_a_day_and_only_while_measured():
    found = overview(
        ("a", "crp", "9", "mg/L", "1"),
        ("a", "crp", "9", "mg/L", "5"),
        ("a", "ferritin", "9", "ng/mL", "30"),
        ("b", "crp", "9", "mg/dL", "-4"),
    )
    before, first, second, third = (found.days.index(day) for day in (-1, 0, 1, 2))
    assert found.patients[before] == 2
    assert found.patients[first] == found.patients[second] == 1
    assert found.patients[third] == 0
    crp = found.completeness["crp"]
    assert (crp[before], crp[first], crp[second]) == (0.5, 1.0, 0.0)
    assert found.completeness["ferritin"][second] == 1.0
    assert found.units["crp"] == {"mg/L": 2, "mg/dL": 1}


def test_without_times_only_units_are_known_and_without_rows_nothing():
    found = overview(("a", "crp", "9", "mg/L", ""))
    assert found.units == {"crp": {"mg/L": 1}}
    assert found.completeness == {}
    empty = AuditContext({}, {}, load_config())
    assert export_overview(empty) == ExportOverview()


def test_the_most_complete_analyte_comes_first():
    rows = [("a", "crp", "9", "mg/L", str(24 * day)) for day in range(3)]
    found = overview(("a", "ferritin", "9", "ng/mL", "1"), *rows)
    assert list(found.completeness) == ["crp", "ferritin"]
