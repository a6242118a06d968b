"""Predictions as FHIR R4 RiskAssessment resources, one JSON object per line."""

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
    """One resource per row with a clock time; without an estimate it holds the reason.

    ``probabilityDecimal`` is in per cent, as R4 requires of ``prediction.probability[x]``. R4 has
    no element for its interval, which is in the note. Patients without a usable lab row have no
    clock time and no resource.

    Parameters
    ----------
    predictions : DataFrame
        Columns of ``data_schema/predictions.json``.
    outcomes : mapping
        Names of outcomes to their settings.
    synthetic : bool
        Whether the model was trained on simulated patients.

    Returns
    -------
    list of dict

    Raises
    ------
    UsageError
        If landmarks have hours only, because a resource needs a clock time with an offset.

    Examples
    --------
    >>> row = {"patient_id": "A", "landmark_hours": 36.0, "outcome": "icans", "horizon_h": 72,
    ...        "landmark_at": "2026-03-02T08:00:00+00:00", "status": "ok", "risk": 0.18,
    ...        "risk_lo": 0.1, "risk_hi": 0.3, "interval_level": 0.8, "base_rate": 0.12,
    ...        "base_rate_n": 400, "ratio_to_base": 1.5, "top_1": "", "top_2": "", "top_3": "",
    ...        "model_name": "cytocast", "model_version": "1", "bundle_sha": "1f2e"}
    >>> outcomes = {"icans": OutcomeConfig(scale="icans", threshold=1, label="ICANS")}
    >>> resource = risk_assessments(pd.DataFrame([row]), outcomes, synthetic=False)[0]
    >>> resource["subject"], resource["prediction"][0]["probabilityDecimal"]
    ({'reference': 'Patient/A'}, 18.0)
    """
    timed = predictions["landmark_at"].notna() & (predictions["landmark_at"] != "")
    if (predictions["landmark_hours"].notna() & ~timed).any():
        raise UsageError(
            "--emit fhir needs clock times, but this batch has hours only; add a patients table "
            "with infusion_time (ISO 8601 with offset), or leave --emit out"
        )
    rows = predictions.loc[timed].to_dict("records")
    return [_resource(row, outcomes[str(row["outcome"])].label, synthetic) for row in rows]


def write_risk_assessments(resources: list[dict[str, Any]], folder: Path) -> None:
    """Write ``riskassessments.ndjson``.

    Parameters
    ----------
    resources : list of dict
        From :func:`risk_assessments`.
    folder : Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     write_risk_assessments([{"id": "1"}, {"id": "2"}], Path(place))
    ...     (Path(place) / FILE).read_text().splitlines()
    ['{"id": "1"}', '{"id": "2"}']
    """
    lines = [json.dumps(item, ensure_ascii=False, allow_nan=False) for item in resources]
    (folder / FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _resource(row: Mapping[Any, Any], label: str, synthetic: bool) -> dict[str, Any]:
    texts = schema_yaml("exchange.yaml")["risk_assessment"]
    patient, moment = str(row["patient_id"]), str(row["landmark_at"])
    named = _ID.fullmatch(patient) is not None
    device = {
        "resourceType": "Device",
        "id": "model",
        "deviceName": [{"name": str(row["model_name"]), "type": "model-name"}],
        "version": [{"value": str(row["model_version"])}],
    }
    notes = [_estimate(row, texts), texts["caveat"], texts["synthetic"] if synthetic else ""]
    content: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "id": _identity(row),
        "contained": [device],
        "status": "preliminary",
        "method": {"text": texts["method"].format(sha=str(row["bundle_sha"])[:12])},
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
    prediction: dict[str, Any] = {
        "outcome": {"text": label},
        "probabilityDecimal": _percent(row["risk"]),
        "whenPeriod": {"start": moment, "end": end.isoformat()},
    }
    if pd.notna(row["ratio_to_base"]):
        prediction["relativeRisk"] = round(float(row["ratio_to_base"]), 4)
    rationale = " ".join(str(text) for text in reasons if pd.notna(text) and text)
    return {**prediction, "rationale": rationale} if rationale else prediction


def _estimate(row: Mapping[Any, Any], texts: Mapping[str, str]) -> str:
    """Sentence with interval and base rate, or with the reason why there is no estimate."""
    if row["status"] != OK:
        reason = row["status_reason"] if pd.notna(row["status_reason"]) else ""
        text = texts["none"].format(
            hours=f"{float(row['horizon_h']):g}", status=row["status"], reason=reason
        )
        return text
    rate, has_ratio = _percent(row["base_rate"]), pd.notna(row["ratio_to_base"])
    return texts["interval"].format(
        level=f"{float(row['interval_level']):.0%}",
        low=_percent(row["risk_lo"]),
        high=_percent(row["risk_hi"]),
        rate=rate if has_ratio or rate >= 1 else texts["under_one"],
        count=round(float(row["base_rate_n"])),
        ratio=texts["ratio"] if has_ratio else "",
    )


def _percent(share: Any) -> float:
    return round(100.0 * float(share), 2)


def _identity(row: Mapping[Any, Any]) -> str:
    """Same id for the same patient, outcome, horizon, time and bundle, for updates on a server."""
    names = ("patient_id", "outcome", "horizon_h", "landmark_at", "bundle_sha")
    return hashlib.sha256("|".join(str(row[name]) for name in names).encode()).hexdigest()[:32]
