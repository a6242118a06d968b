"""The kernel: statistics of every series at every landmark, by scanning its results newest first.

Plain arithmetic on purpose. For a batch the functions run as they stand, on lists; for a training
cohort numba compiles the same functions for arrays (:mod:`pipeline.features.compiled`). Both give
the same bits: sums run in the order of time, nothing is reassociated, and logarithms are taken
outside. ``STATISTICS`` in :mod:`pipeline.features.statistics` fixes the order of the results.

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


def scan(
    patient: Any,
    hours: Any,
    offset: Any,
    collected: Any,
    resulted: Any,
    value: Any,
    limit: Any,
    side: Any,
    epoch: Any,
    altered: Any,
    logged: Any,
    windows: Any,
    wanted: Any,
    needed: Any,
    baseline_from: float,
    min_span: float,
    spaces: Any,
    pairs: Any,
    found: Any,
    out: Any,
) -> None:
    """Fill ``out``, flat, by landmark, series and wanted statistic.

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
    wanted : sequence of int
        Numbers of the statistics to return, the windowed ones counted on for each window.
    needed : sequence of bool
        Whether the costly ones are wanted: since time zero, sd, slopes, robust slopes, areas.
    spaces : seven scratch sequences as long as the longest series
    pairs : scratch for the slopes of all pairs of the longest series
    found : scratch for all statistics of one cell
    """
    time, level, bound, mark, era, alike, flag = spaces
    n_series = len(logged)
    place = 0
    for i in range(len(hours)):
        moment = hours[i]
        for a in range(n_series):
            cell = patient[i] * n_series + a
            n = 0
            censored = 0
            previous = math.inf
            for j in range(offset[cell + 1] - 1, offset[cell] - 1, -1):
                drawn = collected[j]
                if resulted[j] < moment and drawn < moment and drawn != previous:
                    previous = drawn
                    if value[j] == value[j]:
                        time[n] = drawn
                        level[n] = value[j]
                        bound[n] = limit[j]
                        mark[n] = side[j]
                        era[n] = epoch[j]
                        flag[n] = altered[j]
                        if side[j] != 0:
                            censored += 1
                        n += 1
            plain(
                time,
                level,
                bound,
                mark,
                era,
                flag,
                alike,
                n,
                censored,
                moment,
                logged[a],
                baseline_from,
                min_span,
                needed[0],
                found,
            )
            first = N_PLAIN
            for width in windows:
                inside = 0
                while inside < n and time[inside] >= moment - width:
                    inside += 1
                window(
                    time,
                    level,
                    bound,
                    mark,
                    era,
                    alike,
                    inside,
                    censored,
                    min_span,
                    needed,
                    pairs,
                    found,
                    first,
                )
                first += N_WINDOWED
            for number in wanted:
                out[place] = found[number]
                place += 1


def plain(
    time: Any,
    level: Any,
    bound: Any,
    mark: Any,
    era: Any,
    flag: Any,
    alike: Any,
    n: int,
    censored: int,
    moment: float,
    logged: bool,
    baseline_from: float,
    min_span: float,
    with_slope: bool,
    found: Any,
) -> None:
    for k in range(N_PLAIN):
        found[k] = NAN
    found[4] = 1.0 if n > 0 else 0.0
    since = 0
    while since < n and time[since] >= 0.0:
        since += 1
    found[14] = float(since)
    if moment > 0.0:
        found[15] = since * 24.0 / moment
    if n == 0:
        return
    found[0] = level[0]
    found[1] = moment - time[0]
    found[5] = float(mark[0])
    found[16] = float(flag[0])
    if n > 1:
        found[10] = level[1]
    if since < n and time[since] >= baseline_from:
        found[2] = level[since]
        if era[since] == era[0]:
            same = tied(bound[0], mark[0], bound[since], mark[since])
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
    top, bottom = extremes(level, mark, since)
    found[6] = level[top]
    found[7] = level[bottom]
    found[9] = level[since - 1]
    found[11] = moment - time[top]
    if era[top] == era[0]:
        same = tied(bound[0], mark[0], bound[top], mark[top])
        found[12] = 0.0 if same else level[top] - level[0]
    if with_slope and era[0] == era[since - 1]:
        if censored > 0:
            recensor(level, bound, mark, since, alike)
        pace = least_squares(time, alike if censored > 0 else level, since, min_span)
        if pace > 0.0:
            if logged:
                found[13] = 1.0 / pace
            elif level[0] > 0.0:
                found[13] = level[0] / pace


def window(
    time: Any,
    level: Any,
    bound: Any,
    mark: Any,
    era: Any,
    alike: Any,
    n: int,
    censored: int,
    min_span: float,
    needed: Any,
    pairs: Any,
    found: Any,
    first: int,
) -> None:
    for k in range(first, first + N_WINDOWED):
        found[k] = NAN
    found[first] = float(n)
    if n == 0:
        return
    top, bottom = extremes(level, mark, n)
    found[first + 1] = level[bottom]
    found[first + 2] = level[top]
    total = 0.0
    limited = 0
    for j in range(n - 1, -1, -1):
        total += level[j]
        if mark[j] != 0:
            limited += 1
    found[first + 3] = total / n
    found[first + 10] = limited / n
    if needed[4]:
        found[first + 8] = time_mean(time, level, n)
    if n < 2 or era[0] != era[n - 1]:
        return
    if censored > 0:
        recensor(level, bound, mark, n, alike)
        level = alike
    found[first + 5] = level[0] - level[n - 1]
    low = level[0]
    high = level[0]
    for j in range(1, n):
        low = min(low, level[j])
        high = max(high, level[j])
    found[first + 9] = high - low
    if needed[1]:
        found[first + 6] = deviation(level, n)
    if needed[2]:
        found[first + 4] = 24.0 * least_squares(time, level, n, min_span)
    if needed[3]:
        found[first + 7] = 24.0 * theil_sen(time, level, n, min_span, pairs)


def extremes(level: Any, mark: Any, n: int) -> tuple[int, int]:
    """Places of the largest and the smallest value, the latest of equals.

    A result below its limit is the largest only if all are below, one above the smallest only if
    all are above: what is not proven does not outrun what is.
    """
    top = n - 1
    bottom = n - 1
    for j in range(n - 2, -1, -1):
        if (mark[j] >= 0) == (mark[top] >= 0):
            if level[j] >= level[top]:
                top = j
        elif mark[j] >= 0:
            top = j
        if (mark[j] <= 0) == (mark[bottom] <= 0):
            if level[j] <= level[bottom]:
                bottom = j
        elif mark[j] <= 0:
            bottom = j
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


def recensor(level: Any, bound: Any, mark: Any, n: int, alike: Any) -> None:
    """Put all values below the highest lower limit there, those above the lowest upper one too."""
    lowest = -math.inf
    below = 0.0
    highest = math.inf
    for j in range(n):
        if mark[j] < 0 and bound[j] > lowest:
            lowest = bound[j]
            below = level[j]
        elif mark[j] > 0 and bound[j] < highest:
            highest = bound[j]
    for j in range(n):
        if mark[j] < 0 or bound[j] < lowest:
            alike[j] = below
        elif mark[j] > 0 or bound[j] > highest:
            alike[j] = highest
        else:
            alike[j] = level[j]


def deviation(level: Any, n: int) -> float:
    total = 0.0
    for j in range(n - 1, -1, -1):
        total += level[j]
    mean = total / n
    squares = 0.0
    for j in range(n - 1, -1, -1):
        squares += (level[j] - mean) * (level[j] - mean)
    return math.sqrt(squares / (n - 1))


def least_squares(time: Any, level: Any, n: int, min_span: float) -> float:
    """Slope per hour, both clocks centred on the points at hand."""
    if n < 2 or time[0] - time[n - 1] < min_span:
        return NAN
    when = 0.0
    total = 0.0
    for j in range(n - 1, -1, -1):
        when += time[j]
        total += level[j]
    when /= n
    mean = total / n
    covariance = 0.0
    variance = 0.0
    for j in range(n - 1, -1, -1):
        covariance += (time[j] - when) * (level[j] - mean)
        variance += (time[j] - when) * (time[j] - when)
    return covariance / variance if variance > 0.0 else NAN


def theil_sen(time: Any, level: Any, n: int, min_span: float, pairs: Any) -> float:
    """Median slope per hour of all pairs at least ``min_span`` hours apart."""
    count = 0
    for j in range(n - 1):
        for k in range(j + 1, n):
            if time[j] - time[k] >= min_span:
                pairs[count] = (level[j] - level[k]) / (time[j] - time[k])
                count += 1
    if count == 0:
        return NAN
    shell_sort(pairs, count)
    half = count // 2
    return pairs[half] if count % 2 else (pairs[half - 1] + pairs[half]) / 2.0


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


def time_mean(time: Any, level: Any, n: int) -> float:
    if n == 1:
        return level[0]
    area = 0.0
    for j in range(n - 1, 0, -1):
        area += (time[j - 1] - time[j]) * ((level[j - 1] + level[j]) / 2.0)
    return area / (time[0] - time[n - 1])
