"""Weights of rows by bootstrap draw, stored as one factor per row and one count per patient.

A draw gives every row of a patient the same count, so sums over rows are sums per patient times
counts: ``n_patients x n_draws`` numbers instead of ``n_rows x n_draws``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints

Values = Floats | NDArray[np.bool_]


@dataclass(frozen=True)
class PatientWeights:
    """The matrix ``factor[:, None] * times[code]`` of shape (n_rows, n_draws), not formed.

    Attributes
    ----------
    code : ndarray of int, shape (n_rows,)
        Row of ``times`` of each row's patient.
    times : ndarray, shape (n_patients, n_draws)
        How often each draw holds the patient; the first column is the sample.
    factor : ndarray, shape (n_rows,)
        Weight of each row in every draw.

    Examples
    --------
    >>> weights = PatientWeights(np.array([0, 0, 1]), np.array([[1., 2.], [1., 0.]]), np.ones(3))
    >>> np.array([0.5, 1.0, 4.0]) @ weights
    array([5.5, 3. ])
    >>> np.asarray(weights[1:] * np.array([[1.0], [0.5]]))
    array([[1. , 2. ],
           [0.5, 0. ]])
    """

    code: Ints
    times: Floats
    factor: Floats

    __array_ufunc__ = None  # values @ weights is computed here

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and draws."""
        return len(self.code), self.times.shape[1]

    @property
    def sample(self) -> Floats:
        """Weights of the sample, the first draw; shape (n_rows,)."""
        return np.asarray(self.factor * self.times[self.code, 0])

    def __getitem__(self, rows: Any) -> PatientWeights:
        """The weights of some rows."""
        return replace(self, code=self.code[rows], factor=self.factor[rows])

    def __mul__(self, column: Floats) -> PatientWeights:
        """Weights times one factor per row, shape (n_rows, 1)."""
        if column.shape != (len(self.code), 1):
            raise ValueError("a factor has the shape (n_rows, 1)")
        return replace(self, factor=self.factor * column[:, 0])

    def __rmatmul__(self, values: Floats) -> Floats:
        """Weighted sums of values, shape (n_rows,) or (n, n_rows), in every draw."""
        return np.asarray(self.per_patient(values) @ self.times)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The matrix itself."""
        return np.asarray(self.factor[:, None] * self.times[self.code], dtype=dtype)

    def sum(self, axis: int = 0) -> Floats:
        """Total weight of every draw."""
        if axis != 0:
            raise ValueError("the total is over rows, axis 0")
        return np.asarray(np.ones(len(self.code)) @ self)

    def per_patient(self, values: Values) -> Floats:
        """Sums of values times factors by patient, shape (n_patients,) or (n, n_patients)."""
        size = len(self.times)
        if values.ndim == 1:
            return np.asarray(np.bincount(self.code, values * self.factor, size), dtype=float)
        return np.stack([self.per_patient(row) for row in values])

    def compact(self) -> PatientWeights:
        """The same weights with the patients of these rows only."""
        present, code = renumbered(self.code)
        return PatientWeights(code, self.times[present], self.factor)

    def by_bin(self, place: Ints, bins: int, values: Values | None = None) -> Floats:
        """Sums of values (1 unless given) times factors, shape (bins, n_patients)."""
        weight = self.factor if values is None else self.factor * values
        return table_sums(place, self.code, weight, (bins, len(self.times)))


def renumbered(code: Ints) -> tuple[Ints, Ints]:
    """Codes that occur, rising, and the place of each row's code among them.

    Examples
    --------
    >>> renumbered(np.array([7, 2, 7]))
    (array([2, 7]), array([1, 0, 1]))
    """
    occurs = np.bincount(code) > 0
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[code]


def table_sums(row: Ints, column: Ints, values: Floats, shape: tuple[int, int]) -> Floats:
    """Sums of values by row and column of a table.

    Examples
    --------
    >>> table_sums(np.array([0, 1, 1]), np.array([1, 0, 0]), np.array([2.0, 3.0, 4.0]), (2, 2))
    array([[0., 2.],
           [7., 0.]])
    """
    flat = np.bincount(row * shape[1] + column, values, shape[0] * shape[1])
    return np.asarray(flat.reshape(shape))


def patient_weights(weight: Floats | PatientWeights) -> PatientWeights:
    """Weights from a matrix of shape (n_rows, n_draws); every row is its own patient."""
    if isinstance(weight, PatientWeights):
        return weight
    count, draws = weight.shape
    if draws == 1:
        return PatientWeights(np.zeros(count, dtype=np.intp), np.ones((1, 1)), weight[:, 0])
    return PatientWeights(np.arange(count), np.asarray(weight, dtype=float), np.ones(count))
