"""Statistics of many short series at once, on flat arrays sorted by cell and time.

A *cell* is one series at one landmark. All functions take ``cell`` (sorted, int), the values of
all cells one after the other, and ``n_cells``; cells without a point give NaN (counts give 0).
Sums run in row order within a cell, so what other cells hold cannot change a bit of the result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def expand(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """All (range, position) pairs of the half-open ranges ``[start, stop)``.

    Examples
    --------
    >>> owner, position = expand(np.array([0, 5]), np.array([2, 6]))
    >>> owner.tolist(), position.tolist()
    ([0, 0, 1], [0, 1, 5])
    """
    count = stop - start
    owner = np.repeat(np.arange(len(start)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return owner, np.repeat(start, count) + offset


def count(cell: Ints, n_cells: int) -> Floats:
    """Points per cell."""
    return np.bincount(cell, minlength=n_cells).astype(float)


def first(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Value of the earliest point."""
    result = np.full(n_cells, np.nan)
    result[cell[::-1]] = values[::-1]
    return result


def last(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Value of the latest point."""
    result = np.full(n_cells, np.nan)
    result[cell] = values
    return result


def minimum(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Smallest value."""
    return _reduce(np.minimum, cell, values, n_cells)


def maximum(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Largest value."""
    return _reduce(np.maximum, cell, values, n_cells)


def mean(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Arithmetic mean."""
    points = count(cell, n_cells)
    total = np.bincount(cell, weights=values, minlength=n_cells)
    return np.asarray(np.divide(total, points, out=np.full(n_cells, np.nan), where=points > 0))


def slope(cell: Ints, hours: Floats, values: Floats, n_cells: int, min_span_hours: float) -> Floats:
    """Least-squares slope per day; NaN where the points span less than ``min_span_hours``.

    Both clocks are centred per cell, because global sums lose all digits on long cohorts.
    """
    from_mean = hours - mean(cell, hours, n_cells)[cell]
    above = values - mean(cell, values, n_cells)[cell]
    covariance = np.bincount(cell, weights=from_mean * above, minlength=n_cells)
    variance = np.bincount(cell, weights=from_mean**2, minlength=n_cells)
    span = last(cell, hours, n_cells) - first(cell, hours, n_cells)
    enough = (count(cell, n_cells) >= 2) & (span >= min_span_hours)
    per_hour = np.divide(covariance, variance, out=np.full(n_cells, np.nan), where=enough)
    return np.asarray(24.0 * per_hour)


def delta(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Latest minus earliest value; NaN with fewer than two points."""
    change = last(cell, values, n_cells) - first(cell, values, n_cells)
    return np.where(count(cell, n_cells) >= 2, change, np.nan)


def _reduce(function: np.ufunc, cell: Ints, values: Floats, n_cells: int) -> Floats:
    result = np.full(n_cells, np.nan)
    if len(cell):
        starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
        result[cell[starts]] = function.reduceat(values, starts)
    return result
