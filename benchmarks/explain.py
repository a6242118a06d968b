"""Time the contributions of 25 patients and 2 outcomes at all horizons.

    python benchmarks/explain.py [--patients 25] [--analytes 25] [--training 200] [--sweep]

Writes a wide SYNTHETIC cohort first, with analytes of every pathway and both syndromes graded; its
values have no clinical meaning. ``--sweep`` compares budgets with full enumeration.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import dictionary
from pipeline.config import Config, load_config
from pipeline.explain.contributions import Contributions, contributions
from pipeline.explain.game import Effort
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import learn_spec
from pipeline.model.background import Background, learn_background
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.reading.reader import read_cohort

LIMIT_SECONDS = 10.0
OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1)}
FIRST = ["crp", "ferritin", "il6", "d_dimer", "fibrinogen"]
FIRST += ["csf_serum_albumin", "nfl", "il1ra", "gm_csf"]
Part = tuple[RiskModel, FeatureMatrix, int, Background]


def wide_analytes(count: int) -> list[str]:
    """The nine named analytes, then others of the dictionary in its order."""
    others = [key for key in dictionary() if key not in FIRST]
    return (FIRST + others)[:count]


def write_wide(folder: Path, analytes: list[str], patients: int, days: int, seed: int) -> None:
    """Write daily labs, with a few analytes missing per patient, and grades of both scales."""
    random = np.random.default_rng(seed)
    labs, grades, people = [], [], []
    units = {key: dictionary()[key].unit for key in analytes}
    for number in range(patients):
        name, ill = f"T{number:04d}", random.normal(0, 1)
        people.append((name, int(random.integers(20, 75)), ["F", "M"][number % 2], days * 24.0))
        own = [key for key in analytes if random.random() < 0.9]
        for day in range(days):
            surge = ill + 0.3 * day + random.normal(0, 0.3)
            for key in own:
                if random.random() < 0.7:
                    value = 20.0 * float(np.exp(0.4 * surge + random.normal(0, 0.5)))
                    taken = 24.0 * day + 6 + random.random()
                    labs.append((name, key, f"{value:.4g}", units[key], taken, taken + 2))
            for scale, lag in (("crs", 1.0), ("icans", 1.8)):
                grade = int(np.clip(np.floor(surge - lag + random.normal(0, 0.4)), 0, 4))
                grades.append((name, 24.0 * day + 23.0, scale, grade))
    folder.mkdir(parents=True)
    lab_columns = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"]
    pd.DataFrame(labs, columns=lab_columns).to_csv(folder / "labs.csv", index=False)
    grade_columns = ["patient_id", "assessed_hours", "scale", "grade"]
    pd.DataFrame(grades, columns=grade_columns).to_csv(folder / "assessments.csv", index=False)
    columns = ["patient_id", "age_years", "sex", "record_end_hours"]
    table = pd.DataFrame(people, columns=columns).assign(followed_until_hours=672.0)
    table.to_csv(folder / "patients.csv", index=False)


def fit_parts(folder: Path, config: Config, patients: int) -> list[Part]:
    """Per outcome: model, landmarks of ``patients`` at risk, threshold and background."""
    read = read_cohort(folder, config.cohort, extra_scales=("crs", "icans"))
    spec = learn_spec(read.cohort, config, read.local)
    parts = []
    for scale, threshold in OUTCOMES.values():
        landmarks = training_landmarks(read.cohort, config.landmarks, scale)
        thresholds = stacked_thresholds(read.cohort, scale, (threshold,))
        targets = build_targets(read.cohort, landmarks, scale, thresholds)
        matrix = build_features(read.cohort, landmarks, spec)
        plan = FitPlan(scale, (threshold,), spec, config.model, 0, 2)
        model = fit_risk_model(matrix, targets, plan)
        at_risk = targets.at_risk[:, thresholds.index(threshold)]
        background = learn_background(matrix, at_risk, targets.patient, model.columns)
        day = (landmarks["hours"] == 72).to_numpy()
        asked = np.flatnonzero(at_risk & day)[:patients]
        parts.append((model, matrix.take(asked), threshold, background))
    return parts


def explain(parts: list[Part], effort: Effort) -> tuple[float, list[Contributions]]:
    """Seconds and contributions of all parts."""
    begun = time.perf_counter()
    results = [
        contributions(model, matrix, threshold, model.horizons, background, effort)
        for model, matrix, threshold, background in parts
    ]
    return time.perf_counter() - begun, results


def main() -> int:
    """Measure, print and return 0 if the goal is met."""
    parser = argparse.ArgumentParser(description="Time and sampling error of the contributions")
    parser.add_argument("--patients", type=int, default=25, help="patients to explain")
    parser.add_argument("--analytes", type=int, default=25)
    parser.add_argument("--training", type=int, default=200, help="patients to train on")
    parser.add_argument("--sweep", action="store_true", help="also measure other budgets")
    options = parser.parse_args()
    analytes = wide_analytes(options.analytes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cohort"
        write_wide(folder, analytes, options.training, 8, 1)
        print(f"SYNTHETIC cohort: {options.training} patients, {len(analytes)} analytes; fitting")
        parts = fit_parts(folder, load_config(), options.patients)
    pathways = {dictionary()[key].pathway for key in analytes}
    asked = sum(len(part[1].values) for part in parts)
    print(f"{asked} estimates at {len(parts[0][0].horizons)} horizons, {len(pathways)} pathways")
    seconds, results = explain(parts, Effort())
    gap = max(
        float(np.abs(item.points.sum(axis=2) / 100 - item.risk + item.reference_risk).max())
        for item in results
    )
    error = max(float(item.error.max()) for item in results)
    print(f"largest gap between sum and risk - reference: {gap:.1e}")
    print(f"largest standard error of sampled points: {error:.3f} percentage points")
    if options.sweep:
        exact = explain(parts, Effort(budget=2**16))
        print(f"budget 2^16: {exact[0]:.1f} s, the reference for the following")
        for effort in [Effort(b, p) for b in (2048, 4096, 8192) for p in (16, 32, 64, 128)]:
            taken, sampled = explain(parts, effort)
            off = [np.abs(a.points - b.points) for a, b in zip(sampled, exact[1], strict=True)]
            worst, mean = max(float(o.max()) for o in off), float(np.mean([o.mean() for o in off]))
            print(
                f"budget {effort.budget:5d} pairs {effort.pairs:4d}: {taken:5.1f} s, "
                f"off by at most {worst:.3f}, on average {mean:.4f} points"
            )
    passed = seconds <= LIMIT_SECONDS
    print(f"{'PASS' if passed else 'FAIL'}: {seconds:.1f} s, at most {LIMIT_SECONDS:.0f} s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
