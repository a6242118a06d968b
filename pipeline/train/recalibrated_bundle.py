"""Makes a bundle recalibrated on local patients: updates, evaluation, local averages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline import log
from pipeline.audit.runner import AuditReport
from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.errors import InputError, UsageError
from pipeline.evaluate.abstention_rates import answered_rows
from pipeline.evaluate.local_updates import (
    CrossFitted,
    LocalScale,
    cross_fitted,
    fit_updates,
    local_log_odds,
    with_mean_variances,
    with_updates,
)
from pipeline.evaluate.recalibration_figures import figures_by_horizon
from pipeline.evaluate.report import event_patients
from pipeline.evaluate.scoring_protocol import ScoredOutcome, shared_folds
from pipeline.features.landmarks import training_landmarks
from pipeline.model.abstention import Codes, applied_abstentions, support_from_reference
from pipeline.model.background import learn_background
from pipeline.model.bundle import Bundle, read_features
from pipeline.model.evaluation_report import EvaluatedCohort
from pipeline.model.model_updating import LocalUpdate
from pipeline.model.outcomes import build_targets, reported_thresholds
from pipeline.model.recalibration_report import (
    RECALIBRATED_FROM,
    FormEvidence,
    ParentBundle,
    RecalibrationReport,
    UpdateDescription,
    learned_from,
)
from pipeline.model.training_reference import TrainingReference, base_rate_table
from pipeline.reading.read_result import ReadResult
from pipeline.train.fit import TrainingResult, provenance_of
from pipeline.train.gates import gate_draws
from pipeline.train.learned_reference import learn_profile
from pipeline.train.recalibration_evaluation import evaluate_recalibration
from pipeline.train.scale_fit import ScaleResult

PARENT_DRAWS = "parent"  # key of gate_draws.json


@dataclass(frozen=True)
class RecalibratedScale:
    """Updates of one scale, and the scores of its outcomes by threshold.

    Attributes
    ----------
    codes : ndarray of str, shape (n_landmarks,)
        Abstention code of each landmark.
    updates : dict of LocalUpdate
        By name of the variant.
    """

    local: LocalScale
    codes: Codes
    updates: dict[str, LocalUpdate]
    scores: dict[int, CrossFitted]
    result: ScaleResult


def refuse_unsuitable(parent: Bundle, sha256: str, *, synthetic: bool) -> None:
    """Refuse a bundle that was recalibrated before, of the same cohort, or of simulated patients.

    Parameters
    ----------
    parent : Bundle
    sha256 : str
        Digest of the local cohort.
    synthetic : bool
        Whether the local patients are simulated.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> refuse_unsuitable(empty_bundle(), "1f2e", synthetic=False)
    """
    if RECALIBRATED_FROM in parent.provenance:
        origin = str(parent.provenance[RECALIBRATED_FROM].get("bundle_sha256", ""))
        raise UsageError(
            f"this bundle is already recalibrated, from bundle {origin[:12]}; give that bundle, "
            "with all local patients",
            options=("model",),
        )
    if parent.config.cohort.synthetic and not synthetic:
        raise UsageError(
            "the bundle was trained on simulated patients, but the cohort is not marked as "
            "simulated; give a bundle of real patients, or set cohort.synthetic",
            options=("model", "config"),
        )
    of_prior = frozenset() if parent.prior is None else learned_from(parent.prior.provenance)
    if sha256 in learned_from(parent.provenance) | of_prior:
        raise UsageError(
            "the bundle was trained on this cohort, so there is nothing to recalibrate; give a "
            "cohort of other patients",
            options=("cohort",),
        )


def recalibrate(
    parent: Bundle, read: ReadResult, audit: AuditReport, config: Config, *, jobs: int = 1
) -> TrainingResult:
    """Update the risks of a bundle to local patients, and evaluate the updates on others of them.

    Coefficients, units, detection limits, ranges and products remain those of the parent. Base
    rates, prototypes and the profile for monitoring become those of the local cohort.

    Parameters
    ----------
    parent : Bundle
    read : ReadResult
        The local cohort, from :func:`pipeline.predict.prepare.read_cohort_for`.
    audit : AuditReport
        Of the local cohort.
    config : Config
        Of the parent, with name, reading and recalibration settings of the local cohort.
    jobs : int
        Splits at a time.

    Returns
    -------
    TrainingResult

    Raises
    ------
    UsageError
        If the bundle is recalibrated already, or was trained on the cohort.
    InputError
        If no outcome can be recalibrated.
    """
    refuse_unsuitable(parent, read.sha256, synthetic=config.cohort.synthetic)
    bundle = replace(parent, config=config)
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, parent.reference.limits))
    scales: dict[str, RecalibratedScale] = {}
    for scale in config.scales:
        local = local_scale(read, cohort, bundle, scale, jobs)
        if local is not None:
            scales[scale] = _recalibrate_scale(local, cohort, bundle, jobs)
    kept = _kept(config, scales)
    if len(kept) == len(config.outcomes):
        reasons = " ".join(f"{name}: {reason}." for name, reason in kept.items())
        raise InputError(f"no outcome can be recalibrated. {reasons}")
    results = {scale: part.result for scale, part in scales.items()}
    summary = _summary(read, cohort, parent, config, results)
    report = _report(parent, config, scales, kept)
    evaluation = evaluate_recalibration(
        cohort,
        config,
        bundle,
        {scale: (part.local, part.codes, part.result) for scale, part in scales.items()},
        summary,
        audit,
        report,
    )
    provenance = provenance_of(config, summary, audit, parent.provenance.get("prior"))
    provenance |= {
        RECALIBRATED_FROM: report.parent.model_dump(),
        "updates": {
            scale: {name: part.form for name, part in variants.items()}
            for scale, variants in report.updates.items()
        },
        "kept": kept,
    }
    recalibrated = Bundle(
        config,
        _reference(read, cohort, bundle, scales),
        {**parent.models, **{scale: part.model for scale, part in results.items()}},
        provenance,
        prior=parent.prior,
    )
    return TrainingResult(
        recalibrated, evaluation, _draws(config, read.sha256, parent, scales), read, audit, results
    )


def local_scale(
    read: ReadResult, cohort: Cohort, bundle: Bundle, scale: str, jobs: int = 1
) -> LocalScale | None:
    """Landmarks, features and outcomes of one scale; None if it cannot be graded locally.

    Parameters
    ----------
    read : ReadResult
    cohort : Cohort
        With the detection limits of the bundle.
    bundle : Bundle
    scale : str
    jobs : int
        Number of threads.

    Returns
    -------
    LocalScale or None
    """
    config, model = bundle.config, bundle.models[scale]
    graded = scale == "death" or bool((cohort.assessments["scale"] == scale).any())
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    if not graded or len(landmarks) == 0:
        return None
    targets = build_targets(cohort, landmarks, scale, model.thresholds, config.cohort.ungraded)
    reported = reported_thresholds(config.outcomes, scale)
    columns = [targets.thresholds.index(threshold) for threshold in reported]
    if not targets.at_risk[:, columns].any():
        return None
    measured, matrix = read_features(read.cohort, landmarks, bundle, jobs)
    return LocalScale(model, measured, matrix, targets)


def _recalibrate_scale(
    local: LocalScale, cohort: Cohort, bundle: Bundle, jobs: int
) -> RecalibratedScale:
    config, targets = bundle.config, local.targets
    log.info(f"local updates ({local.model.scale})")
    known = local_log_odds(local, config)
    updates = fit_updates(known, targets, config, bootstrap=True)
    model = with_mean_variances(with_updates(local.model, updates), known, local.matrix)
    table = shared_folds(cohort, config)
    scores = cross_fitted(local, known, table, cohort, bundle, jobs=jobs)
    codes = applied_abstentions(
        cohort, local.measured, support_from_reference(bundle.reference), config
    )
    scored = {
        threshold: ScoredOutcome(
            scores=part.after,
            columns=model.columns,
            control=part.control,
            absent=part.absent,
            answered=answered_rows(codes, targets, part.after),
        )
        for threshold, part in scores.items()
    }
    result = ScaleResult(model, local.matrix, targets, scored)
    return RecalibratedScale(local, codes, updates, scores, result)


def _kept(config: Config, scales: Mapping[str, RecalibratedScale]) -> dict[str, str]:
    """Reason by outcome that keeps the calibration of the parent."""
    kept = {}
    minimum = config.recalibration.min_event_patients
    for name, outcome in config.outcomes.items():
        part = scales.get(outcome.scale)
        if part is None or outcome.threshold not in part.scores:
            kept[name] = (
                f"the cohort has no landmark at risk with grades on the scale '{outcome.scale}'"
            )
        elif all(update.choice.too_few for update in part.updates.values()):
            count = max((item.choice.event_patients for item in part.updates.values()), default=0)
            kept[name] = (
                f"only {count} local patients have (or lack) an event on the scale "
                f"'{outcome.scale}', fewer than {minimum}"
            )
    return kept


def _summary(
    read: ReadResult,
    cohort: Cohort,
    parent: Bundle,
    config: Config,
    results: Mapping[str, ScaleResult],
) -> EvaluatedCohort:
    """Name, digest and counts of the local cohort."""
    parts = {
        name: results[item.scale]
        for name, item in config.outcomes.items()
        if item.scale in results and item.threshold in results[item.scale].scored
    }
    scored = [
        len(part.scored[config.outcomes[name].threshold].scores.day)
        // part.scored[config.outcomes[name].threshold].scores.n_repeats
        for name, part in parts.items()
    ]
    return EvaluatedCohort(
        name=config.cohort.name,
        n_patients=cohort.n_patients,
        n_landmarks=max(scored, default=0),
        n_lab_rows=len(cohort.labs),
        sha256=read.sha256,
        synthetic=config.cohort.synthetic,
        event_patients={
            name: event_patients(part.targets, config.outcomes[name].threshold)
            for name, part in parts.items()
        },
        trained_on=str(parent.provenance["cohort_name"]),
        trained_on_synthetic=bool(parent.config.cohort.synthetic),
    )


def _report(
    parent: Bundle,
    config: Config,
    scales: Mapping[str, RecalibratedScale],
    kept: dict[str, str],
) -> RecalibrationReport:
    """Lineage, updates, and figures before and after."""
    origin = parent.provenance
    return RecalibrationReport(
        parent=ParentBundle(
            bundle_sha256=parent.sha256,
            cohort_name=str(origin["cohort_name"]),
            cohort_sha256=str(origin["cohort_sha256"]),
            n_patients=int(origin["n_patients"]),
            synthetic=bool(parent.config.cohort.synthetic),
        ),
        updates={
            scale: {name: _description(update) for name, update in part.updates.items()}
            for scale, part in scales.items()
        },
        kept=kept,
        performance={
            name: figures_by_horizon(scores.before, scores.after, config)
            for name, item in config.outcomes.items()
            if item.scale in scales
            and (scores := scales[item.scale].scores.get(item.threshold)) is not None
        },
    )


def _description(update: LocalUpdate) -> UpdateDescription:
    choice = update.choice
    return UpdateDescription(
        form=choice.form,
        event_patients=choice.event_patients,
        candidates=list(choice.candidates),
        tests=[
            FormEvidence(form=item.form, p=item.p, against=dict(item.against))
            for item in choice.tests
        ],
    )


def _reference(
    read: ReadResult, cohort: Cohort, bundle: Bundle, scales: Mapping[str, RecalibratedScale]
) -> TrainingReference:
    """Local base rates, prototypes and profile of the scored outcomes; the rest is the parent's."""
    config, reference = bundle.config, bundle.reference
    base_rates, background = dict(reference.base_rates), dict(reference.background)
    scored: dict[str, ScoredOutcome] = {}
    for name, outcome in config.outcomes.items():
        part = scales.get(outcome.scale)
        if part is None or outcome.threshold not in part.scores:
            continue
        local, threshold = part.local, outcome.threshold
        matrix, targets = local.matrix, local.targets
        base_rates[name] = base_rate_table(
            matrix, targets, threshold, local.model.horizons, ipcw_floor=config.model.ipcw_floor
        )
        at_risk = targets.at_risk[:, targets.thresholds.index(threshold)]
        background[name] = learn_background(matrix, at_risk, targets.patient, local.model.columns)
        scored[name] = part.result.scored[threshold]
    first = scales[config.outcomes[next(iter(scored))].scale]
    profile = learn_profile(
        read,
        cohort,
        [analyte.key for analyte in reference.spec.analytes],
        config,
        scored,
        (first.local.measured, first.codes),
    )
    return replace(
        reference,
        base_rates=base_rates,
        background=background,
        n_patients=cohort.n_patients,
        profile=profile,
    )


def _draws(
    config: Config, sha256: str, parent: Bundle, scales: Mapping[str, RecalibratedScale]
) -> dict[str, Any]:
    """AUROC draws of the updates and, on the same rows, of the parent, for promotion gates."""
    pairs = {
        name: scores
        for name, item in config.outcomes.items()
        if item.scale in scales
        and (scores := scales[item.scale].scores.get(item.threshold)) is not None
    }
    after = gate_draws({name: pair.after for name, pair in pairs.items()}, config, sha256)
    before = gate_draws({name: pair.before for name, pair in pairs.items()}, config, sha256)
    return {**after, PARENT_DRAWS: {"bundle_sha256": parent.sha256, **before}}
