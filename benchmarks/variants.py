"""Gain in AUROC from single changes of the members, on the same folds.

    python benchmarks/variants.py --cohort COHORT --config CONFIG [--outcome NAME] [--rounds 3]
    python benchmarks/variants.py ... --rounds 10 --only as-it-is

Members are fitted on each training fold and their log-odds are averaged with equal weights, without
calibration, which does not change the ranks at one horizon. Every change is compared with the
start: one distance between grades on all days, and both extremes of every analyte. Differences are
paired by landmark, with 95 % intervals over 500 draws of patients. "With clinical state" includes
only landmarks with a known current grade.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from real_cohorts import DRAWS, Ready, difference_text, ready

from pipeline import log
from pipeline.arrays import Floats, Ints
from pipeline.config_model import ModelConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.evaluate.intervals import patient_draws
from pipeline.evaluate.splits import Split
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.statistics import SIGNED
from pipeline.model import members
from pipeline.model.booster import fit_booster
from pipeline.model.linear import LinearDesign, LinearMember, fit_linear
from pipeline.model.logistic import fit_logistic, penalty
from pipeline.model.parallel import side_by_side
from pipeline.model.stacked_rows import StackedRows, query, stack

LOG_DAY = "time__log_hours"
Scored = dict[str, Floats]


@dataclass(frozen=True)
class Change:
    """One change of the linear member with labs.

    Attributes
    ----------
    by_day : bool
        Whether the distance between thresholds depends on the day.
    feared : bool
        Whether only the extreme in the direction of risk is used.
    host : bool
        Whether host and product columns are used.
    log_day : bool
        Whether the logarithm of the time since infusion is added.
    settings : mapping
        Model settings that differ from those of the configuration.
    """

    by_day: bool = False
    feared: bool = False
    host: bool = True
    log_day: bool = False
    settings: Mapping[str, object] | None = None


START = "start"
CHANGES = {
    START: Change(),
    "thresholds lie apart by day": Change(by_day=True),
    "only the feared extreme": Change(feared=True),
    "no host columns": Change(host=False),
    "all three": Change(by_day=True, feared=True, host=False),
    "as it is: the first two": Change(by_day=True, feared=True),
    "log of the day in addition to the day": Change(log_day=True),
    "other thresholds weigh 0.2": Change(settings={"other_threshold_weight": 0.2}),
    "other thresholds weigh 0": Change(settings={"other_threshold_weight": 0.0}),
    "changes over 24 and 72 h": Change(
        settings={
            "linear_statistics": (
                "last", "ever_measured", "hours_since_last", "peak", "nadir", "delta_24h",
                "delta_72h",
            )
        }
    ),
}  # fmt: skip
KEPT = "as it is: the first two"
WITH_STATE = ("with clinical state: start", "with clinical state: only the feared extreme")


def labs_design(
    cohort: Ready, metas: tuple[FeatureMeta, ...], change: Change, *, with_state: bool
) -> LinearDesign:
    """The linear member's design after a change."""
    plan, config = cohort.plan, settings_of(cohort, change)
    design = members.labs_design(plan.scale, plan.spec, metas, config, with_state=with_state)
    if not change.feared:  # without signs both extremes are used
        free = config.model_copy(update={"signs": False})
        whole = members.labs_design(plan.scale, plan.spec, metas, free, with_state=with_state)
        sign = dict(zip(design.columns, design.sign, strict=True))
        unfeared = {name: peak_sign(name) for name in whole.columns if name not in sign}
        design = replace(whole, sign=tuple({**unfeared, **sign}[name] for name in whole.columns))
    group = {meta.name: meta.group for meta in metas}
    kept = [
        number
        for number, name in enumerate(design.columns)
        if change.host or group.get(name) != "host_product" or name == "time__hours"
    ]
    design = replace(
        design,
        columns=tuple(design.columns[number] for number in kept),
        ridge=tuple(design.ridge[number] for number in kept),
        sign=tuple(design.sign[number] for number in kept),
    )
    if change.log_day:
        design = replace(
            design,
            columns=(*design.columns, LOG_DAY),
            ridge=(*design.ridge, config.ridge_state),
            sign=(*design.sign, 0),
        )
    return design


