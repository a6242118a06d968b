"""Out-of-fold scores: no patient is scored by a model that was trained on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline import log
from pipeline.arrays import Floats, Ints
from pipeline.evaluate.added_value import analyte_columns, axis_columns
from pipeline.evaluate.comparators import comparator_risks
from pipeline.evaluate.scored_rows import ScoredRows, concatenate
from pipeline.evaluate.shared_inner_fits import (
    SharedInnerFits,
    can_share,
    fit_pairs,
    fold_of_landmarks,
    pairs_of,
)
from pipeline.evaluate.splits import Split
from pipeline.features.landmarks import landmark_days, on_grid
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.inner_fits import InnerFits
from pipeline.model.parallel import side_by_side
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets
from pipeline.model.training_reference import RateTable, base_rate_table


@dataclass(frozen=True)
class ComparatorInputs:
    """Further scores at every landmark of a matrix.

    Attributes
    ----------
    ranked : mapping
        Published scores by name, one value per landmark.
    swapped : FeatureMatrix or None
        The same landmarks with the labs of another patient of the day.
    """

    ranked: Mapping[str, Floats] = field(default_factory=dict)
    swapped: FeatureMatrix | None = None

    def take(self, rows: Ints) -> ComparatorInputs:
        """Return the inputs of the given landmarks."""
        swapped = None if self.swapped is None else self.swapped.take(rows)
        return ComparatorInputs(
            {name: values[rows] for name, values in self.ranked.items()}, swapped
        )


NO_INPUTS = ComparatorInputs()


def cross_validate(
    matrix: FeatureMatrix,
    targets: Targets,
    plan: FitPlan,
    splits: Sequence[Split],
    *,
    inputs: ComparatorInputs = NO_INPUTS,
    label: str = "cross-validation",
    share_inner: bool = False,
) -> dict[int, ScoredRows]:
    """Scores of every reported threshold on held-out grid landmarks.

    Parameters
    ----------
    matrix, targets
        All landmarks of the cohort; landmarks at new results are used for training only.
    splits : sequence of Split
        Splits by patient; a split without a landmark to train on or to score is skipped.
    inputs : ComparatorInputs
    label : str
        Of the progress.
    share_inner : bool
        Whether the folds of a repeat, if of similar size, share their inner fits
        (:mod:`pipeline.evaluate.shared_inner_fits`); else each has ``inner_folds`` of its own.

    Returns
    -------
    dict of ScoredRows by threshold
        Thresholds without a landmark at risk are omitted.
    """
    repeats_of_splits = [
        (part, share_inner and can_share(part, plan, len(matrix.values)))
        for part in _by_repeat(splits)
    ]
    total = sum(len(part) + shared * len(pairs_of(part)) for part, shared in repeats_of_splits)
    steps = (
        step
        for part, shared in repeats_of_splits
        for step in _repeat(matrix, targets, plan, part, inputs, shared)
    )
    title = f"{label} {plan.scale}"
    folded = [step for step in log.progress(steps, label=title, total=total) if step is not None]
    repeats = len({split.repeat for split in splits})
    return {
        threshold: concatenate(parts, repeats).weighted_for_censoring(plan.config.ipcw_floor)
        for threshold in plan.reported
        if (parts := [part[threshold] for part in folded if threshold in part])
    }


def _repeat(
    matrix: FeatureMatrix,
    targets: Targets,
    plan: FitPlan,
    splits: Sequence[Split],
    inputs: ComparatorInputs,
    share: bool,
) -> Iterator[dict[int, ScoredRows] | None]:
    """Iterate over the scores of each fold, after None for each inner fit that folds share."""
    one_core = replace(plan, jobs=1)
    inner: SharedInnerFits | None = None
    if share:
        pairs = {}
        for pair, fitted in fit_pairs(matrix, targets, plan, splits):
            pairs[pair] = fitted
            yield None
        inner = SharedInnerFits(fold_of_landmarks(splits, len(matrix.values)), pairs)

    def run(split: Split) -> dict[int, ScoredRows]:
        return _score_fold(
            matrix, targets, split, one_core, inputs, None if inner is None else inner.of(split)
        )

    yield from side_by_side(run, splits, plan.jobs)


def _by_repeat(splits: Sequence[Split]) -> list[list[Split]]:
    repeats = dict.fromkeys(split.repeat for split in splits)
    return [[split for split in splits if split.repeat == repeat] for repeat in repeats]


def _score_fold(
    matrix: FeatureMatrix,
    targets: Targets,
    split: Split,
    plan: FitPlan,
    inputs: ComparatorInputs,
    inner: InnerFits | None,
) -> dict[int, ScoredRows]:
    train, known = matrix.take(split.train), targets.take(split.train)
    if not _has_labels(known, plan):
        return {}
    fitted = fit_risk_model(train, known, plan, inner=inner)
    result = {}
    for threshold in plan.reported:
        rows = rows_at_risk(matrix, targets, split.test, threshold)
        if len(rows) == 0:
            continue
        rates = base_rate_table(
            train, known, threshold, fitted.horizons, ipcw_floor=plan.config.ipcw_floor
        )
        result[threshold] = score(
            fitted,
            matrix.take(rows),
            targets.take(rows),
            threshold,
            rates,
            inputs=inputs.take(rows),
            repeat=split.repeat,
        )
    return result


def _has_labels(targets: Targets, plan: FitPlan) -> bool:
    """Whether any landmark has a known label."""
    return any(
        bool((~np.isnan(targets.label(threshold, float(horizon)))).any())
        for threshold in targets.thresholds
        for horizon in plan.config.horizons_hours
    )


def score(
    model: RiskModel,
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    rates: RateTable,
    *,
    inputs: ComparatorInputs = NO_INPUTS,
    repeat: int = 0,
) -> ScoredRows:
    """Scores of one fitted model and its comparators on landmarks at risk.

    Parameters
    ----------
    rates : RateTable
        Base rates by day of the training patients.
    """
    horizons = model.horizons
    risks = {
        "model": model.risk(matrix, threshold, horizons),
        "model_no_state": model.risk(matrix, threshold, horizons, use_state=False),
        **_other_state(model, matrix, threshold),
        **comparator_risks(model, rates, matrix, threshold, horizons, inputs.ranked),
    }
    label = np.stack([targets.label(threshold, horizon) for horizon in horizons], axis=1)
    column = targets.thresholds.index(threshold)
    count = len(label)
    return ScoredRows(
        horizons=horizons,
        risks=risks,
        label=label,
        patient=targets.patient,
        episode=targets.episode,
        day=landmark_days(matrix),
        group=np.zeros(count, dtype=np.intp),
        repeat=np.full(count, repeat, dtype=np.intp),
        hours=targets.hours,
        time=targets.time[:, column],
        status=targets.status[:, column],
        reach=targets.reach[:, column],
        grade=np.full(count, np.nan) if model.grade is None else matrix.column(model.grade),
        n_repeats=1,
        permuted=_permuted(model, matrix, inputs.swapped, threshold),
    )


def _other_state(model: RiskModel, matrix: FeatureMatrix, threshold: int) -> dict[str, Floats]:
    """Risk with clinical state, if the model shows the risk without it."""
    if model.show_state or model.state is None:
        return {}
    risk = model.risk(matrix, threshold, model.horizons, use_state=True)
    return {"model_with_state": risk}


def _permuted(
    model: RiskModel, matrix: FeatureMatrix, swapped: FeatureMatrix | None, threshold: int
) -> dict[str, Floats]:
    """Risk with one analyte, or one axis, at a time taken from the swapped matrix."""
    if swapped is None:
        return {}
    read = set(model.columns)
    result = {}
    for name, columns in {**analyte_columns(matrix), **axis_columns(matrix)}.items():
        if not read & {matrix.metas[number].name for number in columns}:
            continue
        values = matrix.values.copy()
        values[:, columns] = swapped.values[:, columns]
        changed = FeatureMatrix(values, matrix.metas, matrix.landmarks)
        result[name] = model.risk(changed, threshold, model.horizons)
    return result


def rows_at_risk(matrix: FeatureMatrix, targets: Targets, rows: Ints, threshold: int) -> Ints:
    """Grid landmarks before the outcome is charted."""
    at_risk = targets.at_risk[:, targets.thresholds.index(threshold)]
    return rows[(at_risk & on_grid(matrix.landmarks))[rows]]
