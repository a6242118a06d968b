"""Stacked rows: landmark x horizon x threshold, with labels and censoring weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
CENSORED, EVENT, COMPETING = 0, 1, 2


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
    """

    thresholds: tuple[int, ...]
    time: Floats
    status: NDArray[np.int8]
    at_risk: NDArray[np.bool_]
    weight: Floats
    patient: Ints

    def take(self, rows: Ints) -> Targets:
        """Targets of the given landmarks."""
        return Targets(
            self.thresholds,
            self.time[rows],
            self.status[rows],
            self.at_risk[rows],
            self.weight[rows],
            self.patient[rows],
        )

    def label(self, threshold: int, horizon: float) -> Floats:
        """1 event within the horizon, 0 none, NaN not at risk or not followed long enough."""
        column = self.thresholds.index(threshold)
        return _label(
            self.time[:, column], self.status[:, column], self.at_risk[:, column], horizon
        )


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


def stack(
    targets: Targets,
    horizons: tuple[float, ...],
    *,
    reported: tuple[int, ...],
    other_weight: float,
    ipcw_floor: float,
) -> StackedRows:
    """Stack labelled rows of every threshold and horizon.

    Rows lost to follow-up before the horizon are left out; the others carry the inverse
    probability of being followed (Kaplan-Meier of the censoring times of these targets),
    truncated at ``1 / ipcw_floor``. Thresholds that are not reported weigh ``other_weight``.
    """
    parts = []
    for column, threshold in enumerate(targets.thresholds):
        time, status = targets.time[:, column], targets.status[:, column]
        at_risk = targets.at_risk[:, column]
        share = 1.0 if threshold in reported else other_weight
        if share == 0.0:
            continue
        for horizon in horizons:
            label = _label(time, status, at_risk, horizon)
            rows = np.flatnonzero(~np.isnan(label))
            followed = censoring_weight(
                time[at_risk], status[at_risk], np.minimum(time[rows], horizon), ipcw_floor
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


def censoring_weight(time: Floats, status: NDArray[np.int8], at: Floats, floor: float) -> Floats:
    """1 / P(still followed just before ``at``), Kaplan-Meier, truncated at ``1 / floor``.

    Examples
    --------
    >>> censoring_weight(np.array([5.0, 9.0]), np.array([0, 1], dtype=np.int8), np.array([9.0]), 0.1)
    array([2.])
    """
    lost = np.sort(time[status == CENSORED])
    if len(lost) == 0:
        return np.ones(len(at))
    moments, counts = np.unique(lost, return_counts=True)
    ordered = np.sort(time)
    exposed = len(ordered) - np.searchsorted(ordered, moments, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1.0 - counts / exposed)])
    followed = survival[np.searchsorted(moments, at, side="left")]
    return 1.0 / np.maximum(followed, floor)


def _label(
    time: Floats, status: NDArray[np.int8], at_risk: NDArray[np.bool_], horizon: float
) -> Floats:
    within = time <= horizon
    label = np.where(within & (status == EVENT), 1.0, 0.0)
    unknown = ~at_risk | (within & (status == CENSORED) & (time < horizon))
    return np.where(unknown, np.nan, label)
