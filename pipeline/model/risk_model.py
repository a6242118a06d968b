"""RiskModel: members and calibration for one scale, with and without clinical state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.booster import BoosterMember
from pipeline.model.calibration import Calibration
from pipeline.model.custom import CustomMember
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.stack import Floats, Ints, StackedRows, query


@dataclass(frozen=True)
class Variant:
    """Members whose log-odds are averaged, and the calibration of their mean.

    Attributes
    ----------
    weights : mapping
        Weight of a member by name; 1 where not stated.
    """

    linear: tuple[LinearMember, ...]
    boosters: tuple[BoosterMember, ...]
    calibration: Calibration
    redrawn: tuple[Calibration, ...] = ()
    custom: tuple[CustomMember, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> Floats:
        """Share of each member in the mean: linear ones, boosters, custom ones; sums to 1."""
        names = [member.name for member in self.linear]
        names += [member.name for member in self.boosters]
        names += [member.name for member in self.custom]
        weight = np.array([self.weights.get(name, 1.0) for name in names])
        return np.asarray(weight / weight.sum())

    @property
    def columns(self) -> tuple[str, ...]:
        """Features that any member reads."""
        names = [name.rstrip("?") for member in self.linear for name in member.design.columns]
        names += [name for member in self.boosters for name in member.columns]
        names += [name for member in self.custom for name in member.columns]
        return tuple(dict.fromkeys(names))

    @property
    def n_draws(self) -> int:
        """Bootstrap draws behind an interval."""
        refits = [len(member.coefficients) - 1 for member in self.linear]
        refits += [len(member.redrawn) for member in self.boosters]
        return max([len(self.redrawn), *refits])

    def blend(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Weighted mean of the members' log-odds."""
        parts = [member.log_odds(matrix, rows) for member in self.linear]
        parts += [member.log_odds(matrix, rows) for member in self.boosters]
        parts += [member.log_odds(matrix, rows) for member in self.custom]
        return np.asarray(self.shares @ np.stack(parts))

    def risk(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Calibrated probability of each stacked row."""
        return sigmoid(self.calibration.log_odds(self.blend(matrix, rows), rows))

    def interval(
        self, matrix: FeatureMatrix, rows: StackedRows, level: float
    ) -> tuple[Floats, Floats]:
        """Central interval over the bootstrap refits of the members and the calibration.

        ``redrawn`` holds one calibration per draw, fitted on the same patients. Custom members
        are held at their fit.
        """
        count = self.n_draws
        draws = [member.all_log_odds(matrix, rows, slice(count + 1)) for member in self.linear]
        draws += [member.all_log_odds(matrix, rows, count) for member in self.boosters]
        draws += [member.log_odds(matrix, rows)[:, None] for member in self.custom]
        blend = np.zeros((len(rows.landmark), count + 1))
        for share, drawn in zip(self.shares, draws, strict=True):
            blend += share * drawn
        log_odds = self.calibration.log_odds(blend, rows)
        for draw, calibration in enumerate(self.redrawn, start=1):
            log_odds[:, draw] = calibration.log_odds(blend[:, draw], rows)
        tail = (1.0 - level) / 2.0
        spread = log_odds[:, 1:] if log_odds.shape[1] > 1 else log_odds
        low, high = np.quantile(spread, [tail, 1.0 - tail], axis=1)
        return sigmoid(np.minimum(low, log_odds[:, 0])), sigmoid(np.maximum(high, log_odds[:, 0]))


@dataclass(frozen=True)
class RiskModel:
    """Risk of every threshold of one scale at any horizon within the fitted range.

    Attributes
    ----------
    reference : LinearMember
        ``grade_and_day``: the built-in bar, reported beside the model.
    no_state : Variant
        Labs, treatments, host and time only.
    state : Variant or None
        With the grades charted so far; None where the cohort does not grade.
    """

    scale: str
    thresholds: tuple[int, ...]
    horizons: tuple[float, ...]
    grade: str | None
    reference: LinearMember
    no_state: Variant
    state: Variant | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Features that either variant reads."""
        state = self.state.columns if self.state is not None else ()
        return tuple(dict.fromkeys((*state, *self.no_state.columns)))

    def risk(
        self,
        matrix: FeatureMatrix,
        threshold: int,
        horizons: tuple[float, ...],
        *,
        use_state: bool = True,
    ) -> Floats:
        """Risk, shape (n_landmarks, n_horizons).

        Landmarks whose current grade is unknown use the variant without clinical state.
        """
        result = np.empty((len(matrix.values), len(horizons)))
        for variant, rows in self._by_variant(matrix, use_state):
            part = matrix.take(rows)
            asked = query(len(rows), horizons, threshold)
            result[rows] = variant.risk(part, asked).reshape(len(rows), len(horizons))
        return result

    def interval(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...], level: float
    ) -> tuple[Floats, Floats]:
        """Lower and upper ends of the risk interval, each (n_landmarks, n_horizons)."""
        shape = (len(matrix.values), len(horizons))
        low, high = np.empty(shape), np.empty(shape)
        for variant, rows in self._by_variant(matrix, True):
            part = matrix.take(rows)
            asked = query(len(rows), horizons, threshold)
            ends = variant.interval(part, asked, level)
            low[rows] = ends[0].reshape(len(rows), -1)
            high[rows] = ends[1].reshape(len(rows), -1)
        return low, high

    def reference_risk(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
    ) -> Floats:
        """Risk by grade and day alone, shape (n_landmarks, n_horizons)."""
        asked = query(len(matrix.values), horizons, threshold)
        log_odds = self.reference.log_odds(matrix, asked)
        return sigmoid(log_odds).reshape(-1, len(horizons))

    def state_known(self, matrix: FeatureMatrix) -> np.typing.NDArray[np.bool_]:
        """Whether the current grade is known, so that the state variant applies."""
        if self.state is None or self.grade is None:
            return np.zeros(len(matrix.values), dtype=bool)
        return ~np.isnan(matrix.column(self.grade))

    def variant_of(self, known: bool) -> Variant:
        """Variant used where the grade is known or not."""
        return self.state if known and self.state is not None else self.no_state

    def _by_variant(self, matrix: FeatureMatrix, use_state: bool) -> Iterator[tuple[Variant, Ints]]:
        known = self.state_known(matrix) & use_state
        for flag in (True, False):
            rows = np.flatnonzero(known == flag)
            if len(rows):
                yield self.variant_of(flag), rows
