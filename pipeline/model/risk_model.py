"""RiskModel: members and calibration of one scale, with and without clinical state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.clinical_comparators import ClinicalComparators
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.stacked_rows import query
from pipeline.model.variant import Variant

PRIOR_SILENT = "prior_silent"  # column of landmarks: code why the prior gives no estimate


def prior_available(matrix: FeatureMatrix) -> np.typing.NDArray[np.bool_]:
    """Whether the prior gives an estimate at each landmark.

    Parameters
    ----------
    matrix : FeatureMatrix
        Without the column ``prior_silent`` in ``landmarks``, all landmarks have an estimate.

    Returns
    -------
    ndarray of bool, shape (n_landmarks,)

    Examples
    --------
    >>> import pandas as pd
    >>> landmarks = pd.DataFrame({"patient": [0, 1], "hours": 24.0, "prior_silent": ["", "late"]})
    >>> prior_available(FeatureMatrix(np.empty((2, 0)), (), landmarks)).tolist()
    [True, False]
    """
    if PRIOR_SILENT not in matrix.landmarks:
        return np.ones(len(matrix.values), dtype=bool)
    return (matrix.landmarks[PRIOR_SILENT] == "").to_numpy()


@dataclass(frozen=True)
class RiskModel:
    """Risk of every threshold of one scale at any horizon within the fitted range.

    Attributes
    ----------
    reference : LinearMember
        ``grade_and_day``: the comparator reported with the model.
    no_state : Variant
        Labs, treatments, host and time only.
    state : Variant or None
        With the grades charted so far; None if the cohort has no grades.
    prior : RiskModel or None
        Another cohort's model, a member of both variants.
    alone : RiskModel or None
        The same members without the prior, calibrated separately; used where the prior gives no
        estimate.
    show_state : bool
        Whether the shown risk uses the grades where they are known.
    tuned : mapping
        Settings chosen on inner folds of the training patients, by name.
    comparators : ClinicalComparators
        Calibration of the comparators, and a plain regression.
    """

    scale: str
    thresholds: tuple[int, ...]
    horizons: tuple[float, ...]
    grade: str | None
    reference: LinearMember
    no_state: Variant
    state: Variant | None
    prior: RiskModel | None = None
    alone: RiskModel | None = None
    tuned: Mapping[str, float] = field(default_factory=dict)
    show_state: bool = True
    comparators: ClinicalComparators = field(default_factory=ClinicalComparators)

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of both variants."""
        state = self.state.columns if self.state is not None else ()
        return tuple(dict.fromkeys((*state, *self.no_state.columns)))

    def risk(
        self,
        matrix: FeatureMatrix,
        threshold: int,
        horizons: tuple[float, ...],
        *,
        use_state: bool | None = None,
    ) -> Floats:
        """Return the risk of a threshold, shape (n_landmarks, n_horizons).

        Landmarks with an unknown current grade use the variant without clinical state.
        ``use_state`` overrides ``show_state``.
        """
        result = np.empty((len(matrix.values), len(horizons)))
        for variant, rows in self.variants(matrix, use_state=use_state):
            part = matrix.take(rows)
            stacked = query(len(rows), horizons, threshold)
            result[rows] = variant.risk(part, stacked).reshape(len(rows), len(horizons))
        return result

    def interval(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...], level: float
    ) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of the risk interval, each (n_landmarks, n_horizons).

        The interval is normal on the log-odds scale. It is then widened so that its ends never
        fall with the horizon or rise with the threshold, over the fitted and the given horizons
        and the fitted thresholds, except those already charted.
        """
        steps = tuple(float(step) for step in np.unique([*self.horizons, *horizons]))
        columns = np.searchsorted(steps, horizons)
        place = self.thresholds.index(threshold)
        shape = (len(matrix.values), len(horizons))
        low, high = np.empty(shape), np.empty(shape)
        for variant, rows in self.variants(matrix):
            part = matrix.take(rows)
            lows, highs = _ends(variant, part, self.thresholds, steps, level)
            if self.grade is not None:
                charted = part.column(self.grade)[:, None] >= self.thresholds[:place]
                lows[:, :place][charted] = 1.0
            low[rows] = lows[:, : place + 1].min(axis=1)[:, columns]
            high[rows] = highs[:, place:].max(axis=1)[:, columns]
        return low, high

    def member_range(
        self, matrix: FeatureMatrix, threshold: int, horizon: float
    ) -> tuple[Floats, Floats]:
        """Return the lowest and highest calibrated risk of the members at each landmark.

        Members of the same name count once, by the mean of their log-odds.
        """
        low, high = np.empty(len(matrix.values)), np.empty(len(matrix.values))
        for variant, rows in self.variants(matrix):
            risks = variant.member_risks(matrix.take(rows), query(len(rows), (horizon,), threshold))
            low[rows], high[rows] = risks.min(axis=1), risks.max(axis=1)
        return low, high

    def reference_risk(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
    ) -> Floats:
        """Return the calibrated risk by grade and day only, shape (n_landmarks, n_horizons)."""
        rows = query(len(matrix.values), horizons, threshold)
        log_odds = self.comparators.log_odds(self.reference, matrix, rows)
        return sigmoid(log_odds).reshape(-1, len(horizons))

    def state_known(self, matrix: FeatureMatrix) -> np.typing.NDArray[np.bool_]:
        """Return whether the current grade is known, so that the state variant applies."""
        if self.state is None or self.grade is None:
            return np.zeros(len(matrix.values), dtype=bool)
        return ~np.isnan(matrix.column(self.grade))

    def state_used(self, matrix: FeatureMatrix) -> np.typing.NDArray[np.bool_]:
        """Return whether the shown risk uses the clinical state."""
        return self.state_known(matrix) & self.show_state

    @property
    def shown(self) -> Variant:
        """Variant of the shown risk where the grade is known."""
        return self.variant_of(self.show_state)

    def variant_of(self, known: bool) -> Variant:
        """Return the variant for a known or unknown grade."""
        return self.state if known and self.state is not None else self.no_state

    def variants(
        self, matrix: FeatureMatrix, *, use_state: bool | None = None
    ) -> Iterator[tuple[Variant, Ints]]:
        """Iterate over the variants in use, each with its landmarks."""
        wanted = self.show_state if use_state is None else use_state
        known, available = self.state_known(matrix) & wanted, prior_available(matrix)
        for with_prior in (True, False):
            model = self if with_prior or self.alone is None else self.alone
            for flag in (True, False):
                rows = np.flatnonzero((known == flag) & (available == with_prior))
                if len(rows):
                    yield model.variant_of(flag), rows


def _ends(
    variant: Variant,
    matrix: FeatureMatrix,
    thresholds: tuple[int, ...],
    horizons: tuple[float, ...],
    level: float,
) -> tuple[Floats, Floats]:
    """Ends of the interval by landmark, threshold and horizon, monotone in the horizon."""
    shape = (len(matrix.values), len(horizons))
    parts = []
    for threshold in thresholds:
        centre, error = variant.spread(matrix, query(shape[0], horizons, threshold))
        reach = NormalDist().inv_cdf(0.5 + level / 2.0) * error
        low, high = (sigmoid(end).reshape(shape) for end in (centre - reach, centre + reach))
        low = np.minimum.accumulate(low[:, ::-1], axis=1)[:, ::-1]
        parts.append((low, np.maximum.accumulate(high, axis=1)))
    return np.stack([low for low, _ in parts], axis=1), np.stack(
        [high for _, high in parts], axis=1
    )
