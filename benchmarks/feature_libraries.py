"""Runs one feature library on the lab table, in its own environment.

    python benchmarks/feature_libraries.py LIBRARY LABS.parquet PATIENTS OUT.npy

No library supports result times, so results in this table are available at collection. Each library
computes its nearest equivalents; `SAME` in `features.py` lists the compared statistics. Timing runs
from the library's own input format to its own result; conversions are not timed. Each library runs
twice per process; the first run includes its import.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import itertools
import sys
import time
import warnings

import numpy as np
import pandas as pd
from feature_peers import LANDMARKS, MIN_SPAN, N_ANALYTES, NAMES, WINDOWS, Timed, report, since

# hours between the starts of two consecutive patients, and the date of hour 0
APART, EPOCH = 1_000.0, pd.Timestamp("2020-01-01")


def with_tsflex(path: str) -> Timed:
    """One call per patient, the typical use; windows end at the landmarks."""
    labs = pd.read_parquet(path, columns=["patient", "code", "value", "collected_hours"])
    patients = {
        patient: [
            _padded(rows["collected_hours"].to_numpy(), rows["value"].to_numpy(), code)
            for code in range(N_ANALYTES)
            for rows in [own[own["code"] == code]]
        ]
        for patient, own in labs.groupby("patient")
    }
    begun = time.perf_counter(), time.process_time()
    results = {patient: _tsflex(series, LANDMARKS) for patient, series in patients.items()}
    taken = since(begun)
    return *taken, lambda: pd.concat(
        [_tsflex_long(frame.loc[LANDMARKS], patient) for patient, frame in results.items()]
    )


def with_tsflex_once(path: str) -> Timed:
    """One call for all patients, placed one after another in time."""
    labs = pd.read_parquet(path, columns=["patient", "code", "value", "collected_hours"])
    at = labs["patient"] * APART + labs["collected_hours"]
    starts = APART * np.arange(int(labs["patient"].max()) + 1)
    end = starts[-1] + APART
    series = [
        _padded(at[labs["code"] == code].to_numpy(), rows["value"].to_numpy(), code, end)
        for code, rows in labs.groupby("code")
    ]
    ends = (starts[:, None] + np.array(LANDMARKS)).ravel()
    begun = time.perf_counter(), time.process_time()
    result = _tsflex(series, ends)
    taken = since(begun)

    def finish() -> pd.DataFrame:
        patient, hours = np.divmod(ends, APART)
        return _tsflex_long(result.loc[ends].set_index(hours), patient)

    return *taken, finish


def _padded(at: np.ndarray, values: np.ndarray, code: int, end: float = APART) -> pd.Series:
    """A series for tsflex; added ends, outside every window, extend it beyond all landmarks."""
    at, values = np.r_[-APART, at, end], np.r_[0.0, values, 0.0]
    return pd.Series(values, index=at, name=f"a{code}")


def _tsflex(series: list[pd.Series], ends: np.ndarray | list[float]) -> pd.DataFrame:
    """One call of tsflex: six statistics of every series and window that ends at ``ends``."""
    from tsflex.features import FeatureCollection, FuncWrapper, MultipleFeatureDescriptors

    wrapped = FuncWrapper(_window, output_names=list(NAMES), input_type=pd.Series)
    keys = [item.name for item in series]
    collection = FeatureCollection(MultipleFeatureDescriptors(wrapped, keys, windows=list(WINDOWS)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return collection.calculate(
            series, segment_end_idxs=np.asarray(ends), bound_method="outer",
            approve_sparsity=True, return_df=True, n_jobs=0,
        )  # fmt: skip


def _window(values: pd.Series) -> tuple[float, ...]:
    v, t = values.to_numpy(), values.index.to_numpy()
    if not len(v):
        return 0.0, *[np.nan] * 5
    slope = np.nan
    if t[-1] - t[0] >= MIN_SPAN:
        off = t - t.mean()
        slope = 24.0 * (off @ v) / (off @ off)
    delta = v[-1] - v[0] if len(v) > 1 else np.nan
    return len(v), v.min(), v.max(), v.mean(), slope, delta


def _tsflex_long(frame: pd.DataFrame, patient: int | np.ndarray) -> pd.DataFrame:
    """Rows of one result by patient, analyte and landmark; the index is in hours."""
    parts = []
    for code in range(N_ANALYTES):
        names = {
            f"a{code}__{name}__w={window}": f"{name}_{window:g}"
            for window, name in itertools.product(WINDOWS, NAMES)
        }
        part = frame[list(names)].rename(columns=names)
        moment = np.asarray(frame.index) / 24 - 1
        parts.append(part.assign(key=patient * N_ANALYTES + code, moment=moment))
    return pd.concat(parts)


def with_tsfresh(path: str) -> Timed:
    """One series per patient, landmark and window; preparing that table is not timed."""
    labs = pd.read_parquet(path, columns=["patient", "code", "value", "collected_hours"])
    at = labs["collected_hours"].to_numpy()
    parts = []
    for number, (width, end) in enumerate(itertools.product(WINDOWS, LANDMARKS)):
        inside = labs[(at < end) & (at >= end - width)]
        part = pd.DataFrame({"kind": "a" + inside["code"].astype(str), "value": inside["value"]})
        part["id"] = inside["patient"] * len(WINDOWS) * len(LANDMARKS) + number
        parts.append(part.set_index(EPOCH + pd.to_timedelta(inside["collected_hours"], "h")))
    rows = pd.concat(parts)
    wanted = dict.fromkeys(("length", "minimum", "maximum", "mean"))
    wanted["linear_trend_timewise"] = [{"attr": "slope"}]
    begun = time.perf_counter(), time.process_time()
    from tsfresh import extract_features

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = extract_features(
            rows, column_id="id", column_kind="kind", column_value="value",
            default_fc_parameters=wanted, n_jobs=0, disable_progressbar=True,
        )  # fmt: skip
    taken = since(begun)

    def finish() -> pd.DataFrame:
        titles = {"length": "count", "minimum": "min", "maximum": "max", "mean": "mean"}
        patient, number = np.divmod(result.index.to_numpy(), len(WINDOWS) * len(LANDMARKS))
        width, moment = np.divmod(number, len(LANDMARKS))
        parts = []
        for code in range(N_ANALYTES):
            for which, window in enumerate(WINDOWS):
                names = {f"a{code}__{old}": f"{new}_{window:g}" for old, new in titles.items()}
                part = result.loc[width == which, list(names)].rename(columns=names)
                part["key"] = patient[width == which] * N_ANALYTES + code
                part["moment"] = moment[width == which]
                parts.append(part.set_index(["key", "moment"]))
        return pd.concat(parts).groupby(level=[0, 1]).first().reset_index()

    return *taken, finish


def with_timeseriesflattener(path: str) -> Timed:
    """One predictor per analyte with three lookbehinds; its slope uses whole days."""
    import polars as pl

    labs = pd.read_parquet(path, columns=["patient", "code", "value", "collected_hours"])
    labs["timestamp"] = EPOCH + pd.to_timedelta(labs["collected_hours"], "h").dt.round("us")
    patients = int(labs["patient"].max()) + 1
    moments = pl.DataFrame(
        {
            "entity_id": np.repeat(np.arange(patients), len(LANDMARKS)),
            "pred_timestamp": np.tile(
                (EPOCH + pd.to_timedelta(LANDMARKS, "h")).to_numpy("datetime64[us]"), patients
            ),
        }
    )
    tables = [
        pl.DataFrame(
            {
                "entity_id": rows["patient"].to_numpy(),
                "timestamp": rows["timestamp"].to_numpy("datetime64[us]"),
                f"a{code}": rows["value"].to_numpy(),
            }
        )
        for code, rows in labs.groupby("code")
    ]
    begun = time.perf_counter(), time.process_time()
    import timeseriesflattener as tsf

    known = [tsf.CountAggregator(), tsf.MinAggregator(), tsf.MaxAggregator(), tsf.MeanAggregator()]
    known.append(tsf.SlopeAggregator(timestamp_col_name="timestamp"))
    specs = [
        tsf.PredictorSpec(
            tsf.ValueFrame(table),
            [dt.timedelta(hours=hours) for hours in WINDOWS],
            known,
            fallback=np.nan,
        )
        for table in tables
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        flat = tsf.Flattener(tsf.PredictionTimeFrame(moments)).aggregate_timeseries(specs).df
    taken = since(begun)

    def finish() -> pd.DataFrame:
        frame, parts = flat.to_pandas(), []
        hours = (frame["pred_timestamp"] - EPOCH) / pd.Timedelta(hours=24) - 1
        for code in range(N_ANALYTES):
            names = {
                f"pred_a{code}_within_0_to_{window / 24:g}_days_{name}_fallback_nan": (
                    f"{name}_{window:g}"
                )
                for window, name in itertools.product(WINDOWS, NAMES[:-2])
            }
            part = frame[list(names)].rename(columns=names)
            parts.append(part.assign(key=frame["entity_id"] * N_ANALYTES + code, moment=hours))
        return pd.concat(parts)

    return *taken, finish


LIBRARIES = {
    "tsflex": with_tsflex,
    "tsflex-once": with_tsflex_once,
    "tsfresh": with_tsfresh,
    "timeseriesflattener": with_timeseriesflattener,
}


if __name__ == "__main__":
    sys.exit(report(LIBRARIES))
