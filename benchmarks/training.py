"""Cost of training with evaluation: CPU and wall time, peak memory, and CPU by library.

    python benchmarks/training.py [--cohort DIR --config FILE ...] [--outcomes a,b] [--jobs 1]
        [--repeats 10] [--bootstrap 1000] [--out BUNDLE]

Without --cohort a small synthetic cohort is simulated first. During training a CPU timer samples
the current instruction address every few milliseconds; the shared library at that address is
xgboost, scikit-learn, scipy, NumPy or the interpreter. A function profile does not separate these,
because array operators are not calls. Linux on x86-64 only. Afterwards the bounded Newton fit is
timed against L-BFGS-B on the widest linear fit of the training.
"""

from __future__ import annotations

import argparse
import bisect
import ctypes
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numba import carray, cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic
from scipy.optimize import minimize

from pipeline import log
from pipeline.commands.simulate import simulate
from pipeline.commands.train import train_into
from pipeline.config import Config, load_config
from pipeline.folders.claim import claim
from pipeline.model import linear
from pipeline.model.logistic import fit_logistic, sigmoid
from pipeline.model.parallel import one_blas_thread
from pipeline.resources import config_path

GOAL_SHARE, GOAL_SECONDS, CORES = 0.7, 300.0, 2
KERNELS = ("xgboost", "scikit-learn", "scipy", "NumPy", "compiled array code here")
PLACES = (  # part of the path of a shared library, and its name in the output
    ("/xgboost", "xgboost"), ("libgomp", "xgboost"), ("/sklearn/", "scikit-learn"),
    ("/scikit_learn", "scikit-learn"), ("/scipy", "scipy"), ("/numpy", "NumPy"),
    ("/pandas/", "pandas"), ("/pyarrow/", "pyarrow"), ("/libc.", "C library"),
    ("/libc-", "C library"), ("/libm", "C library"), ("python", "interpreter"),
)  # fmt: skip
MOST = 1 << 20  # samples that are kept
EVERY = 0.001  # seconds of CPU between samples; the kernel may sample less often
_SEEN = np.zeros(MOST + 1, np.uint64)
_ADDRESS = _SEEN.ctypes.data
_INSTRUCTION = 21  # place of the instruction pointer in ucontext_t, in words (x86-64)
_RESTART_AND_INFO = 0x10000000 | 0x4


@intrinsic
def _at(_, address):
    def code(_context, builder, _signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.uint64), code


@cfunc(types.void(types.int32, types.voidptr, types.voidptr))
def _note(_number, _info, context):
    """Signal handler in machine code: store the address of the interrupted instruction."""
    seen = carray(_at(_ADDRESS), MOST + 1, np.uint64)
    count = seen[0]
    if count < MOST:
        seen[count + 1] = carray(context, 32, np.uint64)[_INSTRUCTION]
        seen[0] = count + 1


class _Action(ctypes.Structure):
    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """Count the samples per library while the block runs."""
    action, shares = _Action(handler=_note.address, flags=_RESTART_AND_INFO), Counter()
    _SEEN[0] = 0
    if ctypes.CDLL(None).sigaction(signal.SIGPROF, ctypes.byref(action), None):
        raise OSError("the profiling signal cannot be handled here")
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield shares
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    starts, ends, names = _mapped()
    for address in _SEEN[1 : int(_SEEN[0]) + 1].tolist():
        place = bisect.bisect_right(starts, address) - 1
        inside = place >= 0 and address < ends[place]
        shares[names[place] if inside else "unknown"] += 1


def _mapped() -> tuple[list[int], list[int], list[str]]:
    """First and last address of every mapped file, and its library."""
    rows = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, access, *rest = line.split(maxsplit=5)
        if "x" in access:
            low, high = (int(part, 16) for part in span.split("-"))
            rows.append((low, high, _place(rest[3] if len(rest) == 4 else "")))
    starts, ends, names = zip(*sorted(rows), strict=True)
    return list(starts), list(ends), list(names)


def _place(file: str) -> str:
    if file == "":  # code compiled by numba is in memory without a file
        return "compiled array code here"
    tail = file.rpartition("site-packages")[2] if "site-packages" in file else f"/{Path(file).name}"
    return next((name for part, name in PLACES if part in tail), "other libraries")


def lbfgs(features, context, landmark, label, weight, limits, *, start=None):
    """Solve the same bounded problem by scipy's L-BFGS-B, as in earlier versions."""
    size, count = features.shape[1], len(features)
    if start is None:
        start = np.clip(limits.centre, limits.lower, limits.upper)

    def objective(theta):
        eta = (features @ theta[:size])[landmark] + context @ theta[size:]
        away = theta - limits.centre
        residual = weight * (sigmoid(eta) - label)
        summed = np.bincount(landmark, weights=residual, minlength=count)
        loss = float(weight @ (np.logaddexp(0.0, eta) - label * eta))
        slope = np.concatenate([features.T @ summed, context.T @ residual])
        return loss + 0.5 * float(limits.ridge @ away**2), slope + limits.ridge * away

    box = list(zip(limits.lower, limits.upper, strict=True))
    options = {"maxiter": 500, "ftol": 1e-9, "gtol": 1e-6}
    return minimize(objective, start, jac=True, bounds=box, method="L-BFGS-B", options=options).x


