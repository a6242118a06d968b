"""Whether training landmarks without a single lab help or harm: cross-validation with and without.

    python benchmarks/without_lab.py --cohort COHORT --config CONFIG

Prints, for severe CRS, how many landmarks have no lab, and AUROC and Brier score at every horizon
on the same held-out landmarks when such landmarks are trained on and when they are not.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.cohort.limits import apply_limits, infer_limits
from pipeline.cohort.reader import read_cohort
from pipeline.config import load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import cross_validate
from pipeline.evaluate.outcomes import build_targets, stacked_thresholds
from pipeline.evaluate.resampling import interval, patient_draws
from pipeline.evaluate.splits import repeated_patient_folds
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.model.abstention import without_lab
from pipeline.model.fitting import FitPlan

SCALE, THRESHOLD = "crs", 3
FOLDS, DRAWS = 5, 300


def main() -> None:
    """Fit twice per fold and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--config", type=Path, action="append", default=[])
    parser.add_argument("--patients", type=int, help="the first so many only")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    config = load_config(options.config)
    cohort = read_cohort(options.cohort, config.cohort, extra_scales=(SCALE,)).cohort
    if options.patients:
        cohort = cohort.take(np.arange(options.patients))
    cohort = cohort.with_labs(apply_limits(cohort.labs, infer_limits(cohort.labs)))
    spec = learn_spec(cohort, config, {})
    landmarks = training_landmarks(cohort, config.landmarks, SCALE)
    thresholds = stacked_thresholds(cohort, SCALE, (THRESHOLD,))
    targets = build_targets(cohort, landmarks, SCALE, thresholds)
    matrix = build_features(cohort, landmarks, spec)
    bare = without_lab(matrix)
    column = targets.thresholds.index(THRESHOLD)
    event = (targets.status[:, column] == 1) & targets.at_risk[:, column]
    plan = FitPlan(SCALE, (THRESHOLD,), spec, config.model, config.seed, 2)
    splits = repeated_patient_folds(
        targets.patient, event, folds=FOLDS, repeats=options.repeats, seed=config.seed
    )
    fewer = [replace(item, train=item.train[~bare[item.train]]) for item in splits]
    kept, dropped = (
        cross_validate(matrix, targets, plan, parts)[THRESHOLD] for parts in (splits, fewer)
    )
    print(f"{bare.sum()} of {len(bare)} landmarks have no lab")
    print("| within | AUROC trained with them | without | difference | Brier with | without |")
    print("|---|---|---|---|---|---|")
    draws = patient_draws(kept.patient, DRAWS, config.seed)
    for place, horizon in enumerate(kept.horizons):
        rows = np.flatnonzero(~np.isnan(kept.label[:, place]))
        label, weight, group = kept.label[rows, place], draws[rows], kept.group[rows]
        risks = [item.risks["model"][rows, place] for item in (kept, dropped)]
        areas = [metrics.auroc(label, risk, weight, group) for risk in risks]
        low, high = interval(areas[1] - areas[0])
        brier = [float(np.mean((label - risk) ** 2)) for risk in risks]
        print(
            f"| {horizon:g} h | {areas[0][0]:.3f} | {areas[1][0]:.3f} | "
            f"{areas[1][0] - areas[0][0]:+.4f} [{low:+.4f}, {high:+.4f}] | "
            f"{brier[0]:.4f} | {brier[1]:.4f} |"
        )


if __name__ == "__main__":
    main()
