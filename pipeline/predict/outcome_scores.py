"""Scores one outcome of a prepared batch: risks with intervals, and their contributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Bools, Floats, Ints
from pipeline.explain.contributions import Contributions, contributions
from pipeline.explain.explanation_rows import COLUMNS, explanation_rows, top_reasons
from pipeline.features.landmarks import landmark_days
from pipeline.model.status import EVENT_PRESENT, OutcomeStatuses
from pipeline.model.training_reference import rates_of_days
from pipeline.predict.prepare import PreparedBatch


@dataclass(frozen=True)
class OutcomeScores:
    """Risks of one outcome at the landmarks for which it is shown.

    Attributes
    ----------
    outcome : str
    horizons : tuple of float
        Hours ahead.
    landmarks : ndarray of int, shape (n_rows,)
        Rows of ``PreparedBatch.landmarks``.
    statuses : OutcomeStatuses
        Of these landmarks.
    risk, low, high : ndarray of float, shape (n_rows, n_horizons)
        NaN where there is no estimate.
    base_rate, base_rate_n : ndarray of float, shape (n_rows, n_horizons)
        Base rate of the day in training, and its number of landmarks.
    state_used : ndarray of bool, shape (n_rows,)
        Whether the clinical state is known and the variant with it is used.
    """

    outcome: str
    horizons: tuple[float, ...]
    landmarks: Ints
    statuses: OutcomeStatuses
    risk: Floats
    low: Floats
    high: Floats
    base_rate: Floats
    base_rate_n: Floats
    state_used: Bools


@dataclass(frozen=True)
class OutcomeExplanations:
    """Contributions to the risks of one outcome.

    Attributes
    ----------
    table : DataFrame
        Rows of ``explanations.parquet``.
    reasons : ndarray of str, shape (n_rows, n_horizons, 3)
        Phrases of the largest contributions; "" where there is no estimate.
    points_error : float
        Largest standard error of a contribution, percentage points.
    """

    table: pd.DataFrame
    reasons: NDArray[np.object_]
    points_error: float = 0.0


def score_outcome(prepared: PreparedBatch, name: str) -> OutcomeScores:
    """Score one outcome; with ``shown_after`` only where the other outcome is present."""
    bundle, outcome = prepared.bundle, prepared.bundle.config.outcomes[name]
    model, level = bundle.models[outcome.scale], bundle.config.model.interval_level
    landmarks = np.arange(len(prepared.landmarks))
    if outcome.shown_after is not None:
        first = prepared.statuses[outcome.shown_after]
        landmarks = np.flatnonzero(first.status == EVENT_PRESENT)
    matrix, statuses = prepared.matrix.take(landmarks), prepared.statuses[name].take(landmarks)
    horizons = model.horizons
    rate, n = rates_of_days(bundle.reference.base_rates[name], landmark_days(matrix), horizons)
    risk, low, high = (np.full((len(landmarks), len(horizons)), np.nan) for _ in range(3))
    rows = statuses.estimated()
    if len(rows):
        part = matrix.take(rows)
        risk[rows] = model.risk(part, outcome.threshold, horizons)
        low[rows], high[rows] = model.interval(part, outcome.threshold, horizons, level)
    used = model.state_used(matrix)
    return OutcomeScores(name, horizons, landmarks, statuses, risk, low, high, rate, n, used)


def explain_outcome(prepared: PreparedBatch, scores: OutcomeScores) -> OutcomeExplanations:
    """Contributions to every estimate of one outcome."""
    reasons = np.full((*scores.risk.shape, 3), "", dtype=object)
    rows = scores.statuses.estimated()
    if not len(rows):
        return OutcomeExplanations(pd.DataFrame(columns=COLUMNS), reasons)
    name, reference = scores.outcome, prepared.bundle.reference
    landmarks = scores.landmarks[rows]
    result = outcome_contributions(prepared, name, landmarks, scores.horizons)
    newest = prepared.newest_results(landmarks)
    reasons[rows] = top_reasons(result, newest, reference.spec)
    table = explanation_rows(
        result,
        prepared.measured.take(landmarks),
        newest,
        prepared.patient_ids.iloc[landmarks],
        reference.spec,
        name,
        scores.horizons,
    )
    return OutcomeExplanations(table, reasons, float(result.error.max()))


def outcome_contributions(
    prepared: PreparedBatch, name: str, landmarks: Ints, horizons: tuple[float, ...]
) -> Contributions:
    """Contributions to the risks of one outcome at landmarks with an estimate.

    Parameters
    ----------
    prepared : PreparedBatch
    name : str
        Outcome.
    landmarks : ndarray of int, shape (n_rows,)
        Rows of ``PreparedBatch.landmarks``.
    horizons : tuple of float
        Hours ahead.

    Returns
    -------
    Contributions
    """
    bundle = prepared.bundle
    outcome = bundle.config.outcomes[name]
    return contributions(
        bundle.models[outcome.scale],
        prepared.matrix.take(landmarks),
        outcome.threshold,
        horizons,
        bundle.reference.background[name],
    )
