"""Lab series to features: what was visible at each landmark, summarised per analyte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import Analyte
from pipeline.features import kernel
from pipeline.features.kernel import Floats, Ints
from pipeline.features.names import PLAIN, WINDOWED, FeatureMeta, analyte_meta
from pipeline.features.spec import FeatureSpec

_PAIRS_PER_CHUNK = 4_000_000


def series_meta(spec: FeatureSpec) -> list[FeatureMeta]:
    """Metadata of the columns that :func:`series_features` returns, in order."""
    return [
        analyte_meta(analyte, statistic, window)
        for analyte in spec.analytes
        for statistic, window in _columns(spec)
    ]


def series_features(labs: pd.DataFrame, landmarks: pd.DataFrame, spec: FeatureSpec) -> Floats:
    """Statistics of every analyte at every landmark.

    A version of a result is visible at landmark L iff ``resulted < L <= superseded`` and it was
    not cancelled; windows, order and ages use the collection clock.

    Parameters
    ----------
    labs : DataFrame
        ``Cohort.labs``.
    landmarks : DataFrame
        ``patient`` and ``hours``.

    Returns
    -------
    ndarray, shape (n_landmarks, n_analytes * n_statistics)
    """
    rows = _Rows(labs, spec)
    n_columns = len(spec.analytes) * len(_columns(spec))
    result = np.full((len(landmarks), n_columns), np.nan)
    patient = landmarks["patient"].to_numpy()
    hours = landmarks["hours"].to_numpy(dtype=float)
    start = np.searchsorted(rows.patient, patient, side="left")
    stop = np.searchsorted(rows.patient, patient, side="right")
    for part in _chunks(stop - start):
        result[part] = _chunk(rows, hours[part], start[part], stop[part], spec)
    return result


class _Rows:
    """The labs as sorted arrays; values on the analyte's scale."""

    def __init__(self, labs: pd.DataFrame, spec: FeatureSpec) -> None:
        code = {analyte.key: number for number, analyte in enumerate(spec.analytes)}
        number = labs["analyte"].map(code).to_numpy(dtype=float)
        usable = ~np.isnan(number) & ~labs["cancelled"].to_numpy()
        kept, codes = labs.loc[usable], number[usable].astype(np.intp)
        side = kept["side"].to_numpy()
        value = kept["value"].to_numpy(dtype=float)
        value = np.where(side < 0, value * spec.below_limit_factor, value)
        # rows arrive sorted by (patient, analyte name, time); order by analyte code instead
        collected = kept["collected_hours"].to_numpy(dtype=float)
        order = np.lexsort((collected, codes, kept["patient"].to_numpy()))
        self.patient = kept["patient"].to_numpy()[order]
        self.analyte = codes[order]
        self.collected = collected[order]
        self.resulted = kept["resulted_hours"].to_numpy(dtype=float)[order]
        self.superseded = kept["superseded_hours"].to_numpy(dtype=float)[order]
        self.side = side[order].astype(float)
        self.value = _on_scale(value[order], self.analyte, spec.analytes)


def _on_scale(value: Floats, code: Ints, analytes: tuple[Analyte, ...]) -> Floats:
    logged = np.array([analyte.log for analyte in analytes], dtype=bool)
    floor = np.array([analyte.floor or 1e-12 for analyte in analytes], dtype=float)
    result = value.copy()
    chosen = logged[code] if len(code) else np.zeros(0, dtype=bool)
    result[chosen] = np.log2(np.maximum(value[chosen], floor[code[chosen]]))
    return result


def _columns(spec: FeatureSpec) -> list[tuple[str, float | None]]:
    plain: list[tuple[str, float | None]] = [(statistic, None) for statistic in PLAIN]
    return plain + [(statistic, window) for window in spec.windows_hours for statistic in WINDOWED]


def _chunks(pairs: Ints) -> list[slice]:
    """Slices of landmarks whose pairs fit in memory, so that memory is bounded."""
    total = np.cumsum(pairs)
    edges = [0]
    while edges[-1] < len(pairs):
        base = total[edges[-1] - 1] if edges[-1] else 0
        stop = int(np.searchsorted(total, base + _PAIRS_PER_CHUNK, side="right"))
        edges.append(max(stop, edges[-1] + 1))
    return [slice(low, high) for low, high in pairwise(edges)]


def _chunk(rows: _Rows, hours: Floats, start: Ints, stop: Ints, spec: FeatureSpec) -> Floats:
    owner, position = kernel.expand(start, stop)
    moment = hours[owner]
    seen = (rows.resulted[position] < moment) & (moment <= rows.superseded[position])
    seen &= rows.collected[position] < moment
    owner, position, moment = owner[seen], position[seen], moment[seen]
    n_analytes = len(spec.analytes)
    n_cells = len(hours) * n_analytes
    cell = owner * n_analytes + rows.analyte[position]
    time, value, side = rows.collected[position], rows.value[position], rows.side[position]
    logged = np.tile([analyte.log for analyte in spec.analytes], len(hours))
    columns = _plain_statistics(cell, time, value, side, moment, n_cells, logged, spec)
    for window in spec.windows_hours:
        inside = time >= moment - window
        columns += _window_statistics(cell[inside], time[inside], value[inside], n_cells, spec)
    stacked = np.stack(columns, axis=1)
    return stacked.reshape(len(hours), n_analytes * len(columns))


def _plain_statistics(
    cell: Ints,
    time: Floats,
    value: Floats,
    side: Floats,
    moment: Floats,
    n_cells: int,
    logged: NDArrayBool,
    spec: FeatureSpec,
) -> list[Floats]:
    """In the order of ``names.PLAIN``."""
    before = (time < 0) & (time >= spec.baseline_from_hours)
    since = time >= 0
    newest = kernel.last(cell, value, n_cells)
    baseline = kernel.last(cell[before], value[before], n_cells)
    return [
        newest,
        kernel.last(cell, moment - time, n_cells),
        baseline,
        _log2_fold(newest, baseline, logged),
        (kernel.count(cell, n_cells) > 0).astype(float),
        kernel.last(cell, side, n_cells),
        kernel.maximum(cell[since], value[since], n_cells),
        kernel.minimum(cell[since], value[since], n_cells),
    ]


NDArrayBool = np.typing.NDArray[np.bool_]


def _log2_fold(newest: Floats, baseline: Floats, logged: NDArrayBool) -> Floats:
    """Log2 of newest / baseline; NaN where a linear value is not positive."""
    positive = (newest > 0) & (baseline > 0)
    ratio = np.divide(newest, baseline, out=np.full(len(newest), np.nan), where=positive)
    return np.where(logged, newest - baseline, np.log2(ratio))


def _window_statistics(
    cell: Ints, time: Floats, value: Floats, n_cells: int, spec: FeatureSpec
) -> list[Floats]:
    """In the order of ``names.WINDOWED``."""
    return [
        kernel.count(cell, n_cells),
        kernel.minimum(cell, value, n_cells),
        kernel.maximum(cell, value, n_cells),
        kernel.mean(cell, value, n_cells),
        kernel.slope(cell, time, value, n_cells, spec.min_slope_span_hours),
        kernel.delta(cell, value, n_cells),
    ]
