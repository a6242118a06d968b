"""The kernel: statistics of every series at every landmark, by scanning its results newest first.

Plain arithmetic on purpose. For a batch the functions run as they stand, on lists; for a training
cohort numba compiles the same functions for arrays, see
:mod:`pipeline.features.kernel_compilation`. Both give the same bits: nothing is reassociated, and
logarithms are taken outside. ``STATISTICS`` in
:mod:`pipeline.features.statistics` fixes the order of the results.

The windows of a landmark are nested, so one pass serves them all, from the newest result to the
oldest. Sums are of times and values less those of the newest result, which all windows share. That
result and the oldest of a window are among the points, so the sums of squares stay within a factor
of the number of points of what centring on the mean would give: no digits are lost, as they would
be with sums over the whole cohort.

Results of one draw stand next to each other, the version that supersedes the others last; a
withdrawn version has the value NaN.
"""

# ruff: noqa: D103
# mypy: disable-error-code="no-any-return"
from __future__ import annotations

import math
from typing import Any

NAN = math.nan
N_PLAIN, N_WINDOWED = 17, 11
# of what is added up, the share that rounding may change per result
ROUNDING = 1e-15


def scan(
    patient: Any, hours: Any, offset: Any, collected: Any, resulted: Any, value: Any, limit: Any,
    side: Any, epoch: Any, altered: Any, logged: Any, windows: Any, wanted: Any, needed: Any,
    baseline_from: float, min_span: float, horizon: float, row: Any, time: Any, level: Any,
    alike: Any, pairs: Any, found: Any, out: Any, stride: int,
) -> None:  # fmt: skip
    """Fill ``out``, flat, by landmark (``stride`` numbers apart), series and wanted statistic.

    Parameters
    ----------
    patient, hours : sequence, one per landmark
    offset : sequence of int
        Rows of series ``a`` of patient ``p`` are ``offset[p * n + a]`` up to the next offset.
    collected, resulted, value, limit, side, epoch, altered : sequence, one per row
        ``limit`` is the detection limit on the scale of ``value`` where ``side`` is not 0, else
        the value; ``epoch`` grows where a drug changes what the analyte means; ``altered`` says
        whether one did.
    logged : sequence of bool, one per series
    windows : sequence of float
        Hours, rising.
    wanted : sequence of int
        Numbers of the statistics to return, the windowed ones counted on for each window.
    needed : sequence of bool
        Whether the costly ones are wanted: since time zero, doubling time, robust slopes,
        standard deviations, areas.
    horizon : float
        Hours before the landmark beyond which only the two newest results matter.
    row, time, level, alike : scratch as long as the longest series
        Place, hour and value of each visible result, newest first; values with limits alike.
    pairs : scratch for the slopes of pairs
    found : scratch for all statistics of one cell
    """
    seen = (row, time, level, alike, limit, side, epoch)
    n_series = len(logged)
    for i in range(len(hours)):
        place = i * stride
        moment = hours[i]
        oldest = moment - horizon
        for a in range(n_series):
            cell = patient[i] * n_series + a
            j = offset[cell + 1] - 1
            oldest_row = offset[cell]
            while j >= oldest_row and collected[j] >= moment:
                j -= 1
            n = 0
            censored = 0
            previous = math.inf
            while j >= oldest_row and (n < 2 or collected[j] >= oldest):
                drawn = collected[j]
                if resulted[j] < moment and drawn != previous:
                    previous = drawn
                    if value[j] == value[j]:
                        row[n] = j
                        time[n] = drawn
                        level[n] = value[j]
                        censored += side[j] != 0
                        n += 1
                j -= 1
            for number in wanted:
                found[number] = NAN
            found[4] = 0.0
            found[14] = 0.0
            if moment > 0.0:
                found[15] = 0.0
            if n > 0:
                found[0] = level[0]
                found[1] = moment - time[0]
                found[4] = 1.0
                found[5] = float(side[row[0]])
                found[16] = float(altered[row[0]])
                if n > 1:
                    found[10] = level[1]
                if needed[0]:
                    edges = (moment, baseline_from, min_span)
                    since_zero(seen, n, censored, edges, logged[a], needed[1], found)
            nested(seen, n, censored, moment, windows, min_span, needed, pairs, found)
            for number in wanted:
                out[place] = found[number]
                place += 1


