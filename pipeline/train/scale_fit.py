"""Trains one scale: landmarks, outcomes, features, held-out scores, the final model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from pipeline import log
from pipeline.arrays import Ints
from pipeline.cohort.detection_limits import apply_limits, learn_limits
from pipeline.cohort.tables import Cohort
from pipeline.cohort.ungraded import STATED_ELSEWHERE, count_ungraded, ungraded_text
from pipeline.config import Config
from pipeline.evaluate.scoring_protocol import ScoredOutcome, score_scale, shared_folds
from pipeline.features.build import build_features
from pipeline.features.landmarks import on_grid, training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.borrowed_prior import reading_prior_columns
from pipeline.model.bundle import Bundle, add_prior_features, as_prior
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import (
    build_targets,
    refuse_unlearnable,
    refuse_unscored,
    reported_thresholds,
    stacked_thresholds,
)
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets
from pipeline.reading.read_result import ReadResult
from pipeline.train.prior_checks import check_prior, count_prior_abstentions

Limits = dict[str, dict[str, float]]


@dataclass(frozen=True)
class TrainingTask:
    """Inputs shared by all scales of a training.

    Attributes
    ----------
    raw, cohort : Cohort
        As read, and with detection limits applied.
    limits : mapping
        Detection limits by analyte: inferred from the cohort, and defaults.
    folds : ndarray of int, shape (n_repeats, n_patients)
    prior : Bundle or None
        Bundle of another cohort, as stored inside the new bundle.
    rejected_grades : str
        Number of rejected rows of ``assessments`` and the main reason, for the error message.
    """

    raw: Cohort
    cohort: Cohort
    limits: Limits
    spec: FeatureSpec
    config: Config
    folds: Ints
    prior: Bundle | None
    rejected_grades: str
    jobs: int


@dataclass(frozen=True)
class ScaleResult:
    """Model, training data and out-of-fold scores by threshold of one scale."""

    model: RiskModel
    matrix: FeatureMatrix
    targets: Targets
    scored: dict[int, ScoredOutcome]


def prepare_task(
    read: ReadResult, config: Config, *, jobs: int, prior: Bundle | None
) -> TrainingTask:
    """Infer limits, learn the feature specification and draw the folds of a cohort.

    Raises
    ------
    UsageError
        If the prior does not match the cohort.
    """
    limits = learn_limits(read.cohort.labs, read.limits)
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, limits))
    spec = learn_spec(cohort, config, read.local)
    if prior is not None:
        check_prior(prior, config, read, spec)
        prior = as_prior(prior)
    return TrainingTask(
        raw=read.cohort,
        cohort=cohort,
        limits=limits,
        spec=spec,
        config=config,
        folds=shared_folds(cohort, config),
        prior=prior,
        rejected_grades=read.main_reject_reason("assessments"),
        jobs=jobs,
    )


def fit_scale(task: TrainingTask, scale: str) -> ScaleResult:
    """Score one scale out of fold, then fit it on all patients."""
    config = task.config
    landmarks = training_landmarks(task.cohort, config.landmarks, scale)
    targets = _targets(task, landmarks, scale)
    matrix = build_features(task.cohort, landmarks, task.spec, task.jobs)
    if task.prior is not None:
        matrix = add_prior_features(matrix, task.raw, task.spec, task.prior, task.jobs)
        count_prior_abstentions(matrix, scale)
    borrowed = None if task.prior is None else reading_prior_columns(task.prior.models[scale])
    reported = reported_thresholds(config.outcomes, scale)
    plan = FitPlan(scale, reported, task.spec, config.model, config.seed, task.jobs, borrowed)
    scored = score_scale(task.cohort, matrix, targets, plan, config, task.folds)
    refuse_unscored(config.outcomes, scale, scored)
    log.info(f"fit on all patients ({scale})")
    model = fit_risk_model(matrix, targets, plan, bootstrap=config.model.bootstrap_members)
    read = {key: replace(part, columns=model.columns) for key, part in scored.items()}
    return ScaleResult(model, matrix, targets, read)


def _targets(task: TrainingTask, landmarks: pd.DataFrame, scale: str) -> Targets:
    """Outcomes at the landmarks; refuses outcomes that cannot be learned."""
    config, cohort = task.config, task.cohort
    thresholds = stacked_thresholds(
        cohort,
        scale,
        reported_thresholds(config.outcomes, scale),
        chosen=config.model.thresholds.get(scale, ()),
        refused=task.rejected_grades,
    )
    targets = build_targets(cohort, landmarks, scale, thresholds, config.cohort.ungraded)
    ungraded = count_ungraded(cohort, scale, config.cohort.ungraded)
    if ungraded.n and scale != STATED_ELSEWHERE:
        log.info(ungraded_text(ungraded.to_dict()))
    grid = on_grid(landmarks)
    for name, outcome in config.outcomes.items():
        if outcome.scale == scale:
            refuse_unlearnable(name, outcome, targets, grid, config.model.horizons_hours)
    return targets
