"""The kernel: computes statistics of every series at every landmark, scanning newest results first.

The functions use plain arithmetic. They run interpreted on lists for a batch; numba compiles them
for the arrays of a training cohort, see :mod:`pipeline.features.kernel_compilation`. Both give
identical bits: no sum is reassociated, and the caller takes logarithms.

The windows of a landmark are nested, so one pass from the newest result to the oldest computes
them all. Sums are of times and values minus those of the newest result, which all windows share.
The sums of squares are at most n times as large as if centred on the mean of the n points, so
precision is kept; sums over the whole cohort would lose it.

Versions of one draw are adjacent, the superseding version last; a withdrawn version is NaN.

A new statistic needs an entry in ``STATISTICS`` of :mod:`pipeline.features.statistics`, and here
its position and the code that computes it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pipeline.arrays import Flags, Numbers, Places
from pipeline.features.censoring import order_hidden, recensor, update_extremes
from pipeline.features.slopes import NAN, least_squares, theil_sen
from pipeline.features.statistics import PLAIN, WINDOWED

N_PLAIN, N_WINDOWED = len(PLAIN), len(WINDOWED)
# positions of the plain statistics among those of a series
LAST = PLAIN.index("last")
HOURS_SINCE_LAST = PLAIN.index("hours_since_last")
BASELINE = PLAIN.index("baseline")
FOLD_BASELINE = PLAIN.index("fold_baseline")
EVER_MEASURED = PLAIN.index("ever_measured")
LAST_CENSORED = PLAIN.index("last_censored")
PEAK = PLAIN.index("peak")
NADIR = PLAIN.index("nadir")
DIFF_BASELINE = PLAIN.index("diff_baseline")
FIRST = PLAIN.index("first")
SECOND_LAST = PLAIN.index("second_last")
HOURS_SINCE_PEAK = PLAIN.index("hours_since_peak")
DROP_FROM_PEAK = PLAIN.index("drop_from_peak")
DOUBLING_HOURS = PLAIN.index("doubling_hours")
DRAWS = PLAIN.index("draws")
DRAW_RATE = PLAIN.index("draw_rate")
LAST_UNDER_DRUG = PLAIN.index("last_under_drug")
# positions of the windowed statistics, relative to the first of their window
COUNT = WINDOWED.index("count")
MIN = WINDOWED.index("min")
MAX = WINDOWED.index("max")
MEAN = WINDOWED.index("mean")
SLOPE = WINDOWED.index("slope")
DELTA = WINDOWED.index("delta")
SD = WINDOWED.index("sd")
ROBUST_SLOPE = WINDOWED.index("robust_slope")
TIME_MEAN = WINDOWED.index("time_mean")
RANGE = WINDOWED.index("range")
CENSORED_SHARE = WINDOWED.index("censored_share")


# Groups for one series at one landmark: plain tuples, which the interpreter unpacks faster than
# named ones.
# row, time, level and comparable as in Scratch; limit, side and epoch of all results, by row
VisibleResults = tuple[Places, Numbers, Numbers, Numbers, Numbers, Places, Places]
# windows, min_span, with_time_mean, with_sd and with_robust_slope as in Request
WindowedRequest = tuple[Numbers, float, bool, bool, bool]


class Landmarks(NamedTuple):
    """Landmarks to compute: patient, counted from 0, and hours since time zero."""

    patient: Places
    hours: Numbers


class LabResults(NamedTuple):
    """Lab results by patient, series and draw.

    Attributes
    ----------
    collected, resulted : hours since time zero
    value : on the scale of the analyte
    limit : the detection limit on that scale where ``side`` is not 0, else the value
    side : -1 below a limit, 1 above one, else 0
    epoch : increases where a drug changes the meaning of the analyte
    altered : 1 where a drug altered the result, else 0
    offset : first row of each series, by patient and series, and the end of the last
    """

    collected: Numbers
    resulted: Numbers
    value: Numbers
    limit: Numbers
    side: Places
    epoch: Places
    altered: Places
    offset: Places


class Request(NamedTuple):
    """Settings of one run of the kernel.

    Attributes
    ----------
    logged : whether a series is on a log scale or signed, so that differences replace ratios
    windows : hours, ascending
    wanted : positions of the statistics to return, numbered on from window to window
    baseline_from : earliest hour before time zero of a baseline result
    min_span : shortest span of a slope in hours
    horizon : hours before the landmark beyond which only the two newest results matter
    with_since_zero, with_doubling, with_robust_slope, with_sd, with_time_mean : bool
        Whether to compute these costly statistics.
    """

    logged: Flags
    windows: Numbers
    wanted: Places
    baseline_from: float
    min_span: float
    horizon: float
    with_since_zero: bool
    with_doubling: bool
    with_robust_slope: bool
    with_sd: bool
    with_time_mean: bool


class Scratch(NamedTuple):
    """Working memory for one series at one landmark.

    Attributes
    ----------
    row, time, level : row, hour and value of each visible result, newest first
    comparable : the values under one common limit
    pairs : slopes of pairs of results
    statistics : all statistics
    """

    row: Places
    time: Numbers
    level: Numbers
    comparable: Numbers
    pairs: Numbers
    statistics: Numbers


def scan(
    landmarks: Landmarks,
    results: LabResults,
    request: Request,
    scratch: Scratch,
    out: Numbers,
    stride: int,
) -> None:
    """Fill flat ``out`` by landmark (``stride`` numbers apart), series and statistic."""
    patient, hours = landmarks
    collected, resulted, value, limit, side, epoch, altered, offset = results
    row, time, level, comparable, pairs, statistics = scratch
    logged, wanted, horizon = request.logged, request.wanted, request.horizon
    with_since_zero = request.with_since_zero
    visible = (row, time, level, comparable, limit, side, epoch)
    window_request = (
        request.windows,
        request.min_span,
        request.with_time_mean,
        request.with_sd,
        request.with_robust_slope,
    )
    n_series = len(logged)
    for i in range(len(hours)):
        place = i * stride
        landmark = hours[i]
        oldest = landmark - horizon
        for a in range(n_series):
            cell = patient[i] * n_series + a
            j = offset[cell + 1] - 1
            first_row = offset[cell]
            while j >= first_row and collected[j] >= landmark:
                j -= 1
            n = 0
            n_limited = 0
            previous_draw = math.inf
            while j >= first_row and (n < 2 or collected[j] >= oldest):
                drawn = collected[j]
                if resulted[j] < landmark and drawn != previous_draw:
                    previous_draw = drawn
                    if value[j] == value[j]:
                        row[n] = j
                        time[n] = drawn
                        level[n] = value[j]
                        n_limited += side[j] != 0
                        n += 1
                j -= 1
            for statistic in wanted:
                statistics[statistic] = NAN
            statistics[EVER_MEASURED] = 0.0
            statistics[DRAWS] = 0.0
            if landmark > 0.0:
                statistics[DRAW_RATE] = 0.0
            if n > 0:
                statistics[LAST] = level[0]
                statistics[HOURS_SINCE_LAST] = landmark - time[0]
                statistics[EVER_MEASURED] = 1.0
                statistics[LAST_CENSORED] = float(side[row[0]])
                statistics[LAST_UNDER_DRUG] = float(altered[row[0]])
                if n > 1:
                    statistics[SECOND_LAST] = level[1]
                if with_since_zero:
                    since_zero(visible, n, n_limited, landmark, logged[a], request, statistics)
            windowed(visible, n, n_limited, landmark, window_request, pairs, statistics)
            for statistic in wanted:
                out[place] = statistics[statistic]
                place += 1


def since_zero(
    visible: VisibleResults,
    n: int,
    n_limited: int,
    landmark: float,
    logged: bool,
    request: Request,
    statistics: Numbers,
) -> None:
    """Compute statistics since time zero and relative to the baseline."""
    row, time, level, comparable, limit, side, epoch = visible
    newest = row[0]
    draws = 0
    top = 0
    bottom = 0
    while draws < n and time[draws] >= 0.0:
        if n_limited > 0:
            top, bottom = update_extremes(row, level, side, draws, top, bottom)
        elif level[draws] > level[top]:
            top = draws
        elif level[draws] < level[bottom]:
            bottom = draws
        draws += 1
    statistics[DRAWS] = float(draws)
    if landmark > 0.0:
        statistics[DRAW_RATE] = draws * 24.0 / landmark
    if draws < n and time[draws] >= request.baseline_from:
        statistics[BASELINE] = level[draws]
        baseline = row[draws]
        if epoch[baseline] == epoch[newest]:
            tied = order_hidden(limit[newest], side[newest], limit[baseline], side[baseline])
            statistics[DIFF_BASELINE] = 0.0 if tied else level[0] - level[draws]
            if logged:
                statistics[FOLD_BASELINE] = statistics[DIFF_BASELINE]
            elif level[0] > 0.0 and level[draws] > 0.0:
                # the caller takes the logarithm of this ratio
                ratio = 1.0 if tied else level[0] / level[draws]
                if 0.0 < ratio < math.inf:
                    statistics[FOLD_BASELINE] = ratio
    if draws == 0:
        return
    statistics[PEAK] = level[top]
    statistics[NADIR] = level[bottom]
    statistics[FIRST] = level[draws - 1]
    statistics[HOURS_SINCE_PEAK] = landmark - time[top]
    peak = row[top]
    if epoch[peak] == epoch[newest]:
        tied = order_hidden(limit[newest], side[newest], limit[peak], side[peak])
        statistics[DROP_FROM_PEAK] = 0.0 if tied else level[top] - level[0]
    if request.with_doubling and epoch[row[draws - 1]] == epoch[newest]:
        values = level
        if n_limited > 0:
            recensor(row, level, limit, side, draws, comparable)
            values = comparable
        x, y, xx, xy = 0.0, 0.0, 0.0, 0.0
        for k in range(draws):
            t, v = time[k] - time[0], values[k] - values[0]
            x, y, xx, xy = x + t, y + v, xx + t * t, xy + t * v
        span = time[0] - time[draws - 1]
        slope = least_squares(draws, span, x, y, xx, xy, request.min_span)
        if slope > 0.0:
            if logged:
                statistics[DOUBLING_HOURS] = 1.0 / slope
            elif level[0] > 0.0:
                statistics[DOUBLING_HOURS] = level[0] / slope


def windowed(
    visible: VisibleResults,
    n: int,
    n_limited: int,
    landmark: float,
    window_request: WindowedRequest,
    pairs: Numbers,
    statistics: Numbers,
) -> None:
    """Compute the statistics of every window; each continues the sums of the shorter one."""
    row, time, level, comparable, limit, side, epoch = visible
    windows, min_span, with_time_mean, with_sd, with_robust_slope = window_request
    window = N_PLAIN
    inside = 0
    summed = 0
    low, high = 0.0, 0.0
    x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
    for width in windows:
        while inside < n and time[inside] >= landmark - width:
            inside += 1
        statistics[window + COUNT] = float(inside)
        if inside > 0:
            values = level
            if n_limited > 0:
                # a coarser limit among the older results also changes the newer ones
                recensor(row, level, limit, side, inside, comparable)
                values = comparable
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
            statistics[window + MIN] = low
            statistics[window + MAX] = high
            statistics[window + MEAN] = level[0] + y / inside
            statistics[window + CENSORED_SHARE] = 0.0
            if n_limited > 0:
                limited_window(row, level, side, inside, window, statistics)
            span = time[0] - time[inside - 1]
            if with_time_mean:
                statistics[window + TIME_MEAN] = time_mean(time, level, inside)
            if inside > 1 and epoch[row[inside - 1]] == epoch[row[0]]:
                slope = least_squares(inside, span, x, y, xx, xy, min_span)
                statistics[window + SLOPE] = 24.0 * slope
                statistics[window + DELTA] = values[0] - values[inside - 1]
                statistics[window + RANGE] = high - low
                if with_sd:
                    squares = max(yy - y * y / inside, 0.0)
                    statistics[window + SD] = math.sqrt(squares / (inside - 1))
                if with_robust_slope:
                    slope = theil_sen(time, values, inside, min_span, pairs)
                    statistics[window + ROBUST_SLOPE] = 24.0 * slope
        window += N_WINDOWED


def limited_window(
    row: Places, level: Numbers, side: Places, n: int, window: int, statistics: Numbers
) -> None:
    """Compute extremes, mean and share at a limit of a window with values at a limit."""
    top = 0
    bottom = 0
    at_limit = 0
    total = 0.0
    for k in range(n):
        top, bottom = update_extremes(row, level, side, k, top, bottom)
        at_limit += side[row[k]] != 0
        total += level[k] - level[0]
    statistics[window + MIN] = level[bottom]
    statistics[window + MAX] = level[top]
    statistics[window + MEAN] = level[0] + total / n
    statistics[window + CENSORED_SHARE] = at_limit / n


def time_mean(time: Numbers, level: Numbers, n: int) -> float:
    """Mean over time, by the trapezoidal rule."""
    if n == 1:
        return level[0]
    area = 0.0
    for k in range(1, n):
        area += (time[k - 1] - time[k]) * ((level[k - 1] + level[k]) / 2.0)
    return area / (time[0] - time[n - 1])