def objective_at(theta, features, context, landmark, label, weight, limits) -> float:
    """Penalised weighted log loss."""
    eta = (features @ theta[: features.shape[1]])[landmark] + context @ theta[features.shape[1] :]
    loss = weight @ (np.logaddexp(0.0, eta) - label * eta)
    return float(loss + 0.5 * limits.ridge @ (theta - limits.centre) ** 2)


def measure(cohort: Path, out: Path, config: Config, jobs: int) -> tuple[Counter[str], list]:
    """Train once; returns samples per library and the widest linear fit."""
    widest: list = []

    def spy(*problem, start=None):
        if not widest or problem[0].size > widest[0][0].size:
            widest[:] = [problem]
        return fit_logistic(*problem, start=start)

    linear.fit_logistic = spy
    with sampled() as shares, claim(out, command="train", reads=[cohort], force=True) as output:
        train_into(output, cohort, config, jobs=jobs)
    linear.fit_logistic = fit_logistic
    return shares, widest[0]


def race(problem, runs: int) -> tuple[dict[str, float], float]:
    """Median CPU of both fits of one problem, alternating, and loss(L-BFGS-B) - loss(Newton)."""
    took: dict[str, list[float]] = {"newton": [], "lbfgs": []}
    theta = {}
    with one_blas_thread():
        for _ in range(runs + 1):
            for name, fit in (("newton", fit_logistic), ("lbfgs", lbfgs)):
                started = time.process_time()
                theta[name] = fit(*problem)
                took[name].append(time.process_time() - started)
    medians = {name: statistics.median(times[1:]) for name, times in took.items()}
    return medians, objective_at(theta["lbfgs"], *problem) - objective_at(theta["newton"], *problem)


def main() -> int:
    """Measure, print and return 0 if the goals are met."""
    parser = argparse.ArgumentParser(description="Cost of training with evaluation")
    parser.add_argument("--cohort", type=Path, help="default: a small synthetic one")
    parser.add_argument("--config", type=Path, action="append", help="repeatable")
    parser.add_argument("--outcomes", default="", help="comma-separated; default: all")
    parser.add_argument(
        "--jobs", type=int, default=1, help="parallel fits; 1 gives a clean profile"
    )
    parser.add_argument("--repeats", type=int, help="rounds of the folds; default: the config")
    parser.add_argument("--bootstrap", type=int, help="draws of patients; default: the config")
    parser.add_argument("--runs", type=int, default=3, help="measured runs of each fit")
    parser.add_argument("--out", type=Path, help="keep the bundle in this new folder")
    options = parser.parse_args()
    log.configure(quiet=True)
    with tempfile.TemporaryDirectory() as name:
        cohort, files = options.cohort, options.config or []
        if cohort is None:
            cohort, files = Path(name) / "cohort", [config_path("cohorts/synthetic.yaml"), *files]
            simulate(120, 0, cohort)
            print("No --cohort: a SYNTHETIC cohort of 120 patients.")
        changes = {key: getattr(options, key) for key in ("repeats", "bootstrap")}
        changes = {key: value for key, value in changes.items() if value is not None}
        extra = Path(name) / "changes.yaml"
        extra.write_text(f"evaluation: {changes}\n")
        config = load_config([*files, extra] if changes else files)
        if options.outcomes:
            config = config.select_outcomes(options.outcomes.split(","))
        wall, spent = time.perf_counter(), time.process_time()
        shares, problem = measure(
            cohort, options.out or Path(name) / "bundle", config, options.jobs
        )
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    medians, worse = race(problem, options.runs)
    settings = config.evaluation
    print(f"Training and evaluation: {settings.repeats} times {settings.folds}-fold, ", end="")
    print(f"{settings.bootstrap} bootstrap draws, jobs: {options.jobs}")
    quick = spent / CORES < GOAL_SECONDS
    print(f"  {spent:.0f} s CPU, {wall:.0f} s wall, {peak:.0f} MB at most")
    print(f"{'PASS' if quick else 'FAIL'}: {spent / CORES:.0f} s on {CORES} idle cores ", end="")
    print(f"(CPU / {CORES}), goal {GOAL_SECONDS:.0f} s")
    known = sum(shares.values())
    print(f"CPU by library, {known} samples:")
    for where, seen in shares.most_common():
        print(f"  {where:25} {100 * seen / known:5.1f} %")
    kernels = sum(shares[name] for name in KERNELS) / known
    inside = kernels >= GOAL_SHARE
    print(f"{'PASS' if inside else 'FAIL'}: {100 * kernels:.0f} % inside xgboost, ", end="")
    print(f"scikit-learn, scipy, NumPy and compiled code, goal {100 * GOAL_SHARE:.0f} %")
    rows, columns = len(problem[2]), problem[0].shape[1] + problem[1].shape[1]
    print(f"Widest linear fit, {rows} rows and {columns} coefficients, CPU alternating:")
    print(f"  L-BFGS-B       {medians['lbfgs']:.3f} s")
    print(f"  bounded Newton {medians['newton']:.3f} s")
    better = medians["lbfgs"] > medians["newton"] and worse > -1e-6
    ratio = medians["lbfgs"] / medians["newton"]
    print(f"{'PASS' if better else 'FAIL'}: {ratio:.1f} times cheaper, loss lower by {worse:.1e}")
    return 0 if quick and inside and better else 1


if __name__ == "__main__":
    sys.exit(main())
