"""Stacked rows: landmark x horizon x threshold, with labels, weights and monotone bases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints

CENSORED, EVENT, COMPETING = 0, 1, 2
_SAME_HOURS = 1e-6


@dataclass(frozen=True)
class Targets:
    """What happened after each landmark, for every threshold of one scale.

    Attributes
    ----------
    thresholds : tuple of int
        Rising grades.
    time : ndarray, shape (n_landmarks, n_thresholds)
        Hours from the landmark to the event, the competing event or the end of follow-up.
    status : ndarray of int, same shape
        0 censored, 1 event, 2 competing event.
    at_risk : ndarray of bool, same shape
        Whether the threshold had not been charted before the landmark.
    weight : ndarray, shape (n_landmarks,)
        1 / landmarks of the same patient and day.
    patient : ndarray of int, shape (n_landmarks,)
        Row number of the patient's first episode in the cohort: what is grouped, split and drawn.
    hours : ndarray, shape (n_landmarks,)
        Time zero to the landmark.
    episode : ndarray of int, shape (n_landmarks,)
        Row number in the cohort; differs from ``patient`` after a later infusion only.
    reach : ndarray, shape (n_landmarks, n_thresholds)
        Longest horizon to which enough patients are followed from the landmark.
    """

    thresholds: tuple[int, ...]
    time: Floats
    status: NDArray[np.int8]
    at_risk: NDArray[np.bool_]
    weight: Floats
    patient: Ints
    hours: Floats
    reach: Floats
    episode: Ints

    def take(self, rows: Ints) -> Targets:
        """Targets of the given landmarks."""
        return Targets(
            self.thresholds,
            self.time[rows],
            self.status[rows],
            self.at_risk[rows],
            self.weight[rows],
            self.patient[rows],
            self.hours[rows],
            self.reach[rows],
            self.episode[rows],
        )

    def label(self, threshold: int, horizon: float) -> Floats:
        """1 event within the horizon, 0 none, NaN not at risk or not followed long enough.

        NaN as well where the horizon lies beyond ``reach``: near the end of follow-up only events
        would be known, and every landmark there would seem to precede one.
        """
        column = self.thresholds.index(threshold)
        time, status = self.time[:, column], self.status[:, column]
        within = time <= horizon
        label = np.where(within & (status == EVENT), 1.0, 0.0)
        unknown = ~self.at_risk[:, column] | (self.reach[:, column] < horizon - _SAME_HOURS)
        unknown |= (status == CENSORED) & (time < horizon - _SAME_HOURS)
        return np.where(unknown, np.nan, label)

    def followed(self, threshold: int) -> FollowUp:
        """How long the patients at risk of a threshold are followed, each counted once."""
        column = self.thresholds.index(threshold)
        rows = np.flatnonzero(self.at_risk[:, column])
        rows = rows[np.unique(self.patient[rows], return_index=True)[1]]
        end = self.hours[rows] + self.time[rows, column]
        return FollowUp.fit(end, self.status[rows, column])


@dataclass(frozen=True)
class FollowUp:
    """Kaplan-Meier curve of being followed, on the clock that starts at time zero.

    Attributes
    ----------
    moments : ndarray
        Hours at which follow-up of somebody ended, rising.
    share : ndarray
        Share still followed before the first moment, after it, after the second, ...
    """

    moments: Floats
    share: Floats

    @classmethod
    def fit(cls, end: Floats, status: NDArray[np.int8]) -> FollowUp:
        """Curve of patients whose time ended at ``end`` with ``status``; events precede losses.

        Examples
        --------
        >>> FollowUp.fit(np.array([5.0, 9.0]), np.array([0, 1], dtype=np.int8)).share
        array([1. , 0.5])
        """
        moments, lost = np.unique(end[status == CENSORED], return_counts=True)
        over = np.sort(end[status != CENSORED])
        left = np.sort(end[status == CENSORED])
        exposed = len(over) - np.searchsorted(over, moments, side="right")
        exposed += len(left) - np.searchsorted(left, moments, side="left")
        return cls(moments, np.concatenate([[1.0], np.cumprod(1.0 - lost / exposed)]))

    def before(self, hours: Floats) -> Floats:
        """Share still followed just before each hour."""
        return np.asarray(self.share[np.searchsorted(self.moments, hours - _SAME_HOURS)])

    def reach(self, landmark: Floats, floor: float) -> Floats:
        """Longest horizon from each landmark to which at least ``floor`` of the patients stay."""
        enough = np.searchsorted(-self.share, -floor * self.before(landmark), side="right")
        ends = np.concatenate([self.moments, [np.inf]])
        return np.asarray(ends[enough - 1] - landmark)


@dataclass(frozen=True)
class StackedRows:
    """One row per landmark, horizon and threshold.

    Attributes
    ----------
    landmark : ndarray of int
        Row of the feature matrix.
    horizon, threshold, label, weight : ndarray
    """

    landmark: Ints
    horizon: Floats
    threshold: Floats
    label: Floats
    weight: Floats

    def of(self, landmarks: NDArray[np.bool_]) -> StackedRows:
        """Rows of the chosen landmarks."""
        return self.where(landmarks[self.landmark])

    def where(self, kept: NDArray[np.bool_]) -> StackedRows:
        """Return the chosen rows."""
        return StackedRows(
            self.landmark[kept],
            self.horizon[kept],
            self.threshold[kept],
            self.label[kept],
            self.weight[kept],
        )


def stack(
    targets: Targets,
    horizons: tuple[float, ...],
    *,
    reported: tuple[int, ...],
    other_weight: float,
    ipcw_floor: float,
    weights: Mapping[int, float] | None = None,
) -> StackedRows:
    """Stack labelled rows of every threshold and horizon.

    Rows lost to follow-up before the horizon are left out; the others carry the inverse
    probability of being followed from the landmark on (Kaplan-Meier of the patients of these
    targets), truncated at ``1 / ipcw_floor``. Thresholds that are not reported weigh
    ``other_weight``, unless ``weights`` states the weight of a threshold.
    """
    parts = []
    for column, threshold in enumerate(targets.thresholds):
        share = 1.0 if threshold in reported else other_weight
        share = (weights or {}).get(threshold, share)
        if share == 0.0:
            continue
        follow_up = targets.followed(threshold)
        for horizon in horizons:
            label = targets.label(threshold, horizon)
            rows = np.flatnonzero(~np.isnan(label))
            followed = censoring_weight(
                follow_up,
                targets.hours[rows],
                np.minimum(targets.time[rows, column], horizon),
                ipcw_floor,
            )
            parts.append(
                (
                    rows,
                    np.full(len(rows), float(horizon)),
                    np.full(len(rows), float(threshold)),
                    label[rows],
                    targets.weight[rows] * share * followed,
                )
            )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return StackedRows(columns[0].astype(np.intp), *columns[1:])


def query(n_landmarks: int, horizons: tuple[float, ...], threshold: int) -> StackedRows:
    """Unlabelled rows asking every landmark for one threshold at each horizon, horizon fastest."""
    count = len(horizons)
    landmark = np.repeat(np.arange(n_landmarks), count)
    blank = np.full(n_landmarks * count, np.nan)
    return StackedRows(
        landmark,
        np.tile(np.asarray(horizons, dtype=float), n_landmarks),
        np.full(n_landmarks * count, float(threshold)),
        blank,
        blank,
    )


def censoring_weight(follow_up: FollowUp, landmark: Floats, time: Floats, floor: float) -> Floats:
    """1 / P(still followed just before ``landmark + time``, given so at the landmark).

    Truncated at ``1 / floor``.

    Examples
    --------
    >>> follow_up = FollowUp.fit(np.array([5.0, 9.0]), np.array([0, 1], dtype=np.int8))
    >>> censoring_weight(follow_up, np.array([2.0, 6.0]), np.array([7.0, 3.0]), 0.1)
    array([2., 1.])
    """
    kept = follow_up.before(landmark + time) / follow_up.before(landmark)
    return np.asarray(1.0 / np.maximum(kept, floor))


def horizon_steps(horizon: Floats, knots: tuple[float, ...]) -> Floats:
    """Piecewise-linear rise in log horizon, one column per interval between knots.

    Each column goes from 0 to 1 over its interval; with non-negative coefficients any
    combination rises with the horizon.

    Examples
    --------
    >>> horizon_steps(np.array([24.0, 48.0, 168.0]), (24.0, 48.0, 168.0))
    array([[0., 0.],
           [1., 0.],
           [1., 1.]])
    """
    logs = np.log(np.asarray(knots, dtype=float))
    position = np.log(horizon)[:, None]
    if len(logs) < 2:
        return np.zeros((len(horizon), 0))
    return np.asarray(np.clip((position - logs[:-1]) / np.diff(logs), 0.0, 1.0))


def threshold_steps(threshold: Floats, thresholds: tuple[int, ...]) -> Floats:
    """One column per threshold after the first: 1 where the row asks for it or a higher one."""
    later = np.asarray(thresholds[1:], dtype=float)
    return (threshold[:, None] >= later).astype(float)


def cross(basis: Floats, contexts: Floats) -> Floats:
    """All products of basis and context columns; contexts are non-negative.

    Bounds on the coefficients of the products then bound the slope in every context.
    """
    return (basis[:, :, None] * contexts[:, None, :]).reshape(len(basis), -1)
