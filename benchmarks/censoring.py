"""Planted loss of follow-up: figures of complete data, complete cases and weighted cases.

    python benchmarks/censoring.py --data ../shared/data [--low 24] [--high 400] [--draws 300]

Loses the patients of PrCRS at random hours, uniform between ``--low`` and ``--high`` since time
zero, and evaluates a fixed risk: the plain logistic regression on grade, worst grade and day,
fitted on the complete data. Prints every figure on the complete data, on complete cases, and
weighted for censoring with its 95 % interval, and whether the interval includes the complete one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from real_cohorts import PRCRS, Ready, ready

from pipeline.arrays import Floats
from pipeline.evaluate import metrics
from pipeline.evaluate.calibration_curves import calibration_groups
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.evaluate.decision_curve import net_benefit
from pipeline.evaluate.intervals import interval
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.features.landmarks import landmark_days
from pipeline.model.members import grade_column
from pipeline.model.plain_logistic import fit_plain_logistic
from pipeline.model.stacked_rows import CENSORED, Targets, stack
from pipeline.model.training_reference import base_rate_table

MINIMUM = 5
FLOOR = 0.1
THRESHOLD = 0.1


def lost(targets: Targets, end: Floats) -> Targets:
    """Targets of patients lost at the hours of ``end``, one per landmark."""
    left = end - targets.hours
    gone = left[:, None] < targets.time
    targets = replace(
        targets,
        time=np.where(gone, np.maximum(left, 0.0)[:, None], targets.time),
        status=np.where(gone, CENSORED, targets.status).astype(np.int8),
        at_risk=targets.at_risk & (left > 0.0)[:, None],
    )
    reach = [
        targets.followed(threshold).reach(targets.hours, FLOOR) for threshold in targets.thresholds
    ]
    return replace(targets, reach=np.stack(reach, axis=1))


def scored(cohort: Ready, targets: Targets, risk: Floats) -> ScoredRows:
    """Grid landmarks at risk, with one fixed risk."""
    rows = rows_at_risk(cohort.matrix, targets, np.arange(len(risk)), cohort.threshold)
    part, column = targets.take(rows), targets.thresholds.index(cohort.threshold)
    horizons = cohort.plan.config.horizons_hours
    label = [part.label(cohort.threshold, hours) for hours in horizons]
    zeros = np.zeros(len(rows), dtype=np.intp)
    return ScoredRows(
        horizons=tuple(horizons),
        risks={"model": risk[rows]},
        label=np.stack(label, axis=1),
        patient=part.patient,
        episode=part.episode,
        day=landmark_days(cohort.matrix.take(rows)),
        group=zeros,
        repeat=zeros,
        hours=part.hours,
        time=part.time[:, column],
        status=part.status[:, column],
        reach=part.reach[:, column],
        grade=np.full(len(rows), np.nan),
        n_repeats=1,
    )


def figures(rows: HorizonRows) -> dict[str, Floats]:
    """Figures of the sample and every draw."""
    label, risk, weight = rows.label, rows.risks["model"], rows.weight
    intercept, slope = metrics.calibration_line(label, risk, weight)
    return {
        "rate": (label @ weight) / weight.sum(axis=0),
        "Brier score": metrics.brier(label, risk, weight),
        "slope": slope,
        "intercept": intercept,
        f"net benefit at {THRESHOLD:g}": net_benefit(label, risk, weight, np.array([THRESHOLD]))[0],
        "AUROC": metrics.auroc(label, risk, weight, rows.group),
    }


def main() -> int:
    """Print the table; 1 if an interval misses the figure of the complete data."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--low", type=float, default=24.0)
    parser.add_argument("--high", type=float, default=400.0)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    cohort = ready(args.data / "prcrs_recovered", PRCRS, 1, 1)
    plan, targets = cohort.plan, cohort.targets
    horizons = plan.config.horizons_hours
    rows = stack(
        targets, tuple(horizons), reported=plan.reported, other_weight=0.0, ipcw_floor=FLOOR
    )
    fitted = fit_plain_logistic(
        cohort.matrix,
        rows,
        grade_column(plan.scale, plan.spec),
        plan.reported,
        horizons,
        patient=targets.patient,
    )
    risk = fitted.risk(cohort.matrix, cohort.threshold, horizons)
    random = np.random.default_rng(args.seed)
    end = random.uniform(args.low, args.high, targets.patient.max() + 1)[targets.patient]
    planted = lost(targets, end)
    whole = scored(cohort, targets, risk)
    cases = scored(cohort, planted, risk).resampled(args.draws, args.seed, MINIMUM)
    weighted = cases.weighted_for_censoring(FLOOR)
    missed = 0
    print("| within | figure | complete data | complete cases | weighted |")
    print("|---|---|---|---|---|")
    for horizon in horizons:
        tables = [figures(part.at(horizon)) for part in (whole, cases, weighted)]
        for name, draws in tables[2].items():
            truth, plain = (float(table[name][0]) for table in tables[:2])
            low, high = interval(draws)
            outside = low is None or high is None or not low <= truth <= high
            missed += outside
            print(
                f"| {horizon:g} h | {name} | {truth:.3f} | {plain:.3f} | {draws[0]:.3f} "
                f"[{low:.3f}, {high:.3f}]{' misses' if outside else ''} |"
            )
        groups = [calibration_groups(part, horizon).observed for part in (whole, cases)]
        texts = [" ".join(f"{rate:.3f}" for rate in observed) for observed in groups]
        print(f"| {horizon:g} h | observed by risk group | {texts[0]} | | {texts[1]} |")
    for name, part in (("complete data", targets), ("weighted", planted)):
        table = base_rate_table(cohort.matrix, part, cohort.threshold, horizons, ipcw_floor=FLOOR)
        rates = [f"{entry['rate']:.3f}" for entry in table[f"{horizons[-1]:g}"]]
        print(f"Base rates by day at {horizons[-1]:g} h, {name}: {', '.join(rates)}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
