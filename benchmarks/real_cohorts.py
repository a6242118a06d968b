"""Effect of fills in PrCRS, and of pooling landmarks in Wuhan, as tables of differences.

    python benchmarks/real_cohorts.py leak --data ../shared/data [--repeats 10]
    python benchmarks/real_cohorts.py pooling --data ../shared/data [--repeats 5]

``leak`` fits the same model on the same folds to PrCRS as released and with its fills removed, to
measure how much the fills inflate AUROC. ``pooling`` compares one model for all landmarks of the
Wuhan cohort with one model per landmark, of the same design and as plain logistic regression.
Differences are paired by landmark, with 95 % intervals over patients drawn with replacement.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.config import Config, load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import cross_validate
from pipeline.evaluate.intervals import interval, patient_draws
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.scoring_protocol import shared_folds
from pipeline.evaluate.splits import Split, splits_of
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import learn_spec
from pipeline.model.fit_plan import FitPlan
from pipeline.model.outcomes import build_targets, reported_thresholds, stacked_thresholds
from pipeline.model.stacked_rows import Targets
from pipeline.reading.reader import read_cohort
from pipeline.resources import config_path

DRAWS = 500
PRCRS = [config_path("cohorts/prcrs.yaml")]
PLAIN = "plain logistic regression"
LANDMARKS = (12.0, 24.0, 48.0, 72.0, 120.0, 168.0)
WEEK = 168.0
REFERENCE = (0.856, 0.868, 0.866, 0.897, 0.904, 0.906)  # data README, one regression per landmark


@dataclass(frozen=True)
class Ready:
    """A cohort with features, targets, fit plan and folds of one outcome."""

    config: Config
    patients: pd.Series
    matrix: FeatureMatrix
    targets: Targets
    plan: FitPlan
    splits: list[Split]
    threshold: int


def ready(
    folder: Path, settings: Sequence[Path], repeats: int, jobs: int, outcome: str | None = None
) -> Ready:
    """Prepare a cohort as ``cytocast train`` does before its first fit, for one outcome.

    Folds and features are those of all configured outcomes; ``outcome`` defaults to the first.
    """
    config = load_config(settings)
    config = config.model_copy(
        update={"evaluation": config.evaluation.model_copy(update={"repeats": repeats})}
    )
    scales = tuple(dict.fromkeys(item.scale for item in config.outcomes.values()))
    name = outcome or next(iter(config.outcomes))
    target = config.select_outcomes([name]).outcomes[name]
    read = read_cohort(folder, config.cohort, extra_scales=scales)
    limits = infer_limits(read.cohort.labs)
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, limits))
    spec = learn_spec(cohort, config, read.local)
    reported = reported_thresholds(config.outcomes, target.scale)
    thresholds = stacked_thresholds(
        cohort, target.scale, reported, chosen=config.model.thresholds.get(target.scale, ())
    )
    landmarks = training_landmarks(cohort, config.landmarks, target.scale)
    targets = build_targets(cohort, landmarks, target.scale, thresholds)
    matrix = build_features(cohort, landmarks, spec, jobs)
    plan = FitPlan(target.scale, reported, spec, config.model, config.seed, jobs)
    splits = splits_of(targets.patient, shared_folds(cohort, config))
    patients = cohort.patients["patient_id"]
    return Ready(config, patients, matrix, targets, plan, splits, target.threshold)


def scores_of(cohort: Ready) -> ScoredRows:
    """Out-of-fold scores of the one outcome."""
    scores = cross_validate(
        cohort.matrix, cohort.targets, cohort.plan, cohort.splits, share_inner=True
    )
    return scores[cohort.threshold]


def keyed(scores: ScoredRows, patients: pd.Series) -> pd.MultiIndex:
    """Patient, hour and repeat of each scored landmark."""
    return pd.MultiIndex.from_arrays(
        [patients.to_numpy()[scores.patient], scores.hours, scores.repeat]
    )


def leak(data: Path, repeats: int, jobs: int) -> None:
    """Print AUROC with and without the fills, and the paired difference."""
    honest = ready(data / "prcrs_recovered", PRCRS, repeats, jobs)
    leaky = ready(data / "prcrs_as_released", PRCRS, repeats, jobs)
    clean, filled = scores_of(honest), scores_of(leaky)
    ours, theirs = keyed(clean, honest.patients), keyed(filled, leaky.patients)
    rows = np.flatnonzero(ours.isin(theirs))
    other = theirs.get_indexer(ours[rows])
    same = clean.take(rows), filled.take(other)
    alike = np.array_equal(*(part.label for part in same), equal_nan=True)
    crossed = set(zip(same[0].group.tolist(), same[1].group.tolist(), strict=True))
    same_folds = len(crossed) == len({fold for fold, _ in crossed})
    print(f"{len(rows)} of {len(ours)} rows ({repeats} repeats) are in both; ", end="")
    print(f"same labels: {alike}; same folds: {same_folds}")
    draws = patient_draws(same[0].patient, DRAWS, honest.config.seed)
    print("| within | model | fills removed | as released | difference |")
    print("|---|---|---|---|---|")
    for place, horizon in enumerate(clean.horizons):
        known = np.flatnonzero(~np.isnan(same[0].label[:, place]))
        for name, title in (("model", "with state"), ("model_no_state", "without state")):
            areas = [
                metrics.auroc(
                    part.label[known, place],
                    part.risks[name][known, place],
                    draws[known],
                    same[0].group[known],
                )
                for part in same
            ]
            cells = [f"{area[0]:.3f}" for area in areas] + [difference_text(areas[1] - areas[0])]
            print(f"| {horizon:g} h | {title} | {' | '.join(cells)} |", flush=True)


def pooling(data: Path, repeats: int, jobs: int) -> None:
    """Print AUROC of the pooled model and of models per landmark, by landmark."""
    cohort = ready(data / "wuhan", [config_path("cohorts/wuhan.yaml")], repeats, jobs)
    hours = cohort.matrix.landmarks["hours"].to_numpy(dtype=float)
    asked = np.isin(hours, LANDMARKS) & (cohort.matrix.landmarks["source"] == "grid").to_numpy()
    here = [replace(split, test=split.test[asked[split.test]]) for split in cohort.splits]
    pooled = scores_of(replace(cohort, splits=here))
    place = pooled.horizons.index(WEEK)
    risks = {"pooled": pooled.risks["model"][:, place]}
    for name in ("same design", PLAIN):
        risks[name] = np.full(len(pooled.hours), np.nan)
    index = keyed(pooled, cohort.patients)
    for landmark in LANDMARKS:
        at = (hours == landmark) & asked
        alone = [
            replace(split, train=split.train[at[split.train]], test=split.test[at[split.test]])
            for split in cohort.splits
        ]
        single = scores_of(replace(cohort, splits=alone))
        rows = index.get_indexer(keyed(single, cohort.patients))
        risks["same design"][rows] = single.risks["model"][:, place]
        for split in alone:
            risk = plain(cohort, split)
            keys = pd.MultiIndex.from_arrays(
                [
                    cohort.patients.to_numpy()[cohort.targets.patient[split.test]],
                    hours[split.test],
                    np.full(len(split.test), split.repeat),
                ]
            )
            where = index.get_indexer(keys)
            risks[PLAIN][where[where >= 0]] = risk[where >= 0]
    label, draws = pooled.label[:, place], patient_draws(pooled.patient, DRAWS, cohort.config.seed)
    known = ~np.isnan(label)
    areas: dict[str, list[np.ndarray]] = {name: [] for name in risks}
    for landmark in LANDMARKS:
        rows = np.flatnonzero(known & (pooled.hours == landmark))
        for name, risk in risks.items():
            areas[name].append(
                metrics.auroc(label[rows], risk[rows], draws[rows], pooled.group[rows])
            )
    print(f"{len(cohort.patients)} patients, {repeats} times {len(here) // repeats}-fold, ", end="")
    print("death within 7 days of the landmark")
    print(
        "| day | landmarks | reference | "
        + " | ".join(areas)
        + " | pooled - same | pooled - plain |"
    )
    print("|---" * (5 + len(areas)) + "|")
    for number, landmark in enumerate(LANDMARKS):
        count = int((known & (pooled.hours == landmark)).sum()) // repeats
        cells = [f"{areas[name][number][0]:.3f}" for name in areas]
        gaps = [
            difference_text(areas["pooled"][number] - areas[name][number])
            for name in list(areas)[1:]
        ]
        first = f"| {landmark / 24:g} | {count} | {REFERENCE[number]:.3f} | "
        print(first + " | ".join(cells + gaps) + " |")
    means = {name: np.mean(parts, axis=0) for name, parts in areas.items()}
    cells = [f"{mean[0]:.3f}" for mean in means.values()]
    gaps = [difference_text(means["pooled"] - means[name]) for name in list(means)[1:]]
    print(f"| mean | | {np.mean(REFERENCE):.3f} | " + " | ".join(cells + gaps) + " |")


def plain(cohort: Ready, split: Split) -> np.ndarray:
    """Risk of death within a week by ridge regression on the last values, age and sex."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = cohort.matrix.names
    columns = [n for n, name in enumerate(names) if name.endswith("__last") or "host" in name]
    values = cohort.matrix.values[:, columns]
    label = cohort.targets.label(cohort.threshold, WEEK)
    train = split.train[~np.isnan(label[split.train])]
    model = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.05, max_iter=1000),
    )
    model.fit(values[train], label[train])
    return model.predict_proba(values[split.test])[:, 1]


def difference_text(difference: np.ndarray) -> str:
    """Write a difference with its interval."""
    low, high = interval(difference)
    return f"{difference[0]:+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> int:
    """Run one comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("question", choices=("leak", "pooling"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the real cohorts")
    parser.add_argument("--repeats", type=int, default=5, help="rounds of the folds")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log.configure(quiet=True)
    answer = leak if options.question == "leak" else pooling
    answer(options.data, options.repeats, options.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