def since_zero(
    seen: Any, n: int, censored: int, edges: Any, logged: bool, with_pace: bool, found: Any
) -> None:
    """Statistics since time zero, and of the last value before it."""
    row, time, level, alike, limit, side, epoch = seen
    moment, baseline_from, min_span = edges
    now = row[0]
    since = 0
    top = 0
    bottom = 0
    while since < n and time[since] >= 0.0:
        if censored > 0:
            top, bottom = outrank(row, level, side, since, top, bottom)
        elif level[since] > level[top]:
            top = since
        elif level[since] < level[bottom]:
            bottom = since
        since += 1
    found[14] = float(since)
    if moment > 0.0:
        found[15] = since * 24.0 / moment
    if since < n and time[since] >= baseline_from:
        found[2] = level[since]
        old = row[since]
        if epoch[old] == epoch[now]:
            same = tied(limit[now], side[now], limit[old], side[old])
            found[8] = 0.0 if same else level[0] - level[since]
            if logged:
                found[3] = found[8]
            elif level[0] > 0.0 and level[since] > 0.0:
                # a ratio, of which the caller takes the logarithm
                ratio = 1.0 if same else level[0] / level[since]
                if 0.0 < ratio < math.inf:
                    found[3] = ratio
    if since == 0:
        return
    found[6] = level[top]
    found[7] = level[bottom]
    found[9] = level[since - 1]
    found[11] = moment - time[top]
    peak = row[top]
    if epoch[peak] == epoch[now]:
        same = tied(limit[now], side[now], limit[peak], side[peak])
        found[12] = 0.0 if same else level[top] - level[0]
    if with_pace and epoch[row[since - 1]] == epoch[now]:
        values = level
        if censored > 0:
            recensor(row, level, limit, side, since, alike)
            values = alike
        x, y, xx, xy = 0.0, 0.0, 0.0, 0.0
        for k in range(since):
            t, v = time[k] - time[0], values[k] - values[0]
            x, y, xx, xy = x + t, y + v, xx + t * t, xy + t * v
        pace = least_squares(since, time[0] - time[since - 1], x, y, xx, xy, min_span)
        if pace > 0.0:
            if logged:
                found[13] = 1.0 / pace
            elif level[0] > 0.0:
                found[13] = level[0] / pace


def nested(
    seen: Any,
    n: int,
    censored: int,
    moment: float,
    windows: Any,
    min_span: float,
    needed: Any,
    pairs: Any,
    found: Any,
) -> None:
    """Statistics of every window; each goes on from the sums of the one before."""
    row, time, level, alike, limit, side, epoch = seen
    first = N_PLAIN
    inside = 0
    summed = 0
    low, high = 0.0, 0.0
    x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
    for width in windows:
        while inside < n and time[inside] >= moment - width:
            inside += 1
        found[first] = float(inside)
        if inside > 0:
            values = level
            if censored > 0:
                # a coarser limit among the older results changes the newer ones too
                recensor(row, level, limit, side, inside, alike)
                values = alike
                summed = 0
            if summed == 0:
                low, high = values[0], values[0]
                x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(summed, inside):
                t, v = time[k] - time[0], values[k] - values[0]
                x, y, xx, xy, yy = x + t, y + v, xx + t * t, xy + t * v, yy + v * v
                if values[k] < low:
                    low = values[k]
                if values[k] > high:
                    high = values[k]
            summed = inside
            found[first + 1] = low
            found[first + 2] = high
            found[first + 3] = level[0] + y / inside
            found[first + 10] = 0.0
            if censored > 0:
                limited(row, level, side, inside, found, first)
            span = time[0] - time[inside - 1]
            if needed[4]:
                found[first + 8] = time_mean(time, level, inside)
            if inside > 1 and epoch[row[inside - 1]] == epoch[row[0]]:
                found[first + 4] = 24.0 * least_squares(inside, span, x, y, xx, xy, min_span)
                found[first + 5] = values[0] - values[inside - 1]
                found[first + 9] = high - low
                if needed[3]:
                    found[first + 6] = math.sqrt(max(yy - y * y / inside, 0.0) / (inside - 1))
                if needed[2]:
                    found[first + 7] = 24.0 * theil_sen(time, values, inside, min_span, pairs)
        first += N_WINDOWED


