"""Evaluates a bundle on a cohort; marks the evaluation as apparent on its training cohort."""

from __future__ import annotations

from pipeline.arrays import Ints
from pipeline.cohort.detection_limits import apply_limits
from pipeline.config import Config
from pipeline.errors import InputError
from pipeline.evaluate.abstention_rates import abstention_report, abstention_warnings, answered_rows
from pipeline.evaluate.added_value import donors_of, swap_labs
from pipeline.evaluate.comparators import published_scores
from pipeline.evaluate.cross_validation import ComparatorInputs, rows_at_risk, score
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.model_description import describe_models
from pipeline.evaluate.report import Evaluation, assemble, event_patients, few_events
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.scoring_protocol import ScoredOutcome, stacked_repeats
from pipeline.features.landmarks import on_grid, training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import applied_abstentions, support_from_reference
from pipeline.model.bundle import Bundle, read_features
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport
from pipeline.model.outcomes import build_targets
from pipeline.model.recalibration_report import learned_from
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets
from pipeline.model.training_reference import RateTable
from pipeline.reading.read_result import ReadResult

OLDER_BUNDLE = evaluation_phrase("reasons", "older_bundle")
COMMAND = "cytocast evaluate --model BUNDLE --cohort COHORT --out OUT"


def evaluate_bundle(
    bundle: Bundle,
    read: ReadResult,
    training: EvaluationReport | None = None,
    *,
    cohort_name: str = "",
    synthetic: bool = False,
) -> Evaluation:
    """Evaluate every outcome of a bundle on a cohort.

    Limits, units, base rates and settings are those of the bundle; nothing is learned from the
    cohort. With the cohort digest of training the evaluation is ``apparent``. The negative control
    is applied, not refitted.

    Parameters
    ----------
    bundle : Bundle
    read : ReadResult
    training : EvaluationReport, optional
        Of the bundle; its alert cut-offs are applied unchanged.
    cohort_name : str
        Name to show; unused on the training cohort.
    synthetic : bool
        Whether the patients are simulated.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        If none of the bundle's outcomes can be scored on the cohort.
    """
    import numpy as np

    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, bundle.reference.limits))
    scored, warnings, n_landmarks = {}, [], 0
    support, abstained = support_from_reference(bundle.reference), {}
    for name, outcome in bundle.config.outcomes.items():
        model = bundle.models[outcome.scale]
        landmarks = training_landmarks(cohort, bundle.config.landmarks, outcome.scale)
        landmarks = landmarks.loc[on_grid(landmarks)].reset_index(drop=True)
        targets = build_targets(
            cohort, landmarks, outcome.scale, model.thresholds, bundle.config.cohort.ungraded
        )
        graded = outcome.scale == "death" or (cohort.assessments["scale"] == outcome.scale).any()
        if not graded or len(landmarks) == 0:
            warnings.append(
                evaluation_phrase("warnings", "not_graded", name=name, scale=outcome.scale)
            )
            continue
        measured, matrix = read_features(read.cohort, landmarks, bundle)
        everyone: Ints = np.arange(len(landmarks))
        rows = rows_at_risk(matrix, targets, everyone, outcome.threshold)
        if len(rows) == 0:
            warnings.append(f"{name}: {evaluation_phrase('warnings', 'not_scored')}")
            continue
        count = event_patients(targets, outcome.threshold)
        warnings += few_events(name, count, bundle.config.evaluation.min_event_patients)
        n_landmarks = max(n_landmarks, len(rows))
        code = applied_abstentions(cohort, measured, support, bundle.config)
        abstained[name] = abstention_report(code, measured, targets, outcome.threshold)
        warnings += abstention_warnings(name, abstained[name])
        part, known = matrix.take(rows), targets.take(rows)
        rates = bundle.reference.base_rates[name]
        swapped = swap_labs(part, donors_of(part, known, bundle.config.seed))
        ranked, absent = published_scores(cohort, part.landmarks, bundle.reference.spec)
        inputs = ComparatorInputs(
            ranked, swapped if bundle.config.evaluation.analyte_importance else None
        )
        scores = score(model, part, known, outcome.threshold, rates, inputs=inputs)
        scores = scores.weighted_for_censoring(bundle.config.model.ipcw_floor)
        scored[name] = ScoredOutcome(
            scores=scores,
            answered=answered_rows(code, targets, scores),
            columns=model.columns,
            control=_control(bundle.config, model, part, known, outcome.threshold, rates),
            absent={"plain_logistic": OLDER_BUNDLE} | absent,
        )
    if not scored:
        raise InputError(" ".join(warnings))
    apparent = read.sha256 in learned_from(bundle.provenance)
    trained_on = bundle.provenance["cohort_name"]
    trained_on_synthetic = bool(bundle.config.cohort.synthetic)
    if not apparent:
        warnings.append(evaluation_phrase("warnings", "perhaps_trained_on"))
    evaluated = EvaluatedCohort(
        name=trained_on if apparent else cohort_name or "another cohort",
        n_patients=cohort.n_patients,
        n_landmarks=n_landmarks,
        n_lab_rows=len(cohort.labs),
        sha256=read.sha256,
        synthetic=synthetic or (apparent and trained_on_synthetic),
        trained_on=trained_on,
        trained_on_synthetic=trained_on_synthetic,
        bundle_sha256=bundle.sha256,
    )
    evaluation = assemble(
        scored,
        bundle.config,
        kind="apparent" if apparent else "external",
        cohort=cohort,
        spec=bundle.reference.spec,
        evaluated=evaluated,
        warnings=warnings,
        command=COMMAND,
        training=training,
    )
    return evaluation.with_parts(
        abstention=abstained,
        audit_of_training=bundle.provenance.get("audit") or {},
        models=describe_models(bundle.models, bundle.config, bundle.reference.spec),
    )


def _control(
    config: Config,
    model: RiskModel,
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    rates: RateTable,
) -> ScoredRows | None:
    """Risks of the unchanged model on the labs of another patient of the same day."""
    parts = []
    for permutation in range(config.evaluation.control_permutations):
        donor = donors_of(matrix, targets, config.seed + permutation + 1)
        swapped = swap_labs(matrix, donor)
        parts.append(score(model, swapped, targets, threshold, rates, repeat=permutation))
    return stacked_repeats(parts) if parts else None
