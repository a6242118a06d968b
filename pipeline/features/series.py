"""Summarises the lab results of each analyte that are visible at each landmark."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from mmap import PAGESIZE

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats, Ints
from pipeline.cohort.analytes import Analyte
from pipeline.cohort.tables import Cohort
from pipeline.features import kernel_compilation
from pipeline.features.drug_effects import channel_analyte, influence
from pipeline.features.kernel import LabResults, Landmarks, Request
from pipeline.features.names import FeatureMeta, analyte_meta
from pipeline.features.spec import FeatureSpec
from pipeline.features.statistics import BY_NAME, PLAIN, WINDOWED

ROWS_PER_CHUNK = 500_000
_ROWS_PER_LANDMARK = 10
# statistics that need all results since time zero
_SINCE_ZERO = (
    *("baseline", "fold_baseline", "diff_baseline", "peak", "nadir", "first", "draws"),
    *("hours_since_peak", "drop_from_peak", "doubling_hours", "draw_rate"),
)
_LEAST_FLOOR = 1e-12


def series_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`series_features` returns, in order."""
    return [
        analyte_meta(analyte, statistic, window)
        for analyte in spec.analytes
        for statistic, window, _ in _columns(spec)
    ] + [
        analyte_meta(analyte, statistic, window, channel=channel, player=player)
        for channel in spec.channels
        for analyte, player in [channel_analyte(channel, spec.analytes)]
        for statistic, window, _ in _columns(spec)
    ]


