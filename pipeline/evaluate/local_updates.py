"""Fits the updates of one scale on local patients, and scores each patient by those of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline import log
from pipeline.arrays import Bools, Floats, Ints
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.added_value import donors_of, swap_labs
from pipeline.evaluate.comparators import published_scores
from pipeline.evaluate.cross_validation import ComparatorInputs, rows_at_risk, score
from pipeline.evaluate.scored_rows import ScoredRows, concatenate
from pipeline.evaluate.scoring_protocol import stacked_repeats
from pipeline.evaluate.splits import Split, splits_of
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.bundle import Bundle
from pipeline.model.model_updating import LocalUpdate, fit_update
from pipeline.model.outcomes import reported_thresholds
from pipeline.model.parallel import one_blas_thread, side_by_side
from pipeline.model.risk_model import RiskModel, prior_available
from pipeline.model.stacked_rows import StackedRows, Targets, stack
from pipeline.model.training_reference import base_rate_table
from pipeline.model.variant import Variant

Updates = Mapping[str, LocalUpdate]
VARIANTS = ("state", "no_state")
WITHOUT_PRIOR = "without_prior"


@dataclass(frozen=True)
class LocalScale:
    """One scale of a bundle on local patients.

    Attributes
    ----------
    model : RiskModel
        Of the parent.
    measured, matrix : FeatureMatrix, shape (n_landmarks, n_features)
        Features as measured, and as the model uses them.
    """

    model: RiskModel
    measured: FeatureMatrix
    matrix: FeatureMatrix
    targets: Targets


@dataclass(frozen=True)
class LocalLogOdds:
    """Labelled rows of the landmarks of a variant, with its log-odds.

    Attributes
    ----------
    variant : Variant
    rows : StackedRows
    z : ndarray, shape (n_rows,)
    """

    variant: Variant
    rows: StackedRows
    z: Floats


@dataclass(frozen=True)
class CrossFitted:
    """Scores of one outcome by updates that were fitted on other patients.

    Attributes
    ----------
    after, before : ScoredRows
        With the update, and by the parent, on the same rows.
    control : ScoredRows or None
        With the labs of another patient of the same day.
    absent : dict
        Comparator to the reason why it has no input.
    """

    after: ScoredRows
    before: ScoredRows
    control: ScoredRows | None
    absent: dict[str, str]


def local_log_odds(local: LocalScale, config: Config) -> dict[str, LocalLogOdds]:
    """Rows and log-odds of every variant at the landmarks where it applies.

    Parameters
    ----------
    local : LocalScale
    config : Config

    Returns
    -------
    dict of LocalLogOdds
        By name of the variant: ``state``, ``no_state``, and with a prior also
        ``state_without_prior`` and ``no_state_without_prior``. A variant without a labelled
        landmark is omitted.
    """
    model = local.model
    rows = stack(
        local.targets,
        model.horizons,
        reported=reported_thresholds(config.outcomes, model.scale),
        other_weight=0.0,
        ipcw_floor=config.model.ipcw_floor,
    )
    every = np.ones(len(local.matrix.values), dtype=bool)
    usable = {"state": local.model.state_known(local.matrix), "no_state": every}
    available = prior_available(local.matrix)
    parts: dict[str, tuple[Variant | None, Bools]] = {
        name: (getattr(model, name), usable[name] & available) for name in VARIANTS
    }
    if model.alone is not None:
        for name in VARIANTS:
            parts[f"{name}_{WITHOUT_PRIOR}"] = getattr(model.alone, name), usable[name]
    result = {}
    for name, (variant, landmarks) in parts.items():
        part = rows.of(landmarks)
        if variant is not None and len(part.landmark):
            result[name] = LocalLogOdds(variant, part, variant.unordered(local.matrix, part))
    return result


def fit_updates(
    known: Mapping[str, LocalLogOdds],
    targets: Targets,
    config: Config,
    *,
    among: Bools | None = None,
    bootstrap: bool = False,
) -> dict[str, LocalUpdate]:
    """Choose and fit the update of every variant.

    Parameters
    ----------
    known : mapping of LocalLogOdds
    targets : Targets
    config : Config
    among : ndarray of bool, shape (n_landmarks,), optional
        Landmarks of the patients to fit on; all by default.
    bootstrap : bool
        Refit the chosen form for the draws of the interval.

    Returns
    -------
    dict of LocalUpdate
        By name of the variant.
    """
    updates = {}
    for name, part in known.items():
        kept = np.ones(len(part.z), dtype=bool) if among is None else among[part.rows.landmark]
        updates[name] = fit_update(
            part.z[kept],
            part.rows.where(kept),
            targets.patient,
            part.variant.calibration.knots,
            part.variant.calibration.thresholds,
            ridge=config.model.ridge_calibration,
            config=config.recalibration,
            bootstrap=part.variant.n_draws if bootstrap else 0,
            seed=config.seed,
        )
    return updates


def with_updates(model: RiskModel, updates: Updates) -> RiskModel:
    """Return the model with the updates of its variants.

    Parameters
    ----------
    model : RiskModel
    updates : mapping of LocalUpdate
        By name of the variant.

    Returns
    -------
    RiskModel
    """
    updated = _with_variants(model, updates, "")
    if model.alone is None:
        return updated
    return replace(updated, alone=_with_variants(model.alone, updates, f"_{WITHOUT_PRIOR}"))


def with_mean_variances(
    model: RiskModel, known: Mapping[str, LocalLogOdds], matrix: FeatureMatrix
) -> RiskModel:
    """Return the model with the mean variance of the local landmarks, for its intervals.

    Parameters
    ----------
    model : RiskModel
        With updates.
    known : mapping of LocalLogOdds
        By name of the variant.
    matrix : FeatureMatrix
        Local landmarks.

    Returns
    -------
    RiskModel
    """

    def averaged(part: RiskModel, suffix: str) -> RiskModel:
        changes: dict[str, Any] = {}
        for name in VARIANTS:
            variant: Variant | None = getattr(part, name)
            if variant is not None and f"{name}{suffix}" in known:
                changes[name] = variant.with_mean_variance(matrix, known[f"{name}{suffix}"].rows)
        return replace(part, **changes)

    updated = averaged(model, "")
    if model.alone is None:
        return updated
    return replace(updated, alone=averaged(model.alone, f"_{WITHOUT_PRIOR}"))


@one_blas_thread()
def cross_fitted(
    local: LocalScale,
    known: Mapping[str, LocalLogOdds],
    table: Ints,
    cohort: Cohort,
    bundle: Bundle,
    *,
    jobs: int = 1,
) -> dict[int, CrossFitted]:
    """Score every local patient by updates chosen and fitted on the patients of other folds.

    Parameters
    ----------
    local : LocalScale
    known : mapping of LocalLogOdds
    table : ndarray of int, shape (repeats, n_patients)
        From :func:`pipeline.evaluate.scoring_protocol.shared_folds`.
    cohort : Cohort
    bundle : Bundle
        The parent, with the settings of the local cohort.
    jobs : int
        Splits at a time.

    Returns
    -------
    dict of CrossFitted by threshold
        Thresholds without a landmark at risk are omitted.
    """
    matrix, targets, config = local.matrix, local.targets, bundle.config
    settings, splits = config.evaluation, splits_of(targets.patient, table)
    ranked, absent = published_scores(cohort, matrix.landmarks, bundle.reference.spec)
    donors = donors_of(matrix, targets, config.seed)
    swapped = swap_labs(matrix, donors) if settings.analyte_importance else None
    inputs = ComparatorInputs(ranked, swapped)
    controls = [
        swap_labs(matrix, donors_of(matrix, targets, config.seed + number + 1))
        for number in range(settings.control_permutations)
    ]
    reported = reported_thresholds(config.outcomes, local.model.scale)

    def run(split: Split) -> dict[int, tuple[ScoredRows, ScoredRows, list[ScoredRows]]]:
        among = np.zeros(len(matrix.values), dtype=bool)
        among[split.train] = True
        model = with_updates(local.model, fit_updates(known, targets, config, among=among))
        result = {}
        for threshold in reported:
            rows = rows_at_risk(matrix, targets, split.test, threshold)
            if len(rows) == 0:
                continue
            train = matrix.take(split.train), targets.take(split.train)
            rates = base_rate_table(
                *train, threshold, model.horizons, ipcw_floor=config.model.ipcw_floor
            )
            part, known_events = matrix.take(rows), targets.take(rows)
            after = score(
                model,
                part,
                known_events,
                threshold,
                rates,
                inputs=inputs.take(rows),
                repeat=split.repeat,
            )
            control = [
                score(model, other.take(rows), known_events, threshold, rates, repeat=number)
                for number, other in enumerate(controls)
                if split.repeat == 0
            ]
            result[threshold] = after, _by_parent(local.model, part, threshold, after), control
        return result

    label = f"cross-fitted updates {local.model.scale}"
    scored = list(log.progress(side_by_side(run, splits, jobs), label=label, total=len(splits)))
    repeats = len({split.repeat for split in splits})
    return {
        threshold: _joined(
            [part[threshold] for part in scored if threshold in part],
            repeats,
            absent,
            config.model.ipcw_floor,
        )
        for threshold in reported
        if any(threshold in part for part in scored)
    }


def _by_parent(
    parent: RiskModel, matrix: FeatureMatrix, threshold: int, scores: ScoredRows
) -> ScoredRows:
    """The same rows with the risk of the parent."""
    risks = {
        "model": parent.risk(matrix, threshold, parent.horizons),
        "model_no_state": parent.risk(matrix, threshold, parent.horizons, use_state=False),
    }
    return replace(scores, risks={**scores.risks, **risks}, permuted={})


def _joined(
    parts: list[tuple[ScoredRows, ScoredRows, list[ScoredRows]]],
    repeats: int,
    absent: dict[str, str],
    ipcw_floor: float,
) -> CrossFitted:
    """Join the folds, weighted for censoring; the control has one repeat per permutation."""
    by_permutation = zip(*(control for _, _, control in parts if control), strict=True)
    control = [concatenate(list(folds), 1) for folds in by_permutation]
    joined = stacked_repeats(control) if control else None
    return CrossFitted(
        concatenate([after for after, _, _ in parts], repeats).weighted_for_censoring(ipcw_floor),
        concatenate([before for _, before, _ in parts], repeats).weighted_for_censoring(ipcw_floor),
        None if joined is None else joined.weighted_for_censoring(ipcw_floor),
        absent,
    )


def _with_variants(model: RiskModel, updates: Updates, suffix: str) -> RiskModel:
    state = model.state
    return replace(
        model,
        no_state=_updated(model.no_state, updates.get(f"no_state{suffix}")),
        state=None if state is None else _updated(state, updates.get(f"state{suffix}")),
    )


def _updated(variant: Variant, update: LocalUpdate | None) -> Variant:
    if update is None:
        return variant
    return replace(variant, update=update.calibration, update_redrawn=update.redrawn)
