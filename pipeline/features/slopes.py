"""Slopes of a series: least squares from sums, Theil-Sen from pairs of results.

Part of the kernel (:mod:`pipeline.features.kernel`): plain arithmetic that runs interpreted and
compiled. Times and values are those of the visible results, newest first.
"""

from __future__ import annotations

import math

from pipeline.arrays import Numbers

NAN = math.nan
# relative rounding error of a sum per result
ROUNDING = 1e-15


def least_squares(
    n: int, span: float, x: float, y: float, xx: float, xy: float, min_span: float
) -> float:
    """Slope per hour from the sums of ``n`` results; 0 if it is within rounding error."""
    if n < 2 or span < min_span:
        return NAN
    variance = xx - x * x / n
    covariance = xy - x * y / n
    if abs(covariance) <= ROUNDING * n * abs(xy):
        return 0.0
    return covariance / variance if variance > 0.0 else NAN


def theil_sen(
    time: Numbers,
    level: Numbers,
    n: int,
    min_span: float,
    pairs: Numbers,
) -> float:
    """Median slope per hour of all pairs at least ``min_span`` hours apart.

    If ``pairs`` is too short for all slopes, several passes over all pairs narrow the bounds
    around the median.
    """
    count, kept = collect_slopes(time, level, n, min_span, -math.inf, math.inf, 1, pairs)
    if count == 0:
        return NAN
    half = count // 2
    if kept < count:
        upper = ranked_slope(time, level, n, min_span, half, count, pairs)
        lower = upper
        if count % 2 == 0:
            lower = ranked_slope(time, level, n, min_span, half - 1, count, pairs)
        return (lower + upper) / 2.0
    shell_sort(pairs, count)
    return pairs[half] if count % 2 else (pairs[half - 1] + pairs[half]) / 2.0


def ranked_slope(
    time: Numbers,
    level: Numbers,
    n: int,
    min_span: float,
    rank: int,
    count: int,
    pairs: Numbers,
) -> float:
    """The slope with exactly ``rank`` of all ``count`` slopes below it."""
    low = -math.inf
    high = math.inf
    side = 1
    while True:
        stride = (count - 1) // len(pairs) + 1
        count, kept = collect_slopes(time, level, n, min_span, low, high, stride, pairs)
        shell_sort(pairs, kept)
        if kept == count:
            return pairs[rank]
        # alternately just above and just below the expected position of the rank among those kept
        guess = rank * kept // count + side * int(2.0 * math.sqrt(kept))
        pivot = pairs[min(max(guess, 0), kept - 1)]
        side = -side
        smaller, _ = collect_slopes(time, level, n, min_span, low, pivot, count, pairs)
        if rank < smaller:
            high = pivot
            count = smaller
            continue
        larger, _ = collect_slopes(time, level, n, min_span, pivot, high, count, pairs)
        if rank < count - larger:
            return pivot
        low = pivot
        rank -= count - larger
        count = larger


def collect_slopes(
    time: Numbers,
    level: Numbers,
    n: int,
    min_span: float,
    low: float,
    high: float,
    stride: int,
    pairs: Numbers,
) -> tuple[int, int]:
    """Count the slopes strictly between two bounds and keep every ``stride``-th in ``pairs``.

    Returns
    -------
    tuple of int
        Number of slopes, number of those kept.
    """
    count = 0
    kept = 0
    for j in range(n - 1):
        for k in range(j + 1, n):
            if time[j] - time[k] >= min_span:
                slope = (level[j] - level[k]) / (time[j] - time[k]) + 0.0
                if low < slope < high:
                    if count % stride == 0 and kept < len(pairs):
                        pairs[kept] = slope
                        kept += 1
                    count += 1
    return count, kept


def shell_sort(numbers: Numbers, n: int) -> None:
    """Sort the first ``n`` numbers in place."""
    gap = n // 2
    while gap > 0:
        for j in range(gap, n):
            moved = numbers[j]
            k = j
            while k >= gap and numbers[k - gap] > moved:
                numbers[k] = numbers[k - gap]
                k -= gap
            numbers[k] = moved
        gap //= 2
