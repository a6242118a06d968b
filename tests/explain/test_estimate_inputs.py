"""Inputs of an estimate: read from its row, and each missing result listed once."""

from dataclasses import replace

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_inputs import (
    EstimateInputs,
    grades_refused,
    inputs_of,
    missing_inputs,
    results_refused,
)
from tests.pages.patients import facts, rising_crs

NONE = PatientRejects()
MODEL = facts()


def test_inputs_are_read_from_a_row_of_the_output():
    row = {"newest_lab_hours": "3.5", "analytes_stale": "crp;il6", "out_of_range": ""}
    assert inputs_of(row) == EstimateInputs(3.5, ("crp", "il6"), ())


def test_what_is_missing_is_named_once_by_its_reason():
    patient = rising_crs()
    absent = [key for key in MODEL.analytes if key not in patient.record.results]
    absent.sort(key=lambda key: not MODEL.analytes[key].core)
    assert not MODEL.analytes[absent[-1]].core
    shorts = [MODEL.analytes[key].short for key in absent]
    inputs = EstimateInputs(1.0, stale=("platelets",))
    found = missing_inputs(patient.record, inputs, MODEL, NONE)
    assert [item.analyte for item in found] == [*absent, "platelets"]
    assert all(short == item.name for short, item in zip(shorts, found, strict=False))
    rejects = PatientRejects({absent[0]: 1}, rows=2)
    fewer = missing_inputs(patient.record, inputs, MODEL, rejects)
    assert [item.analyte for item in fewer] == [*absent[1:], "platelets", ""]
    ungraded = replace(patient.record, grades=patient.record.grades.iloc[:0])
    assert len(missing_inputs(ungraded, inputs, MODEL, NONE)) == len(found) + 2
    graded = missing_inputs(patient.record, inputs, MODEL, PatientRejects(rows=1, grades={"x": 1}))
    assert [item.kind for item in graded] == [*["never"] * len(absent), "stale"]
    dosed = missing_inputs(patient.record, inputs, MODEL, PatientRejects(rows=1, doses={"x": 1}))
    assert dosed == graded


def test_only_rejected_results_of_the_models_analytes_are_counted():
    rejects = PatientRejects({"crp": 2, "saa": 9}, rows=11)
    assert results_refused(MODEL, rejects) == {"crp": 2}


def test_only_rejected_grades_that_the_model_could_use_are_counted():
    rejects = PatientRejects(rows=9, grades={"crs": 2, "cres": 1, "icans-": 1, "hlh": 5})
    assert grades_refused(MODEL, rejects) == {"crs": 2, "": 2}
