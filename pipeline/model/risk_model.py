"""RiskModel: members and calibration of one scale, with and without clinical state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.config_model import PRIOR
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.booster import BoosterMember
from pipeline.model.calibration import Calibration, RowCalibration, at_rows
from pipeline.model.custom_member import CustomMember
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.stacked_rows import StackedRows, horizon_steps, query

PRIOR_SILENT = "prior_silent"  # column of landmarks: code why the prior gives no estimate
_MOST_LANDMARKS = 2000
Member = LinearMember | BoosterMember | CustomMember


@dataclass(frozen=True)
class Variant:
    """Members whose log-odds are averaged, and the calibration of their mean.

    Attributes
    ----------
    weights : mapping
        Weight of a member by name, 1 by default. Members of the same name have the same weight.
    prior : Variant or None
        Another cohort's model; its calibrated log-odds are an additional member.
    update : Calibration or None
        Local recalibration of the calibrated log-odds (:mod:`pipeline.train.recalibrate`).
    update_redrawn : tuple of Calibration
        The same, refitted on bootstrap samples of the local patients.
    mean_variance : ndarray, shape (n_thresholds, n_horizons), or None
        Mean of :meth:`variance` over training landmarks; None in bundles of earlier versions.
    """

    linear: tuple[LinearMember, ...]
    boosters: tuple[BoosterMember, ...]
    calibration: Calibration
    redrawn: tuple[Calibration, ...] = ()
    custom: tuple[CustomMember, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    prior: Variant | None = None
    update: Calibration | None = None
    update_redrawn: tuple[Calibration, ...] = ()
    mean_variance: Floats | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """Members fitted on the cohort: linear ones, boosters, custom ones."""
        return (*self.linear, *self.boosters, *self.custom)

    @property
    def names(self) -> list[str]:
        """Name of each member, the prior last."""
        return [*(member.name for member in self.members), *([PRIOR] if self.prior else [])]

    @property
    def shares(self) -> Floats:
        """Share of each member in the mean, the prior last; sums to 1."""
        weight = np.array([self.weights.get(name, 1.0) for name in self.names])
        return np.asarray(weight / weight.sum())

    def calibrated(self, blend: Floats, rows: StackedRows) -> Floats:
        """Return the displayed log-odds of each row, from its blended log-odds."""
        for calibration in self.calibrations(rows):
            blend = calibration(blend)
        return blend

    def calibrations(self, rows: StackedRows) -> tuple[RowCalibration, ...]:
        """Return the calibration of each row and, after a recalibration, the local update."""
        own = self.calibration.at(rows)
        return (own,) if self.update is None else (own, self.update.at(rows))

    @property
    def columns(self) -> tuple[str, ...]:
        """Features of all members."""
        names = [name.rstrip("?") for member in self.linear for name in member.design.columns]
        names += [name for member in self.boosters for name in member.columns]
        names += [name for member in self.custom for name in member.columns]
        names += [] if self.prior is None else self.prior.columns
        return tuple(dict.fromkeys(names))

    @property
    def n_draws(self) -> int:
        """Number of bootstrap draws of an interval."""
        refits = [len(member.coefficients) - 1 for member in self.linear]
        refits += [len(member.redrawn) for member in self.boosters]
        return max([len(self.redrawn), *refits])

    def blend(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the weighted mean of the members' log-odds."""
        return np.asarray((self.parts(matrix, rows) * self.shares).sum(axis=1))

    def parts(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the log-odds of each member, the prior last, shape (n_rows, n_members)."""
        parts = [member.log_odds(matrix, rows) for member in self.members]
        parts += [] if self.prior is None else [self.prior.log_odds(matrix, rows)]
        return np.stack(parts, axis=1)

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the calibrated log-odds of each stacked row."""
        return self.calibrated(self.blend(matrix, rows), rows)

    def risk(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the calibrated probability of each stacked row."""
        return sigmoid(self.log_odds(matrix, rows))

    def all_log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return calibrated log-odds of the fit, then of each draw, (n_rows, 1 + n_draws)."""
        drawn = np.tensordot(self.shares, np.stack(self._draws(matrix, rows)), axes=1)
        return self._calibrated_draws(drawn, rows)

    def spread(self, matrix: FeatureMatrix, rows: StackedRows) -> tuple[Floats, Floats]:
        """Return the calibrated log-odds of each row and their standard error.

        The squared error is half the row's own variance and half the mean variance of its
        threshold and horizon: the variance of a single landmark is estimated too poorly to tell
        certain from uncertain landmarks (docs/evidence.md).
        """
        centre, variance = self.variance(matrix, rows)
        if self.mean_variance is not None:
            at = np.searchsorted(self.calibration.thresholds, rows.threshold)
            mean = self.mean_variance[at]
            rise = horizon_steps(rows.horizon, self.calibration.knots)
            pooled = mean[:, 0] + (rise * np.diff(mean, axis=1)).sum(axis=1)
            variance = (variance + pooled) / 2.0
        return centre, np.sqrt(variance)

    def variance(self, matrix: FeatureMatrix, rows: StackedRows) -> tuple[Floats, Floats]:
        """Return the calibrated log-odds of each row and their variance.

        The variance is that of a new member, with the m members as a sample of possible models:
        the mean variance of a member over its bootstrap refits plus (m + 1) / (m - 1) times the
        variance between members. The second term covers the uncertainty from shrinkage and from
        the form of the model (model averaging: Buckland et al., 10.2307/2533961).
        """
        blends = self._draws(matrix, rows)
        centre = self.calibrated(self.shares @ np.stack([each[:, 0] for each in blends]), rows)
        drawn = [self._calibrated_draws(each, rows) for each in blends]
        fits = np.stack([each[:, 0] for each in drawn])
        variance = np.zeros(len(centre))
        if self.n_draws > 1:
            variance += self.shares @ np.stack([each[:, 1:].var(axis=1, ddof=1) for each in drawn])
        if len(fits) > 1:
            another = (len(fits) + 1) / (len(fits) - 1)
            variance += another * (self.shares @ (fits - self.shares @ fits) ** 2)
        return centre, variance

    def with_mean_variance(self, matrix: FeatureMatrix, rows: StackedRows) -> Variant:
        """Return the variant with the mean variance over the given rows.

        Parameters
        ----------
        matrix : FeatureMatrix
        rows : StackedRows
            Of every threshold and horizon of the calibration; at most 2,000 landmarks are used.
        """
        landmarks = np.unique(rows.landmark)
        used = np.zeros(len(matrix.values), dtype=bool)
        used[landmarks[:: -(-len(landmarks) // _MOST_LANDMARKS)]] = True
        part = rows.of(used)
        variance = self.variance(matrix, part)[1]
        threshold = np.searchsorted(self.calibration.thresholds, part.threshold)
        horizon = np.searchsorted(self.calibration.knots, part.horizon)
        shape = (len(self.calibration.thresholds), len(self.calibration.knots))
        total, count = np.zeros(shape), np.zeros(shape)
        np.add.at(total, (threshold, horizon), variance)
        np.add.at(count, (threshold, horizon), 1.0)
        overall = variance.mean() if len(variance) else 0.0
        mean = np.divide(total, count, out=np.full(shape, overall), where=count > 0)
        return replace(self, mean_variance=mean)

    def _draws(self, matrix: FeatureMatrix, rows: StackedRows) -> list[Floats]:
        """Log-odds of each member: fit, then each draw, (n_rows, 1 + n_draws).

        Custom members have no draws and keep their fit; the draws of a prior are used cyclically.
        """
        count = self.n_draws
        draws = [member.all_log_odds(matrix, rows, slice(count + 1)) for member in self.linear]
        draws += [member.all_log_odds(matrix, rows, count) for member in self.boosters]
        own = (member.log_odds(matrix, rows)[:, None] for member in self.custom)
        draws += [np.repeat(each, count + 1, axis=1) for each in own]
        if self.prior is not None:
            of_prior = self.prior.all_log_odds(matrix, rows)
            draws.append(of_prior[:, _turns(of_prior.shape[1] - 1, count)])
        return draws

    def _calibrated_draws(self, drawn: Floats, rows: StackedRows) -> Floats:
        """Calibrate the fit and each draw; draw i by the calibration of the same patients."""
        count = drawn.shape[1] - 1
        turns = _turns(len(self.redrawn), count)
        drawn = at_rows([(self.calibration, *self.redrawn)[turn] for turn in turns], rows)(drawn)
        if self.update is None:
            return drawn
        turns = _turns(len(self.update_redrawn), count)
        return at_rows([(self.update, *self.update_redrawn)[turn] for turn in turns], rows)(drawn)


def _turns(available: int, draws: int) -> list[int]:
    """Position of the fit, then of each draw; refits are used cyclically, or else the fit."""
    return [0, *(1 + draw % available if available else 0 for draw in range(draws))]


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

    def reference_risk(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
    ) -> Floats:
        """Return the risk by grade and day only, shape (n_landmarks, n_horizons)."""
        rows = query(len(matrix.values), horizons, threshold)
        log_odds = self.reference.log_odds(matrix, rows)
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
