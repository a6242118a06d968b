"""Times the lab features against other implementations, after checking that values agree.

    python benchmarks/features.py [--patients 1000 10000] [--runs 3] [--peers PYTHON]

Peers need their own environment:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r benchmarks/requirements-peers.txt

Pass its interpreter with --peers. timeseriesflattener needs an older polars and a separate
environment (benchmarks/requirements-timeseriesflattener.txt), passed with --flattener. Every run is
a new process; runs of all implementations alternate. Timing starts from a table in memory in the
native format and ends with the native result in memory. Each process runs twice and the second run
counts, because the first includes imports, the start of numba and memory allocation. The first call
is printed separately for calls on few patients.
The data are SYNTHETIC: nine analytes, about 93 rows per patient, 2 % late, 15 daily landmarks.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.tables import empty_cohort
from pipeline.features import kernel_compilation
from pipeline.features.series import series_features, series_meta
from pipeline.features.spec import FeatureSpec

PER_PATIENT = {"crp": 23, "ferritin": 21, "il6": 12, "d_dimer": 14, "fibrinogen": 14}
PER_PATIENT |= {"csf_serum_albumin": 1, "nfl": 4, "il1ra": 2, "gm_csf": 2}
ANALYTES = sorted(PER_PATIENT)
LANDMARKS, WINDOWS = 15, (24.0, 72.0, 168.0)
STATISTICS = ("last", "count", "min", "max", "mean", "slope", "delta")
CHECKED = ("last", *(f"{name}_{window:g}h" for window in WINDOWS for name in STATISTICS[1:]))
PEERS = ("pandas", "polars", "duckdb")
GOALS = {"pandas": 3.0, "polars": 8.0, "duckdb": 5.0}
# feature libraries: number of patients, goal, and statistics that must agree
LIBRARIES = {
    "tsflex": (100, 200.0),
    "tsflex-once": (100, 200.0),
    "tsfresh": (100, 400.0),
    "timeseriesflattener": (1_000, 20.0),
}
SAME = dict.fromkeys(LIBRARIES, ("count", "min", "max", "mean"))
SAME["tsflex"] = SAME["tsflex-once"] = (*SAME["tsflex"], "slope", "delta")


def write_labs(path: Path, patients: int, delayed: bool = True) -> None:
    """Write the table that every implementation reads, sorted by patient and analyte."""
    random = np.random.default_rng(0)
    parts = []
    for code, key in enumerate(ANALYTES):
        counts = random.poisson(PER_PATIENT[key], patients)
        patient = np.repeat(np.arange(patients), counts)
        collected = random.uniform(-72, 24 * LANDMARKS, len(patient))
        late = random.random(len(patient)) < 0.02
        delay = np.where(
            late, random.uniform(24, 96, len(patient)), random.uniform(1, 6, len(late))
        )
        value = np.exp(random.normal(3, 1, len(patient)))
        parts.append((patient, np.full(len(patient), code), value, collected, collected + delay))
    patient, code, value, collected, resulted = (
        np.concatenate(p) for p in zip(*parts, strict=True)
    )
    order = np.lexsort((collected, code, patient))
    analyte = pd.Categorical.from_codes(code[order], ANALYTES)
    pd.DataFrame(
        {
            "patient": patient[order],
            "analyte": pd.Series(analyte).astype("str"),
            "code": code[order].astype(np.int8),
            "value": np.log2(value[order]),
            "collected_hours": collected[order],
            "resulted_hours": (resulted if delayed else collected)[order],
        }
    ).to_parquet(path)


def ours(
    path: Path, patients: int, jobs: int, compile_it: bool
) -> tuple[dict[str, float], np.ndarray]:
    """Run the kernel twice; returns seconds and the checked columns."""
    labs = pd.read_parquet(path).assign(
        side=np.int8(0), cancelled=False, superseded_hours=np.inf, value=lambda t: 2.0 ** t["value"]
    )
    cohort = empty_cohort([]).with_labs(labs)
    landmarks = pd.DataFrame(
        {
            "patient": np.repeat(np.arange(patients), LANDMARKS),
            "hours": np.tile(24.0 * np.arange(1, LANDMARKS + 1), patients),
        }
    )
    known = [dictionary()[key].to_dict() | {"log": True, "floor": 1e-9} for key in ANALYTES]
    spec = FeatureSpec(
        tuple(type(dictionary()["crp"])(**item) for item in known),
        WINDOWS, -168.0, 6.0, 36.0, 1.0, (), (), (), statistics=STATISTICS,
    )  # fmt: skip
    if compile_it:
        # compile at any size; the start of numba is timed separately
        kernel_compilation.WORTH_COMPILING = -1
    begun = time.process_time()
    if compile_it:
        series_features(cohort, landmarks.iloc[:1], spec)
    start = time.process_time() - begun
    # reset the peak, which otherwise includes reading the table
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory_kib("VmRSS")
    values = series_features(cohort, landmarks, spec, jobs)
    taken = {"start": start, "first": time.process_time() - begun}
    peak = memory_kib("VmHWM") - before
    del values
    begun = time.perf_counter(), time.process_time()
    system = os.times().system
    values = series_features(cohort, landmarks, spec, jobs)
    taken |= {"wall": time.perf_counter() - begun[0], "cpu": time.process_time() - begun[1]}
    # system time is mostly memory allocation for the output
    taken["system"] = os.times().system - system
    taken["output_gib"] = values.nbytes / 2**30
    taken["over_gib"] = peak / 2**20 - taken["output_gib"]
    begun = time.perf_counter(), time.process_time()
    pq.read_table(path, read_dictionary=["analyte"])
    taken["read_wall"] = time.perf_counter() - begun[0]
    taken["read_cpu"] = time.process_time() - begun[1]
    names = [meta.name for meta in series_meta(spec)]
    kept = [number for number, name in enumerate(names) if name.split("__")[1] in CHECKED]
    return taken, values[:, kept] if patients <= 10_000 else values[:1, kept]


def memory_kib(field: str) -> int:
    """One memory figure of this process (Linux); the peak also counts pages shared with files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0])


