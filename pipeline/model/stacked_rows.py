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
    """First event after each landmark, for every threshold of one scale.

    Attributes
    ----------
    thresholds : tuple of int
        Ascending grades.
    time : ndarray, shape (n_landmarks, n_thresholds)
        Hours from the landmark to the event, the competing event or the end of follow-up.
    status : ndarray of int, same shape
        0 censored, 1 event, 2 competing event.
    at_risk : ndarray of bool, same shape
        Whether the threshold had not been charted before the landmark.
    weight : ndarray, shape (n_landmarks,)
        1 / landmarks of the same patient and day.
    patient : ndarray of int, shape (n_landmarks,)
        Row number of the patient's first episode in the cohort; the unit of splits and draws.
    hours : ndarray, shape (n_landmarks,)
        Hours from time zero to the landmark.
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
        """Return the targets of the given landmarks."""
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
        """Return 1 for an event within the horizon, 0 for none, NaN if unknown.

        Unknown means not at risk, not followed long enough, or a horizon beyond ``reach``: near the
        end of follow-up, only events are known, so labels there would be biased towards 1.
        """
        column = self.thresholds.index(threshold)
        time, status = self.time[:, column], self.status[:, column]
        within = time <= horizon
        label = np.where(within & (status == EVENT), 1.0, 0.0)
        unknown = ~self.at_risk[:, column] | (self.reach[:, column] < horizon - _SAME_HOURS)
        unknown |= (status == CENSORED) & (time < horizon - _SAME_HOURS)
        return np.where(unknown, np.nan, label)

    def followed(self, threshold: int) -> FollowUp:
        """Return the follow-up of the episodes at risk of a threshold, each counted once."""
        column = self.thresholds.index(threshold)
        rows = np.flatnonzero(self.at_risk[:, column])
        time, status = self.time[rows, column], self.status[rows, column]
        return FollowUp.of_landmarks(self.episode[rows], self.hours[rows], time, status)


@dataclass(frozen=True)
class FollowUp:
    """Kaplan-Meier curve of follow-up, in hours since time zero.

    Attributes
    ----------
    moments : ndarray
        Hours at which follow-up of a patient ended, ascending.
    share : ndarray
        Share still followed before the first moment, after the first, after the second, ...
    """

    moments: Floats
    share: Floats

    @classmethod
    def fit(cls, end: Floats, status: NDArray[np.int8]) -> FollowUp:
        """Fit the curve of patients whose time ends at ``end``; events precede losses.

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

    @classmethod
    def of_landmarks(
        cls, episode: Ints, hours: Floats, time: Floats, status: NDArray[np.int8]
    ) -> FollowUp:
        """Fit the curve of the episodes of landmarks, each counted once.

        Parameters
        ----------
        episode : ndarray of int, shape (n_landmarks,)
        hours, time : ndarray, shape (n_landmarks,)
            Hours from time zero to the landmark, and from there to the end.
        status : ndarray of int, shape (n_landmarks,)

        Examples
        --------
        >>> episode, hours, time = np.array([7, 7, 8]), np.array([1, 2, 1]), np.array([4, 3, 8])
        >>> FollowUp.of_landmarks(episode, hours, time, np.array([0, 0, 1], dtype=np.int8)).share
        array([1. , 0.5])
        """
        once = np.unique(episode, return_index=True)[1]
        return cls.fit(hours[once] + time[once], status[once])

    def before(self, hours: Floats) -> Floats:
        """Return the share still followed just before each hour."""
        return np.asarray(self.share[np.searchsorted(self.moments, hours - _SAME_HOURS)])

    def reach(self, landmark: Floats, floor: float) -> Floats:
        """Return the longest horizon at whose end at least ``floor`` of patients are followed."""
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
    horizon, threshold, label, weight : ndarray, shape (n_rows,)
        Hours ahead, grade, 1 or 0 (NaN in queries), and weight in the loss.
    """

    landmark: Ints
    horizon: Floats
    threshold: Floats
    label: Floats
    weight: Floats

    def of(self, landmarks: NDArray[np.bool_]) -> StackedRows:
        """Return the rows of the chosen landmarks."""
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

    Rows lost to follow-up before the horizon are dropped. The others are weighted by the inverse
    probability of being followed since the landmark (Kaplan-Meier of these patients), truncated
    at ``1 / ipcw_floor``.

    Parameters
    ----------
    targets : Targets
    horizons : tuple of float
        Hours ahead.
    reported : tuple of int
        Thresholds with weight 1.
    other_weight : float
        Weight of the other thresholds.
    ipcw_floor : float
        Smallest probability of being followed.
    weights : mapping of int to float, optional
        Weight by threshold; overrides the two above.

    Returns
    -------
    StackedRows

    Examples
    --------
    >>> patient, hours = np.array([0, 1]), np.array([24.0, 24.0])
    >>> time, status = np.array([[18.0], [176.0]]), np.array([[1], [0]], dtype=np.int8)
    >>> rest = np.full((2, 1), True), np.ones(2), patient, hours, np.full((2, 1), 99.0), patient
    >>> targets = Targets((3,), time, status, *rest)
    >>> rows = stack(targets, (12.0, 24.0), reported=(3,), other_weight=0.5, ipcw_floor=0.2)
    >>> rows.horizon.tolist(), rows.label.tolist()
    ([12.0, 12.0, 24.0, 24.0], [0.0, 0.0, 1.0, 0.0])
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
    """Unlabelled rows of one threshold for every landmark and horizon.

    Parameters
    ----------
    n_landmarks : int
    horizons : tuple of float
        Hours ahead.
    threshold : int

    Returns
    -------
    StackedRows
        Ordered by landmark, then horizon.

    Examples
    --------
    >>> rows = query(2, (24.0, 72.0), 3)
    >>> rows.landmark.tolist(), rows.horizon.tolist()
    ([0, 0, 1, 1], [24.0, 72.0, 24.0, 72.0])
    """
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
    """Inverse probability of still being followed ``time`` hours after the landmark.

    Parameters
    ----------
    follow_up : FollowUp
    landmark : ndarray, shape (n,)
        Hours since time zero; the patient is followed until here.
    time : ndarray, shape (n,)
        Hours since the landmark.
    floor : float
        Smallest probability; the weight is at most ``1 / floor``.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> follow_up = FollowUp.fit(np.array([5.0, 9.0]), np.array([0, 1], dtype=np.int8))
    >>> censoring_weight(follow_up, np.array([2.0, 6.0]), np.array([7.0, 3.0]), 0.1)
    array([2., 1.])
    """
    kept = follow_up.before(landmark + time) / follow_up.before(landmark)
    return np.asarray(1.0 / np.maximum(kept, floor))


def horizon_steps(horizon: Floats, knots: tuple[float, ...]) -> Floats:
    """Piecewise-linear basis in log horizon, one column per interval between knots.

    Each column rises from 0 to 1 over its interval, so any combination with non-negative
    coefficients never falls with the horizon.

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
    """One column per threshold after the first: 1 if the row has this or a higher threshold."""
    later = np.asarray(thresholds[1:], dtype=float)
    return (threshold[:, None] >= later).astype(float)


def cross(basis: Floats, contexts: Floats) -> Floats:
    """All products of basis and context columns; contexts are non-negative.

    Bounds on the coefficients of the products therefore bound the slope in every context.
    """
    return (basis[:, :, None] * contexts[:, None, :]).reshape(len(basis), -1)
