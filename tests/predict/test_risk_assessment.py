"""RiskAssessment resources: legal in R4, and the same numbers as predictions.csv."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from pipeline.config import OutcomeConfig
from pipeline.errors import UsageError
from pipeline.predict.risk_assessment import risk_assessments
from tests.conftest import edit, read_predictions

# hl7.org/fhir/R4/riskassessment.html and device.html: what an element may hold, and what it must
ELEMENTS = {
    "RiskAssessment": (
        {"resourceType", "id", "contained", "status", "method", "code", "subject", "performer",
         "occurrenceDateTime", "prediction", "note"},
        {"status", "subject"},
    ),
    "Device": ({"resourceType", "id", "deviceName", "version"}, set()),
    "prediction": (
        {"outcome", "probabilityDecimal", "relativeRisk", "whenPeriod", "rationale"},
        set(),
    ),
}  # fmt: skip
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
OUTCOMES = {"severe_crs": OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")}
ROW = {
    "patient_id": "P1", "landmark_hours": 84.0, "landmark_at": "2024-03-04T22:00:00+01:00",
    "outcome": "severe_crs", "horizon_h": 72.0, "status": "ok", "status_reason": "",
    "risk": 0.1234, "risk_lo": 0.05, "risk_hi": 0.3, "interval_level": 0.8, "base_rate": 0.07,
    "base_rate_n": 41.0, "ratio_to_base": 1.763, "top_1": "CRP 184 mg/L.",
    "top_2": "", "top_3": None,
    "model_name": "cytocast", "model_version": "3", "bundle_sha": "abc",
}  # fmt: skip


def made(**changes):
    return risk_assessments(pd.DataFrame([{**ROW, **changes}]), OUTCOMES, synthetic=False)


def legal(resource):
    """Assert what R4 asks of a RiskAssessment, and the invariants that validators miss."""
    for part, name in [(resource, "RiskAssessment"), (resource["contained"][0], "Device")] + [
        (item, "prediction") for item in resource.get("prediction", [])
    ]:
        allowed, needed = ELEMENTS[name]
        assert set(part) <= allowed
        assert needed <= set(part)
        assert all(value not in ("", [], {}) for value in part.values())
    assert resource["status"] == "preliminary"
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", resource["id"])
    assert resource["performer"]["reference"] == "#" + resource["contained"][0]["id"]
    assert INSTANT.fullmatch(resource["occurrenceDateTime"])
    for item in resource.get("prediction", []):
        assert 0 <= item["probabilityDecimal"] <= 100
        assert INSTANT.fullmatch(item["whenPeriod"]["end"])
        assert item["whenPeriod"]["start"] == resource["occurrenceDateTime"]


def test_resources_tell_what_predictions_csv_tells(mini, predict) -> None:
    code, out = predict(mini.batch, "--emit", "fhir", "--no-pages")
    assert code == 0
    rows = read_predictions(out)
    lines = (out / "riskassessments.ndjson").read_text(encoding="utf-8").splitlines()
    resources = [json.loads(line) for line in lines]
    assert len(resources) == len(rows)
    assert len({item["id"] for item in resources}) == len(rows)
    for row, resource in zip(rows.itertuples(), resources, strict=True):
        legal(resource)
        assert resource["subject"]["reference"] == f"Patient/{row.patient_id}"
        assert ("prediction" in resource) == (row.status == "ok")
        if row.status == "ok":
            text = resource["prediction"][0]
            assert text["probabilityDecimal"] == pytest.approx(100 * row.risk, abs=0.006)
            span = pd.Timestamp(text["whenPeriod"]["end"]) - pd.Timestamp(row.landmark_at)
            assert span == pd.Timedelta(hours=row.horizon_h)
            assert ("relativeRisk" in text) == pd.notna(row.ratio_to_base)
            known = "" if pd.isna(row.top_1) else row.top_1
            assert text.get("rationale", "").startswith(known)
            assert bool(known) == ("rationale" in text)
        note = " ".join(item["text"] for item in resource["note"])
        assert "Research use only" in note
        assert "simulated patients" in note
    assert any("prediction" in item for item in resources)


def test_the_same_run_again_changes_nothing_and_other_files_need_another_folder(
    mini, predict
) -> None:
    _, out = predict(mini.batch, "--emit", "fhir", "--no-pages")
    before = (out / "riskassessments.ndjson").stat().st_mtime_ns
    assert predict(mini.batch, "--emit", "fhir", "--no-pages")[0] == 0
    assert (out / "riskassessments.ndjson").stat().st_mtime_ns == before
    assert predict(mini.batch, "--no-pages")[0] == 2


def test_an_estimate_carries_interval_base_rate_and_reasons() -> None:
    (resource,) = made()
    legal(resource)
    assert resource["prediction"] == [
        {
            "outcome": {"text": "Severe CRS"},
            "probabilityDecimal": 12.34,
            "whenPeriod": {
                "start": "2024-03-04T22:00:00+01:00",
                "end": "2024-03-07T22:00:00+01:00",
            },
            "relativeRisk": 1.763,
            "rationale": "CRP 184 mg/L.",
        }
    ]
    note = resource["note"][0]["text"]
    assert note.startswith("80% interval 5.0–30.0%")
    assert "in training: 7.0% (41 patients)" in note


@pytest.mark.parametrize(
    ("rate", "ratio", "output"),
    [
        (0.0, float("nan"), "in training: under 1% (41 patients)."),
        (0.03, float("nan"), "in training: 3.0% (41 patients)."),
        (0.005, 2.0, "in training: 0.5% (41 patients); relativeRisk"),
    ],
)
def test_the_note_tells_a_ratio_only_where_there_is_one(rate, ratio, output) -> None:
    (resource,) = made(base_rate=rate, ratio_to_base=ratio)
    legal(resource)
    note = resource["note"][0]["text"]
    assert output in note
    assert ("relativeRisk" in note) == ("relativeRisk" in resource["prediction"][0])


@pytest.mark.parametrize("status", ["abstained", "event_present", "rejected"])
def test_without_an_estimate_there_is_a_reason_and_no_number(status) -> None:
    nothing = dict.fromkeys(("risk", "risk_lo", "risk_hi", "ratio_to_base"), float("nan"))
    (resource,) = made(status=status, status_reason="no_recent_result", **nothing)
    legal(resource)
    assert "prediction" not in resource
    output = resource["note"][0]["text"]
    assert output == f"No estimate within 72 h ({status}): no_recent_result."


def test_an_id_that_fhir_forbids_becomes_an_identifier() -> None:
    (resource,) = made(patient_id="Müller/7")
    legal(resource)
    assert resource["subject"] == {"identifier": {"value": "Müller/7"}}


def test_the_id_is_that_of_the_question() -> None:
    same, other = made(risk=0.5), made(horizon_h=24.0)
    assert made()[0]["id"] == same[0]["id"] != other[0]["id"]


def test_hours_only_are_refused_and_a_patient_without_a_moment_is_left_out(
    mini, predict, batch, capsys
) -> None:
    with pytest.raises(UsageError, match="hours only; add a patients table"):
        made(landmark_at=None)
    assert made(landmark_at=None, landmark_hours=float("nan"), status="rejected") == []

    def to_hours(table):
        start = pd.read_csv(mini.batch / "patients.csv", dtype=str).set_index("patient_id")
        zero = pd.to_datetime(table["patient_id"].map(start["infusion_time"]), utc=True)
        for clock in ("collected", "resulted"):
            hours = pd.to_datetime(table.pop(f"{clock}_at"), utc=True) - zero
            table[f"{clock}_hours"] = hours.dt.total_seconds().div(3600).astype(str)
        return table

    edit(batch / "labs.csv", to_hours)
    code, out = predict(batch / "labs.csv", "--emit", "fhir", "--no-pages")
    assert code == 2
    assert "--emit fhir needs clock times" in capsys.readouterr().err
    assert not out.exists()
