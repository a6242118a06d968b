"""Predictions as FHIR R4 RiskAssessment resources, one JSON object a line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.config import OutcomeConfig
from pipeline.errors import UsageError
from pipeline.model.status import OK
from pipeline.resources import schema_yaml

FILE = "riskassessments.ndjson"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def risk_assessments(
    predictions: pd.DataFrame, outcomes: Mapping[str, OutcomeConfig], *, synthetic: bool
) -> list[dict[str, Any]]:
    """One resource per row that has a moment; those without an estimate say why.

    ``probabilityDecimal`` is in per cent, as R4 asks of ``prediction.probability[x]``.
    An interval has no element of its own there, so it stands in the note. Rows without a moment,
    of patients no lab row of whom could be used, have no resource.

    Parameters
    ----------
    predictions : DataFrame
        Columns of ``data_schema/predictions.json``.
    outcomes : mapping
        Names of outcomes to their settings.
    synthetic : bool
        Whether the model was trained on simulated patients.

    Raises
    ------
    UsageError
        If moments are hours only, because a resource needs a clock time with an offset.
    """
    timed = predictions["landmark_at"].notna() & (predictions["landmark_at"] != "")
    if (predictions["landmark_hours"].notna() & ~timed).any():
        raise UsageError(
            "--emit fhir needs clock times, but this batch gives hours only; add a patients table "
            "with infusion_time (ISO 8601 with offset), or leave --emit out"
        )
    rows = predictions.loc[timed].to_dict("records")
    return [_resource(row, outcomes[str(row["outcome"])].label, synthetic) for row in rows]


def write_risk_assessments(resources: list[dict[str, Any]], folder: Path) -> None:
    """Write ``riskassessments.ndjson`` into a folder."""
    lines = [json.dumps(item, ensure_ascii=False, allow_nan=False) for item in resources]
    (folder / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _resource(row: Mapping[Any, Any], label: str, synthetic: bool) -> dict[str, Any]:
    words = schema_yaml("exchange.yaml")["risk_assessment"]
    patient, moment = str(row["patient_id"]), str(row["landmark_at"])
    named = _ID.fullmatch(patient) is not None
    device = {
        "resourceType": "Device",
        "id": "model",
        "deviceName": [{"name": str(row["model_name"]), "type": "model-name"}],
        "version": [{"value": str(row["model_version"])}],
    }
    notes = [_estimate(row, words), words["caveat"], words["synthetic"] if synthetic else ""]
    content: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "id": _identity(row),
        "contained": [device],
        "status": "preliminary",
        "method": {"text": words["method"].format(sha=str(row["bundle_sha"])[:12])},
        "subject": (
            {"reference": f"Patient/{patient}"} if named else {"identifier": {"value": patient}}
        ),
        "occurrenceDateTime": moment,
        "performer": {"reference": "#model"},
    }
    if row["status"] == OK:
        content["prediction"] = [_prediction(row, label, moment)]
    else:
        content["code"] = {"text": label}
    return {**content, "note": [{"text": text} for text in notes if text]}


def _prediction(row: Mapping[Any, Any], label: str, moment: str) -> dict[str, Any]:
    end = datetime.fromisoformat(moment) + timedelta(hours=float(row["horizon_h"]))
    reasons = [row[name] for name in ("top_1", "top_2", "top_3")]
    found: dict[str, Any] = {
        "outcome": {"text": label},
        "probabilityDecimal": _percent(row["risk"]),
        "whenPeriod": {"start": moment, "end": end.isoformat()},
    }
    if pd.notna(row["ratio_to_base"]):
        found["relativeRisk"] = round(float(row["ratio_to_base"]), 4)
    rationale = " ".join(str(text) for text in reasons if pd.notna(text) and text)
    return {**found, "rationale": rationale} if rationale else found


def _estimate(row: Mapping[Any, Any], words: Mapping[str, str]) -> str:
    """Interval and base rate of an estimate in words, or why there is none."""
    if row["status"] != OK:
        reason = row["status_reason"] if pd.notna(row["status_reason"]) else ""
        text = words["none"].format(
            hours=f"{float(row['horizon_h']):g}", status=row["status"], reason=reason
        )
        return text
    rate, told = _percent(row["base_rate"]), pd.notna(row["ratio_to_base"])
    return words["interval"].format(
        level=f"{float(row['interval_level']):.0%}",
        low=_percent(row["risk_lo"]),
        high=_percent(row["risk_hi"]),
        rate=rate if told or rate >= 1 else words["under_one"],
        count=round(float(row["base_rate_n"])),
        ratio=words["ratio"] if told else "",
    )


def _percent(share: Any) -> float:
    return round(100.0 * float(share), 2)


def _identity(row: Mapping[Any, Any]) -> str:
    """Same for the same patient, question, moment and bundle, so that a server can update it."""
    names = ("patient_id", "outcome", "horizon_h", "landmark_at", "bundle_sha")
    return hashlib.sha256("|".join(str(row[name]) for name in names).encode()).hexdigest()[:32]
