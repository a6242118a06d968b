"""LOINC codes of lab rows against their names."""

import pytest

from tests.exported import codes, read_labs


def with_code(tmp_path, name, code, unit="mg/dL", specimen=""):
    row = (name, 5, unit, 1, 2, code, specimen)
    return read_labs(tmp_path, row, columns="loinc specimen")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("IL-6", "49919-4"), ("IL-6", "49732-1"), ("Creatinine", "2161-8"), ("Glucose", "2342-4"),
        ("LDH", "2528-8"), ("Albumin", "1746-7"), ("Albumin", "1747-5"), ("CRP", "2276-4"),
        ("CSF albumin", "1751-7"), ("Creatinine", "LOINC:2161-8"),
    ],
)  # fmt: skip
def test_a_code_of_another_analyte_or_specimen_is_a_conflict(tmp_path, name, code):
    assert codes(with_code(tmp_path, name, code)) == ["loinc_conflict"]


def test_a_code_of_the_stated_specimen_agrees(tmp_path):
    result = with_code(tmp_path, "Albumin", "1746-7", "mg/dL", "CSF")
    assert result.cohort.labs["analyte"].tolist() == ["csf_albumin"]


@pytest.mark.parametrize("code", ["38483-4", "http://loinc.org|38483-4"])
def test_a_name_counts_for_a_code_that_the_dictionary_lacks(tmp_path, code):
    result = with_code(tmp_path, "Creatinine", code)
    assert result.cohort.labs["analyte"].tolist() == ["creatinine"]
    assert result.notes[["column", "code"]].to_numpy().tolist() == [["loinc", "name_over_code"]]


def test_a_code_and_a_name_may_share_the_cell_of_the_analyte(tmp_path):
    result = with_code(tmp_path, "38483-4 Creatinine [Mass/volume] in Blood", "")
    assert result.cohort.labs["analyte"].tolist() == ["creatinine"]
    assert result.notes[["column", "code"]].to_numpy().tolist() == [["analyte", "name_over_code"]]


@pytest.mark.parametrize("code", ["", "2160-0", "2160-0 ", "site code"])
def test_other_cells_are_not_flagged(tmp_path, code):
    result = with_code(tmp_path, "Creatinine", code)
    assert result.notes.empty
    assert len(result.cohort.labs) == 1
