"""Assembles the evaluation report: outcomes, contrast, protocol and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.cohort.record_ends import count_record_ends, grade_ends
from pipeline.cohort.tables import Cohort
from pipeline.cohort.ungraded import (
    STATED_ELSEWHERE,
    Ungraded,
    count_ungraded,
    unknown_without_grades,
)
from pipeline.config import Config, OutcomeConfig
from pipeline.config_model import TuneConfig
from pipeline.evaluate.added_value import labs_verdict
from pipeline.evaluate.analyte_use import analyte_use, axis_use
from pipeline.evaluate.calibration_curves import DRAWS
from pipeline.evaluate.contrast import contrast_outcomes, evaluate_contrast, pair_scores
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.horizon_curves import curves
from pipeline.evaluate.model_description import changed_settings
from pipeline.evaluate.outcome_report import OutcomeContext, canary_auroc, evaluate_outcome
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.scoring_protocol import ScoredOutcome
from pipeline.evaluate.subgroups import site_masks, subgroup_masks
from pipeline.features.spec import FeatureSpec
from pipeline.format import counted
from pipeline.model.evaluation_cells import AlertTable, PerformanceCell
from pipeline.model.evaluation_report import (
    ContrastDetail,
    EvaluatedCohort,
    EvaluationReport,
    LeftOut,
    Protocol,
    ResultTimes,
    UngradedPatients,
)
from pipeline.model.outcomes import headline_key, onset_hours
from pipeline.model.parallel import one_blas_thread
from pipeline.model.stacked_rows import EVENT, Targets

_warning = partial(evaluation_phrase, "warnings")
_RIVALS = {"severe_crs": ("crs", 3), "icans": ("icans", 1), "iec_hs": ("hlh", 1)}
_MANY_EVENTS = 100


def result_times(cohort: Cohort) -> ResultTimes:
    """Number of results, and of those whose result time equals the collection time."""
    labs = cohort.labs.loc[~cohort.labs["cancelled"]]
    same = labs["resulted_hours"] <= labs["collected_hours"]
    return ResultTimes(rows=len(labs), as_collected=int(same.sum()))


@dataclass(frozen=True)
class Evaluation:
    """The evaluation report."""

    report: EvaluationReport

    def with_parts(self, **parts: Any) -> Evaluation:
        """Return a copy with parts of the report added or replaced."""
        return replace(self, report=self.report.replace(**parts))


@one_blas_thread()
def assemble(
    scored: Mapping[str, ScoredOutcome],
    config: Config,
    *,
    kind: str,
    cohort: Cohort,
    spec: FeatureSpec,
    evaluated: EvaluatedCohort,
    warnings: list[str],
    command: str,
    training: EvaluationReport | None = None,
) -> Evaluation:
    """Evaluate every outcome and put the results into one report.

    Parameters
    ----------
    scored : mapping
        Outcome name to its scored landmarks.
    config : Config
    kind : str
        ``cross-validated``, ``external`` or ``apparent``.
    cohort : Cohort
        The scored patients, with drugs and grades.
    spec : FeatureSpec
    evaluated : EvaluatedCohort
        Name and size of the cohort; no data of single patients.
    warnings : list of str
    command : str
        Command that reproduces the report.
    training : EvaluationReport, optional
        Of the training; its alert cut-offs are applied unchanged.

    Returns
    -------
    Evaluation

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle, cohort = empty_bundle(), EvaluatedCohort(name="mine", n_patients=1)
    >>> evaluation = assemble(
    ...     {}, bundle.config, kind="external", cohort=empty_cohort(["P1"]),
    ...     spec=bundle.reference.spec, evaluated=cohort, warnings=["not scored"], command="")
    >>> evaluation.report.cohort.name, evaluation.report.protocol.bootstrap
    ('mine', 1000)
    """
    settings, minimum = config.evaluation, config.evaluation.min_event_patients
    outcomes, canaries, used, axes = {}, [], {}, {}
    for name, part in scored.items():
        context = _context(name, part, config, cohort, kind, training)
        outcome = evaluate_outcome(part.scores, settings, seed=config.seed, context=context)
        canary = canary_auroc(part.scores, minimum)
        if canary is not None:
            canaries.append(canary)
        outcomes[name] = outcome.replace(
            label=config.outcomes[name].label,
            record_ends=_record_ends(cohort, config.outcomes[name].scale),
            labs_answer=labs_verdict(
                outcome,
                headline_key(outcome.model),
                config.gates.min_event_patients,
                apparent=kind == "apparent",
            ),
            negative_control_kind=evaluation_phrase(
                "reasons", "refitted" if kind == "cross-validated" else "applied"
            ),
            curves=curves(part.scores, minimum, min(DRAWS, settings.bootstrap)),
        )
        resampled = part.scores.resampled(settings.bootstrap, config.seed, minimum)
        used[name] = analyte_use(resampled, cohort, spec, part.columns)
        axes[name] = axis_use(resampled)
    cells, detail = _contrast(scored, config, cohort)
    report = EvaluationReport(
        cohort=evaluated,
        kind=kind,
        command=command,
        protocol=_protocol(config, internal=kind == "cross-validated"),
        settings_changed=changed_settings(config),
        canary_auroc=float(np.mean(canaries)) if canaries else None,
        warnings=warnings,
        never_graded=_never_graded(scored, config, cohort),
        result_times=result_times(cohort),
        outcomes=outcomes,
        contrast=cells,
        contrast_detail=detail,
        analyte_use=used,
        axis_use=axes,
    )
    return Evaluation(report)


def rival_hours(
    cohort: Cohort,
    scores: ScoredRows,
    scale: str,
    ungraded: Ungraded = "as_charted",
    outcomes: Mapping[str, OutcomeConfig] | None = None,
) -> dict[str, Floats]:
    """Hours from each landmark to events that may precede the outcome; inf where there is none.

    The events are death, the other syndrome, IEC-HS where it is graded, and a second infusion or
    new therapy. NaN where the patient was never graded on the scale. A syndrome is the outcome of
    the lowest threshold on its scale, or severe CRS, ICANS and IEC-HS of any grade.
    """
    rivals = _rivals(outcomes or {})
    onset = {
        name: onset_hours(cohort, other, threshold)
        for name, (other, threshold) in rivals.items()
        if other != scale
    }
    if scale != "death":
        onset["death"] = onset_hours(cohort, "death", 1)
    columns = ["second_infusion_hours", "new_therapy_hours"]
    onset["second_infusion_or_new_therapy"] = (
        cohort.patients[columns].fillna(np.inf).min(axis=1).to_numpy(dtype=float)
    )
    result = {}
    for name, (other, _) in rivals.items():
        if name in onset:
            unknown = unknown_without_grades(cohort, other, ungraded)
            onset[name] = np.where(unknown, np.nan, onset[name])
    for name, hours in onset.items():
        ahead = hours[scores.episode] - scores.hours
        result[name] = np.where(ahead < 0, np.inf, ahead)
    return result


def _rivals(outcomes: Mapping[str, OutcomeConfig]) -> dict[str, tuple[str, int]]:
    """Scale and threshold of each syndrome."""
    result = {}
    for name, (scale, threshold) in _RIVALS.items():
        own = [(item.threshold, key) for key, item in outcomes.items() if item.scale == scale]
        lowest, key = min(own, default=(threshold, name))
        result[key] = (scale, lowest)
    return result


def tuning_text(config: TuneConfig) -> str:
    """Describe the tuning in a phrase.

    Examples
    --------
    >>> from pipeline.config_model import TuneConfig
    >>> tuning_text(TuneConfig()), tuning_text(TuneConfig(trials=20))
    ('nothing tuned', 'tuned inside folds, 20 trials on 3 inner folds each')
    """
    if config.trials == 0:
        return evaluation_phrase("reasons", "untuned")
    return evaluation_phrase("reasons", "tuned", trials=config.trials, folds=config.folds)


def few_events(name: str, count: int, minimum: int) -> list[str]:
    """Warning for an outcome with few event patients; none from 100 on.

    Parameters
    ----------
    name : str
        Outcome.
    count : int
        Event patients.
    minimum : int
        Below this number, discrimination and calibration are not reported.

    Returns
    -------
    list of str

    Examples
    --------
    >>> few_events("icans", 30, 5)[0]
    'icans: 30 event patients in all of follow-up; small differences in AUROC are noise.'
    >>> few_events("icans", 100, 5)
    []
    """
    patients = counted(count, "event patient")
    if count < minimum:
        return [f"{name}: {_warning('no_figures', count=patients, minimum=minimum)}"]
    return [f"{name}: {_warning('few_events', count=patients)}"] if count < _MANY_EVENTS else []


def event_patients(targets: Targets, threshold: int) -> int:
    """Number of patients who are at risk at some landmark and have the event later.

    Parameters
    ----------
    targets : Targets
    threshold : int
        Grade of the outcome.

    Returns
    -------
    int

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.model.outcomes import build_targets
    >>> cohort = empty_cohort(["A", "B"])
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 42.0]  # patient, scale, grade, hours
    >>> landmarks = pd.DataFrame({"patient": [0, 0, 1], "hours": [12, 24, 24], "weight": 1.0})
    >>> event_patients(build_targets(cohort, landmarks, "crs", (3,)), 3)
    1
    """
    column = targets.thresholds.index(threshold)
    hit = (targets.status[:, column] == EVENT) & targets.at_risk[:, column]
    return len(np.unique(targets.patient[hit]))


def _context(
    name: str,
    part: ScoredOutcome,
    config: Config,
    cohort: Cohort,
    kind: str,
    training: EvaluationReport | None,
) -> OutcomeContext:
    cutoffs: Mapping[str, AlertTable] | None = None
    if kind != "cross-validated":
        cutoffs = {} if training is None else training.outcome(name).alerts
    return OutcomeContext(
        control=part.control,
        further=part.further,
        refits=part.refits,
        masks=subgroup_masks(cohort, part.scores, config.evaluation.age_bands),
        sites=site_masks(cohort, part.scores),
        rivals=rival_hours(
            cohort,
            part.scores,
            config.outcomes[name].scale,
            config.cohort.ungraded,
            config.outcomes,
        ),
        absent=part.absent,
        answered=part.answered,
        cutoffs=cutoffs,
    )


def _record_ends(cohort: Cohort, scale: str) -> dict[str, Any]:
    """Patients whose grades on a scale end at the worst one, of all in the cohort."""
    grades = cohort.assessments.rename(columns={"assessed_hours": "hours"})
    return asdict(count_record_ends(grade_ends(grades[grades["scale"] == scale])))


def _contrast(
    scored: Mapping[str, ScoredOutcome], config: Config, cohort: Cohort
) -> tuple[dict[str, PerformanceCell], ContrastDetail]:
    names = contrast_outcomes({name: config.outcomes[name] for name in scored})
    if names is None:
        reason = evaluation_phrase("reasons", "no_contrast")
        return {}, ContrastDetail(reason=reason)
    pair = pair_scores(scored[names[0]].scores, scored[names[1]].scores)
    if len(pair.crs.hours) == 0:
        return {}, ContrastDetail(reason=evaluation_phrase("reasons", "never_both"))
    settings = config.evaluation
    cells, detail = evaluate_contrast(
        pair, settings.bootstrap, config.seed, settings.min_event_patients
    )
    never_graded = _one_sided(names, scored, config, cohort)
    return cells, detail.replace(outcomes=list(names), never_graded=never_graded)


def _one_sided(
    names: tuple[str, str], scored: Mapping[str, ScoredOutcome], config: Config, cohort: Cohort
) -> dict[str, LeftOut]:
    """By scale: landmarks at risk of the other syndrome of patients never graded on this one.

    They are in no pair, because a patient without grades is not at risk.
    """
    result = {}
    for name, other in (names, names[::-1]):
        scale, scores = config.outcomes[name].scale, scored[other].scores
        unknown = unknown_without_grades(cohort, scale, config.cohort.ungraded)
        rows = np.flatnonzero(unknown[scores.episode])
        result[scale] = LeftOut(
            landmarks=round(len(rows) / scores.n_repeats),
            patients=len(np.unique(scores.patient[rows])),
        )
    return result


def _never_graded(
    scored: Mapping[str, ScoredOutcome], config: Config, cohort: Cohort
) -> dict[str, UngradedPatients]:
    """By scale: number of patients never graded on it, and how labels treat them."""
    scales = dict.fromkeys(config.outcomes[name].scale for name in scored)
    return {
        scale: UngradedPatients.model_validate(
            count_ungraded(cohort, scale, config.cohort.ungraded).to_dict()
        )
        for scale in scales
        if scale != STATED_ELSEWHERE
    }


def _protocol(config: Config, *, internal: bool) -> Protocol:
    settings = config.evaluation
    return Protocol(
        folds=settings.folds if internal else None,
        repeats=settings.repeats if internal else None,
        bootstrap=settings.bootstrap,
        control_permutations=settings.control_permutations,
        min_event_patients=settings.min_event_patients,
        verdict_event_patients=config.gates.min_event_patients,
        early_onset_hours=settings.early_onset_hours,
        net_benefit_range=list(settings.net_benefit_range),
        alert_rates=list(settings.alert_rates),
        horizons_h=[_whole(hours) for hours in config.model.horizons_hours],
        by_day_horizon_h=_whole(config.model.horizons_hours[-1]),
        tuning=tuning_text(config.model.tune),
        shown_risk="with" if config.model.clinical_state else "without",
        seed=config.seed,
    )


def _whole(hours: float) -> float:
    """24 instead of 24.0 for pages and files."""
    return int(hours) if float(hours).is_integer() else float(hours)