def peak_sign(name: str) -> int:
    """Sign of the added extreme: negative for the peak of an analyte that is a risk when low."""
    return -1 if name.endswith("__peak") and "peak" in SIGNED else 0


def settings_of(cohort: Ready, change: Change) -> ModelConfig:
    """Model settings after a change."""
    return cohort.config.model.model_copy(update=dict(change.settings or {}))


def fit_changed(
    cohort: Ready, train: FeatureMatrix, rows: StackedRows, change: Change, *, with_state: bool
) -> LinearMember:
    """Fit the linear member with labs after a change.

    A single distance between grades is the same member with equal coefficients at the first and
    last day.
    """
    design = labs_design(cohort, train.metas, change, with_state=with_state)
    thresholds = cohort.targets.thresholds
    horizons = tuple(float(hours) for hours in cohort.config.model.horizons_hours)
    member = fit_linear("labs", design, train, rows, horizons, thresholds)
    steps = len(thresholds) - 1
    if change.by_day or with_state or steps == 0:
        return member
    inputs, limits = member.design_matrix(train, rows)
    first, size = inputs.shape[1] - 2 * steps, len(design.columns)
    _, place, landmark = np.unique(rows.landmark, return_index=True, return_inverse=True)
    merged = inputs[:, first:].reshape(len(inputs), steps, 2).sum(axis=2)
    ends = np.r_[:first, first : inputs.shape[1] : 2]
    theta = fit_logistic(
        inputs[place, :size],
        np.hstack([inputs[:, size:first], merged]),
        landmark,
        rows.label,
        rows.weight,
        penalty(limits.ridge[ends], lower=limits.lower[ends], upper=limits.upper[ends]),
    )
    both = np.concatenate([theta[:first], np.repeat(theta[first:], 2)])
    return replace(member, coefficients=both[None, :])


def stacked(cohort: Ready, train: Ints, change: Change) -> StackedRows:
    """Training rows under the weights of a change."""
    config = settings_of(cohort, change)
    return stack(
        cohort.targets.take(train),
        tuple(float(hours) for hours in config.horizons_hours),
        reported=cohort.plan.reported,
        other_weight=config.other_threshold_weight,
        weights=config.threshold_weights.get(cohort.plan.scale),
        ipcw_floor=config.ipcw_floor,
    )


def score_fold(cohort: Ready, split: Split, changes: Mapping[str, Change]) -> Scored:
    """Log-odds of the held-out landmarks under every change, one column per horizon."""
    train = cohort.matrix.take(split.train)
    test = cohort.matrix.take(tested(cohort, split))
    horizons = tuple(float(hours) for hours in cohort.config.model.horizons_hours)
    asked = query(len(test.values), horizons, cohort.threshold)

    def shaped(values: Floats) -> Floats:
        return values.reshape(len(test.values), len(horizons))

    rows = stacked(cohort, split.train, Change())
    trees = shaped(booster(cohort, train, rows, with_state=False)(test, asked))
    result = {"booster alone": trees}
    for name, change in changes.items():
        own = rows if change.settings is None else stacked(cohort, split.train, change)
        member = fit_changed(cohort, train, own, change, with_state=False)
        linear = shaped(member.log_odds(test, asked))
        if name == START:
            result["linear member alone"] = linear
        result[name] = (linear + trees) / 2.0
    grade = members.grade_column(cohort.plan.scale, cohort.plan.spec)
    if grade is None:
        return result
    known = rows.of(~np.isnan(train.column(grade)))
    for name, feared in zip(WITH_STATE, (False, True), strict=True):
        parts = with_state(cohort, train, known, Change(feared=feared))
        risk = shaped(np.mean([part(test, asked) for part in parts], axis=0))
        result[name] = np.where(np.isnan(test.column(grade))[:, None], np.nan, risk)
    return result


def booster(
    cohort: Ready, train: FeatureMatrix, rows: StackedRows, *, with_state: bool
) -> Callable[[FeatureMatrix, StackedRows], Floats]:
    """Log-odds of the booster with the configured settings."""
    plan = cohort.plan
    columns, sign = members.booster_columns(
        plan.scale, plan.spec, train.metas, plan.config, with_state=with_state
    )
    grade = members.grade_column(plan.scale, plan.spec) if with_state else None
    return fit_booster(
        "booster", columns, sign, grade, train, rows, plan.config, seed=plan.seed, resample=None
    ).log_odds


