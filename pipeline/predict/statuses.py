"""When an estimate is given and when it is refused: ok, event_present, abstained, rejected."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig, PredictConfig
from pipeline.evaluate.outcomes import competing_hours, onset_hours
from pipeline.features.build import FeatureMatrix
from pipeline.features.host import category
from pipeline.model.reference import TrainingReference

OK, EVENT_PRESENT, ABSTAINED, REJECTED = "ok", "event_present", "abstained", "rejected"
_DAY = 24.0


def outcome_statuses(
    cohort: Cohort,
    matrix: FeatureMatrix,
    outcome: OutcomeConfig,
    reference: TrainingReference,
    config: PredictConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """Status and reason of each landmark for one outcome.

    Returns
    -------
    status, reason : ndarray of str, shape (n_landmarks,)
    """
    patient = matrix.landmarks["patient"].to_numpy()
    moment = matrix.landmarks["hours"].to_numpy(dtype=float)
    status = np.full(len(patient), OK, dtype=object)
    reason = np.full(len(patient), "", dtype=object)

    def refuse(mask: np.ndarray, sentences: np.ndarray | str) -> None:
        chosen = mask & (status == OK)
        status[chosen] = ABSTAINED
        reason[chosen] = sentences if isinstance(sentences, str) else sentences[chosen]

    onset = onset_hours(cohort, outcome.scale, outcome.threshold)[patient]
    present = onset < moment
    status[present] = EVENT_PRESENT
    reason[present] = [f"charted at {hour:.1f} h" for hour in onset[present]]
    competing = competing_hours(cohort, outcome.scale)[patient]
    refuse(competing < moment, "death, second infusion or new therapy came first")
    refuse(moment < 0, "no result since time zero")
    last_day = max(
        (
            entry["day"]
            for rows in reference.base_rates.values()
            for table in rows.values()
            for entry in table
        ),
        default=np.inf,
    )
    refuse(moment > (last_day + 1) * _DAY + _DAY, "later than any day seen in training")
    refuse(*_few_analytes(matrix, config))
    refuse(*_unseen_product(cohort, patient, reference, config))
    shares = out_of_range(matrix, reference)
    measured = np.maximum(_ever_measured(matrix).sum(axis=1), 1)
    far = shares.sum(axis=1) / measured > config.max_out_of_range_share
    refuse(far, "most analytes lie outside the range seen in training")
    return status, reason


def out_of_range(matrix: FeatureMatrix, reference: TrainingReference) -> np.ndarray:
    """Whether each analyte's last value lies outside its training range.

    A result below its limit is not unusually low: only the limit is known.

    Returns
    -------
    ndarray of bool, shape (n_landmarks, n_analytes)
    """
    columns = []
    for analyte in reference.spec.analytes:
        values = matrix.column(f"{analyte.key}__last")
        low, high = reference.ranges.get(f"{analyte.key}__last", (np.inf, -np.inf))
        below_limit = matrix.column(f"{analyte.key}__last_censored") < 0
        columns.append(((values < low) & ~below_limit) | (values > high))
    return np.stack(columns, axis=1) if columns else np.zeros((len(matrix.values), 0), dtype=bool)


def analyte_ages(matrix: FeatureMatrix) -> tuple[list[str], np.ndarray]:
    """Analyte keys and hours since each one's last sample (NaN where never measured)."""
    keys = [
        meta.subject
        for meta in matrix.metas
        if meta.statistic == "hours_since_last" and meta.group == "measurement"
    ]
    if not keys:
        return keys, np.zeros((len(matrix.values), 0))
    return keys, np.stack([matrix.column(f"{key}__hours_since_last") for key in keys], axis=1)


def _ever_measured(matrix: FeatureMatrix) -> np.ndarray:
    known: np.ndarray = ~np.isnan(analyte_ages(matrix)[1])
    return known


def _few_analytes(matrix: FeatureMatrix, config: PredictConfig) -> tuple[np.ndarray, np.ndarray]:
    ages = analyte_ages(matrix)[1]
    recent = (ages <= config.newest_lab_hours).sum(axis=1)
    sentences = np.array(
        [
            f"{count} of the model's analytes measured in the last {config.newest_lab_hours:g} h, "
            f"at least {config.min_analytes} needed"
            for count in recent
        ],
        dtype=object,
    )
    return recent < config.min_analytes, sentences


def _unseen_product(
    cohort: Cohort, patient: np.ndarray, reference: TrainingReference, config: PredictConfig
) -> tuple[np.ndarray, np.ndarray]:
    if not reference.products or "product" not in cohort.patients:
        return np.zeros(len(patient), dtype=bool), np.array([""] * len(patient), dtype=object)
    product = category(cohort.patients["product"]).iloc[patient]
    seen = product.map(reference.products).fillna(0).to_numpy()
    unseen = product.notna().to_numpy() & (seen < max(config.min_product_patients, 1))
    sentences = np.array(
        [f"product '{name}' was never seen in training" for name in pd.Series(product).fillna("")],
        dtype=object,
    )
    return unseen, sentences
