"""Scores a prepared batch: every patient, outcome and horizon, with explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline import log
from pipeline.explain.explanation_rows import COLUMNS as EXPLANATION_COLUMNS
from pipeline.explain.explanation_rows import contrast_rows
from pipeline.features.spec import FeatureSpec
from pipeline.model.status import EVENT_PRESENT, OK
from pipeline.predict.outcome_scores import (
    OutcomeExplanations,
    explain_outcome,
    score_outcome,
)
from pipeline.predict.predictions_table import ModelName, predictions_table
from pipeline.predict.prepare import PreparedBatch


@dataclass(frozen=True)
class BatchResult:
    """Predictions (every patient of the input) and explanations (estimates only).

    Attributes
    ----------
    points_error : float
        Largest standard error of a contribution, in percentage points; 0 with exact enumeration.
    """

    predictions: pd.DataFrame
    explanations: pd.DataFrame
    points_error: float = 0.0

    def unscored_patients(self) -> int:
        """Number of patients without an estimate because of their input."""
        answered = self.predictions["status"].isin([OK, EVENT_PRESENT])
        patients = self.predictions["patient_id"]
        return patients.nunique() - patients[answered].nunique()


def score_batch(prepared: PreparedBatch, model_name: ModelName) -> BatchResult:
    """Score every patient of a batch and explain the estimates.

    Parameters
    ----------
    prepared : PreparedBatch
    model_name : ModelName

    Returns
    -------
    BatchResult
    """
    scores = [score_outcome(prepared, name) for name in prepared.bundle.config.outcomes]
    explanations = [explain_outcome(prepared, each) for each in scores]
    error = max((each.points_error for each in explanations), default=0.0)
    if error > 0:
        log.info(f"contributions: standard error at most {error:.2g} percentage points")
    return BatchResult(
        predictions_table(prepared, scores, explanations, model_name),
        _explanations_table(explanations, prepared.bundle.reference.spec),
        error,
    )


def _explanations_table(
    explanations: Sequence[OutcomeExplanations], spec: FeatureSpec
) -> pd.DataFrame:
    """Rows of every outcome, then the contrast of the two syndromes."""
    filled = [each.table for each in explanations if len(each.table)]
    if not filled:
        return pd.DataFrame(columns=EXPLANATION_COLUMNS)
    together = pd.concat(filled, ignore_index=True)
    contrast = contrast_rows(together, spec)
    return pd.concat([together, contrast], ignore_index=True) if len(contrast) else together
