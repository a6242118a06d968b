"""Evaluates a recalibration: figures before and after, abstentions, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from pipeline.audit.runner import AuditReport
from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.abstention_rates import abstention_report, abstention_warnings
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.local_updates import LocalScale
from pipeline.evaluate.model_description import describe_models
from pipeline.evaluate.report import Evaluation, assemble, event_patients, few_events
from pipeline.format import counted
from pipeline.model.abstention import Codes
from pipeline.model.bundle import Bundle
from pipeline.model.evaluation_report import EvaluatedCohort, SampleSizeReport
from pipeline.model.recalibration_report import (
    RecalibrationReport,
    UpdateDescription,
)
from pipeline.train.intake import audit_warnings
from pipeline.train.scale_fit import ScaleResult

COMMAND = "cytocast recalibrate --model PARENT --cohort COHORT --out OUT"
_text = partial(evaluation_phrase, "training")
ScaleParts = Mapping[str, tuple[LocalScale, Codes, ScaleResult]]


def evaluate_recalibration(
    cohort: Cohort,
    config: Config,
    bundle: Bundle,
    scales: ScaleParts,
    summary: EvaluatedCohort,
    audit: AuditReport,
    report: RecalibrationReport,
) -> Evaluation:
    """Evaluate the updates on patients that they were not fitted on.

    Parameters
    ----------
    cohort : Cohort
    config : Config
    bundle : Bundle
        The parent, with the settings of the local cohort.
    scales : mapping
        Scale to local data, abstention codes and scored result.
    summary : EvaluatedCohort
    audit : AuditReport
    report : RecalibrationReport

    Returns
    -------
    Evaluation
    """
    parts = {
        name: (*scales[item.scale], item.threshold)
        for name, item in config.outcomes.items()
        if item.scale in scales and item.threshold in scales[item.scale][2].scored
    }
    scored = {name: result.scored[threshold] for name, (_, _, result, threshold) in parts.items()}
    abstentions = {
        name: abstention_report(codes, local.measured, local.targets, threshold)
        for name, (local, codes, _, threshold) in parts.items()
    }
    minimum = config.evaluation.min_event_patients
    sizes = {
        name: _size(name, config, local, report, threshold)
        for name, (local, _, _, threshold) in parts.items()
    }
    evaluation = assemble(
        scored,
        config,
        kind="cross-validated",
        cohort=cohort,
        spec=bundle.reference.spec,
        evaluated=summary,
        warnings=[
            *recalibration_sentences(report, summary),
            _text("overlap"),
            *_sites(cohort),
            *audit_warnings(audit),
            *(
                line
                for name, abstained in abstentions.items()
                for line in abstention_warnings(name, abstained)
            ),
            *(
                line
                for name, (local, _, _, threshold) in parts.items()
                for line in few_events(name, event_patients(local.targets, threshold), minimum)
            ),
            *(size.sentence for size in sizes.values()),
        ],
        command=COMMAND,
    )
    models = {**bundle.models, **{scale: part[2].model for scale, part in scales.items()}}
    outcomes = {
        name: outcome.replace(negative_control_kind="applied, not refitted")
        for name, outcome in evaluation.report.outcomes.items()
    }
    prior = bundle.provenance.get("prior")
    return evaluation.with_parts(
        outcomes=outcomes,
        sample_size=sizes,
        abstention=abstentions,
        models=describe_models(models, config, bundle.reference.spec),
        audit=audit.summary(),
        audit_of_training=bundle.provenance.get("audit") or None,
        recalibration=report,
        **({"prior": {**prior, "silent": {}}} if prior else {}),
    )


def recalibration_sentences(report: RecalibrationReport, summary: EvaluatedCohort) -> list[str]:
    """Sentences on the parent, the update of each variant, and outcomes that keep the parent's.

    Parameters
    ----------
    report : RecalibrationReport
    summary : EvaluatedCohort
        The local cohort.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from pipeline.model.recalibration_report import ParentBundle
    >>> parent = ParentBundle(bundle_sha256="1f2e", cohort_name="wuhan", n_patients=375)
    >>> report = RecalibrationReport(parent=parent, kept={"icans": "no grades"})
    >>> for line in recalibration_sentences(report, EvaluatedCohort(name="ward")):
    ...     print(line)
    Recalibrated on 'ward' from parent 1f2e, trained on 375 patients of 'wuhan'.
    icans: keeps the calibration of the parent, because no grades.
    """
    parent = report.parent
    simulated = _text("simulated") if parent.synthetic else ""
    lines = [
        _text(
            "recalibrated",
            cohort=summary.name,
            parent=parent.bundle_sha256[:12],
            patients=counted(parent.n_patients, "patient"),
            parentcohort=parent.cohort_name,
            simulated=simulated,
        )
    ]
    lines += [
        _text("update", scale=scale, variant=_text(name), update=_update_text(update))
        for scale, variants in report.updates.items()
        for name, update in variants.items()
    ]
    return lines + [_text("kept", name=name, reason=reason) for name, reason in report.kept.items()]


def _update_text(update: UpdateDescription) -> str:
    text = _text(f"form_{update.form}")
    patients = counted(update.event_patients, "event patient")
    if len(update.candidates) == 1:
        return _text("only", form=text, patients=patients)
    tested = ", ".join(
        _text("test", form=_text(f"form_{item.form}"), p=f"{item.p or 0.0:.2g}")
        for item in update.tests
    )
    few = "" if len(update.candidates) > 2 else _text("few")
    return _text("tested", form=text, tests=tested, patients=patients, few=few)


def _size(
    name: str, config: Config, local: LocalScale, report: RecalibrationReport, threshold: int
) -> SampleSizeReport:
    at_risk = local.targets.at_risk[:, local.targets.thresholds.index(threshold)]
    count = event_patients(local.targets, threshold)
    forms = {part.form for part in report.updates[local.model.scale].values()}
    parameters = {"none": 0, "intercept": 1, "slope": 2, "horizon": 2 * len(local.model.horizons)}
    fitted = max(parameters[form] for form in forms)
    return SampleSizeReport(
        n_patients=len(np.unique(local.targets.patient[at_risk])),
        n_event_patients=count,
        sentence=_text(
            "size",
            name=name,
            events=counted(count, "local event patient"),
            parameters=counted(fitted, "parameter"),
        ),
    )


def _sites(cohort: Cohort) -> list[str]:
    """Sentence on the sites of the local cohort."""
    if "site" not in cohort.patients:
        return []
    count = int(cohort.patients["site"].replace("", None).nunique())
    if count < 2:
        return []
    return [_text("sites", count=count)]
