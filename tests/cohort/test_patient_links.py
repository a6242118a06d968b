"""Rows and their patients: known, unknown, contradicting and blank ids."""

from __future__ import annotations

import pytest

from pipeline.cohort.clock import NO_INFUSION_TIME
from pipeline.cohort.ledger import CONTRADICTING
from pipeline.cohort.patient_links import UNKNOWN_PATIENT
from tests.exported import ASSESSMENTS, AT, codes, conserved, read, score, write_export


def test_an_id_that_lost_its_zeros_is_named(tmp_path):
    labs = [
        ("patient_id", "analyte", "value", "unit", "collected_hours"),
        ("7", "crp", "1", "mg/L", 1),
    ]
    labs.append(("007", "crp", "2", "mg/L", 1))
    result = read(write_export(tmp_path, patients=[("patient_id",), ("007",)], labs=labs,
                               assessments=[*ASSESSMENTS[:1], ("007", "crs", 0, 5)]))  # fmt: skip
    assert result.cohort.patients["patient_id"].tolist() == ["007"]
    assert "'007'" in result.rejects["reason"][0]


def lab_codes(tmp_path, patients, *ids, clock="collected_hours", when="5"):
    """Codes of lab rows of the given ids, which come after a good row of A."""
    header = ("patient_id", "analyte", "value", "unit", clock)
    labs = [header, *[(name, "crp", "7", "mg/L", when) for name in ("A", *ids)]]
    result = read(write_export(tmp_path, patients=patients, labs=labs, assessments=ASSESSMENTS[:2]))
    conserved(result)
    rows = result.rejects[result.rejects["file"] == "labs.csv"]
    return dict(zip(rows["row"], rows["code"], strict=True)), result


def test_every_row_is_placed_with_its_own_patient(tmp_path):
    patients = [("patient_id",), ("C",), ("A",), ("B",)]
    codes_by_row, result = lab_codes(tmp_path, patients, "C", "B", "A", "C")
    assert codes_by_row == {}
    ids = result.cohort.patients["patient_id"].to_numpy()[result.cohort.labs["patient"]]
    assert sorted(ids) == ["A", "B", "C"]
    assert result.counts["labs.csv"]["collapsed"] == 2


def test_unknown_and_blank_ids_lose_their_rows_only(tmp_path):
    codes_by_row, result = lab_codes(tmp_path, [("patient_id",), ("A",)], "X", "")
    assert codes_by_row[3] == UNKNOWN_PATIENT
    assert set(codes_by_row) == {3, 4}
    assert len(result.cohort.labs) == 1


def test_a_patient_on_contradicting_rows_loses_every_row_with_that_reason(tmp_path):
    patients = [("patient_id", "age_years"), ("A", "50"), ("B", "50"), ("B", "60")]
    assert lab_codes(tmp_path, patients, "B")[0] == {3: CONTRADICTING}


def test_a_patient_without_infusion_time_cannot_be_placed(tmp_path):
    patients = [("patient_id", "infusion_time"), ("A", AT), ("B", "")]
    header = ("patient_id", "analyte", "value", "unit", "collected_at")
    labs = [header, *[(name, "crp", "7", "mg/L", "2024-03-02T08:00:00Z") for name in "AB"]]
    grades = [("patient_id", "scale", "grade", "assessed_at"), ("A", "crs", "0", AT)]
    result = read(write_export(tmp_path, patients=patients, labs=labs, assessments=grades))
    assert result.rejects.loc[result.rejects["file"] == "labs.csv", "code"].tolist() == [
        NO_INFUSION_TIME
    ]


@pytest.mark.parametrize("table", ["assessments", "treatments"])
def test_in_a_batch_without_patients_the_labs_define_the_patients(tmp_path, table):
    rows = {
        "assessments": [ASSESSMENTS[0], ("Z", "crs", "1", "6")],
        "treatments": [("patient_id", "drug", "given_hours"), ("Z", "tocilizumab", "6")],
    }
    given = dict.fromkeys(("patients", "assessments")) | {table: rows[table]}
    result = score(write_export(tmp_path, **given))
    assert codes(result) == [UNKNOWN_PATIENT]
    assert result.cohort.patients["patient_id"].tolist() == ["A", "B"]
