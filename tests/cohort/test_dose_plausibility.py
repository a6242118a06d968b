"""Doses outside the label: flagged with the reason, and used as given."""

from __future__ import annotations

import pytest

from tests.exported import codes, conserved, read, write_export


def doses(tmp_path, *rows, weight="70"):
    """Read doses of tocilizumab of patient A: hours, dose, unit."""
    table = [("patient_id", "drug", "given_hours", "dose", "unit")]
    table += [("A", "tocilizumab", *row) for row in rows]
    people = [("patient_id", "weight_kg"), ("A", weight), ("B", "")]
    result = read(write_export(tmp_path, treatments=table, patients=people))
    conserved(result)
    assert codes(result) == []
    assert len(result.cohort.treatments) == len(rows)
    return result.notes.loc[result.notes["code"] == "dose_implausible"]


@pytest.mark.parametrize(
    ("dose", "unit", "weight", "odd"),
    [
        ("560", "mg", "70", False),
        ("600", "mg", "70", False),  # rounded to vials
        ("800", "mg", "120", False),
        ("800", "mg", "", False),
        ("801", "mg", "", True),
        ("0.9", "g", "", True),
        ("800", "mg", "70", True),  # 11.4 mg/kg
        ("240", "mg", "20", False),  # 12 mg/kg below 30 kg
        ("300", "mg", "20", True),
        ("360", "mg", "30", True),  # 12 mg/kg from 30 kg on
        ("8", "mg/kg", "", False),
        ("12", "mg/kg", "", False),
        ("12", "mg/kg", "25", False),
        ("12", "mg/kg", "70", True),
        ("16", "mg/kg", "", True),
        ("8", "mg/kg", "110", True),  # 880 mg
        ("8", "mg", "70", True),
        ("8", "mg", "", True),
        ("162", "mg", "", False),
        ("", "", "70", False),
        ("560", "mg", "about 70", False),
    ],
)
def test_a_dose_is_judged_by_the_label(tmp_path, dose, unit, weight, odd):
    assert len(doses(tmp_path, ("24", dose, unit), weight=weight)) == odd


def test_doses_too_close_and_too_many_are_flagged(tmp_path):
    hours = ["10", "12", "20", "28", "36", "44"]
    flagged = doses(tmp_path, *((hour, "560", "mg") for hour in hours))
    assert flagged["row"].tolist() == [3, 6, 7]
    assert "2 h after" in flagged["reason"].iloc[0]


def test_four_doses_eight_hours_apart_and_a_fifth_after_a_month_are_legal(tmp_path):
    hours = ["0", "8", "16", "24", "800"]
    assert doses(tmp_path, *((hour, "400", "mg") for hour in hours), weight="").empty
