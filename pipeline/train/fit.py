"""Trains on a cohort export: read, cross-validate, fit on everyone, write the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from pipeline import __version__, log
from pipeline.arrays import Ints
from pipeline.audit.runner import AuditReport, as_json
from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.cohort.ungraded import STATED_ELSEWHERE, count_ungraded, ungraded_words
from pipeline.config import Config
from pipeline.config_model import PRIOR
from pipeline.errors import InputError, UsageError
from pipeline.evaluate.abstention_rates import (
    abstention_report,
    answered_rows,
    held_out_abstentions,
    silence_warnings,
)
from pipeline.evaluate.model_description import describe_models
from pipeline.evaluate.report import Evaluation, assemble, event_patients, few_events
from pipeline.evaluate.sample_size import size_report
from pipeline.evaluate.scoring_protocol import ScoredOutcome, score_scale, shared_folds
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.folders import complete_folder
from pipeline.model.abstention import Codes
from pipeline.model.background import learn_background
from pipeline.model.borrowed_prior import renamed
from pipeline.model.bundle import Bundle, as_prior, beside_prior, save_bundle
from pipeline.model.evaluation_report import Abstentions, EvaluatedCohort
from pipeline.model.fitting import FitPlan, fit_risk_model
from pipeline.model.outcomes import (
    build_targets,
    refuse_unlearnable,
    refuse_unscored,
    reported_thresholds,
    stacked_thresholds,
)
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets
from pipeline.model.training_reference import TrainingReference, base_rate_table, feature_ranges
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.model_card import write_card
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_cohort
from pipeline.train.gates import gate_draws, write_draws
from pipeline.train.intake import (
    audit_cohort,
    audit_warnings,
    refuse_unusable,
    report_reading,
    write_rows,
)
from pipeline.train.monitoring_profile import learn_profile
from pipeline.train.prior_checks import check_prior, prior_facts, prior_sentences, silence

_NUMERIC = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost", "xgboost-cpu")


def versions() -> dict[str, str]:
    """Python and the installed numerical packages, by name."""
    found = {"python": python_version()}
    for name in _NUMERIC:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


COMMAND = "cytocast train --cohort COHORT --config config.json --out OUT"


@dataclass(frozen=True)
class TrainingResult:
    """A trained bundle, how good it is, and what the front door refused."""

    bundle: Bundle
    evaluation: Evaluation
    read: ReadResult
    audit: AuditReport
    folder: Path
    scales: Mapping[str, ScaleResult]


@dataclass(frozen=True)
class ScaleResult:
    """What a scale was trained on, and its out-of-fold scores by threshold."""

    model: RiskModel
    matrix: FeatureMatrix
    targets: Targets
    scored: dict[int, ScoredOutcome]


def train(
    cohort_folder: str | Path,
    out: Path,
    config: Config,
    *,
    jobs: int,
    force: bool = False,
    prior: Bundle | None = None,
) -> TrainingResult:
    """Train every configured outcome and write a complete bundle to ``out``.

    ``out`` holds the bundle with ``evaluation.json``, ``evaluation.html`` and an ``audit.json``
    without examples. Rejected rows go to ``<out>.rejects.csv`` and the page of the audit to
    ``<out>.audit.html`` beside it, because a bundle carries no patient's data.

    Parameters
    ----------
    prior : Bundle, optional
        Of another cohort, whose log-odds become one more member.

    Raises
    ------
    InputError
        If the cohort cannot be used, or an error of the audit blocks.
    UsageError
        If ``out`` holds something else, or the prior does not fit.
    """
    if prior is None and PRIOR in config.model.weights:
        raise UsageError("model.weights names prior, but no bundle is given with --prior")
    scales = tuple(dict.fromkeys(item.scale for item in config.outcomes.values()))
    read = read_cohort(cohort_folder, config.cohort, extra_scales=scales)
    report_reading(read)
    write_rows(read, out)
    refuse_unusable(read, config)
    audit = audit_cohort(cohort_folder, config, read, out)
    if len(read.cohort.labs) == 0:
        raise InputError(
            "no lab row could be used: " + " ".join(read.rejects["reason"].head(3).astype("str"))
        )
    silent = infer_limits(read.cohort.labs)
    limits = {
        key: {**silent.get(key, {}), **read.limits.get(key, {})}
        for key in sorted({*silent, *read.limits})
    }
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, limits))
    spec = learn_spec(cohort, config, read.local)
    if prior is not None:
        check_prior(prior, config, read, spec)
        prior = as_prior(prior)
    table = shared_folds(cohort, config)
    task = _Task(
        read.cohort, cohort, spec, config, jobs, table, prior, read.why_refused("assessments")
    )
    results = {scale: _train_scale(task, scale) for scale in scales}
    models = {scale: result.model for scale, result in results.items()}
    borrowed = None
    if prior is not None:
        heard = {scale: silence(result.matrix, scale) for scale, result in results.items()}
        borrowed = prior_facts(prior, config, models, heard)
    refused = _refusals(cohort, spec, config, results)
    by_outcome = {
        name: replace(
            found, answered=answered_rows(refused[name], results[item.scale].targets, found.scores)
        )
        for name, item in config.outcomes.items()
        for found in (results[item.scale].scored[item.threshold],)
    }
    facts = _cohort_facts(read, config, results)
    sizes = {
        name: size_report(name, config, part.model, part.matrix, part.targets)
        for name, item in config.outcomes.items()
        for part in (results[item.scale],)
    }
    silent_at = {
        name: abstention_report(code, part.matrix, part.targets, config.outcomes[name].threshold)
        for name, code in refused.items()
        for part in (results[config.outcomes[name].scale],)
    }
    log.info("bootstrap intervals")
    evaluation = assemble(
        by_outcome,
        config,
        kind="cross-validated",
        cohort=cohort,
        spec=spec,
        evaluated=EvaluatedCohort(**facts),
        warnings=[
            *audit_warnings(audit),
            *(prior_sentences(borrowed) if borrowed else ()),
            *_warnings(config, results, silent_at),
            *(item.sentence for item in sizes.values()),
        ],
        command=COMMAND,
    )
    evaluation = evaluation.with_parts(
        sample_size=sizes,
        abstention=silent_at,
        models=describe_models(models, config, spec),
        audit=audit.summary(),
        **({"prior": borrowed} if borrowed else {}),
    )
    first = next(iter(config.outcomes))
    profile = learn_profile(
        read,
        cohort,
        [analyte.key for analyte in spec.analytes],
        config,
        by_outcome,
        (results[config.outcomes[first].scale].matrix, refused[first]),
    )
    reference = replace(_reference(read, cohort, spec, limits, config, results), profile=profile)
    provenance = {
        **{f"cohort_{key}": facts[key] for key in ("name", "sha256")},
        "config_sha256": config.sha256(),
        "package_version": __version__,
        "versions": versions(),
        "n_patients": facts["n_patients"],
        "synthetic": config.cohort.synthetic,
        "event_patients": facts["event_patients"],
        "audit": audit.summary(),
        "intended_use": "research use only",
        **({"prior": borrowed} if borrowed else {}),
    }
    bundle = Bundle(config, reference, models, provenance, prior=prior)
    with complete_folder(out, force=force) as folder:
        (folder / "evaluation.json").write_text(evaluation.report.to_json(), encoding="utf-8")
        write_card(folder, config, evaluation.report, spec, read)
        held_out = {name: part.scores for name, part in by_outcome.items()}
        write_draws(gate_draws(held_out, config, facts["sha256"]), folder)
        title = f"Evaluation of {config.cohort.name}"
        page = render_evaluation(
            evaluation.report, evaluation.curves, title=title, synthetic=config.cohort.synthetic
        )
        (folder / "evaluation.html").write_text(page, encoding="utf-8")
        (folder / "audit.json").write_text(as_json(audit, examples=False), encoding="utf-8")
        digest = save_bundle(bundle, folder)
    return TrainingResult(replace(bundle, sha256=digest), evaluation, read, audit, out, results)


@dataclass(frozen=True)
class _Task:
    """What the scales share: the cohort as read and with its limits, settings, folds, prior."""

    raw: Cohort
    cohort: Cohort
    spec: FeatureSpec
    config: Config
    jobs: int
    table: Ints
    prior: Bundle | None
    refused: str


def _train_scale(task: _Task, scale: str) -> ScaleResult:
    cohort, spec, config, prior = task.cohort, task.spec, task.config, task.prior
    reported = reported_thresholds(config.outcomes, scale)
    thresholds = stacked_thresholds(
        cohort,
        scale,
        reported,
        chosen=config.model.thresholds.get(scale, ()),
        refused=task.refused,
    )
    landmarks = training_landmarks(cohort, config.landmarks, scale)
    targets = build_targets(cohort, landmarks, scale, thresholds, config.cohort.ungraded)
    ungraded = count_ungraded(cohort, scale, config.cohort.ungraded)
    if ungraded.n and scale != STATED_ELSEWHERE:
        log.info(ungraded_words(ungraded.to_dict()))
    on_grid = (landmarks["source"] == "grid").to_numpy()
    for name, asked in config.outcomes.items():
        if asked.scale == scale:
            refuse_unlearnable(name, asked, targets, on_grid, config.model.horizons_hours)
    matrix = build_features(cohort, landmarks, spec, task.jobs)
    if prior is not None:
        matrix = beside_prior(matrix, task.raw, spec, prior, task.jobs)
        silence(matrix, scale)
    theirs = None if prior is None else renamed(prior.models[scale])
    plan = FitPlan(scale, reported, spec, config.model, config.seed, task.jobs, theirs)
    scored = score_scale(cohort, matrix, targets, plan, config, task.table)
    refuse_unscored(config.outcomes, scale, scored)
    log.info(f"fit on all patients ({scale})")
    model = fit_risk_model(matrix, targets, plan, bootstrap=config.model.bootstrap_members)
    read = {key: replace(part, columns=model.columns) for key, part in scored.items()}
    return ScaleResult(model, matrix, targets, read)


def _reference(
    read: ReadResult,
    cohort: Cohort,
    spec: FeatureSpec,
    limits: dict[str, dict[str, float]],
    config: Config,
    results: dict[str, ScaleResult],
) -> TrainingReference:
    rates, ranges, background, on_grid = {}, {}, {}, True
    for name, outcome in config.outcomes.items():
        part = results[outcome.scale]
        rates[name] = base_rate_table(
            part.matrix, part.targets, outcome.threshold, part.model.horizons
        )
        at_risk = part.targets.at_risk[:, part.targets.thresholds.index(outcome.threshold)]
        background[name] = learn_background(
            part.matrix, at_risk, part.targets.patient, part.model.columns
        )
    for part in results.values():
        ranges.update(feature_ranges(part.matrix))
        on_grid &= bool((part.matrix.landmarks["source"] == "grid").all())
    products: dict[str, int] = {}
    if "product" in cohort.patients:
        from pipeline.cohort.patients import category

        counts = category(cohort.patients["product"]).value_counts()
        products = {str(key): int(value) for key, value in counts.items()}
    return TrainingReference(
        spec=spec,
        local=read.local,
        limits=limits,
        base_rates=rates,
        ranges=ranges,
        clip_ages=on_grid,
        products=products,
        n_patients=cohort.n_patients,
        background=background,
    )


def _refusals(
    cohort: Cohort, spec: FeatureSpec, config: Config, results: dict[str, ScaleResult]
) -> dict[str, Codes]:
    keys = tuple(analyte.key for analyte in spec.analytes)
    return {
        name: held_out_abstentions(cohort, part.matrix, part.targets, item.threshold, keys, config)
        for name, item in config.outcomes.items()
        for part in (results[item.scale],)
    }


def _cohort_facts(
    read: ReadResult, config: Config, results: dict[str, ScaleResult]
) -> dict[str, Any]:
    events = {
        name: event_patients(results[item.scale].targets, item.threshold)
        for name, item in config.outcomes.items()
    }
    scored = [
        len(item.scores.day) // item.scores.n_repeats
        for part in results.values()
        for item in part.scored.values()
    ]
    return {
        "name": config.cohort.name,
        "n_patients": read.cohort.n_patients,
        "n_landmarks": max(scored),
        "n_lab_rows": len(read.cohort.labs),
        "sha256": read.sha256,
        "synthetic": config.cohort.synthetic,
        "event_patients": events,
    }


def _warnings(
    config: Config, results: dict[str, ScaleResult], silent_at: Mapping[str, Abstentions]
) -> list[str]:
    minimum = config.evaluation.min_event_patients
    told = [line for name, report in silent_at.items() for line in silence_warnings(name, report)]
    return told + [
        sentence
        for name, outcome in config.outcomes.items()
        for sentence in few_events(
            name, event_patients(results[outcome.scale].targets, outcome.threshold), minimum
        )
    ]
