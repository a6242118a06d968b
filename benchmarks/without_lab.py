"""Effect of training landmarks without any lab: cross-validation with and without them.

    python benchmarks/without_lab.py --cohort COHORT --config CONFIG [--repeats 2] [--jobs 1]

Prints, for every configured outcome, the number of landmarks without a lab, and AUROC and Brier
score at every horizon when these landmarks are used in training and when they are not. Both models
are scored on the same held-out landmarks: those with a lab, which alone get an estimate in
prediction, and all. Differences are paired by landmark, with 95 % intervals over 500 draws of
patients.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from real_cohorts import DRAWS, Ready, difference_text, ready, scores_of

from pipeline import log
from pipeline.config import load_config
from pipeline.evaluate import metrics
from pipeline.evaluate.intervals import interval, patient_draws
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.model.abstention import without_lab


def report(cohort: Ready, name: str) -> None:
    """Fit every fold with and without landmarks that have no lab, and print the table."""
    bare = without_lab(cohort.matrix)
    at_risk = cohort.targets.at_risk[:, cohort.targets.thresholds.index(cohort.threshold)]
    print(
        f"{name}: {int((bare & at_risk).sum())} of {int(at_risk.sum())} landmarks at risk have no "
        "lab"
    )
    if not (bare & at_risk).any():
        return
    fewer = [replace(part, train=part.train[~bare[part.train]]) for part in cohort.splits]
    kept, dropped = scores_of(cohort), scores_of(replace(cohort, splits=fewer))
    has_lab = ~bare[rows_of(kept, cohort)]
    draws = patient_draws(kept.patient, DRAWS, cohort.config.seed)
    print("| within | scored | landmarks | AUROC trained with | without | difference | Brier |")
    print("|---|---|---|---|---|---|---|")
    for place, horizon in enumerate(kept.horizons):
        known = ~np.isnan(kept.label[:, place])
        for title, chosen in (("with a lab", known & has_lab), ("all", known)):
            rows = np.flatnonzero(chosen)
            label, weight, group = kept.label[rows, place], draws[rows], kept.group[rows]
            risks = [part.risks["model"][rows, place] for part in (kept, dropped)]
            areas = [metrics.auroc(label, risk, weight, group) for risk in risks]
            gap = np.subtract(*(metrics.brier(label, risk, weight) for risk in risks[::-1]))
            low, high = interval(gap)
            print(
                f"| {horizon:g} h | {title} | {round(len(rows) / kept.n_repeats)} | "
                f"{areas[0][0]:.3f} | {areas[1][0]:.3f} | {difference_text(areas[1] - areas[0])} | "
                f"{gap[0]:+.4f} [{low:+.4f}, {high:+.4f}] |",
                flush=True,
            )


def rows_of(scores: ScoredRows, cohort: Ready) -> np.ndarray:
    """Row of the matrix that each scored landmark comes from."""
    landmarks = cohort.matrix.landmarks
    index = pd.MultiIndex.from_arrays(
        [landmarks["patient"].to_numpy(), landmarks["hours"].to_numpy(dtype=float)]
    )
    return index.get_indexer(pd.MultiIndex.from_arrays([scores.episode, scores.hours]))


def main() -> int:
    """Print one table per outcome."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--config", type=Path, action="append", default=[])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    log.configure(quiet=True)
    for name in load_config(options.config).outcomes:
        cohort = ready(options.cohort, options.config, options.repeats, options.jobs, name)
        report(cohort, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
