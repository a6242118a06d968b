"""Variant: members whose log-odds are averaged, their calibration and its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.arrays import Floats
from pipeline.config_model import PRIOR
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.booster import BoosterMember
from pipeline.model.calibration import Calibration
from pipeline.model.custom_member import CustomMember
from pipeline.model.horizon_order import between, needed, rising
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.stacked_rows import StackedRows, horizon_steps

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
        Local recalibration of the calibrated log-odds (:mod:`pipeline.train.recalibrated_bundle`).
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

    def weighted(self, rows: StackedRows) -> Iterator[tuple[Member, Floats]]:
        """Iterate over all members, the prior's included, with their factor in each row."""
        slopes = self.calibration.slopes(rows)
        if self.update is not None:
            slopes = slopes * self.update.slopes(rows)
        for member, share in zip(self.members, self.shares, strict=False):
            yield member, slopes * share
        if self.prior is not None:
            for member, factor in self.prior.weighted(rows):
                yield member, slopes * self.shares[-1] * factor

    @property
    def by_horizon(self) -> bool:
        """Whether slopes differ between horizons, so that log-odds are put in their order."""
        calibrations = (self.calibration, *([self.update] if self.update else []))
        return any(item.by_horizon for item in calibrations) or (
            self.prior is not None and self.prior.by_horizon
        )

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
        parts += [] if self.prior is None else [self.prior.unordered(matrix, rows)]
        return np.stack(parts, axis=1)

    def member_risks(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the risk by each member name alone, calibrated as their mean is.

        Returns
        -------
        ndarray, shape (n_rows, n_names)
        """
        parts, names = self.parts(matrix, rows), np.array(self.names)
        means = [parts[:, names == name].mean(axis=1) for name in dict.fromkeys(self.names)]
        return sigmoid(np.stack([self._calibrated(each, rows, 0) for each in means], axis=1))

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the displayed log-odds of each stacked row.

        Where slopes differ between horizons, they are raised to those of shorter fitted horizons
        and interpolated between fitted horizons, so they never fall with the horizon.
        """
        if not self.by_horizon or len(rows.horizon) == 0:
            return self.unordered(matrix, rows)
        fitted = self.calibration.knots
        steps = needed((float(rows.horizon.max()),), fitted)
        grades, grade = np.unique(rows.threshold, return_inverse=True)
        pair, first, index = np.unique(
            rows.landmark * len(grades) + grade, return_index=True, return_inverse=True
        )
        blank = np.full(len(pair) * len(steps), np.nan)
        every = StackedRows(
            np.repeat(rows.landmark[first], len(steps)),
            np.tile(steps, len(pair)),
            np.repeat(rows.threshold[first], len(steps)),
            blank,
            blank,
        )
        ordered = rising(self.unordered(matrix, every).reshape(-1, len(steps)))
        place = between(rows.horizon, steps)
        low, high = ordered[index, place.lower], ordered[index, place.upper]
        return np.asarray((1.0 - place.weight) * low + place.weight * high)

    def unordered(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the calibrated log-odds of each row, not compared with other horizons."""
        return self._calibrated(self.blend(matrix, rows), rows, 0)

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
        centre = self.log_odds(matrix, rows)
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
            refits = of_prior.shape[1] - 1
            draws.append(of_prior[:, [_turn(refits, draw) for draw in range(count + 1)]])
        return draws

    def _calibrated_draws(self, drawn: Floats, rows: StackedRows) -> Floats:
        """Calibrate the fit and each draw; draw i by the calibration of the same patients."""
        columns = [self._calibrated(drawn[:, draw], rows, draw) for draw in range(drawn.shape[1])]
        return np.stack(columns, axis=1)

    def _calibrated(self, blend: Floats, rows: StackedRows, draw: int) -> Floats:
        """Calibrate by the fit (0) or a draw, then by the local update."""
        own = (self.calibration, *self.redrawn)
        blend = own[_turn(len(self.redrawn), draw)].log_odds(blend, rows)
        if self.update is None:
            return blend
        updates = (self.update, *self.update_redrawn)
        return updates[_turn(len(self.update_redrawn), draw)].log_odds(blend, rows)


def _turn(available: int, draw: int) -> int:
    """Position of the fit (draw 0) or of the refit of a draw; refits are used cyclically."""
    return 1 + (draw - 1) % available if draw and available else 0
