"""When an estimate is given and when it is refused: ok, event_present, abstained, rejected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Ints
from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig
from pipeline.model.abstention import AbstentionCodes
from pipeline.model.outcomes import competing_hours, onset_hours

OK, EVENT_PRESENT, ABSTAINED, REJECTED = "ok", "event_present", "abstained", "rejected"


@dataclass(frozen=True)
class OutcomeStatuses:
    """Status of each landmark for one outcome, and the reason in words; shape (n_landmarks,)."""

    status: NDArray[np.object_]
    reason: NDArray[np.object_]

    def estimated(self) -> Ints:
        """Landmarks with an estimate."""
        return np.flatnonzero(self.status == OK)

    def take(self, rows: Ints) -> OutcomeStatuses:
        """Return the given landmarks."""
        return OutcomeStatuses(self.status[rows], self.reason[rows])


def outcome_statuses(
    cohort: Cohort,
    landmarks: pd.DataFrame,
    outcome: OutcomeConfig,
    abstentions: AbstentionCodes,
    mostly_rejected: NDArray[np.object_] | str = "",
) -> OutcomeStatuses:
    """Status and reason of each landmark for one outcome.

    Parameters
    ----------
    landmarks : DataFrame
        ``patient`` and ``hours``.
    abstentions : AbstentionCodes
        Where the rule of :func:`pipeline.model.abstention.abstention_codes` gives no estimate.
    mostly_rejected : ndarray of str, shape (n_landmarks,)
        Sentence where most of the patient's results were rejected, see
        :func:`pipeline.model.abstention.mostly_rejected_reasons`; empty elsewhere.
    """
    patient = landmarks["patient"].to_numpy()
    moment = landmarks["hours"].to_numpy(dtype=float)
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
    sentences = np.full(len(patient), mostly_rejected, dtype=object)
    refuse(sentences != "", sentences)
    refuse(abstentions.code != "", abstentions.sentence)
    return OutcomeStatuses(status, reason)
