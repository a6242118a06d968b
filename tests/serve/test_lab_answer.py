"""A request is scored like the same rows in memory, for the same patients."""

import json

import pandas as pd
import pytest

from pipeline.errors import InputError, UsageError
from pipeline.model.bundle import load_bundle
from pipeline.predict.lab_rows import score_lab_rows
from pipeline.predict.predictions_table import ModelName
from pipeline.serve.lab_answer import answer_with, refuse_other_patients, to_json
from pipeline.serve.lab_request import LabRequest
from pipeline.serve.refusal import Refusal
from pipeline.serve.service_limits import ServiceLimits

NAMES = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours", "product"]
ROWS = [
    ["P,1", "CRP", "120", "mg/L", 50, 52, "axi-cel"],
    ["P,1", "ferritin", "2,5e", "ng/mL", 50, 52, None],
    ['=P"2', "il-6", "<2", "pg/mL", 40.5, 43, None],
    ['=P"2', "CRP", 9, "mg/L", 40.5, 42, "tisa-cel"],
    ["NA", "CRP", "5", "furlong", 12, 13, None],
    [7, "CRP", "55", "mg/L", 30, 31, None],
]
NAME = ModelName("m", "1")


@pytest.fixture(scope="module")
def bundle(mini):
    return load_bundle(mini.bundle)


def body(rows=ROWS, **params):
    return json.dumps(
        {"dataframe_split": {"columns": NAMES, "data": rows}, "params": params}
    ).encode()


def test_a_request_is_scored_as_its_rows(bundle):
    answer = answer_with(bundle, NAME, ServiceLimits())
    predictions = json.loads(answer(body()), parse_constant=pytest.fail)["predictions"]
    rows = pd.DataFrame(ROWS, columns=NAMES).astype({"patient_id": str})
    scored = score_lab_rows(rows, bundle, NAME)
    assert predictions == scored.to_dict("records")
    statuses = {row["patient_id"]: row["status"] for row in predictions}
    assert list(statuses) == sorted(["P,1", '=P"2', "NA", "7"])
    assert statuses["NA"] == "rejected"


def test_a_moment_of_the_request_counts(bundle):
    answer = answer_with(bundle, NAME, ServiceLimits())
    predictions = json.loads(answer(body(as_of=52.5)))["predictions"]
    assert {row["landmark_hours"] for row in predictions if row["patient_id"] == "P,1"} == {52.5}


@pytest.mark.parametrize("moment", [1e308, "-1e300", 10**9])
def test_a_moment_beyond_dates_is_refused(bundle, moment):
    with pytest.raises(Refusal) as refusal:
        answer_with(bundle, NAME, ServiceLimits())(body(as_of=moment))
    assert (refusal.value.status, refusal.value.code) == (400, "as_of")


@pytest.mark.parametrize(
    ("error", "code"), [(InputError("P,1 120"), "rows"), (UsageError("P,1 120"), "as_of")]
)
def test_a_refusal_of_reading_quotes_nothing(monkeypatch, bundle, error, code):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("pipeline.serve.lab_answer.score_lab_rows", refuse)
    with pytest.raises(Refusal) as refusal:
        answer_with(bundle, NAME, ServiceLimits())(body())
    assert (refusal.value.status, refusal.value.code) == (400, code)
    assert "P,1" not in str(refusal.value)


@pytest.mark.parametrize("answered", [["A"], ["A", "B", "C"], ["A", "b"], []])
def test_other_patients_are_never_answered(answered):
    request = LabRequest(pd.DataFrame({"patient_id": ["A", "B"]}))
    with pytest.raises(Refusal) as refusal:
        refuse_other_patients(request, pd.DataFrame({"patient_id": answered}))
    assert (refusal.value.status, refusal.value.code) == (400, "patient_id")


def test_numbers_of_any_width_are_written_and_no_nan_is():
    table = pd.DataFrame({"a": pd.array([1], "int32"), "b": [0.1], "c": [None]})
    assert json.loads(to_json(table)) == {"predictions": [{"a": 1, "b": 0.1, "c": None}]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(pd.DataFrame({"a": [float("nan")]}))
