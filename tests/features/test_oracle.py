"""Every statistic against a plain loop over rows that shares no code with the kernel."""

import math
import statistics
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.analytes import Analyte
from pipeline.features.build import build_features
from pipeline.features.statistics import BY_NAME, PLAIN, WINDOWED
from tests.builders import at, lab, make_cohort, make_spec

NPX = Analyte("npx", "NPX", "NPX", "NPX", "inflammation", local=True, signed=True, scale="log2")
SPEC = make_spec(("crp", "albumin", "base_excess"), statistics=tuple(BY_NAME))
SPEC = replace(SPEC, analytes=(*SPEC.analytes, NPX))
ANALYTES = {analyte.key: analyte for analyte in SPEC.analytes}
PER_DOUBLING = {"npx": 1.0, "base_excess": math.nan}
NAN = float("nan")
RANK = {"preliminary": 0, "final": 1, "corrected": 2, "cancelled": 3}

hour = st.integers(-400, 480).map(lambda number: number / 2.0)
lab_rows = st.lists(
    st.builds(
        lambda patient, analyte, value, collected, delay, side, status: lab(
            patient, analyte, value, collected, collected + delay, side, status
        ),
        st.integers(0, 1),
        st.sampled_from([*ANALYTES]),
        st.sampled_from([-0.0, 0.0, 5e-324, 0.2, 1.0, 2.5, 4.0, 7.25]),
        st.one_of(hour, st.sampled_from([-0.0, 0.0, 12.0, 36.0, 36.1, 40.0, 60.0])),
        st.sampled_from([0.0, 0.5, 4.0, 30.0, 100.0]),
        st.sampled_from([-1, 0, 0, 1]),
        st.sampled_from(["preliminary", "final", "final", "corrected", "cancelled"]),
    ),
    max_size=25,
)
moments = st.one_of(
    st.integers(1, 480).map(lambda number: number / 2.0), st.sampled_from([36.0, 60.0, 72.0])
)


def below_zero(rows):
    """The rows, where most values of signed analytes are negative."""
    return [
        (who, what, 2.0 - value if what in PER_DOUBLING else value, *rest)
        for who, what, value, *rest in rows
    ]


def below(limit, meta):
    """What a result below a limit counts as, before a logarithm is taken."""
    if meta.scale == "linear":
        return limit if meta.signed else limit * SPEC.below_limit_factor
    return math.log((meta.log_base**limit) * SPEC.below_limit_factor, meta.log_base)


def visible_points(rows, patient, analyte, moment):
    """(collected, value, side, limit) on the analyte's scale of what stood on the ward's screen."""
    draws = {}
    for who, what, value, collected, resulted, side, status in rows:
        if who == patient and what == analyte and resulted < moment and collected < moment:
            version = (resulted, RANK[status], value, side)
            draws[collected] = max(draws.get(collected, version), version)
    meta = ANALYTES[analyte]
    points = []
    for collected in sorted(draws):
        _, rank, value, side = draws[collected]
        if rank < 3:
            used = below(value, meta) if side < 0 else value
            pair = [
                math.log2(max(x, meta.floor or 1e-12)) if meta.log else x for x in (used, value)
            ]
            points.append((collected, pair[0], side, pair[1]))
    return points


def alike(points):
    """Values as if all results had the coarsest of their limits (Helsel 2012)."""
    lower = max((limit for _, _, side, limit in points if side < 0), default=-math.inf)
    upper = min((limit for _, _, side, limit in points if side > 0), default=math.inf)
    below = [value for _, value, side, limit in points if side < 0 and limit == lower]
    result = []
    for _, value, side, limit in points:
        if side < 0 or limit < lower:
            result.append(below[0])
        else:
            result.append(upper if side > 0 or limit > upper else value)
    return result


def largest(points):
    """(time, value), proven before unproven, the latest of equals."""
    proven = [point for point in points if point[2] >= 0] or points
    return max((value, time) for time, value, _, _ in proven)[::-1]


def smallest(points):
    proven = [point for point in points if point[2] <= 0] or points
    return min(value for _, value, _, _ in proven)


