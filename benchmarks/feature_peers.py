"""Runs one alternative implementation of the lab features, in its own environment.

    python benchmarks/feature_peers.py pandas|polars|duckdb LABS.parquet PATIENTS OUT.npy

Each is a plain, vectorised implementation of the same contract: only results with ``resulted < L``,
windows ``L - w <= collected < L``. Timing stops at the native result; reshaping it for comparison
is not timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

LANDMARKS = [24.0 * day for day in range(1, 16)]
WINDOWS, N_ANALYTES, MIN_SPAN = (24.0, 72.0, 168.0), 9, 6.0
NAMES = ("count", "min", "max", "mean", "slope", "delta")
COLUMNS = ["last", *(f"{name}_{window:g}" for window in WINDOWS for name in NAMES)]
Timed = tuple[float, float, Callable[[], pd.DataFrame]]


def with_pandas(path: str) -> Timed:
    """A groupby per landmark and window; slopes from sums centred on the landmark."""
    labs = pd.read_parquet(
        path, columns=["patient", "code", "value", "collected_hours", "resulted_hours"]
    )
    begun = time.perf_counter(), time.process_time()
    key = labs["patient"].to_numpy() * N_ANALYTES + labs["code"].to_numpy()
    parts = []
    for moment in LANDMARKS:
        seen = (labs["resulted_hours"] < moment).to_numpy()
        time_ = labs["collected_hours"].to_numpy()[seen] - moment
        rows = pd.DataFrame({"key": key[seen], "t": time_, "v": labs["value"].to_numpy()[seen]})
        part = rows.groupby("key", sort=False)["v"].last().rename("last").to_frame()
        for window in WINDOWS:
            inside = rows[rows["t"] >= -window]
            inside = inside.assign(tv=inside["t"] * inside["v"], tt=inside["t"] ** 2)
            group = inside.groupby("key", sort=False)
            v = group["v"].agg(["count", "min", "max", "mean", "first", "last"])
            sums = group[["t", "tv", "tt"]].sum()
            ends = group["t"].agg(["first", "last"])
            n = v["count"]
            slope = (sums["tv"] - sums["t"] * v["mean"]) / (sums["tt"] - sums["t"] ** 2 / n)
            enough = (n >= 2) & (ends["last"] - ends["first"] >= MIN_SPAN)
            v["slope"] = (24.0 * slope).where(enough)
            v["delta"] = (v["last"] - v["first"]).where(n >= 2)
            part = part.join(v[list(NAMES)].add_suffix(f"_{window:g}"))
        parts.append(part)
    result = pd.concat(parts, keys=range(len(LANDMARKS)), names=["moment", "key"])
    return *since(begun), result.reset_index


def with_polars(path: str) -> Timed:
    """One lazy group_by per landmark with filtered aggregations, collected together."""
    import polars as pl

    labs = pl.read_parquet(path)
    begun = time.perf_counter(), time.process_time()
    value, t = pl.col("value"), pl.col("collected_hours")
    frames = []
    for number, moment in enumerate(LANDMARKS):
        columns = [value.last().alias("last")]
        for window in WINDOWS:
            inside = t >= moment - window
            v, at = value.filter(inside), t.filter(inside) - moment
            n = v.len()
            mean_t, mean_v = at.mean(), v.mean()
            slope = ((at - mean_t) * (v - mean_v)).sum() / ((at - mean_t) ** 2).sum()
            enough = (n >= 2) & (at.last() - at.first() >= MIN_SPAN)
            named = {
                "count": n,
                "min": v.min(),
                "max": v.max(),
                "mean": mean_v,
                "slope": pl.when(enough).then(24.0 * slope),
                "delta": pl.when(n >= 2).then(v.last() - v.first()),
            }
            columns += [item.alias(f"{name}_{window:g}") for name, item in named.items()]
        key = (pl.col("patient") * N_ANALYTES + pl.col("code")).alias("key")
        seen = labs.lazy().filter(pl.col("resulted_hours") < moment)
        frames.append(seen.group_by(key).agg(columns).with_columns(moment=pl.lit(number)))
    result = pl.concat(pl.collect_all(frames))
    return *since(begun), result.to_pandas


def with_duckdb(path: str) -> Timed:
    """One join of results with landmarks and filtered aggregates."""
    import duckdb

    base = duckdb.connect()
    base.execute(f"CREATE TABLE labs AS SELECT * FROM read_parquet('{path}')")
    begun = time.perf_counter(), time.process_time()
    columns = ["arg_max(value, collected_hours) AS last"]
    for window in WINDOWS:
        inside = f"FILTER (WHERE collected_hours >= moment_hours - {window})"
        n = f"count(*) {inside}"
        first = f"min(collected_hours) {inside}"
        last = f"max(collected_hours) {inside}"
        columns += [
            f"{n} AS count_{window:g}",
            f"min(value) {inside} AS min_{window:g}",
            f"max(value) {inside} AS max_{window:g}",
            f"avg(value) {inside} AS mean_{window:g}",
            f"CASE WHEN {n} >= 2 AND {last} - {first} >= {MIN_SPAN} THEN "
            f"24 * regr_slope(value, collected_hours) {inside} END AS slope_{window:g}",
            f"CASE WHEN {n} >= 2 THEN arg_max(value, collected_hours) {inside} - "
            f"arg_min(value, collected_hours) {inside} END AS delta_{window:g}",
        ]
    moments = ", ".join(f"({number}, {hour})" for number, hour in enumerate(LANDMARKS))
    result = base.execute(
        f"SELECT patient * {N_ANALYTES} + code AS key, moment, {', '.join(columns)} FROM labs "
        f"JOIN (VALUES {moments}) AS m(moment, moment_hours) ON resulted_hours < moment_hours "
        "GROUP BY ALL"
    ).to_arrow_table()
    return *since(begun), result.to_pandas


def since(begun: tuple[float, float]) -> tuple[float, float]:
    """Wall and CPU seconds since ``begun``."""
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def report(rivals: dict[str, Callable[[str], Timed]]) -> int:
    """Run one implementation twice, save the compared columns, print the seconds.

    The first run, with imports and start-up, is reported separately. Missing columns stay empty.
    """
    name, path, patients, out = sys.argv[1:]
    try:
        _, first, finish = rivals[name](path)
        del finish
        wall, cpu, finish = rivals[name](path)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}: see the top of features.py for the environment\n")
        return 1
    frame = finish().reindex(columns=["key", "moment", *COLUMNS])
    n = int(patients)
    values = np.full((n, len(LANDMARKS), N_ANALYTES, len(COLUMNS)), np.nan)
    counts = [column for column, title in enumerate(COLUMNS) if title.startswith("count")]
    values[..., counts] = 0.0
    key = frame["key"].to_numpy().astype(int)
    place = (key // N_ANALYTES, frame["moment"].to_numpy().astype(int), key % N_ANALYTES)
    numbers = frame[COLUMNS].to_numpy(dtype=float)
    numbers[:, counts] = np.nan_to_num(numbers[:, counts])
    values[place] = numbers
    np.save(out, values.reshape(n * len(LANDMARKS), -1))
    print(json.dumps({"wall": wall, "cpu": cpu, "first": first}))
    return 0


RIVALS = {"pandas": with_pandas, "polars": with_polars, "duckdb": with_duckdb}


if __name__ == "__main__":
    sys.exit(report(RIVALS))
