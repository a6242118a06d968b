"""Reduces flat arrays sorted by cell and time, for grades and doses.

A *cell* is one series at one landmark. Functions take ``cell`` (sorted, int), the values of all
cells one after the other, and ``n_cells``. Cells without a point give NaN, counts give 0. Each
result depends on its own cell only. :mod:`pipeline.features.kernel` does this for labs.
"""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats, Ints


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
    """Number of points per cell."""
    return np.bincount(cell, minlength=n_cells).astype(float)


def first(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Value of the earliest point per cell."""
    result = np.full(n_cells, np.nan)
    result[cell[::-1]] = values[::-1]
    return result


def last(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Value of the latest point per cell."""
    result = np.full(n_cells, np.nan)
    result[cell] = values
    return result


def maximum(cell: Ints, values: Floats, n_cells: int) -> Floats:
    """Largest value per cell."""
    return _reduce(np.maximum, cell, values, n_cells)


def _reduce(function: np.ufunc, cell: Ints, values: Floats, n_cells: int) -> Floats:
    result = np.full(n_cells, np.nan)
    if len(cell):
        starts = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
        result[cell[starts]] = function.reduceat(values, starts)
    return result
