"""Inner fits that the folds of a cross-validation share.

A fold is scored by a model of the other folds, which is weighted and calibrated on members fitted
without one of those folds too. The members fitted without folds 1 and 2 serve both the model that
scores fold 1 and the one that scores fold 2, so k folds need k (k - 1) / 2 inner fits and not
k (k - 1). No patient of a scored fold is used for its model, its weights or its calibration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pipeline.arrays import Ints
from pipeline.evaluate.splits import Split
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_uncalibrated
from pipeline.model.inner_fits import InnerFits
from pipeline.model.parallel import side_by_side
from pipeline.model.stacked_rows import Targets
from pipeline.model.variant import Variant

LEAST_FOLDS = 4  # with fewer, inner fits would have less than half of the patients


@dataclass(frozen=True)
class SharedInnerFits:
    """Members of one repeat, by the two folds they are fitted without.

    Attributes
    ----------
    fold : ndarray of int, shape (n_landmarks,)
    pairs : mapping
    """

    fold: Ints
    pairs: Mapping[frozenset[int], Mapping[bool, Variant]]

    def of(self, split: Split) -> InnerFits:
        """Return the inner fits of the model that scores a fold."""
        fold = self.fold[split.train]
        others = [number for number in np.unique(fold).tolist() if number != split.fold]
        return InnerFits(
            tuple(fold == number for number in others),
            tuple(self.pairs[frozenset((split.fold, number))] for number in others),
        )


def can_share(splits: Sequence[Split], plan: FitPlan, n_landmarks: int) -> bool:
    """Whether the splits of one repeat can share inner fits.

    They must be at least four, cover every landmark once, and use the same settings, which tuning
    does not.
    """
    tested = np.concatenate([split.test for split in splits]) if splits else np.array([], int)
    whole = len(tested) == n_landmarks and len(np.unique(tested)) == n_landmarks
    return whole and len(splits) >= LEAST_FOLDS and plan.config.tune.trials == 0


def steps_of(folds: int) -> int:
    """Number of fits that a repeat of so many folds reports as progress, without tuning.

    Parameters
    ----------
    folds : int

    Returns
    -------
    int

    Examples
    --------
    >>> steps_of(3), steps_of(5)
    (3, 15)
    """
    return folds if folds < LEAST_FOLDS else folds * (folds + 1) // 2


def pairs_of(splits: Sequence[Split]) -> list[frozenset[int]]:
    """Return every two folds of one repeat.

    Examples
    --------
    >>> none = np.array([], dtype=int)
    >>> [sorted(pair) for pair in pairs_of([Split(0, fold, none, none) for fold in range(3)])]
    [[0, 1], [0, 2], [1, 2]]
    """
    return [frozenset(pair) for pair in combinations([split.fold for split in splits], 2)]


def fit_pairs(
    matrix: FeatureMatrix, targets: Targets, plan: FitPlan, splits: Sequence[Split]
) -> Iterator[tuple[frozenset[int], Mapping[bool, Variant]]]:
    """Fit members without every two folds of one repeat.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
    plan : FitPlan
        ``jobs`` fits run at the same time.
    splits : sequence of Split
        Of one repeat.

    Yields
    ------
    tuple
        The two folds, and the members by whether the clinical state is used.
    """
    fold = fold_of_landmarks(splits, len(matrix.values))

    def fit(pair: frozenset[int]) -> tuple[frozenset[int], Mapping[bool, Variant]]:
        rows = np.flatnonzero(~np.isin(fold, list(pair)))
        return pair, fit_uncalibrated(matrix.take(rows), targets.take(rows), plan)

    yield from side_by_side(fit, pairs_of(splits), plan.jobs)


def fold_of_landmarks(splits: Sequence[Split], n_landmarks: int) -> Ints:
    """Return the fold in which each landmark is scored, shape (n_landmarks,)."""
    fold = np.full(n_landmarks, -1, dtype=np.intp)
    for split in splits:
        fold[split.test] = split.fold
    return fold
