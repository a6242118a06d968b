"""Evidence on simulated patients: distance to the best attainable model, calibration, coverage.

    python benchmarks/evidence.py best --patients 3000 --work /tmp/evidence
    python benchmarks/evidence.py learn --patients 150 --seed 0 --work /tmp/evidence
    python benchmarks/evidence.py report --work /tmp/evidence

``best`` fits the same model on many simulated patients; ``learn`` fits it on a small cohort and
scores both, and the simulator's true risk, on the same fresh patients; ``report`` prints the table
of ``docs/evidence.md``. Finished steps are kept in the work folder and not repeated.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.cohort.limits import apply_limits, infer_limits
from pipeline.cohort.reader import read_cohort
from pipeline.cohort.simulate.command import simulate
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.features.build import FeatureMatrix, build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.bundle import Bundle, load_bundle, save_bundle
from pipeline.model.fitting import FitPlan, fit_risk_model
from pipeline.model.reference import TrainingReference
from pipeline.model.risk_model import RiskModel
from pipeline.model.stack import Targets

CONFIG = Path(__file__).parent.parent / "configs" / "cohorts" / "synthetic.yaml"
OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1)}
HORIZON = 72.0
BEST_SEED, TEST_SEED, FIRST_SEED = 70_001, 80_001, 1000
TEST_PATIENTS = 200
LEVEL = 0.8


@dataclass(frozen=True)
class Learned:
    """Models by scale, and what they read."""

    models: dict[str, RiskModel]
    spec: FeatureSpec
    limits: dict[str, dict[str, float]]


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=("best", "learn", "report"))
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    config = load_config([CONFIG])
    if options.step == "best":
        fit_best(options.patients, config, options.work)
    elif options.step == "learn":
        learn(options.patients, options.seed, config, options.work)
    else:
        print(report(options.work))


def fit_best(patients: int, config: Config, work: Path) -> None:
    """Fit on many patients and keep the bundle."""
    folder = work / "best"
    if folder.exists():
        return
    learned = fit(cohort_of(patients, BEST_SEED, config, work), config, bootstrap=0)
    reference = TrainingReference(learned.spec, {}, learned.limits, {}, {}, False, {}, patients)
    save_bundle(Bundle(config, reference, learned.models, {"patients": patients}), folder)


def learn(patients: int, seed: int, config: Config, work: Path) -> None:
    """Fit on a small cohort and score it on fresh patients beside the best model and the truth."""
    path = work / f"learned_{patients}_{seed}.json"
    if path.exists():
        return
    cohort = cohort_of(patients, FIRST_SEED + 37 * seed + patients, config, work)
    small = fit(cohort, config, bootstrap=config.model.bootstrap_members)
    bundle = load_bundle(work / "best")
    best = Learned(dict(bundle.models), bundle.reference.spec, bundle.reference.limits)
    fresh = cohort_of(TEST_PATIENTS, TEST_SEED, config, work)
    truth = pd.read_csv(work / f"sim_{TEST_PATIENTS}_{TEST_SEED}" / "true_risk.csv")
    result: dict[str, object] = {"patients": patients, "seed": seed}
    shared: dict[str, dict[str, np.ndarray]] = {}
    for name, (scale, threshold) in OUTCOMES.items():
        ours = scored(small, fresh, config, scale, threshold, interval=True)
        theirs = scored(best, fresh, config, scale, threshold)
        real = true_of(fresh, ours, truth, name)
        result[name] = compared(ours, theirs, real)
        shared[name] = {"key": ours["key"], "ours": ours["risk"], "best": theirs["risk"]}
        shared[name]["label"] = ours["label"]
    result["contrast"] = contrast(shared)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def cohort_of(patients: int, seed: int, config: Config, work: Path) -> Cohort:
    """Simulate once and read through the front door."""
    folder = work / f"sim_{patients}_{seed}"
    if not folder.exists():
        simulate(patients, seed, folder)
    return read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort


def fit(cohort: Cohort, config: Config, *, bootstrap: int) -> Learned:
    """Fit both scales on everyone; no cross-validation."""
    limits = infer_limits(cohort.labs)
    cohort = cohort.with_labs(apply_limits(cohort.labs, limits))
    spec = learn_spec(cohort, config, {})
    models = {}
    for scale in ("crs", "icans"):
        reported = reported_thresholds(config.outcomes, scale)
        matrix, targets = rows_of(
            cohort, spec, config, scale, stacked_thresholds(cohort, scale, reported)
        )
        plan = FitPlan(scale, reported, spec, config.model, config.seed, 2)
        models[scale] = fit_risk_model(matrix, targets, plan, bootstrap=bootstrap)
    return Learned(models, spec, limits)


def rows_of(
    cohort: Cohort, spec: FeatureSpec, config: Config, scale: str, thresholds: tuple[int, ...]
) -> tuple[FeatureMatrix, Targets]:
    """Features and targets of the landmarks of a cohort."""
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    targets = build_targets(cohort, landmarks, scale, thresholds)
    return build_features(cohort, landmarks, spec), targets


def scored(
    learned: Learned,
    cohort: Cohort,
    config: Config,
    scale: str,
    threshold: int,
    *,
    interval: bool = False,
) -> dict[str, np.ndarray]:
    """Risks at the labelled landmarks of fresh patients."""
    cohort = cohort.with_labs(apply_limits(cohort.labs, learned.limits))
    matrix, targets = rows_of(cohort, learned.spec, config, scale, (threshold,))
    label = targets.label(threshold, HORIZON)
    rows = np.flatnonzero(~np.isnan(label))
    part, model = matrix.take(rows), learned.models[scale]
    hours = part.landmarks["hours"].to_numpy(dtype=float)
    result = {
        "key": np.stack([targets.patient[rows], hours], axis=1),
        "label": label[rows],
        "risk": model.risk(part, threshold, (HORIZON,))[:, 0],
        "grade_and_day": model.reference_risk(part, threshold, (HORIZON,))[:, 0],
    }
    if interval:
        low, high = model.interval(part, threshold, (HORIZON,), LEVEL)
        result |= {"low": low[:, 0], "high": high[:, 0]}
    return result


def true_of(
    cohort: Cohort, rows: dict[str, np.ndarray], truth: pd.DataFrame, outcome: str
) -> np.ndarray:
    """The simulator's risk at each landmark; NaN where it gives none."""
    mine = truth.loc[(truth["outcome"] == outcome) & (truth["horizon_h"] == HORIZON)]
    known = mine.set_index(["patient_id", "landmark_hours"])["risk"]
    patients = cohort.patients["patient_id"].to_numpy()[rows["key"][:, 0].astype(int)]
    index = pd.MultiIndex.from_arrays([patients, rows["key"][:, 1]])
    return known.reindex(index).to_numpy(dtype=float)


