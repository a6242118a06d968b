"""Compares results that may lie below or above a detection limit.

Part of the kernel (:mod:`pipeline.features.kernel`): plain arithmetic that runs interpreted and
compiled. ``row`` holds the positions of the visible results in ``limit`` and ``side``; ``level``
holds their values.
"""

from __future__ import annotations

import math

from pipeline.arrays import Numbers, Places


def update_extremes(
    row: Places, level: Numbers, side: Places, k: int, top: int, bottom: int
) -> tuple[int, int]:
    """Update the positions of the largest and the smallest value with result ``k``.

    A measured value takes precedence over a censored one. A result below its limit is the largest
    only if all results are below theirs; a result above its limit is the smallest only if all are
    above theirs. Ties keep the later result.
    """
    mark, above, below = side[row[k]], side[row[top]], side[row[bottom]]
    if (mark >= 0) == (above >= 0):
        if level[k] > level[top]:
            top = k
    elif mark >= 0:
        top = k
    if (mark <= 0) == (below <= 0):
        if level[k] < level[bottom]:
            bottom = k
    elif mark <= 0:
        bottom = k
    return top, bottom


def order_hidden(limit: float, side: int, other_limit: float, other_side: int) -> bool:
    """Whether a detection limit makes the order of two results unknown."""
    if side < 0 and (other_side < 0 or other_limit < limit):
        return True
    if other_side < 0 and (side < 0 or limit < other_limit):
        return True
    if side > 0 and (other_side > 0 or other_limit > limit):
        return True
    return other_side > 0 and limit > other_limit


def recensor(
    row: Places, level: Numbers, limit: Numbers, side: Places, n: int, comparable: Numbers
) -> None:
    """Set values below the highest lower limit, or above the lowest upper limit, to that limit."""
    lowest = -math.inf
    below = 0.0
    highest = math.inf
    for k in range(n):
        mark, bound = side[row[k]], limit[row[k]]
        if mark < 0 and bound > lowest:
            lowest = bound
            below = level[k]
        elif mark > 0 and bound < highest:
            highest = bound
    for k in range(n):
        mark, bound = side[row[k]], limit[row[k]]
        if mark < 0 or bound < lowest:
            comparable[k] = below
        elif mark > 0 or bound > highest:
            comparable[k] = highest
        else:
            comparable[k] = level[k]
