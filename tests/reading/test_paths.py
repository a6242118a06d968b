"""Tables of a folder, and remarks on files that are not read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.tables import TABLES
from pipeline.errors import InputError
from pipeline.reading.paths import (
    batch_paths,
    cohort_paths,
    folder_remarks,
    refuse_workbook_tables,
    tables_of,
    unread_files,
)


@pytest.fixture
def folder(tmp_path):
    """Make empty files of a folder."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).write_text("")
        return tmp_path

    return make


def test_tables_are_known_by_name_whatever_suffix_and_case(folder):
    root = folder("LABS.CSV", "patients.parquet", "assessments.tsv", "notes.txt", "labs.xlsx")
    assert {name: path.name for name, path in tables_of(root).items()} == {
        "patients": "patients.parquet",
        "labs": "LABS.CSV",
        "assessments": "assessments.tsv",
    }


def test_two_files_of_one_table_are_refused_and_so_is_a_file_for_a_folder(folder):
    root = folder("labs.csv", "labs.tsv")
    with pytest.raises(InputError, match=r"labs\.csv and labs\.tsv"):
        tables_of(root)
    with pytest.raises(InputError, match="not a folder"):
        tables_of(root / "labs.csv")


def test_a_batch_is_a_folder_or_a_labs_file_of_any_name(folder):
    root = folder("labs.csv", "patients.csv", "monday.txt")
    assert batch_paths(root) == tables_of(root)
    assert batch_paths(str(root / "monday.txt")) == {"labs": root / "monday.txt"}


@pytest.mark.parametrize("name", ["nowhere.csv", "page.pdf", "labs.xlsx"])
def test_what_is_no_batch_is_refused_by_its_path(folder, name):
    root = folder("page.pdf", "labs.xlsx")
    with pytest.raises(InputError) as error:
        batch_paths(root / name)
    assert str(root / name) in str(error.value)
    assert ("workbook" in str(error.value)) == name.endswith(".xlsx")


def test_a_batch_needs_labs_and_ten_of_the_files_that_are_there_are_named(folder):
    root = folder("patients.csv", *(f"z{number:02d}.csv" for number in range(12)))
    with pytest.raises(InputError) as error:
        batch_paths(root)
    assert all(name in str(error.value) for name in ("patients.csv", "z00.csv", "z08.csv"))
    assert "z09.csv" not in str(error.value)


@pytest.mark.parametrize(
    ("grades", "names", "missing"),
    [
        ("charted", ("patients", "labs"), ["assessments"]),
        ("charted", ("labs", "assessments"), ["patients"]),
        ("derived", ("patients", "labs", "assessments"), ["observations"]),
        ("charted", ("patients", "labs", "assessments"), []),
        ("derived", ("patients", "labs", "observations"), []),
    ],
)
def test_a_cohort_needs_patients_labs_and_the_source_of_its_grades(folder, grades, names, missing):
    root = folder(*(f"{name}.csv" for name in names))
    if not missing:
        assert set(cohort_paths(root, grades)) == set(names)
        return
    with pytest.raises(InputError) as error:
        cohort_paths(root, grades)
    lacking = str(error.value).partition(" lacks ")[2].partition(" (")[0]
    assert lacking.split(", ") == [f"{name}.csv" for name in missing]


def test_deriving_grades_is_suggested_exactly_where_it_can_be_done(folder):
    root = folder("patients.csv", "labs.csv")
    with pytest.raises(InputError) as without:
        cohort_paths(root, "charted")
    with pytest.raises(InputError) as with_observations:
        cohort_paths(folder("observations.csv"), "charted")
    assert "cohort.grades: derived" not in str(without.value)
    assert "cohort.grades: derived" in str(with_observations.value)


def test_the_required_tables_may_be_stated(folder):
    root = folder("labs.csv")
    assert set(cohort_paths(root, "charted", required=["labs"])) == {"labs"}
    with pytest.raises(InputError, match=r"lacks treatments\.csv"):
        cohort_paths(root, "charted", required=["labs", "treatments"])


@given(read=st.sets(st.sampled_from([f"{name}.csv" for name in TABLES])), data=st.data())
def test_files_that_were_read_or_are_no_data_are_not_remarked(read, data):
    silent = ["README.md", "rejects.csv", "PLANTED.csv", ".labs.csv", "~$labs.xlsx", "notes.txt",
              "import_rejects.csv", "import_flags.csv", "predictions.csv", "explanations.parquet",
              "model.rejects.csv", "grades.disagreements.csv"]  # fmt: skip
    others = data.draw(st.sets(st.sampled_from(silent)))
    assert unread_files([*read, *others], read) == []


@given(table=st.sampled_from(TABLES), suffix=st.sampled_from([".csv", ".tsv", ".parquet", ".json"]))
def test_a_misspelt_table_is_named_with_the_one_that_may_be_meant(table, suffix):
    name = table[:-1] + suffix
    (remark,) = unread_files([name], [])
    assert remark.startswith(f"{name} ")
    assert f"'{table}'" in remark
    (other,) = unread_files([name, f"{table}.tsv"], ["notes.csv", f"{table}.tsv"])
    assert f"'{table}'" in other
    assert f"{table}.csv." not in other  # the table is there: nothing is to be renamed


def test_remarks_come_in_the_order_of_names_and_a_stranger_hears_of_all_tables():
    remarks = unread_files(["zebra.csv", "cells.sav", "labs.csv"], ["labs.csv"])
    assert [remark.split()[0] for remark in remarks] == ["cells.sav", "zebra.csv"]
    assert all(table in remarks[0] for table in TABLES)


def test_remarks_on_a_folder_are_returned_and_logged_as_warnings(folder, monkeypatch):
    warned = []
    monkeypatch.setattr("pipeline.reading.paths.log.warn", warned.append)
    root = folder("labs.csv", "assessment.csv", "README.md")
    (root / "lab.csv").mkdir()
    remarks = folder_remarks(root, tables_of(root))
    assert [remark.split()[0] for remark in remarks] == ["assessment.csv"]
    assert warned == remarks
    assert folder_remarks(root / "labs.csv", {}) == []


def test_a_table_that_is_there_as_a_workbook_only_is_refused(folder):
    root = folder("labs.csv", "labs.xlsx", "plan.xlsx")
    refuse_workbook_tables(root, tables_of(root))
    folder("Patients.ods")
    with pytest.raises(InputError, match=r"'patients'.*Patients\.ods"):
        refuse_workbook_tables(root, tables_of(root))
    with pytest.raises(InputError, match="'patients'"):
        folder_remarks(root, tables_of(root))
