"""Where the CPU of a training goes, and what the bounded Newton fit saves against L-BFGS-B.

    python benchmarks/training.py [--cohort DIR --config FILE ...] [--outcomes a,b] [--runs 3]

Without --cohort a small synthetic cohort is simulated first. The training runs with one job and
without MLflow under cProfile. cProfile sees a call into a library, but not an array operator: these
count as own time of the function that holds them, so array code of this repository is a line of
its own.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from pipeline import log
from pipeline.cohort.simulate.command import simulate
from pipeline.config import Config, load_config
from pipeline.model import linear
from pipeline.model.logistic import fit_logistic, sigmoid
from pipeline.model.parallel import one_blas_thread
from pipeline.resources import config_path
from pipeline.train.run import train

GOAL = 0.7
LIBRARIES = ("xgboost", "sklearn", "scipy", "numpy", "numba")
ARRAY_CODE = (
    "model/logistic", "model/boxed", "model/linear", "model/booster", "model/basis", "model/stack",
    "model/calibration", "features/kernel", "evaluate/metrics", "evaluate/resampling",
    "evaluate/areas",
)  # fmt: skip


def place(file: str, function: str) -> str:
    """Library, array code, or everything else, by where a profiled function stands."""
    for library in LIBRARIES:
        if f"/{library}/" in file:
            return library
    if file == "~":
        return "numpy" if "numpy" in function or "ufunc" in function else "interpreter"
    part = file.rpartition("/pipeline/")[2].removesuffix(".py")
    if "/pipeline/" in file:
        return "array code here" if part in ARRAY_CODE else "other code here"
    return "pandas and others" if "site-packages" in file else "interpreter"


def lbfgs(features, context, landmark, label, weight, limits, *, start=None):
    """The same bounded minimum by scipy's L-BFGS-B, as it was fitted before."""
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


def profile(cohort: Path, out: Path, config: Config) -> tuple[dict[str, float], float, list]:
    """Train once; seconds per place, total CPU seconds, and the widest linear fit that was made."""
    widest: list = []

    def spy(*problem, start=None):
        if not widest or problem[0].size > widest[0][0].size:
            widest[:] = [problem]
        return fit_logistic(*problem, start=start)

    linear.fit_logistic = spy
    profiler, started = cProfile.Profile(), time.process_time()
    profiler.enable()
    train(cohort, out, config, jobs=1)
    profiler.disable()
    total, shares = time.process_time() - started, Counter()
    linear.fit_logistic = fit_logistic
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():
        shares[place(file, function)] += own
    return shares, total, widest[0]


def race(problem, runs: int) -> tuple[dict[str, float], float]:
    """Median CPU of both fits of one problem, alternating, and loss(L-BFGS-B) - loss(Newton)."""
    took: dict[str, list[float]] = {"newton": [], "lbfgs": []}
    found = {}
    with one_blas_thread():
        for _ in range(runs + 1):
            for name, fit in (("newton", fit_logistic), ("lbfgs", lbfgs)):
                started = time.process_time()
                found[name] = fit(*problem)
                took[name].append(time.process_time() - started)
    medians = {name: statistics.median(times[1:]) for name, times in took.items()}
    return medians, objective_at(found["lbfgs"], *problem) - objective_at(found["newton"], *problem)


def main() -> int:
    """Measure, print and return 0 when the goal is met."""
    parser = argparse.ArgumentParser(description="where the CPU of a training goes")
    parser.add_argument("--cohort", type=Path, help="default: a small synthetic one")
    parser.add_argument("--config", type=Path, action="append", help="repeatable")
    parser.add_argument("--outcomes", default="", help="comma-separated; default: all")
    parser.add_argument("--runs", type=int, default=3, help="measured runs of each fit")
    options = parser.parse_args()
    log.configure(quiet=True)
    with tempfile.TemporaryDirectory() as name:
        cohort, files = options.cohort, options.config or []
        if cohort is None:
            cohort, files = Path(name) / "cohort", [config_path("cohorts/synthetic.yaml"), *files]
            simulate(120, 0, cohort)
            print("No --cohort: a SYNTHETIC cohort of 120 patients.")
        config = load_config(files)
        if options.outcomes:
            config = config.select_outcomes(options.outcomes.split(","))
        shares, total, problem = profile(cohort, Path(name) / "bundle", config)
    medians, worse = race(problem, options.runs)
    known = sum(shares.values())
    print(f"Training, one job: {total:.1f} s CPU, profiled")
    for where, seconds in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"  {where:18} {100 * seconds / known:5.1f} %")
    kernels = sum(shares[name] for name in (*LIBRARIES, "array code here")) / known
    print(f"{'PASS' if kernels >= GOAL else 'FAIL'}: {100 * kernels:.0f} % in xgboost, ", end="")
    print(f"scikit-learn, scipy, NumPy and array code, at least {100 * GOAL:.0f} %")
    rows, columns = len(problem[2]), problem[0].shape[1] + problem[1].shape[1]
    print(f"Widest linear fit, {rows} rows and {columns} coefficients, CPU alternating:")
    print(f"  L-BFGS-B       {medians['lbfgs']:.3f} s")
    print(f"  bounded Newton {medians['newton']:.3f} s")
    better = medians["lbfgs"] > medians["newton"] and worse > -1e-6
    ratio = medians["lbfgs"] / medians["newton"]
    print(f"{'PASS' if better else 'FAIL'}: {ratio:.1f} times cheaper, loss lower by {worse:.1e}")
    return 0 if kernels >= GOAL and better else 1


if __name__ == "__main__":
    sys.exit(main())
