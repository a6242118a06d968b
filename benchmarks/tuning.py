"""Gain from nested tuning: tuned against untuned settings on the same folds.

    python benchmarks/tuning.py --cohort COHORT --config CONFIG [--outcome NAME] [--trials 8]
        [--repeats 2] [--jobs 1]

Every outer fold chooses its settings on inner folds of its training patients (``model.tune``, with
``--trials`` trials), so no patient is scored with settings chosen on that patient. Prints AUROC,
Brier score and log loss of both, paired differences with 95 % intervals over 500 draws of patients,
and the chosen settings.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from real_cohorts import DRAWS, Ready, difference_text, ready

from pipeline import log
from pipeline.arrays import Floats
from pipeline.config_model import ModelConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import rows_at_risk, score
from pipeline.evaluate.intervals import interval, patient_draws
from pipeline.evaluate.scored_rows import ScoredRows, concatenate
from pipeline.evaluate.splits import Split
from pipeline.model.fitting import fit_risk_model
from pipeline.model.parallel import side_by_side
from pipeline.model.training_reference import base_rate_table
from pipeline.model.tuning import Settings

VARIANTS = (("model", "with state"), ("model_no_state", "without state"))


@dataclass(frozen=True)
class Fitted:
    """Held-out scores, the settings chosen by each fold, and the total seconds."""

    scores: ScoredRows
    chosen: list[Settings]
    seconds: float


def fitted(cohort: Ready, model: ModelConfig, jobs: int) -> Fitted:
    """Fit and score every fold with the given model settings."""
    plan = replace(cohort.plan, config=model, jobs=1)

    def run(split: Split) -> tuple[ScoredRows, Settings]:
        train, known = cohort.matrix.take(split.train), cohort.targets.take(split.train)
        risk_model = fit_risk_model(train, known, plan)
        rows = rows_at_risk(cohort.matrix, cohort.targets, split.test, cohort.threshold)
        scores = score(
            risk_model,
            cohort.matrix.take(rows),
            cohort.targets.take(rows),
            cohort.threshold,
            base_rate_table(train, known, cohort.threshold, risk_model.horizons, ipcw_floor=0.1),
            repeat=split.repeat,
        )
        return scores, risk_model.tuned

    start = time.perf_counter()
    parts = list(side_by_side(run, cohort.splits, jobs))
    repeats = len({split.repeat for split in cohort.splits})
    scores = concatenate([part for part, _ in parts], repeats)
    return Fitted(scores, [tuned for _, tuned in parts], time.perf_counter() - start)


def losses(label: Floats, risk: Floats, weight: Floats) -> Floats:
    """Mean log loss of every draw."""
    chance = np.where(label == 1, risk, 1.0 - risk)
    return -(np.log(np.maximum(chance, 1e-12)) @ weight) / weight.sum(axis=0)


def difference(values: list[Floats]) -> str:
    """Write tuned minus untuned with its interval, to four decimals."""
    gap = values[1] - values[0]
    low, high = interval(gap)
    return f"{gap[0]:+.4f} [{low:+.4f}, {high:+.4f}]"


def report(cohort: Ready, trials: int, jobs: int) -> None:
    """Print both settings side by side."""
    tune = cohort.config.model.tune.model_copy(update={"trials": trials})
    tuned_model = cohort.config.model.model_copy(update={"tune": tune})
    plain, tuned = (fitted(cohort, item, jobs) for item in (cohort.config.model, tuned_model))
    scores = plain.scores
    event = len(np.unique(scores.patient[np.nanmax(scores.label, axis=1) == 1]))
    print(
        f"{len(np.unique(scores.patient))} patients at risk, {event} with the event, "
        f"{len(cohort.splits)} folds of {scores.n_repeats} rounds; {trials} trials on "
        f"{tune.folds} inner folds; {plain.seconds:.0f} s untuned, {tuned.seconds:.0f} s tuned"
    )
    print("| within | model | AUROC untuned | tuned | difference | Brier | log loss |")
    print("|---|---|---|---|---|---|---|")
    draws = patient_draws(scores.patient, DRAWS, cohort.config.seed)
    for place, horizon in enumerate(scores.horizons):
        rows = np.flatnonzero(~np.isnan(scores.label[:, place]))
        label, weight, group = scores.label[rows, place], draws[rows], scores.group[rows]
        for name, title in VARIANTS:
            risks = [part.scores.risks[name][rows, place] for part in (plain, tuned)]
            areas = [metrics.auroc(label, risk, weight, group) for risk in risks]
            brier = [metrics.brier(label, risk, weight) for risk in risks]
            loss = [losses(label, risk, weight) for risk in risks]
            print(
                f"| {horizon:g} h | {title} | {areas[0][0]:.3f} | {areas[1][0]:.3f} | "
                f"{difference_text(areas[1] - areas[0])} | {difference(brier)} | "
                f"{difference(loss)} |"
            )
    print("| setting | configured | chosen: least | median | most |")
    print("|---|---|---|---|---|")
    for name in tune.space:
        values = [item[name] for item in tuned.chosen if name in item]
        if values:
            ends = " | ".join(f"{value:.3g}" for value in np.quantile(values, [0.0, 0.5, 1.0]))
            print(f"| {name} | {getattr(cohort.config.model, name):g} | {ends} |")
    kept = sum(_is_start(item, cohort.config.model) for item in tuned.chosen)
    print(f"the configured settings were kept in {kept} of {len(tuned.chosen)} folds")


def _is_start(chosen: Settings, model: ModelConfig) -> bool:
    return all(value == getattr(model, name) for name, value in chosen.items())


def main() -> int:
    """Tune in every fold and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--config", type=Path, action="append", default=[])
    parser.add_argument("--outcome", help="default: the first of the configuration")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    log.configure(quiet=True)
    cohort = ready(options.cohort, options.config, options.repeats, options.jobs, options.outcome)
    report(cohort, options.trials, options.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
