"""Paired comparison of AUROC with and without the drug rules of the features.

    python benchmarks/feature_drugs.py --work /tmp/drugs [--patients 200] [--seeds 6] [--cohort DIR]

Fits the same model twice to each SIMULATED cohort, with ``features.drug_rules`` on and off, and
scores both on the same new patients: AUROC for an event within 72 h over all landmarks and over
landmarks after a drug with a rule. ``--cohort`` counts the feature values of a real export that the
rules change.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.commands.simulate import simulate
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.reading.reader import read_cohort
from pipeline.resources import config_path

OUTCOMES = {"severe_crs": ("crs", 3), "icans": ("icans", 1)}
HORIZON, FIRST_SEED, TEST_PATIENTS, TEST_SEED = 72.0, 4_000, 200, 80_001


@dataclass(frozen=True)
class Learned:
    """Models by scale, with their features and limits."""

    models: dict[str, RiskModel]
    spec: FeatureSpec
    limits: dict[str, dict[str, float]]


def settings_of(name: str) -> Config:
    """Settings of a cohort from ``configs/cohorts``."""
    return load_config([config_path(f"cohorts/{name}.yaml")])


def cohort_of(patients: int, seed: int, config: Config, work: Path) -> Cohort:
    """Simulate a cohort once, and read it as an export."""
    folder = work / f"sim_{patients}_{seed}"
    if not folder.exists():
        simulate(patients, seed, folder)
    return read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort


def fit(cohort: Cohort, config: Config) -> Learned:
    """Fit both scales on all patients."""
    limits = infer_limits(cohort.labs)
    cohort = cohort.with_labs(apply_limits(cohort.labs, limits))
    spec = learn_spec(cohort, config, {})
    models = {}
    for scale in ("crs", "icans"):
        reported = reported_thresholds(config.outcomes, scale)
        landmarks = training_landmarks(cohort, config.landmarks, scale)
        targets = build_targets(
            cohort, landmarks, scale, stacked_thresholds(cohort, scale, reported)
        )
        plan = FitPlan(scale, reported, spec, config.model, config.seed, 2)
        matrix = build_features(cohort, landmarks, spec)
        models[scale] = fit_risk_model(matrix, targets, plan, bootstrap=0)
    return Learned(models, spec, limits)


def scored(
    learned: Learned, cohort: Cohort, config: Config, scale: str, threshold: int
) -> dict[str, np.ndarray]:
    """Risks at the labelled landmarks of new patients."""
    cohort = cohort.with_labs(apply_limits(cohort.labs, learned.limits))
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    targets = build_targets(cohort, landmarks, scale, (threshold,))
    label = targets.label(threshold, HORIZON)
    rows = np.flatnonzero(~np.isnan(label))
    part = build_features(cohort, landmarks, learned.spec).take(rows)
    hours = part.landmarks["hours"].to_numpy(dtype=float)
    return {
        "key": np.stack([targets.patient[rows], hours], axis=1),
        "label": label[rows],
        "risk": learned.models[scale].risk(part, threshold, (HORIZON,))[:, 0],
    }


def area(label: np.ndarray, score: np.ndarray) -> float:
    """AUROC over all rows; one model, so ranks are comparable."""
    zeros = np.zeros(len(label), dtype=np.intp)
    return float(metrics.auroc(label, score, np.ones((len(label), 1)), zeros)[0])


def without_rules(config: Config) -> Config:
    """Return the settings with the rules off."""
    features = config.features.model_copy(update={"drug_rules": False})
    return config.model_copy(update={"features": features})


def after_a_drug(cohort: Cohort, key: np.ndarray) -> np.ndarray:
    """Whether a drug with a rule was given before each (patient, hours)."""
    ruled = {rule.drug for rule in learn_spec(cohort, settings_of("synthetic"), {}).drug_effects}
    rows = cohort.treatments[cohort.treatments["drug"].isin(ruled)]
    first = rows.groupby("patient")["given_hours"].min()
    return first.reindex(key[:, 0]).to_numpy() < key[:, 1]


def one_seed(seed: int, patients: int, work: Path) -> dict[str, list[float]]:
    """AUROC with and without the rules by outcome and kind of landmark; stored."""
    path = work / f"drugs_{patients}_{seed}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    config = settings_of("synthetic")
    cohort = cohort_of(patients, FIRST_SEED + seed, config, work)
    fresh = cohort_of(TEST_PATIENTS, TEST_SEED, config, work)
    models = [(setting, fit(cohort, setting)) for setting in (config, without_rules(config))]
    result: dict[str, list[float]] = {}
    for outcome, (scale, threshold) in OUTCOMES.items():
        on, off = (scored(model, fresh, s, scale, threshold) for s, model in models)
        after = after_a_drug(fresh, on["key"])
        for title, rows in (("all", np.full(len(after), True)), ("after a drug", after)):
            result[f"{outcome}, {title}"] = [
                area(part["label"][rows], part["risk"][rows]) for part in (on, off)
            ]
    path.write_text(json.dumps(result), encoding="utf-8")
    return result


def touched(folder: Path) -> str:
    """Count the values in shared columns of a real cohort that the rules change."""
    config = settings_of("prcrs")
    cohort = read_cohort(folder, config.cohort, extra_scales=("crs", "icans")).cohort
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    on, off = (
        build_features(cohort, landmarks, learn_spec(cohort, setting, {}))
        for setting in (config, without_rules(config))
    )
    names = [name for name in on.names if name in set(off.names)]
    changed = sum(
        int((~np.isclose(on.column(name), off.column(name), equal_nan=True)).sum())
        for name in names
    )
    cells = len(names) * len(landmarks)
    return f"{folder.name}: {len(cohort.treatments)} doses; {changed:,} of {cells:,} cells change"


def main() -> None:
    """Fit, score and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=200, help="patients of each cohort")
    parser.add_argument("--seeds", type=int, default=6, help="simulated cohorts")
    parser.add_argument("--cohort", type=Path, help="folder of a PrCRS export")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.cohort:
        print(touched(options.cohort))
    runs = [one_seed(seed, options.patients, options.work) for seed in range(options.seeds)]
    print(
        f"SIMULATED: {options.seeds} cohorts of {options.patients}, {TEST_PATIENTS} fresh patients"
    )
    for title in runs[0]:
        on, off = np.array([run[title] for run in runs]).T
        gain = on - off
        print(
            f"{title:24s} AUROC with {on.mean():.3f}, without {off.mean():.3f}, "
            f"gain {gain.mean():+.3f} (sd {gain.std(ddof=1):.3f}, "
            f"{gain.min():+.3f} to {gain.max():+.3f})"
        )


if __name__ == "__main__":
    main()