def child(command: list[str]) -> dict[str, float]:
    """Run one implementation; the last line of its output is JSON."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(
    patients: int, runs: int, peers: str | None, rivals: list[str], folder: Path
) -> dict[str, float]:
    """Print one row per implementation; returns the medians of the kernel."""
    path = folder / f"labs{patients}.parquet"
    write_labs(path, patients)
    own = [sys.executable, __file__, "--one", str(path), "--patients", str(patients)]
    commands = {"cytocast": [*own, "--jobs", "1"], "cytocast, 2 jobs": [*own, "--jobs", "2"]}
    script = str(Path(__file__).with_name("feature_peers.py"))
    if peers is not None and patients <= 10_000:
        for name in rivals:
            commands[name] = [peers, script, name, str(path), str(patients)]
    times: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            out = folder / f"{name[:8]}.npy"
            taken = child([*command, str(out)] if name in PEERS else [*command, "--out", str(out)])
            # the first round warms the file cache and checks the values
            if number:
                times[name].append(taken)
            elif name in PEERS:
                mine = np.load(folder / "cytocast.npy")
                np.testing.assert_allclose(np.load(out), mine, rtol=1e-6, atol=1e-6, err_msg=name)
    middle = {
        name: {key: statistics.median(run[key] for run in rows) for key in rows[0]}
        for name, rows in times.items()
    }
    base = middle["cytocast"]
    for name, row in middle.items():
        ratio = row["cpu"] / base["cpu"]
        goal = f" (goal {GOALS[name]:g})" if name in GOALS else ""
        print(
            f"{patients:7d} {name:18s} cpu {row['cpu']:8.3f} s  wall {row['wall']:8.3f} s  "
            f"{ratio:6.1f}x cpu{goal}"
        )
    read = base["read_wall"]
    with_two = middle["cytocast, 2 jobs"]["wall"] / read
    print(
        f"{patients:7d} {'pyarrow read':18s} cpu {base['read_cpu']:8.3f} s  wall {read:8.3f} s  "
        f"the kernel with 2 jobs takes {with_two:.1f}x that wall time"
    )
    print(
        f"{patients:7d} memory over the output of {base['output_gib']:.2f} GiB: "
        f"{base['over_gib']:.2f} GiB (goal 1.5 at 100,000)"
    )
    print(f"{patients:7d} start of numba, kernel on disk: cpu {base['start']:.2f} s")
    return base


def compare_library(name: str, runs: int, python: str, folder: Path) -> None:
    """Compare one feature library with the kernel: check shared statistics, then time."""
    patients, goal = LIBRARIES[name]
    path, out = folder / f"{name}.parquet", folder / f"{name}.npy"
    write_labs(path, patients, delayed=False)
    mine = [sys.executable, __file__, "--one", str(path), "--patients", str(patients)]
    mine += ["--out", str(folder / "mine.npy")]
    script = str(Path(__file__).with_name("feature_libraries.py"))
    commands = {
        "cytocast": mine,
        "cytocast, as called": [*mine, "--as-called"],
        name: [python, script, name, str(path), str(patients), str(out)],
    }
    times: dict[str, list[dict[str, float]]] = {title: [] for title in commands}
    for number in range(runs + 1):
        for title, command in commands.items():
            taken = child(command)
            if number:
                times[title].append(taken)
        if not number:
            check_library(name, np.load(out), np.load(folder / "mine.npy"))
    middle = {
        title: {key: statistics.median(run[key] for run in rows) for key in ("cpu", "first")}
        for title, rows in times.items()
    }
    base = {"cpu": middle["cytocast"]["cpu"], "first": middle["cytocast, as called"]["first"]}
    for title, row in middle.items():
        end = f" (goal {goal:g})" if title == name else ""
        print(
            f"{patients:7d} {title:19s} cpu {row['cpu']:8.4f} s  {row['cpu'] / base['cpu']:6.1f}x"
            f"{end}; first call {row['first']:8.4f} s  {row['first'] / base['first']:6.1f}x"
        )


def check_library(name: str, theirs: np.ndarray, mine: np.ndarray) -> None:
    """Fail unless the shared statistics of library and kernel agree."""
    columns = [
        number
        for number, title in enumerate(CHECKED * len(ANALYTES))
        if title.partition("_")[0] in SAME[name]
    ]
    wanted = mine[:, columns]
    np.testing.assert_allclose(theirs[:, columns], wanted, rtol=1e-6, atol=1e-6, err_msg=name)
    print(f"{name}: {wanted.size:,} cells of {', '.join(SAME[name])} are the same")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Lab features against other ways to compute them")
    parser.add_argument("--patients", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--peers", help="interpreter of the peers' environment")
    parser.add_argument("--libraries", nargs="*", default=[*LIBRARIES], choices=LIBRARIES)
    parser.add_argument("--rivals", nargs="*", default=[*PEERS], choices=PEERS)
    parser.add_argument("--flattener", help="interpreter of timeseriesflattener's environment")
    parser.add_argument("--as-called", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        taken, values = ours(options.one, options.patients[0], options.jobs, not options.as_called)
        np.save(options.out, values)
        print(json.dumps(taken))
        return 0
    if options.peers is None:
        print(
            "Peers are skipped: create their environment (see the top of this file), pass --peers"
        )
    print(f"SYNTHETIC data; {LANDMARKS} landmarks x {len(ANALYTES)} analytes; {options.runs} runs")
    with tempfile.TemporaryDirectory() as name:
        for library in options.libraries:
            own = library == "timeseriesflattener"
            python = options.flattener if own else options.peers
            if python is not None:
                compare_library(library, options.runs, python, Path(name))
        base = {
            n: compare(n, options.runs, options.peers, options.rivals, Path(name))
            for n in options.patients
        }
    if {10_000, 100_000} <= set(base):
        growth = base[100_000]["cpu"] / base[10_000]["cpu"] / 10
        own = {n: row["cpu"] - row["system"] for n, row in base.items()}
        print(
            f"cost per patient at 100,000 against 10,000: {growth:.2f}x cpu (goal 1.3), "
            f"{own[100_000] / own[10_000] / 10:.2f}x without the {base[100_000]['system']:.2f} s "
            "in which the machine found memory"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