def allocate(n_landmarks: int, n_columns: int) -> Floats:
    """Allocate a matrix with all of its memory pages, to be filled later.

    Touching every page here avoids slow page faults while the matrix is filled.
    """
    result = np.empty((n_landmarks, n_columns))
    result.reshape(-1)[:: PAGESIZE // result.itemsize] = 0.0
    return result


def series_features(
    cohort: Cohort,
    landmarks: pd.DataFrame,
    spec: FeatureSpec,
    jobs: int = 1,
    out: Floats | None = None,
) -> Floats:
    """Compute the statistics of every analyte at every landmark.

    The latest version of a draw with ``resulted < L`` is used, even if it is a cancellation.
    Windows, order and ages use the collection clock. Patients are processed in chunks, so memory
    beyond the result does not grow with the cohort. All values are float64, as in the members, so
    training and prediction give identical bits.

    Parameters
    ----------
    cohort : Cohort
        ``labs`` is sorted by patient and, within a patient and analyte, by draw and version.
        Doses in ``treatments`` affect only later samples.
    landmarks : DataFrame
        ``patient`` and ``hours``.
    spec : FeatureSpec
    jobs : int
        Number of threads.
    out : ndarray, shape (n_landmarks, at least n_series * n_statistics), contiguous, optional
        Array whose first columns are filled.

    Returns
    -------
    ndarray, shape (n_landmarks, n_series * n_statistics)
        A view of ``out`` if that is given.
    """
    columns = _columns(spec)
    n_series = len(spec.analytes) + len(spec.channels)
    width = n_series * len(columns)
    matrix = allocate(len(landmarks), width) if out is None else out
    result = matrix[:, :width]
    if result.size == 0:
        return result
    table = _Table(cohort, spec)
    patient = landmarks["patient"].to_numpy()
    hours = landmarks["hours"].to_numpy(dtype=float)
    counts = np.bincount(table.patient, minlength=int(patient.max()) + 1)
    visits = counts[patient]
    pairs = int((visits * visits).sum()) if "robust_slope" in spec.statistics else 0
    fast = kernel_compilation.worth_compiling(len(patient) * n_series, int(visits.sum()), pairs)
    in_order = not np.any(patient[1:] < patient[:-1])
    order = np.arange(len(patient)) if in_order else np.argsort(patient, kind="stable")

    def fill_chunk(chunk: _Chunk) -> None:
        chosen: slice | Ints = chunk.landmarks if in_order else order[chunk.landmarks]
        cells = matrix[chosen]  # a view, or a copy that is written back below
        _fill(cells, table, chunk, patient[chosen], hours[chosen], spec, fast=fast)
        if not in_order:
            matrix[chosen] = cells

    chunks = _chunks(patient[order], counts)
    if jobs == 1 or not fast:
        for chunk in chunks:
            fill_chunk(chunk)
        return result
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(fill_chunk, chunks):
            pass
    return result


@dataclass(frozen=True)
class _Chunk:
    """Landmarks (positions in patient order) and lab rows of consecutive patients."""

    landmarks: slice
    rows: slice


class _Table:
    """The columns of the labs as arrays, in table order."""

    def __init__(self, cohort: Cohort, spec: FeatureSpec) -> None:
        labs = cohort.labs
        codes, names = pd.factorize(labs["analyte"])
        keys = [*(analyte.key for analyte in spec.analytes), *spec.channels]
        series_of = {key: series for series, key in enumerate(keys)}
        lookup = np.array([series_of.get(name, -1) for name in names] + [-1], dtype=np.int64)
        self.series = lookup[codes]
        self.patient = labs["patient"].to_numpy()
        self.collected = labs["collected_hours"].to_numpy(dtype=float)
        self.resulted = labs["resulted_hours"].to_numpy(dtype=float)
        self.value = labs["value"].to_numpy(dtype=float)
        self.side = labs["side"].to_numpy(dtype=np.int8)
        self.withdrawn = labs["cancelled"].to_numpy(dtype=bool)
        drugs = influence(
            self.patient, codes, names, self.collected, cohort.treatments, spec.drug_effects
        )
        self.epoch, self.altered = drugs.epoch, drugs.altered
        self.withdrawn = self.withdrawn | drugs.invalid
        channel_series = np.array(
            [series_of.get(rule.series, -1) for rule in spec.drug_effects], dtype=np.int64
        )
        redirected = drugs.channel >= 0
        self.series[redirected] = channel_series[drugs.channel[redirected]]


def _fill(
    cells: Floats,
    table: _Table,
    chunk: _Chunk,
    patient: Ints,
    hours: Floats,
    spec: FeatureSpec,
    *,
    fast: bool,
) -> None:
    """Fill the first columns of ``cells`` with the statistics of a chunk."""
    analytes = _all_series(spec)
    logged = np.array([item.log or item.by_difference for item in analytes], dtype=np.bool_)
    n_series, first_patient = len(logged), int(patient[0])
    rows: slice | Ints = chunk.rows
    series = table.series[rows]
    key = (table.patient[rows] - first_patient) * n_series + series
    if np.any(series < 0) or np.any(key[1:] < key[:-1]):
        known = np.flatnonzero(series >= 0)
        known = known[np.argsort(key[known], kind="stable")]
        rows, series, key = known + chunk.rows.start, series[known], key[known]
    counts = np.bincount(key, minlength=(int(patient[-1]) - first_patient + 1) * n_series)
    side = table.side[rows]
    value = limit = _on_scale(table.value[rows], series, analytes)
    below, withdrawn = side < 0, table.withdrawn[rows]
    if below.any() or withdrawn.any():
        value = limit.copy()
        substituted = _below_limit(table.value[rows][below], series[below], analytes, spec)
        value[below] = _on_scale(substituted, series[below], analytes)
        value[withdrawn] = np.nan
    columns = _columns(spec)
    results = LabResults(
        collected=table.collected[rows],
        resulted=table.resulted[rows],
        value=value,
        limit=limit,
        side=side,
        epoch=table.epoch[rows],
        altered=table.altered[rows],
        offset=np.concatenate([[0], np.cumsum(counts)]),
    )
    run = kernel_compilation.run_compiled if fast else kernel_compilation.run_plain
    landmarks = Landmarks(patient - first_patient, hours)
    run(landmarks, results, _request(spec, logged), int(counts.max(initial=0)), cells)
    for place, (statistic, *_) in enumerate(columns):
        if BY_NAME[statistic].kind == "ratio":
            linear = np.flatnonzero(~logged) * len(columns) + place
            cells[:, linear] = np.log2(cells[:, linear])
        if statistic == "doubling_hours":
            each = np.arange(n_series) * len(columns) + place
            cells[:, each] *= _doublings(analytes)


def _request(spec: FeatureSpec, logged: Bools) -> Request:
    """Build the kernel's request; costly statistics are computed only if the spec has them."""
    statistics = set(spec.statistics)
    with_since_zero = not statistics.isdisjoint(_SINCE_ZERO)
    windows = sorted(spec.windows_hours)
    return Request(
        logged=logged,
        windows=np.array(windows, dtype=float),
        wanted=np.array([place for *_, place in _columns(spec)], dtype=np.int64),
        baseline_from=float(spec.baseline_from_hours),
        min_span=float(spec.min_slope_span_hours),
        horizon=math.inf if with_since_zero else float(max(windows, default=0.0)),
        with_since_zero=with_since_zero,
        with_doubling="doubling_hours" in statistics,
        with_robust_slope="robust_slope" in statistics,
        with_sd="sd" in statistics,
        with_time_mean="time_mean" in statistics,
    )


def _all_series(spec: FeatureSpec) -> tuple[Analyte, ...]:
    """The analyte of each series, in column order."""
    channels = [channel_analyte(channel, spec.analytes)[0] for channel in spec.channels]
    return (*spec.analytes, *channels)


def _on_scale(value: Floats, series: Ints, analytes: tuple[Analyte, ...]) -> Floats:
    """Values on the scale of the analyte: floored and log2 if it is a log analyte; -0 becomes 0."""
    logged = np.array([analyte.log for analyte in analytes])
    floor = np.array([analyte.floor or _LEAST_FLOOR for analyte in analytes])
    result: Floats = value + 0.0
    chosen = logged[series]
    result[chosen] = np.log2(np.maximum(value[chosen], floor[series[chosen]]))
    return result


def _below_limit(
    limit: Floats, series: Ints, analytes: tuple[Analyte, ...], spec: FeatureSpec
) -> Floats:
    """Value used for a result below a limit: the limit times a factor, on its own scale.

    For a logarithm, the logarithm of the factor is added. Other signed numbers have no natural
    zero, so the limit itself is used.
    """
    factor = np.array([1.0 if item.by_difference else spec.below_limit_factor for item in analytes])
    log = math.log(spec.below_limit_factor)
    step = np.array([log / math.log(item.log_base) if item.log_base else 0.0 for item in analytes])
    return np.asarray(limit * factor[series] + step[series])


def _doublings(analytes: tuple[Analyte, ...]) -> Floats:
    """Rise of a value per doubling of the amount; NaN for analytes where doubling is undefined."""
    return np.array(
        [
            math.log(2.0, item.log_base) if item.log_base else math.nan if item.signed else 1.0
            for item in analytes
        ]
    )


def _columns(spec: FeatureSpec) -> list[tuple[str, float | None, int]]:
    """Statistic, window and kernel position of each column of an analyte."""
    columns: list[tuple[str, float | None, int]] = [
        (name, None, place) for place, name in enumerate(PLAIN) if name in spec.statistics
    ]
    for window in spec.windows_hours:
        # the kernel orders windows from shortest to longest
        first = len(PLAIN) + sorted(spec.windows_hours).index(window) * len(WINDOWED)
        columns += [
            (name, window, first + place)
            for place, name in enumerate(WINDOWED)
            if name in spec.statistics
        ]
    return columns


def _chunks(patient: Ints, counts: Ints) -> Iterator[_Chunk]:
    """Split sorted landmarks into runs of consecutive patients with bounded work each."""
    stop_row = np.cumsum(counts)
    work = np.cumsum(counts + _ROWS_PER_LANDMARK * np.bincount(patient, minlength=len(counts)))
    start = 0
    while start < len(patient):
        first = int(patient[start])
        done = int(work[first - 1]) if first else 0
        end = max(int(np.searchsorted(work, done + ROWS_PER_CHUNK, side="right")), first + 1)
        stop = int(np.searchsorted(patient, end, side="left"))
        rows = slice(int(stop_row[first] - counts[first]), int(stop_row[patient[stop - 1]]))
        yield _Chunk(slice(start, stop), rows)
        start = stop
