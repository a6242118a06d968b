"""Another patient's labs of the same day: whole blocks of columns swapped between landmarks."""

from __future__ import annotations

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.days import landmark_days
from pipeline.model.stack import Ints

_LABS = ("analyte", "measurement", "composite_scores")


def same_day_donors(patient: Ints, day: Ints, seed: int) -> Ints:
    """Row of another patient of the same day for every landmark.

    The patients of a day are put in a random ring and each takes the labs of the next, so nobody
    keeps their own and every set of labs is used about as often as before. A day with one patient
    joins the day nearest before it (the first such day, the one after).

    Parameters
    ----------
    patient, day : ndarray of int, shape (n_landmarks,)

    Returns
    -------
    ndarray of int, shape (n_landmarks,)
        All rows stay their own where the cohort has one patient only.

    Examples
    --------
    >>> same_day_donors(np.array([0, 1, 0, 1]), np.array([1, 1, 2, 2]), seed=0).tolist()
    [1, 0, 3, 2]
    """
    random = np.random.default_rng(seed)
    donor = np.arange(len(patient))
    for rows in _pools(patient, day):
        people, code = np.unique(patient[rows], return_inverse=True)
        ring = random.permutation(len(people))
        giver = np.empty(len(people), dtype=np.intp)
        giver[ring] = np.roll(ring, -1)
        own = [rows[code == number] for number in range(len(people))]
        for taker, theirs in enumerate(own):
            offered = own[giver[taker]]
            donor[theirs] = offered[np.arange(len(theirs)) % len(offered)]
    return donor


def swap_labs(matrix: FeatureMatrix, donor: Ints) -> FeatureMatrix:
    """All columns made of labs from the donor rows; everything else unchanged."""
    labs = [number for number, meta in enumerate(matrix.metas) if meta.group in _LABS]
    values = matrix.values.copy()
    values[:, labs] = matrix.values[donor][:, labs]
    return FeatureMatrix(values, matrix.metas, matrix.landmarks)


def analyte_columns(matrix: FeatureMatrix) -> dict[str, list[int]]:
    """Columns of each analyte: every series of it, and how and when it was measured."""
    columns: dict[str, list[int]] = {}
    for number, meta in enumerate(matrix.metas):
        if meta.group in ("analyte", "measurement"):
            columns.setdefault(meta.analyte or meta.subject, []).append(number)
    return columns


def donors_of(matrix: FeatureMatrix, patient: Ints, seed: int) -> Ints:
    """Donor row of every landmark of a feature matrix.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``: one number per patient, whichever infusion a landmark follows, so that
        nobody is given their own labs of another infusion.
    """
    return same_day_donors(patient, landmark_days(matrix).astype(np.intp), seed)


def _pools(patient: Ints, day: Ints) -> list[Ints]:
    """Rows of each day, days of one patient joined to a neighbour."""
    pools: list[Ints] = []
    waiting: Ints = np.empty(0, dtype=np.intp)
    for value in np.unique(day):
        rows = np.concatenate([waiting, np.flatnonzero(day == value)])
        if len(np.unique(patient[rows])) > 1:
            pools.append(rows)
            waiting = np.empty(0, dtype=np.intp)
        elif pools:
            pools[-1] = np.concatenate([pools[-1], rows])
        else:
            waiting = rows
    return [*pools, waiting] if len(waiting) else pools