def line(times, values):
    middle, level = sum(times) / len(times), sum(values) / len(times)
    above = sum((t - middle) * (v - level) for t, v in zip(times, values, strict=True))
    return above / sum((t - middle) ** 2 for t in times)


def plain_statistics(points, moment, logged):
    before = [point for point in points if -168.0 <= point[0] < 0]
    since = [point for point in points if point[0] >= 0]
    result = dict.fromkeys(PLAIN, NAN)
    result["ever_measured"] = float(bool(points))
    result.update(draws=len(since), draw_rate=len(since) / (moment / 24.0))
    if not points:
        return result
    time, value, side, _ = points[-1]
    result.update(last=value, hours_since_last=moment - time, last_censored=float(side))
    result["last_under_drug"] = 0.0
    if len(points) > 1:
        result["second_last"] = points[-2][1]
    if before:
        old, new = alike([before[-1], points[-1]])
        result.update(baseline=before[-1][1], diff_baseline=new - old)
        if logged:
            result["fold_baseline"] = new - old
        elif value > 0 and before[-1][1] > 0 and 0 < new / old < math.inf:
            result["fold_baseline"] = math.log2(new / old)
    if since:
        when, peak = largest(since)
        old, new = alike([next(point for point in since if point[0] == when), points[-1]])
        result.update(peak=peak, hours_since_peak=moment - when, drop_from_peak=old - new)
        result.update(nadir=smallest(since), first=since[0][1])
        times = [point[0] for point in since]
        if times[-1] - times[0] >= SPEC.min_slope_span_hours:
            pace = line(times, alike(since))
            # less is what rounding makes of a series that does not rise
            if pace > 1e-12 and (logged or value > 0):
                result["doubling_hours"] = (1.0 if logged else value) / pace
    return result


def window_statistics(points, moment, window):
    inside = [point for point in points if moment - window <= point[0]]
    times, values = [point[0] for point in inside], [point[1] for point in inside]
    count = len(inside)
    result = dict.fromkeys(WINDOWED, NAN)
    result["count"] = float(count)
    if count:
        result.update(min=smallest(inside), max=largest(inside)[1], mean=sum(values) / count)
        result["censored_share"] = sum(point[2] != 0 for point in inside) / count
        area = np.trapezoid(values, times)
        result["time_mean"] = area / (times[-1] - times[0]) if count > 1 else values[0]
    if count >= 2:
        same = alike(inside)
        result.update(delta=same[-1] - same[0], range=max(same) - min(same))
        result["sd"] = statistics.stdev(same)
        if times[-1] - times[0] >= SPEC.min_slope_span_hours:
            result["slope"] = 24.0 * line(times, same)
            result["robust_slope"] = 24.0 * statistics.median(
                (same[j] - same[i]) / (times[j] - times[i])
                for i in range(count)
                for j in range(i + 1, count)
                if times[j] - times[i] >= SPEC.min_slope_span_hours
            )
    return result


@settings(deadline=None, max_examples=55)
@given(rows=lab_rows, moment=moments)
def test_lab_statistics_agree_with_a_plain_loop(rows, moment):
    rows = below_zero(rows)
    matrix = build_features(make_cohort(2, rows), at((0, moment), (1, moment)), SPEC)
    for patient in (0, 1):
        expected = {}
        for analyte in SPEC.analytes:
            points = visible_points(rows, patient, analyte.key, moment)
            logged = analyte.log or analyte.by_difference
            plain = plain_statistics(points, moment, logged)
            plain["doubling_hours"] *= PER_DOUBLING.get(analyte.key, 1.0)
            for name, value in plain.items():
                expected[f"{analyte.key}__{name}"] = value
            for window in SPEC.windows_hours:
                for name, value in window_statistics(points, moment, window).items():
                    expected[f"{analyte.key}__{name}_{window:g}h"] = value
        features = dict(zip(matrix.names, matrix.values[patient], strict=True))
        assert {meta.name for meta in matrix.metas if meta.group in ("analyte", "measurement")} == (
            set(expected)
        )
        for name, value in expected.items():
            np.testing.assert_allclose(features[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