def compared(
    ours: dict[str, np.ndarray], best: dict[str, np.ndarray], real: np.ndarray
) -> dict[str, float]:
    """AUROC of each, calibration of ours, coverage of the best risk by our interval."""
    label = ours["label"]
    ones = np.ones((len(label), 1))
    known = ~np.isnan(real)
    intercept, slope = metrics.calibration_line(label, ours["risk"], ones)
    inside = (ours["low"] <= best["risk"]) & (best["risk"] <= ours["high"])
    return {
        "auroc": area(label, ours["risk"]),
        "auroc_grade_and_day": area(label, ours["grade_and_day"]),
        "auroc_best": area(label, best["risk"]),
        "auroc_true": area(label[known], real[known]),
        "brier": float(np.mean((label - ours["risk"]) ** 2)),
        "brier_best": float(np.mean((label - best["risk"]) ** 2)),
        "cal_slope": float(slope[0]),
        "cal_intercept": float(intercept[0]),
        "coverage": float(inside.mean()),
        "width": float((ours["high"] - ours["low"]).mean()),
        "n_events": float(label.sum()),
        "n": float(len(label)),
    }


def contrast(shared: dict[str, dict[str, np.ndarray]]) -> dict[str, float]:
    """Which syndrome comes, among landmarks after which exactly one does."""
    frames = {
        name: pd.DataFrame(
            {key: part[key] for key in ("label", "ours", "best")},
            index=pd.MultiIndex.from_arrays(part["key"].T),
        )
        for name, part in shared.items()
    }
    both = (
        frames["severe_crs"]
        .add_suffix("_crs")
        .join(frames["icans"].add_suffix("_icans"), how="inner")
    )
    both = both.loc[both["label_crs"] + both["label_icans"] == 1]
    label = both["label_crs"].to_numpy()
    result = {"n": float(len(both)), "n_crs": float(label.sum())}
    for who in ("ours", "best"):
        crs, icans = (np.clip(both[f"{who}_{s}"], 1e-9, 1 - 1e-9) for s in ("crs", "icans"))
        score = np.log(crs / (1 - crs)) - np.log(icans / (1 - icans))
        result[f"auroc_{who}"] = area(label, score.to_numpy())
    return result


def area(label: np.ndarray, score: np.ndarray) -> float:
    """AUROC over all rows: one model, so ranks are comparable."""
    zeros = np.zeros(len(label), dtype=np.intp)
    return float(metrics.auroc(label, score, np.ones((len(label), 1)), zeros)[0])


def report(work: Path) -> str:
    """Mean and standard deviation over seeds, per size and outcome."""
    found = [json.loads(path.read_text()) for path in sorted(work.glob("learned_*.json"))]
    lines = [
        "| patients | seeds | outcome | AUROC | best | true risk | grade and day | slope | "
        "coverage of 80 % | width |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sorted({item["patients"] for item in found}):
        mine = [item for item in found if item["patients"] == size]
        for name in OUTCOMES:
            cells = [
                _spread([item[name][key] for item in mine])
                for key in (
                    "auroc",
                    "auroc_best",
                    "auroc_true",
                    "auroc_grade_and_day",
                    "cal_slope",
                    "coverage",
                    "width",
                )
            ]
            lines.append(f"| {size} | {len(mine)} | {name} | {' | '.join(cells)} |")
        cells = [
            _spread([item["contrast"][key] for item in mine])
            for key in ("auroc_ours", "auroc_best")
        ]
        lines.append(
            f"| {size} | {len(mine)} | contrast | {' | '.join(cells)} | - | - | - | - | - |"
        )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


if __name__ == "__main__":
    main()
