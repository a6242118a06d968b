"""The columns of ``predictions.csv``: one row per patient, outcome and horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Bools
from pipeline.features.landmarks import landmark_days
from pipeline.model.abstention import analyte_ages, out_of_range
from pipeline.model.manifest import SCHEMA_VERSION
from pipeline.model.status import OK, REJECTED
from pipeline.predict.outcome_scores import OutcomeExplanations, OutcomeScores
from pipeline.predict.prepare import PreparedBatch
from pipeline.resources import schema_json

COLUMNS = [item["name"] for item in schema_json("predictions.json")["fields"]]
_MIN_BASE_EVENTS = 5  # a ratio to a base rate of fewer events is too uncertain to show


@dataclass(frozen=True)
class ModelName:
    """Name and version of the model on every row."""

    name: str
    version: str


def predictions_table(
    prepared: PreparedBatch,
    scores: Sequence[OutcomeScores],
    explanations: Sequence[OutcomeExplanations],
    model_name: ModelName,
) -> pd.DataFrame:
    """Rows of every patient of the input, sorted by patient, outcome and horizon.

    Parameters
    ----------
    scores, explanations : sequence
        One per outcome, in the same order.
    """
    landmarks = _landmark_columns(prepared)
    frames = [
        _outcome_rows(prepared, landmarks, *each) for each in zip(scores, explanations, strict=True)
    ]
    frames.append(_rejected_rows(prepared))
    table = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    order = {name: number for number, name in enumerate(prepared.bundle.config.outcomes)}
    table = table.assign(
        model_name=model_name.name,
        model_version=model_name.version,
        bundle_sha=prepared.bundle.sha256,
        schema_version=SCHEMA_VERSION,
    ).sort_values(
        ["patient_id", "outcome", "horizon_h"],
        key=lambda column: column.map(order) if column.name == "outcome" else column,
        kind="stable",
        ignore_index=True,
    )
    return table.reindex(columns=COLUMNS)


def _landmark_columns(prepared: PreparedBatch) -> pd.DataFrame:
    """Columns of each landmark that do not depend on outcome and horizon."""
    measured, patients = prepared.measured, prepared.patients
    moment = prepared.landmarks["hours"].to_numpy(dtype=float)
    keys, ages = analyte_ages(measured)
    stale_hours = prepared.bundle.config.predict.stale_hours
    counts = [measured.column(name) for name in measured.names if name.endswith("__count_24h")]
    newest = np.full(len(moment), np.nan)
    measured_any: Bools = ~np.isnan(ages).all(axis=1) & (ages.shape[1] > 0)
    newest[measured_any] = np.nanmin(ages[measured_any], axis=1)
    at = patients["infusion_time"] + pd.to_timedelta(moment * 3600.0, unit="s").round("s")
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "landmark_hours": moment,
            "landmark_at": at.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").fillna(""),
            "infusion_day": landmark_days(measured),
            "n_labs_24h": np.sum(counts, axis=0).astype(int) if counts else 0,
            "analytes_present": _listed(keys, ages <= stale_hours),
            "analytes_stale": _listed(keys, ages > stale_hours),
            "newest_lab_hours": newest,
            "out_of_range": _listed(
                [*prepared.support.analytes], out_of_range(measured, prepared.support)
            ),
        }
    )


def _outcome_rows(
    prepared: PreparedBatch,
    landmarks: pd.DataFrame,
    scores: OutcomeScores,
    explanations: OutcomeExplanations,
) -> pd.DataFrame:
    """Rows of one outcome; ``landmarks`` from :func:`_landmark_columns`."""
    count, level = len(scores.horizons), prepared.bundle.config.model.interval_level
    estimated = np.repeat(scores.statuses.status == OK, count)
    rate, n, risk = scores.base_rate.ravel(), scores.base_rate_n.ravel(), scores.risk.ravel()
    used = np.where(np.repeat(scores.state_used, count), "true", "false")
    ratio: dict[str, Any] = {
        "out": np.full(risk.size, np.nan),
        "where": estimated & (rate * n >= _MIN_BASE_EVENTS),
    }
    frame = landmarks.iloc[np.repeat(scores.landmarks, count)].reset_index(drop=True)
    return frame.assign(
        outcome=scores.outcome,
        horizon_h=np.tile(np.asarray(scores.horizons, dtype=float), len(scores.landmarks)),
        status=np.repeat(scores.statuses.status, count),
        status_reason=np.repeat(scores.statuses.reason, count),
        risk=risk,
        risk_lo=scores.low.ravel(),
        risk_hi=scores.high.ravel(),
        interval_level=np.where(estimated, level, np.nan),
        base_rate=np.where(estimated, rate, np.nan),
        base_rate_n=np.where(estimated, n, np.nan),
        ratio_to_base=np.divide(risk, rate, **ratio),
        state_used=np.where(estimated, used, ""),
        top_1=explanations.reasons[:, :, 0].ravel(),
        top_2=explanations.reasons[:, :, 1].ravel(),
        top_3=explanations.reasons[:, :, 2].ravel(),
    )


def _rejected_rows(prepared: PreparedBatch) -> pd.DataFrame:
    """Rows for patients without a usable lab row."""
    read, bundle = prepared.read, prepared.bundle
    scored = set(prepared.patient_ids)
    rows = [
        {
            "patient_id": patient,
            "outcome": name,
            "horizon_h": horizon,
            "status": REJECTED,
            "status_reason": read.lost.get(patient, "no_lab_rows"),
        }
        for patient in read.seen_ids
        if patient not in scored
        for name, outcome in bundle.config.outcomes.items()
        if outcome.shown_after is None
        for horizon in bundle.models[outcome.scale].horizons
    ]
    return pd.DataFrame(rows)


def _listed(keys: list[str], chosen: np.ndarray) -> list[str]:
    return [";".join(np.asarray(keys, dtype=object)[row]) for row in chosen]
