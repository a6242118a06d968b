"""Splits by patient: repeated, stratified by who has the event. Rows are never split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.model.risk_model import inner_folds
from pipeline.model.stack import Ints


@dataclass(frozen=True)
class Split:
    """One train/test division of landmarks; no patient stands on both sides."""

    repeat: int
    fold: int
    train: Ints
    test: Ints


def repeated_patient_folds(
    patient: Ints, event: NDArray[np.bool_], *, folds: int, repeats: int, seed: int
) -> list[Split]:
    """Repeated k-fold over patients, event patients spread evenly over the folds.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
    event : ndarray of bool, shape (n_landmarks,)
        True on landmarks of patients who have the outcome.

    Raises
    ------
    InputError
        If there are fewer patients than folds.
    """
    count = len(np.unique(patient))
    if count < folds:
        raise InputError(
            f"{count} patients cannot be split into {folds} folds; lower evaluation.folds or add "
            "patients"
        )
    splits = []
    for repeat in range(repeats):
        number = inner_folds(patient, event, folds, seed=seed * 1000 + repeat)
        for fold in range(folds):
            test = number == fold
            splits.append(Split(repeat, fold, np.flatnonzero(~test), np.flatnonzero(test)))
    return splits
