"""When an estimate is given and when it is refused: ok, event_present, abstained, rejected."""

from __future__ import annotations

import numpy as np

from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig, PredictConfig
from pipeline.features.host import products_of
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import abstention_codes, support_from_reference
from pipeline.model.outcomes import competing_hours, onset_hours
from pipeline.model.training_reference import TrainingReference

OK, EVENT_PRESENT, ABSTAINED, REJECTED = "ok", "event_present", "abstained", "rejected"


def outcome_statuses(
    cohort: Cohort,
    matrix: FeatureMatrix,
    outcome: OutcomeConfig,
    reference: TrainingReference,
    config: PredictConfig,
    unread: np.ndarray | str = "",
) -> tuple[np.ndarray, np.ndarray]:
    """Status and reason of each landmark for one outcome.

    Parameters
    ----------
    unread : ndarray of str, shape (n_landmarks,)
        Sentence where most of the patient's results were refused, see
        :func:`pipeline.model.abstention.unread_sentences`; empty elsewhere.

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
    refuse(moment < 0, "this moment lies before the infusion, and no result came since")
    refuse(np.full(len(patient), unread, dtype=object) != "", unread)
    rule = abstention_codes(
        matrix, products_of(cohort, patient), support_from_reference(reference), config
    )
    refuse(rule.code != "", rule.sentence)
    return status, reason