def limited(row: Any, level: Any, side: Any, n: int, found: Any, first: int) -> None:
    """Extremes, mean and share of a window with values at a limit."""
    top = 0
    bottom = 0
    at_limit = 0
    total = 0.0
    for k in range(n):
        top, bottom = outrank(row, level, side, k, top, bottom)
        at_limit += side[row[k]] != 0
        total += level[k] - level[0]
    found[first + 1] = level[bottom]
    found[first + 2] = level[top]
    found[first + 3] = level[0] + total / n
    found[first + 10] = at_limit / n


def time_mean(time: Any, level: Any, n: int) -> float:
    if n == 1:
        return level[0]
    area = 0.0
    for k in range(1, n):
        area += (time[k - 1] - time[k]) * ((level[k - 1] + level[k]) / 2.0)
    return area / (time[0] - time[n - 1])


def outrank(row: Any, level: Any, side: Any, k: int, top: int, bottom: int) -> tuple[int, int]:
    """Places of the largest and the smallest value once result ``k`` is looked at as well.

    A result below its limit is the largest only if all are below, one above the smallest only if
    all are above: what is not proven does not outrun what is. Of equals the latest stays.
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


def tied(bound: float, mark: int, other: float, other_mark: int) -> bool:
    """Whether a limit hides which of two results is the larger."""
    if mark < 0 and (other_mark < 0 or other < bound):
        return True
    if other_mark < 0 and (mark < 0 or bound < other):
        return True
    if mark > 0 and (other_mark > 0 or other > bound):
        return True
    return other_mark > 0 and bound > other


def recensor(row: Any, level: Any, limit: Any, side: Any, n: int, alike: Any) -> None:
    """Put all values below the highest lower limit there, those above the lowest upper one too."""
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
            alike[k] = below
        elif mark > 0 or bound > highest:
            alike[k] = highest
        else:
            alike[k] = level[k]


def least_squares(
    n: int, span: float, x: float, y: float, xx: float, xy: float, min_span: float
) -> float:
    """Slope per hour from sums; 0 where rounding alone could have made it."""
    if n < 2 or span < min_span:
        return NAN
    variance = xx - x * x / n
    covariance = xy - x * y / n
    if abs(covariance) <= ROUNDING * n * abs(xy):
        return 0.0
    return covariance / variance if variance > 0.0 else NAN


def theil_sen(time: Any, level: Any, n: int, min_span: float, pairs: Any) -> float:
    """Median slope per hour of all pairs at least ``min_span`` hours apart.

    Where the pairs outnumber the room for them, the middle ones are found by going over all of them
    again, each time between closer bounds.
    """
    count, kept = gather(time, level, n, min_span, -math.inf, math.inf, 1, pairs)
    if count == 0:
        return NAN
    half = count // 2
    if kept < count:
        upper = ranked(time, level, n, min_span, half, count, pairs)
        lower = upper if count % 2 else ranked(time, level, n, min_span, half - 1, count, pairs)
        return (lower + upper) / 2.0
    shell_sort(pairs, count)
    return pairs[half] if count % 2 else (pairs[half - 1] + pairs[half]) / 2.0


def ranked(
    time: Any, level: Any, n: int, min_span: float, rank: int, count: int, pairs: Any
) -> float:
    """The slope that ``rank`` of all ``count`` slopes are smaller than."""
    low = -math.inf
    high = math.inf
    aside = 1
    while True:
        stride = (count - 1) // len(pairs) + 1
        count, kept = gather(time, level, n, min_span, low, high, stride, pairs)
        shell_sort(pairs, kept)
        if kept == count:
            return pairs[rank]
        # just above where the rank should be among those kept, the next time just below
        guess = rank * kept // count + aside * int(2.0 * math.sqrt(kept))
        pivot = pairs[min(max(guess, 0), kept - 1)]
        aside = -aside
        smaller, _ = gather(time, level, n, min_span, low, pivot, count, pairs)
        if rank < smaller:
            high = pivot
            count = smaller
            continue
        larger, _ = gather(time, level, n, min_span, pivot, high, count, pairs)
        if rank < count - larger:
            return pivot
        low = pivot
        rank -= count - larger
        count = larger


def gather(
    time: Any, level: Any, n: int, min_span: float, low: float, high: float, stride: int, pairs: Any
) -> tuple[int, int]:
    """Number of slopes strictly between two bounds, every ``stride``-th of which is kept."""
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


def shell_sort(numbers: Any, n: int) -> None:
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
