"""Status of each landmark: ok, event_present, abstained or rejected."""

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
    """Status and reason of each landmark for one outcome; shape (n_landmarks,)."""

    status: NDArray[np.object_]
    reason: NDArray[np.object_]

    def estimated(self) -> Ints:
        """Return the positions of the landmarks with an estimate."""
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
    cohort : Cohort
    landmarks : DataFrame
        ``patient`` and ``hours``.
    outcome : OutcomeConfig
    abstentions : AbstentionCodes
        From :func:`pipeline.model.abstention.abstention_codes`.
    mostly_rejected : ndarray of str, shape (n_landmarks,), or str
        From :func:`pipeline.model.abstention.mostly_rejected_reasons`; empty where it does not
        apply.

    Returns
    -------
    OutcomeStatuses

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1"])
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 30.0]
    >>> landmarks = pd.DataFrame({"patient": [0, 0], "hours": [24.0, 48.0]})
    >>> outcome = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
    >>> accepted = AbstentionCodes(np.array(["", ""]), np.array(["", ""]))
    >>> statuses = outcome_statuses(cohort, landmarks, outcome, accepted)
    >>> statuses.status.tolist(), statuses.reason.tolist()
    (['ok', 'event_present'], ['', 'charted at 30.0 h'])
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
