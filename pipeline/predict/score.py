"""Scores a batch: the newest landmark of each patient, every outcome and horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig
from pipeline.explain.contributions import contributions
from pipeline.explain.explanation_rows import COLUMNS as EXPLANATION_COLUMNS
from pipeline.explain.explanation_rows import contrast_rows, explanation_rows, top_reasons
from pipeline.explain.patient_record import newest_results
from pipeline.features.landmarks import landmark_day, next_minute
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import (
    analyte_ages,
    mostly_rejected_reasons,
    out_of_range,
    support_from_reference,
)
from pipeline.model.bundle import SCHEMA_VERSION, Bundle, read_features
from pipeline.model.status import EVENT_PRESENT, OK, REJECTED, outcome_statuses
from pipeline.model.training_reference import rates_of_days
from pipeline.reading.read_result import ReadResult
from pipeline.resources import schema_json

_MIN_BASE_EVENTS = 5  # a ratio to a base rate of fewer events says nothing
COLUMNS = [item["name"] for item in schema_json("predictions.json")["fields"]]


@dataclass(frozen=True)
class ModelName:
    """How the model is named on every row."""

    name: str
    version: str


@dataclass(frozen=True)
class BatchResult:
    """Predictions (every patient of the input) and explanations (estimates only).

    Attributes
    ----------
    points_error : float
        Largest standard error of any contribution, in percentage points; 0 where every
        coalition was enumerated.
    """

    predictions: pd.DataFrame
    explanations: pd.DataFrame
    points_error: float = 0.0

    def unscored_patients(self) -> int:
        """Patients for whom input alone prevented an estimate (rejected or abstained)."""
        answered = self.predictions["status"].isin([OK, EVENT_PRESENT])
        everyone = self.predictions["patient_id"]
        return everyone.nunique() - everyone[answered].nunique()


def score_batch(
    read: ReadResult, bundle: Bundle, model_name: ModelName, *, as_of: bool = False
) -> BatchResult:
    """Score every patient of a batch.

    Parameters
    ----------
    read : ReadResult
        From :func:`pipeline.reading.reader.read_batch`.
    as_of : bool
        Use ``read.as_of_hours`` as landmark instead of the newest result.
    """
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, bundle.reference.limits))
    landmarks = batch_landmarks(cohort, read.as_of_hours if as_of else None)
    raw, matrix = read_features(read.cohort, landmarks, bundle)
    facts = _facts(cohort, raw, bundle)
    facts = facts.assign(
        unread=mostly_rejected_reasons(facts["patient_id"], read, bundle.config.predict)
    )
    frames, explained, errors = [], [], [0.0]
    for name, outcome in bundle.config.outcomes.items():
        rows, why, error = _score_outcome(cohort, (raw, matrix), facts, bundle, name, outcome)
        frames.append(rows)
        explained.append(why)
        errors.append(error)
    frames.append(_rejected(read, landmarks, bundle))
    predictions = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    predictions = predictions.assign(
        model_name=model_name.name,
        model_version=model_name.version,
        bundle_sha=bundle.sha256,
        schema_version=SCHEMA_VERSION,
    )
    order = {name: number for number, name in enumerate(bundle.config.outcomes)}
    predictions = predictions.sort_values(
        ["patient_id", "outcome", "horizon_h"],
        key=lambda column: column.map(order) if column.name == "outcome" else column,
        kind="stable",
        ignore_index=True,
    )
    explanations = _explanations(explained, bundle)
    if max(errors) > 0:
        log.info(f"contributions: standard error at most {max(errors):.2g} percentage points")
    return BatchResult(predictions.reindex(columns=COLUMNS), explanations, max(errors))


def _explanations(explained: list[pd.DataFrame], bundle: Bundle) -> pd.DataFrame:
    """Rows of every outcome, then what tells the two syndromes apart."""
    filled = [frame for frame in explained if len(frame)]
    if not filled:
        return pd.DataFrame(columns=EXPLANATION_COLUMNS)
    together = pd.concat(filled, ignore_index=True)
    contrast = contrast_rows(together, bundle.reference.spec)
    return pd.concat([together, contrast], ignore_index=True) if len(contrast) else together


def batch_landmarks(cohort: Cohort, as_of_hours: np.ndarray | None) -> pd.DataFrame:
    """One landmark per patient with results: just after the newest one, or at the as-of hour."""
    newest = cohort.labs.groupby("patient", sort=True)["resulted_hours"].max()
    patient = newest.index.to_numpy().astype(np.intp)
    hours = next_minute(newest.to_numpy(dtype=float))
    if as_of_hours is not None:
        hours = as_of_hours[patient]
    return pd.DataFrame({"patient": patient, "hours": hours, "source": "asked"})


def _facts(cohort: Cohort, matrix: FeatureMatrix, bundle: Bundle) -> pd.DataFrame:
    """What each landmark had to go on; the same for every outcome."""
    moment = matrix.landmarks["hours"].to_numpy(dtype=float)
    patients = cohort.patients.iloc[matrix.landmarks["patient"].to_numpy()].reset_index(drop=True)
    keys, ages = analyte_ages(matrix)
    stale_hours = bundle.config.predict.stale_hours
    counts = [matrix.column(name) for name in matrix.names if name.endswith("__count_24h")]
    newest = np.full(len(moment), np.nan)
    seen = ~np.isnan(ages).all(axis=1) if ages.shape[1] else np.zeros(len(moment), dtype=bool)
    newest[seen] = np.nanmin(ages[seen], axis=1)
    at = patients["infusion_time"] + pd.to_timedelta(moment * 3600.0, unit="s").round("s")
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "landmark_hours": moment,
            "landmark_at": at.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").fillna(""),
            "infusion_day": landmark_day(matrix),
            "n_labs_24h": np.sum(counts, axis=0).astype(int) if counts else 0,
            "analytes_present": _listed(keys, ages <= stale_hours),
            "analytes_stale": _listed(keys, ages > stale_hours),
            "newest_lab_hours": newest,
            "out_of_range": _listed(
                [analyte.key for analyte in bundle.reference.spec.analytes],
                out_of_range(matrix, support_from_reference(bundle.reference)),
            ),
        }
    )


def _listed(keys: list[str], chosen: np.ndarray) -> list[str]:
    return [";".join(np.asarray(keys, dtype=object)[row]) for row in chosen]


def _score_outcome(
    cohort: Cohort,
    matrices: tuple[FeatureMatrix, FeatureMatrix],
    facts: pd.DataFrame,
    bundle: Bundle,
    name: str,
    outcome: OutcomeConfig,
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Rows of one outcome, why, and the error of the latter.

    ``matrices``: features as measured, and as the model reads them.
    """
    raw, matrix = matrices
    model, reference = bundle.models[outcome.scale], bundle.reference
    known = (reference, bundle.config.predict, facts["unread"].to_numpy(dtype=object))
    status, reason = outcome_statuses(cohort, raw, outcome, *known)
    shown = np.ones(len(facts), dtype=bool)
    if outcome.shown_after is not None:
        first = bundle.config.outcomes[outcome.shown_after]
        shown = outcome_statuses(cohort, raw, first, *known)[0] == EVENT_PRESENT
    asked = np.flatnonzero(shown)
    raw, matrix = raw.take(asked), matrix.take(asked)
    facts = facts.iloc[asked].reset_index(drop=True)
    status, reason = status[asked], reason[asked]
    horizons = model.horizons
    count = len(horizons)
    rate, n = rates_of_days(reference.base_rates[name], landmark_day(matrix), horizons)
    risk, low, high = (np.full((len(asked), count), np.nan) for _ in range(3))
    reasons = np.full((len(asked), count, 3), "", dtype=object)
    rows = np.flatnonzero(status == OK)
    explained, error = pd.DataFrame(columns=EXPLANATION_COLUMNS), 0.0
    if len(rows):
        part = matrix.take(rows)
        risk[rows] = model.risk(part, outcome.threshold, horizons)
        level = bundle.config.model.interval_level
        low[rows], high[rows] = model.interval(part, outcome.threshold, horizons, level)
        result = contributions(model, part, outcome.threshold, horizons, reference.background[name])
        error = float(result.error.max())
        measured = raw.take(rows)
        newest = newest_results(cohort.labs, measured.landmarks)
        reasons[rows] = top_reasons(result, newest, reference.spec)
        ids = facts["patient_id"].iloc[rows]
        explained = explanation_rows(result, measured, newest, ids, reference.spec, name, horizons)
    frame = facts.loc[np.repeat(np.arange(len(facts)), count)].reset_index(drop=True)
    estimated = np.repeat(status == OK, count)
    scored = frame.assign(
        outcome=name,
        horizon_h=np.tile(np.asarray(horizons, dtype=float), len(facts)),
        status=np.repeat(status, count),
        status_reason=np.repeat(reason, count),
        risk=risk.ravel(),
        risk_lo=low.ravel(),
        risk_hi=high.ravel(),
        interval_level=np.where(estimated, bundle.config.model.interval_level, np.nan),
        base_rate=np.where(estimated, rate.ravel(), np.nan),
        base_rate_n=np.where(estimated, n.ravel(), np.nan),
        ratio_to_base=np.divide(
            risk.ravel(),
            rate.ravel(),
            out=np.full(risk.size, np.nan),
            where=estimated & (rate.ravel() * n.ravel() >= _MIN_BASE_EVENTS),
        ),
        state_used=np.where(
            estimated, np.where(np.repeat(model.state_used(matrix), count), "true", "false"), ""
        ),
        top_1=reasons[:, :, 0].ravel(),
        top_2=reasons[:, :, 1].ravel(),
        top_3=reasons[:, :, 2].ravel(),
    )
    return scored, explained, error


def _rejected(read: ReadResult, landmarks: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """Rows for patients of whom no lab row could be used."""
    scored = set(read.cohort.patients["patient_id"].iloc[landmarks["patient"].to_numpy()])
    missing = [patient for patient in read.seen_ids if patient not in scored]
    rows = [
        {
            "patient_id": patient,
            "outcome": name,
            "horizon_h": horizon,
            "status": REJECTED,
            "status_reason": read.lost.get(patient, "no_lab_rows"),
        }
        for patient in missing
        for name, outcome in bundle.config.outcomes.items()
        if outcome.shown_after is None
        for horizon in bundle.models[outcome.scale].horizons
    ]
    return pd.DataFrame(rows)
