"""Evaluates a training by cross-validation: out-of-fold scores, abstentions, sample size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline import log
from pipeline.audit.runner import AuditReport
from pipeline.config import Config
from pipeline.evaluate.abstention_rates import (
    abstention_report,
    abstention_warnings,
    answered_rows,
    held_out_abstentions,
)
from pipeline.evaluate.model_description import describe_models
from pipeline.evaluate.report import Evaluation, assemble, event_patients, few_events
from pipeline.evaluate.sample_size import size_report
from pipeline.evaluate.scoring_protocol import ScoredOutcome
from pipeline.model.abstention import Codes
from pipeline.model.evaluation_report import Abstentions, EvaluatedCohort
from pipeline.reading.read_result import ReadResult
from pipeline.train.intake import audit_warnings
from pipeline.train.prior_checks import prior_sentences
from pipeline.train.scale_fit import ScaleResult, TrainingTask

COMMAND = "cytocast train --cohort COHORT --config config.json --out OUT"


@dataclass(frozen=True)
class HeldOut:
    """Out-of-fold results by outcome.

    Attributes
    ----------
    scored : dict
        Scores, with the rows at which an estimate would be given.
    abstained : dict of ndarray of str, shape (n_landmarks,)
        Abstention code of each landmark; "" where an estimate would be given.
    """

    scored: dict[str, ScoredOutcome]
    abstained: dict[str, Codes]


def held_out(task: TrainingTask, scales: Mapping[str, ScaleResult]) -> HeldOut:
    """Apply the abstention rules out of fold to every outcome."""
    keys = tuple(analyte.key for analyte in task.spec.analytes)
    outcomes = task.config.outcomes
    abstained = {
        name: held_out_abstentions(
            task.cohort, part.matrix, part.targets, item.threshold, keys, task.config
        )
        for name, item in outcomes.items()
        for part in (scales[item.scale],)
    }
    scored = {
        name: replace(
            part, answered=answered_rows(abstained[name], scales[item.scale].targets, part.scores)
        )
        for name, item in outcomes.items()
        for part in (scales[item.scale].scored[item.threshold],)
    }
    return HeldOut(scored, abstained)


def cohort_summary(
    read: ReadResult, config: Config, scales: Mapping[str, ScaleResult]
) -> EvaluatedCohort:
    """Name, digest and counts of the training cohort; no data of single patients."""
    events = {
        name: event_patients(scales[item.scale].targets, item.threshold)
        for name, item in config.outcomes.items()
    }
    scored = [
        len(item.scores.day) // item.scores.n_repeats
        for part in scales.values()
        for item in part.scored.values()
    ]
    return EvaluatedCohort(
        name=config.cohort.name,
        n_patients=read.cohort.n_patients,
        n_landmarks=max(scored),
        n_lab_rows=len(read.cohort.labs),
        sha256=read.sha256,
        synthetic=config.cohort.synthetic,
        event_patients=events,
    )


def evaluate_training(
    task: TrainingTask,
    scales: Mapping[str, ScaleResult],
    results: HeldOut,
    summary: EvaluatedCohort,
    audit: AuditReport,
    prior: Mapping[str, Any] | None,
) -> Evaluation:
    """Evaluate every outcome on its out-of-fold scores.

    Parameters
    ----------
    summary : EvaluatedCohort
        From :func:`cohort_summary`.
    prior : mapping or None
        Record of the bundle that the model borrows from.
    """
    config = task.config
    parts = {name: scales[item.scale] for name, item in config.outcomes.items()}
    sizes = {
        name: size_report(name, config, part.model, part.matrix, part.targets)
        for name, part in parts.items()
    }
    abstentions = {
        name: abstention_report(
            codes, parts[name].matrix, parts[name].targets, config.outcomes[name].threshold
        )
        for name, codes in results.abstained.items()
    }
    log.info("bootstrap intervals")
    evaluation = assemble(
        results.scored,
        config,
        kind="cross-validated",
        cohort=task.cohort,
        spec=task.spec,
        evaluated=summary,
        warnings=[
            *audit_warnings(audit),
            *(prior_sentences(prior) if prior else ()),
            *_warnings(config, scales, abstentions),
            *(item.sentence for item in sizes.values()),
        ],
        command=COMMAND,
    )
    models = {scale: part.model for scale, part in scales.items()}
    return evaluation.with_parts(
        sample_size=sizes,
        abstention=abstentions,
        models=describe_models(models, config, task.spec),
        audit=audit.summary(),
        **({"prior": prior} if prior else {}),
    )


def _warnings(
    config: Config, scales: Mapping[str, ScaleResult], abstentions: Mapping[str, Abstentions]
) -> list[str]:
    """Warnings about outcomes with frequent abstentions, then about few events."""
    silent = [
        line for name, report in abstentions.items() for line in abstention_warnings(name, report)
    ]
    minimum = config.evaluation.min_event_patients
    return silent + [
        sentence
        for name, outcome in config.outcomes.items()
        for sentence in few_events(
            name, event_patients(scales[outcome.scale].targets, outcome.threshold), minimum
        )
    ]
