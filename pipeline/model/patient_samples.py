"""Bootstrap samples and inner folds of patients, by landmark."""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Bools, Floats, Ints


def patient_resample(patient: Ints, draws: int, seed: int) -> Floats:
    """Count how often each landmark's patient occurs in each bootstrap sample of patients.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
    draws : int
    seed : int

    Returns
    -------
    ndarray, shape (draws, n_landmarks)

    Examples
    --------
    >>> patient_resample(np.array([7, 7, 8]), 2, 1)
    array([[1., 1., 1.],
           [2., 2., 0.]])
    """
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(unique), np.full(len(unique), 1.0 / len(unique)), size=draws)
    return times[:, code].astype(float)


def inner_folds(patient: Ints, event: Bools, folds: int, seed: int) -> Ints:
    """Fold of each landmark; folds split by patient, with event patients spread evenly.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
    event : ndarray of bool, shape (n_landmarks,)
    folds : int
    seed : int

    Returns
    -------
    ndarray of int, shape (n_landmarks,)

    Examples
    --------
    >>> inner_folds(np.array([7, 7, 8, 9]), np.array([True, False, False, True]), 2, 0).tolist()
    [0, 0, 0, 1]
    """
    unique, code = np.unique(patient, return_inverse=True)
    has_event = np.zeros(len(unique), dtype=bool)
    np.logical_or.at(has_event, code, event)
    random = np.random.default_rng(seed)
    fold = np.empty(len(unique), dtype=np.intp)
    offset = 0
    for group in (True, False):
        chosen = random.permutation(np.flatnonzero(has_event == group))
        fold[chosen] = (np.arange(len(chosen)) + offset) % folds
        offset += len(chosen)
    return fold[code]
