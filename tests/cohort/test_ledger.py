import re

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.ledger import COLUMNS, Ledger, quoted
from pipeline.config_cohort import READING
from tests.exported import AT, conserved, lab_rows, read, read_labs, score, write_export


def table():
    return pd.DataFrame(
        {
            "patient_id": pd.Series(["A", "B", "A"], dtype="str"),
            "x": pd.Series(["1", "2", "3" * 200], dtype="str"),
            "_line": [2, 3, 4],
        }
    )


def refuse(ledger, rows, mask, **other):
    entry = {"file": "t.csv", "column": "x", "code": "bad", "reason": "Wrong.", "remedy": "Fix."}
    return ledger.reject(rows, np.array(mask), **{**entry, **other})


def test_a_reject_names_file_line_cell_reason_and_remedy():
    ledger = Ledger()
    kept = refuse(ledger, table(), [False, True, False])
    assert kept["_line"].tolist() == [2, 4]
    assert ledger.frame().to_dict("records") == [
        dict(zip(COLUMNS, ("t.csv", 3, "x", "2", "bad", "Wrong.", "Fix."), strict=True))
    ]
    assert ledger.lost_patients == {"B": "bad"}


def test_the_first_reason_of_a_patient_is_kept():
    ledger = Ledger()
    rows = refuse(ledger, table(), [True, False, False], code="first")
    refuse(ledger, rows, [False, True], code="second")
    assert ledger.lost_patients == {"A": "first"}


def test_a_patient_is_lost_for_the_commonest_reason_of_its_labs():
    ledger = Ledger()
    labs = pd.concat([table(), table()], ignore_index=True).assign(patient_id="A", analyte="crp")
    rows = refuse(ledger, labs, [True] + [False] * 5, code="rare")
    refuse(ledger, rows, [True] * 5, code="common")
    assert ledger.why_lost() == {"A": "common"}


def test_a_refused_patient_row_outweighs_what_its_labs_then_lack():
    ledger = Ledger()
    refuse(ledger, table(), [True, False, False], code="bad_row")
    labs = table().assign(patient_id="A", analyte="crp")
    refuse(ledger, labs, [True, True, True], code="unknown_patient")
    assert ledger.why_lost() == {"A": "bad_row"}


def test_entries_are_sorted_by_file_and_line():
    ledger = Ledger()
    rows = refuse(ledger, table(), [False, False, True])
    refuse(ledger, rows, [True, False], reason=pd.Series(["One.", "Two."]))
    assert ledger.frame()["row"].tolist() == [2, 4]
    assert ledger.frame()["reason"].tolist() == ["One.", "Wrong."]


def test_long_cells_are_cut():
    ledger = Ledger()
    refuse(ledger, table(), [False, False, True])
    assert len(ledger.frame()["value"][0]) == 80
    assert len(quoted(table()["x"])[2]) == 62


def test_ignored_cells_are_noted_and_their_rows_counted_as_accepted():
    ledger = Ledger()
    ledger.read["t.csv"] = 3
    ledger.ignore_cells(
        table(),
        np.array([True, False, False]),
        file="t.csv",
        column="x",
        code="bad",
        reason="Wrong.",
        remedy="Fix.",
    )
    assert "the row is kept" in ledger.frame()["reason"][0]
    count = ledger.counts({})["t.csv"]
    assert (count["accepted"], count["cells_ignored"]) == (3, 1)


def test_counts_add_up():
    ledger = Ledger()
    ledger.read["t.csv"] = 6
    rows = refuse(ledger, table(), [True, False, False])
    ledger.collapse(rows, np.array([False, True]), file="t.csv")
    assert ledger.counts({"t.csv": 1})["t.csv"] == {
        "read": 6,
        "accepted": 3,
        "rejected": 1,
        "collapsed": 1,
        "withdrawn": 1,
        "cells_ignored": 0,
    }


def test_nothing_refused_gives_the_columns_alone():
    frame = Ledger().frame()
    assert list(frame.columns) == COLUMNS
    assert frame.empty


def test_an_operator_is_told_of_settings_only_those_that_predict_takes(tmp_path):
    rows = [
        ("d_dimer", "2", "mg/L", 1, 2),
        ("d_dimer", "2", "ug/dL", 1, 2),
        ("crp", "12,3", "mg/L", 1, 2),
        ("crp", "NEG", "mg/L", 1, 2),
        ("crp", "9999", "mg/L", 1, 2),
        ("zinc", "3", "mg/L", 1, 2),
        ("crp", "900000", "mg/L", 1, 2),
    ]
    rejects = read_labs(tmp_path, *rows).rejects
    assert len(rejects) == len(rows)
    sentences = rejects["reason"] + " " + rejects["remedy"]
    for text in sentences:
        named = set(re.findall(r"cohort\.(\w+)", text))
        assert named <= set(READING)
        assert bool(named) == ("--config" in text)
    assert sentences.str.endswith(".").all()
    assert (rejects["remedy"].str.len() > 15).all()
    assert rejects["value"].tolist() == ["mg/L", "ug/dL", "12,3", "NEG", "9999", "zinc", "900000"]


