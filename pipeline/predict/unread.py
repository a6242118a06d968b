"""Patients of whom most results were refused: what is left would give a risk of its own making."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.cohort.reader import ReadResult
from pipeline.cohort.refusals import Refused
from pipeline.config import PredictConfig


def unread_sentences(
    patient_ids: Iterable[str], read: ReadResult, config: PredictConfig
) -> NDArray[np.object_]:
    """Why there is no estimate where most of a patient's results were refused, else "".

    Counted are rows of labs of analytes that the model's dictionary knows: the refused ones
    against those and the accepted ones, over the whole batch. Left out of both are rows without a
    result, withdrawn ones, rows after the moment of prediction, and repeats that were collapsed.

    Parameters
    ----------
    patient_ids : iterable of str
        One per landmark.

    Returns
    -------
    ndarray of str, shape (n_landmarks,)
    """
    accepted = read.sources["patient_id"].value_counts()
    sentences = [
        unread_sentence(
            sum(read.refused.get(patient, Refused()).results.values()),
            int(accepted.get(patient, 0)),
            config,
        )
        for patient in patient_ids
    ]
    return np.array(sentences, dtype=object)


def unread_sentence(refused: int, accepted: int, config: PredictConfig) -> str:
    """The rule for one patient.

    Examples
    --------
    >>> unread_sentence(5, 3, PredictConfig())
    'most results of this patient were refused (5 of 8), see rejects.csv'
    >>> unread_sentence(4, 4, PredictConfig()), unread_sentence(2, 1, PredictConfig())
    ('', '')
    """
    whole = refused + accepted
    if refused < config.min_refused_results or refused <= config.max_refused_share * whole:
        return ""
    return f"most results of this patient were refused ({refused} of {whole}), see rejects.csv"
