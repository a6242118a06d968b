"""Inputs of an estimate: read from its row, and each missing result listed once."""

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_inputs import (
    EstimateInputs,
    inputs_of,
    missing_sentences,
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
    core = [key for key, analyte in MODEL.analytes.items() if analyte.core]
    absent = [key for key in core if not len(patient.record.series(key))]
    shorts = [MODEL.analytes[key].short for key in absent]
    inputs = EstimateInputs(1.0, stale=("platelets",))
    (never, old) = missing_sentences(patient.record, inputs, MODEL, NONE)
    assert all(short in never for short in shorts)
    assert MODEL.analytes["platelets"].short in old
    rejects = PatientRejects({absent[0]: 1}, rows=1)
    refused, never, _ = missing_sentences(patient.record, inputs, MODEL, rejects)
    assert shorts[0] in refused
    assert shorts[0] not in never


def test_only_rejected_results_of_the_models_analytes_are_counted():
    rejects = PatientRejects({"crp": 2, "saa": 9}, rows=11)
    assert results_refused(MODEL, rejects) == {"crp": 2}