@pytest.mark.parametrize("comma", [None, False])
def test_each_reader_is_told_which_setting_decides_about_a_comma(tmp_path, comma):
    row = ("crp", "0,5", "mg/L", 1, 2)
    rejects = read_labs(tmp_path, row, decimal_comma=comma).rejects
    assert rejects["remedy"].str.contains("cohort.decimal_comma: true with --config").all()
    labs = lab_rows(row, ("crp", "5", "mg/L", 1, 2))
    trained = read(write_export(tmp_path, labs=labs), decimal_comma=comma).rejects
    assert (trained["reason"] + trained["remedy"]).str.contains("cohort.decimal_comma").all()
    assert len(rejects) == len(trained) == 1


def test_cells_are_quoted_as_they_stand_in_the_file(tmp_path):
    grades = [("patient_id", "scale", "grade", "assessed_hours"), ("A", "crs", "7", "24")]
    labs = [*lab_rows(("crp", "12", "mg/L", 5, 3), ("ldh", "1 000 000", "U/L", 5, 6))]
    people = [("patient_id", "age_years"), ("A", "140")]
    rejects = score(write_export(tmp_path, patients=people, labs=labs, assessments=grades)).rejects
    cells = rejects.set_index("code")["value"].to_dict()
    assert cells["grade_outside_scale"] == "7"
    assert cells["resulted_before_collected"] == "3"
    assert cells["implausible"] == "1 000 000"
    assert cells["illegal_value"] == "140"
    reasons = " ".join(rejects["reason"])
    assert "inf" not in reasons
    assert "from 0 to 120" in reasons


def test_the_patient_of_a_row_is_missing_or_was_rejected(tmp_path):
    people = [("patient_id", "age_years"), ("A", 5), ("B", 50), ("B", 51)]
    labs = [*lab_rows(("crp", "12", "mg/L", 5, 6)),
            *[(name, "crp", "1", "mg/L", "1", "2") for name in ("B", "Z", "")]]  # fmt: skip
    result = score(write_export(tmp_path, patients=people, labs=labs, assessments=None))
    conserved(result)
    rejects = result.rejects.loc[result.rejects["file"] == "labs.csv"]
    assert rejects["code"].tolist() == ["duplicate_patient", "unknown_patient", "unknown_patient"]
    contradicting, unknown, blank = rejects["reason"]
    assert "lines 3 and 4, which differ in age_years" in contradicting
    assert "'Z'" in unknown
    assert "blank" in blank


def test_the_remedy_of_a_row_depends_on_the_rejects_of_its_patient(tmp_path):
    people = [("patient_id", "infusion_time"), ("A", AT), ("B", "soon"), ("C",)]
    rows = [("patient_id", "scale", "grade", "assessed_hours")]
    rows += [(name, "crs", "1", "5") for name in ("A", "B", "C", "Z", "")]
    result = score(write_export(tmp_path, patients=people, assessments=rows))
    conserved(result)
    rejects = result.rejects.loc[result.rejects["file"] == "assessments.csv"].set_index("row")
    assert set(rejects["code"]) == {"unknown_patient"}
    assert "'B' in patients was rejected (time_unusable)" in rejects["reason"][3]
    assert "'C' in patients was rejected (ragged_line)" in rejects["reason"][4]
    assert rejects["remedy"][3] == rejects["remedy"][4]
    assert "add the patient to the patients table" in rejects["remedy"][5]
    assert rejects["remedy"][6] == "Fill in 'patient_id'."


def test_without_a_patients_table_the_remedy_names_labs(tmp_path):
    rows = [("patient_id", "drug", "given_hours"), ("Z", "anakinra", "5"), ("A", "anakinra", "5")]
    folder = write_export(tmp_path, patients=None, assessments=None, treatments=rows)
    result = score(folder)
    conserved(result)
    assert result.seen_ids == ["A", "B", "Z"]
    assert result.lost == {"Z": "unknown_patient"}
    assert result.rejects["reason"].tolist() == ["'Z' has no row in labs."]
    assert "add the patient's results to labs" in result.rejects["remedy"][0]
    assert "to the patients table" not in result.rejects["remedy"][0]


def test_an_absurd_number_is_told_by_its_power_of_ten(tmp_path):
    result = read_labs(tmp_path, ("crp", "1e99", "mg/L", 1, 2))
    assert result.rejects["reason"][0].startswith("1e+99 mg/L ")
