"""Trains on a cohort that is read and audited: fits, evaluates, records the provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from pipeline import __version__
from pipeline.audit.runner import AuditReport
from pipeline.config import Config
from pipeline.evaluate.report import Evaluation
from pipeline.model.bundle import Bundle
from pipeline.model.cohort_profile import Profile
from pipeline.model.evaluation_report import EvaluatedCohort
from pipeline.reading.read_result import ReadResult
from pipeline.train.gates import gate_draws
from pipeline.train.learned_reference import learn_profile, learn_reference
from pipeline.train.prior_checks import count_prior_abstentions, prior_record
from pipeline.train.scale_fit import ScaleResult, TrainingTask, fit_scale, prepare_task
from pipeline.train.training_evaluation import (
    HeldOut,
    cohort_summary,
    evaluate_training,
    held_out,
)

_NUMERIC = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost", "xgboost-cpu")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed numerical packages.

    Returns
    -------
    dict of str
        By package name.

    Examples
    --------
    >>> versions()["python"] == python_version(), "numpy" in versions()
    (True, True)
    """
    installed = {"python": python_version()}
    for name in _NUMERIC:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def provenance_of(
    config: Config,
    cohort: EvaluatedCohort,
    audit: AuditReport,
    prior: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Content of ``provenance.json``.

    Parameters
    ----------
    cohort : EvaluatedCohort
        Name, digest and counts of the training cohort.
    prior : mapping or None
        Record of the bundle that the model borrows from.
    """
    return {
        "cohort_name": cohort.name,
        "cohort_sha256": cohort.sha256,
        "config_sha256": config.sha256(),
        "package_version": __version__,
        "versions": versions(),
        "n_patients": cohort.n_patients,
        "synthetic": config.cohort.synthetic,
        "event_patients": cohort.event_patients,
        "audit": audit.summary(),
        "intended_use": "research use only",
        **({"prior": prior} if prior else {}),
    }


@dataclass(frozen=True)
class TrainingResult:
    """A trained bundle, its evaluation, and the data of its training.

    Attributes
    ----------
    bundle : Bundle
    evaluation : Evaluation
        On held-out patients.
    gate_draws : dict
        Bootstrap draws of each outcome's AUROC, for paired promotion gates.
    read : ReadResult
    audit : AuditReport
    scales : mapping
        Scale to its model, training data and out-of-fold scores.
    """

    bundle: Bundle
    evaluation: Evaluation
    gate_draws: dict[str, Any]
    read: ReadResult
    audit: AuditReport
    scales: Mapping[str, ScaleResult]


def train(
    read: ReadResult,
    audit: AuditReport,
    config: Config,
    *,
    jobs: int = 1,
    prior: Bundle | None = None,
) -> TrainingResult:
    """Train every configured outcome.

    Parameters
    ----------
    read : ReadResult
        From :func:`pipeline.train.intake.read_training`.
    audit : AuditReport
        From :func:`pipeline.train.intake.audit_cohort`.
    config : Config
    jobs : int
        Fits at a time.
    prior : Bundle, optional
        Of another cohort; its log-odds become an additional member.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If an outcome cannot be learned from the cohort.
    UsageError
        If the prior does not match the cohort.
    """
    task = prepare_task(read, config, jobs=jobs, prior=prior)
    scales = {scale: fit_scale(task, scale) for scale in config.scales}
    borrowed = _borrowed(task, scales)
    results = held_out(task, scales)
    summary = cohort_summary(read, config, scales)
    evaluation = evaluate_training(task, scales, results, summary, audit, borrowed)
    reference = learn_reference(read, task, scales, _profile(read, task, scales, results))
    bundle = Bundle(
        config,
        reference,
        {scale: part.model for scale, part in scales.items()},
        provenance_of(config, summary, audit, borrowed),
        prior=task.prior,
    )
    scores = {name: part.scores for name, part in results.scored.items()}
    draws = gate_draws(scores, config, read.sha256)
    return TrainingResult(bundle, evaluation, draws, read, audit, scales)


def _borrowed(task: TrainingTask, scales: Mapping[str, ScaleResult]) -> dict[str, Any] | None:
    """Record of the prior for the bundle and the evaluation; None without a prior."""
    if task.prior is None:
        return None
    abstentions = {
        scale: count_prior_abstentions(part.matrix, scale) for scale, part in scales.items()
    }
    models = {scale: part.model for scale, part in scales.items()}
    return prior_record(task.prior, task.config, models, abstentions)


def _profile(
    read: ReadResult, task: TrainingTask, scales: Mapping[str, ScaleResult], results: HeldOut
) -> Profile:
    """Profile that monitoring compares later batches with; abstentions of the first outcome."""
    first = next(iter(task.config.outcomes))
    return learn_profile(
        read,
        task.cohort,
        [analyte.key for analyte in task.spec.analytes],
        task.config,
        results.scored,
        (scales[task.config.outcomes[first].scale].matrix, results.abstained[first]),
    )