def with_state(
    cohort: Ready, train: FeatureMatrix, rows: StackedRows, change: Change
) -> list[Callable[[FeatureMatrix, StackedRows], Floats]]:
    """Log-odds functions of the four members that use the grade."""
    plan = cohort.plan
    horizons = tuple(float(hours) for hours in plan.config.horizons_hours)
    designs = {
        members.REFERENCE: members.reference_design(plan.scale, plan.spec, plan.config),
        "state": members.state_design(plan.scale, plan.spec, train.metas, plan.config),
    }
    linear = [
        fit_linear(name, design, train, rows, horizons, cohort.targets.thresholds)
        for name, design in designs.items()
    ]
    linear.append(fit_changed(cohort, train, rows, change, with_state=True))
    trees = booster(cohort, train, rows, with_state=True)
    return [*(member.log_odds for member in linear), trees]


def tested(cohort: Ready, split: Split) -> Ints:
    """Held-out landmarks on the grid that are at risk."""
    return rows_at_risk(cohort.matrix, cohort.targets, split.test, cohort.threshold)


def report(cohort: Ready, changes: Mapping[str, Change], jobs: int) -> None:
    """Print AUROC of the starts and the difference of each change, at every horizon."""
    kept = [split for split in cohort.splits if len(tested(cohort, split))]
    scored = list(side_by_side(lambda split: score_fold(cohort, split, changes), kept, jobs))
    rows = np.concatenate([tested(cohort, split) for split in kept])
    fold = np.repeat(np.arange(len(kept)), [len(tested(cohort, split)) for split in kept])
    risk = {name: np.concatenate([part[name] for part in scored]) for name in scored[0]}
    draws = patient_draws(cohort.targets.patient[rows], DRAWS, cohort.config.seed)
    horizons = cohort.config.model.horizons_hours
    areas: dict[str, list[Floats]] = {name: [] for name in risk}
    for place, horizon in enumerate(horizons):
        label = cohort.targets.label(cohort.threshold, float(horizon))[rows]
        for name, values in risk.items():
            usable = np.flatnonzero(~np.isnan(label) & ~np.isnan(values[:, place]))
            areas[name].append(
                metrics.auroc(label[usable], values[usable, place], draws[usable], fold[usable])
            )
    print(f"{len(rows)} held-out landmarks in {len(kept)} folds; ", end="")
    print(f"{sum(name != START for name in changes)} changes")
    print("| | " + " | ".join(f"{hours:g} h" for hours in horizons) + " |")
    print("|---" * (1 + len(horizons)) + "|")
    for name, parts in areas.items():
        print(f"| {name} | {' | '.join(f'{area[0]:.3f}' for area in parts)} |")
    for name, parts in areas.items():
        start = WITH_STATE[0] if name == WITH_STATE[1] else START
        if name in (start, "booster alone", "linear member alone") or start not in areas:
            continue
        gaps = [
            difference_text(area - base) for area, base in zip(parts, areas[start], strict=True)
        ]
        print(f"| {name}, difference | {' | '.join(gaps)} |")


def main() -> int:
    """Fit every change and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--config", type=Path, action="append", default=[])
    parser.add_argument("--outcome", help="default: the first of the configuration")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the folds")
    parser.add_argument(
        "--only", choices=("as-it-is",), help="fit only the start and the current member"
    )
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    log.configure(quiet=True)
    cohort = ready(options.cohort, options.config, options.rounds, options.jobs, options.outcome)
    hours = cohort.matrix.landmarks["hours"].to_numpy(dtype=float)
    cohort = replace(cohort, matrix=with_column(cohort.matrix, LOG_DAY, np.log1p(hours)))
    changes = {START: CHANGES[START], KEPT: CHANGES[KEPT]} if options.only else CHANGES
    report(cohort, changes, options.jobs)
    return 0


def with_column(matrix: FeatureMatrix, name: str, values: Floats) -> FeatureMatrix:
    """Return the matrix with one more column, which members use only if named."""
    meta = replace(matrix.metas[0], name=name, group="extra", subject="time")
    return replace(
        matrix,
        values=np.column_stack([matrix.values, values]),
        metas=(*matrix.metas, meta),
    )


if __name__ == "__main__":
    sys.exit(main())
