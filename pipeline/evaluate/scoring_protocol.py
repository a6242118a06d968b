"""Fits of an evaluation: shared folds, the negative control, splits by site and time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.arrays import Ints
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.added_value import donors_of, swap_labs
from pipeline.evaluate.comparators import published_scores
from pipeline.evaluate.cross_validation import ComparatorInputs, cross_validate
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.refit_intervals import score_refits
from pipeline.evaluate.scored_rows import ScoredRows, concatenate
from pipeline.evaluate.splits import patient_folds, site_folds, splits_of, temporal_fold
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.fit_plan import FitPlan
from pipeline.model.outcomes import onset_hours
from pipeline.model.stacked_rows import EVENT, Targets

_SWAP_SEED = 7919


@dataclass(frozen=True)
class ScoredOutcome:
    """All scores of one outcome.

    Attributes
    ----------
    columns : tuple of str
        Features of the model that is fitted on all patients.
    control : ScoredRows or None
        The model refitted on other patients' labs, one repeat per permutation.
    further : dict
        Name of another split to its scores, or to the reason why there are none.
    refits : ScoredRows or None
        Out-of-bag scores of refits on bootstrap samples of patients, one repeat each.
    absent : dict
        Comparator to the reason why it has no input.
    answered : ndarray of bool or None
        Rows of ``scores`` at which an estimate would be given.
    """

    scores: ScoredRows
    columns: tuple[str, ...]
    control: ScoredRows | None = None
    further: dict[str, ScoredRows | str] = field(default_factory=dict)
    refits: ScoredRows | None = None
    absent: dict[str, str] = field(default_factory=dict)
    answered: NDArray[np.bool_] | None = None


def shared_folds(cohort: Cohort, config: Config) -> Ints:
    """Folds of patients shared by all outcomes, so that risks of two outcomes can be compared.

    Strata are the combinations of outcomes that a patient has after the first landmark; the
    rarest outcome is spread most evenly. All episodes of a patient share a fold.

    Parameters
    ----------
    cohort : Cohort
    config : Config

    Returns
    -------
    ndarray of int, shape (repeats, n_episodes)

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> folds = shared_folds(empty_cohort(list("ABCDE")), load_config())
    >>> folds.shape, sorted(folds[0].tolist())
    ((4, 5), [0, 1, 2, 3, 4])
    """
    start = config.landmarks.first_hours
    onset = [onset_hours(cohort, item.scale, item.threshold) for item in config.outcomes.values()]
    has = [np.isfinite(hours) & (hours >= start) for hours in onset]
    first_rows, person = np.unique(cohort.persons(), return_inverse=True)
    stratum = np.zeros(len(first_rows), dtype=np.intp)
    for bit, event in enumerate(sorted(has, key=lambda item: -int(item.sum()))):
        np.bitwise_or.at(stratum, person, event.astype(np.intp) << bit)
    settings = config.evaluation
    folds = patient_folds(stratum, folds=settings.folds, repeats=settings.repeats, seed=config.seed)
    return np.ascontiguousarray(folds[:, person])


def score_scale(
    cohort: Cohort,
    matrix: FeatureMatrix,
    targets: Targets,
    plan: FitPlan,
    config: Config,
    table: Ints,
) -> dict[int, ScoredOutcome]:
    """Scores of the reported thresholds of one scale; ``columns`` are left empty.

    The negative control is refitted: in training and test folds each patient has the labs of
    another patient of the same day, which removes only what labs say about *this* patient.
    Applying the real model to swapped labs would look worse than a model without labs.

    Parameters
    ----------
    cohort : Cohort
    matrix : FeatureMatrix, shape (n_landmarks, n_features)
    targets : Targets
    plan : FitPlan
    config : Config
    table : ndarray of int, shape (repeats, n_patients)
        From :func:`shared_folds`.

    Returns
    -------
    dict of ScoredOutcome by threshold
    """
    settings = config.evaluation
    swapped = swap_labs(matrix, donors_of(matrix, targets, config.seed))
    ranked, absent = published_scores(cohort, matrix.landmarks, plan.spec)
    inputs = ComparatorInputs(ranked, swapped if settings.analyte_importance else None)
    splits = splits_of(targets.patient, table)
    scores = cross_validate(matrix, targets, plan, splits, inputs=inputs, share_inner=True)
    control = _control(matrix, targets, plan, config, table)
    further: dict[str, dict[int, ScoredRows | str] | str] = {}
    minimum = settings.min_event_patients
    if "site" in settings.further_splits:
        sites = site_folds(cohort.patients)
        further["leave_one_site_out"] = (
            sites
            if isinstance(sites, str)
            else _other(matrix, targets, plan, sites[0], "sites", minimum)
        )
    if "temporal" in settings.further_splits:
        late = temporal_fold(cohort.patients, settings.temporal_test_share)
        further["temporal"] = (
            late if isinstance(late, str) else _other(matrix, targets, plan, late, "time", minimum)
        )
    refits = (
        score_refits(matrix, targets, plan, settings.refit_bootstrap, config.seed, minimum)
        if settings.refit_bootstrap
        else {}
    )
    return {
        threshold: ScoredOutcome(
            scores=part,
            columns=(),
            control=control.get(threshold),
            refits=refits.get(threshold),
            absent=absent,
            further={name: _of(other, threshold) for name, other in further.items()},
        )
        for threshold, part in scores.items()
    }


def _control(
    matrix: FeatureMatrix, targets: Targets, plan: FitPlan, config: Config, table: Ints
) -> dict[int, ScoredRows]:
    parts: list[dict[int, ScoredRows]] = []
    for permutation in range(config.evaluation.control_permutations):
        seed = config.seed + _SWAP_SEED * (permutation + 1)
        swapped = swap_labs(matrix, donors_of(matrix, targets, seed))
        folds = splits_of(targets.patient, table[permutation % len(table)][None, :])
        label = f"negative control {permutation + 1}"
        scored = cross_validate(swapped, targets, plan, folds, label=label, share_inner=True)
        parts.append({key: _as_repeat(part, permutation) for key, part in scored.items()})
    return {
        key: stacked_repeats([part[key] for part in parts if key in part])
        for key in plan.reported
        if any(key in part for part in parts)
    }


def _as_repeat(scores: ScoredRows, repeat: int) -> ScoredRows:
    return replace(scores, repeat=np.full(len(scores.repeat), repeat, dtype=np.intp))


def stacked_repeats(parts: list[ScoredRows]) -> ScoredRows:
    """Join whole repeats; their folds stay separate groups."""
    joined = concatenate(parts, len(parts))
    folds = np.concatenate([part.group for part in parts])
    return replace(joined, group=joined.group * (int(folds.max(initial=0)) + 1) + folds)


def _other(
    matrix: FeatureMatrix, targets: Targets, plan: FitPlan, table: Ints, label: str, minimum: int
) -> dict[int, ScoredRows | str]:
    """Scores of another split, for the folds whose training part has enough event patients."""
    splits = splits_of(targets.patient, table)
    poor = {
        threshold: [
            split.fold
            for split in splits
            if len(_event_patients(targets, split.train, threshold)) < minimum
        ]
        for threshold in plan.reported
    }
    kept = [split for split in splits if any(split.fold not in part for part in poor.values())]
    scored = cross_validate(matrix, targets, plan, kept, label=label) if kept else {}
    result: dict[int, ScoredRows | str] = {}
    for threshold in plan.reported:
        reason = evaluation_phrase("reasons", "few_training", minimum=minimum)
        scores = scored.get(threshold)
        if scores is not None:
            rows = np.flatnonzero(~np.isin(table[0, scores.patient], poor[threshold]))
            result[threshold] = scores.take(rows) if len(rows) else reason
        elif poor[threshold]:
            result[threshold] = reason
    return result


def _event_patients(targets: Targets, rows: Ints, threshold: int) -> Ints:
    column = targets.thresholds.index(threshold)
    hit = (targets.status[rows, column] == EVENT) & targets.at_risk[rows, column]
    return np.unique(targets.patient[rows[hit]])


def _of(scored: dict[int, ScoredRows | str] | str, threshold: int) -> ScoredRows | str:
    if isinstance(scored, str):
        return scored
    return scored.get(threshold, evaluation_phrase("reasons", "no_landmark"))
