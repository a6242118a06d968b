"""Evaluates one outcome: every figure of its part of the report, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.config_evaluation import EvaluationConfig
from pipeline.evaluate import metrics
from pipeline.evaluate.added_value import added_value, negative_control
from pipeline.evaluate.alerts import alert_burden
from pipeline.evaluate.comparators import EXPECTED, PROBABILITIES
from pipeline.evaluate.competing_risks import (
    incidence_of_outcome,
    what_comes_first,
)
from pipeline.evaluate.decision_curve import decision_curves, threshold_grid
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import estimate, number
from pipeline.evaluate.patient_weights import PatientWeights
from pipeline.evaluate.refit_intervals import refit_intervals
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.evaluate.site_calibration import calibration_by_site
from pipeline.evaluate.subgroups import Mask, by_day, subgroup_table, within_grade
from pipeline.model.evaluated_outcome import (
    GradeUnknown,
    ModelAndComparators,
    OtherSplit,
    OutcomeReport,
    SomeLandmarks,
)
from pipeline.model.evaluation_cells import (
    AlertTable,
    AreaCell,
    DayCell,
    Number,
    PerformanceCell,
    ProbabilityIntervals,
)

MODELS = ("model", "model_no_state")
BARS = ("grade_and_day", "clinical_state")
_MIN_LANDMARKS_PER_DAY = 10
_PROBABILITY = (
    *(
        "event_rate",
        "auprc",
        "brier",
        "ipa",
        "cal_slope",
        "cal_slope_lo",
        "cal_slope_hi",
        "cal_intercept",
        "ici",
    ),
)
Performance = dict[str, PerformanceCell]


@dataclass(frozen=True)
class OutcomeContext:
    """Inputs of an outcome's evaluation in addition to its scores.

    Attributes
    ----------
    control : ScoredRows or None
        The model refitted on other patients' labs.
    further : dict
        Name of another split to its scores, or to the reason why there are none.
    refits : ScoredRows or None
        Out-of-bag scores of whole refits.
    masks : dict
        Attribute to level to rows.
    sites : dict
        Site to rows.
    rivals : dict
        Name of a competing event to hours from each landmark.
    absent : dict
        Comparator to the reason why it has no input.
    answered : ndarray of bool or None
        Rows at which an estimate would be given.
    cutoffs : mapping or None
        Alert tables of the training evaluation; their cut-offs are applied unchanged.
    """

    control: ScoredRows | None = None
    further: Mapping[str, ScoredRows | str] = field(default_factory=dict)
    refits: ScoredRows | None = None
    masks: dict[str, dict[str, Mask]] = field(default_factory=dict)
    sites: dict[str, Mask] = field(default_factory=dict)
    rivals: dict[str, Floats] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    answered: Mask | None = None
    cutoffs: Mapping[str, AlertTable] | None = None


NO_CONTEXT = OutcomeContext()


def evaluate_outcome(
    scores: ScoredRows, config: EvaluationConfig, *, seed: int, context: OutcomeContext = NO_CONTEXT
) -> OutcomeReport:
    """Evaluate one outcome.

    Intervals are 95% percentile intervals over patients drawn with replacement; the predictions
    are fixed. Differences are paired on the same draws and the same landmarks.
    """
    scores = scores.resampled(config.bootstrap, seed, config.min_event_patients)
    models = {name: performance_by_horizon(scores, name) for name in MODELS}
    comparators = {
        name: performance_by_horizon(scores, name, against="model")
        for name, risk in scores.risks.items()
        if name not in (*MODELS, "constant") and not np.isnan(risk).all()
    }
    early = (scores.status == 1) & (scores.time <= config.early_onset_hours)
    report = OutcomeReport(
        model=_without_intervals(models["model"]),
        model_no_state=_without_intervals(models["model_no_state"]),
        comparators={name: _without_intervals(table) for name, table in comparators.items()},
        probability_intervals={
            name: {hours: ProbabilityIntervals(**_intervals(cell)) for hours, cell in table.items()}
            for name, table in {**models, **comparators}.items()
        },
        grade_unknown=_without_grade(scores),
        comparators_absent=absent_comparators(comparators, context.absent),
        added_value=added_value(comparators),
        by_day=days_at_longest(scores),
        by_day_and_horizon=by_day(scores),
        patient_weighted=weighted_by_patient(scores),
        within_grade=within_grade(scores),
        without_early_onsets=subset_auroc(scores, ~early).replace(hours=config.early_onset_hours),
        net_benefit=decision_curves(scores, threshold_grid(*config.net_benefit_range)),
        alerts=alert_burden(scores, config.alert_rates, context.cutoffs),
        incidence=incidence_of_outcome(scores),
        what_comes_first=what_comes_first(scores, context.rivals),
        lost_to_follow_up=lost_to_follow_up(scores),
        calibration_by_site=calibration_by_site(scores, context.sites),
        subgroups=subgroup_table(scores, context.masks),
        further_splits={
            name: other if isinstance(other, str) else _other_split(other, config, seed)
            for name, other in context.further.items()
        },
        negative_control={}
        if context.control is None
        else negative_control(
            scores, context.control, config.bootstrap, seed, config.min_event_patients
        ),
    )
    if context.refits is not None:
        refits = refit_intervals(context.refits, config.refit_bootstrap, config.min_event_patients)
        report = report.replace(refit_intervals=refits)
    if context.answered is None:
        return report
    return report.replace(answered=subset_auroc(scores, context.answered))


def lost_to_follow_up(scores: ScoredRows) -> dict[str, Number]:
    """Share of landmarks whose label is unknown, per horizon."""
    unknown = np.isnan(scores.label).mean(axis=0)
    return {
        f"{hours:g}": number(share) for hours, share in zip(scores.horizons, unknown, strict=True)
    }


def canary_auroc(scores: ScoredRows, minimum: int) -> float | None:
    """Mean AUROC of a constant predictor over the horizons; None if it cannot be estimated."""
    scores = replace(scores, draws=None, minimum=minimum)
    areas = [rows.auroc("constant").auroc for _, rows in scores.by_horizon()]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def absent_comparators(present: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, str]:
    """Comparators that cannot be scored, each with its reason."""
    return {
        name: reasons.get(name, evaluation_phrase("reasons", "no_inputs"))
        for name in EXPECTED
        if name not in present
    }


def performance_by_horizon(
    scores: ScoredRows, name: str, against: str | None = None
) -> Performance:
    """All metrics of one predictor per horizon."""
    return {hours: performance(rows, name, against) for hours, rows in scores.by_horizon()}


def performance(rows: HorizonRows, name: str, against: str | None = None) -> PerformanceCell:
    """All metrics of one predictor at one horizon; None where they cannot be estimated."""
    rows = rows.known(name)
    figures: dict[str, float | None] = dict.fromkeys(_PROBABILITY)
    if rows.is_estimable:
        label, risk, weight = rows.label, rows.risks[name], rows.weight
        drawn = metrics.auprc(label, risk, weight, rows.group)
        figures |= estimate(drawn, "auprc", bias_corrected=True)
        figures["event_rate"] = number(np.average(label, weights=rows.sample))
        if name in PROBABILITIES:
            figures |= _probability_metrics(label, risk, weight)
    return PerformanceCell(**rows.auroc(name, against).to_dict(), **figures)


def weighted_by_patient(scores: ScoredRows) -> ModelAndComparators:
    """AUROC and difference with equal weight for every patient instead of every landmark."""
    return ModelAndComparators(
        **{
            name: {
                hours: _area(rows.known(name).with_equal_patients(), name)
                for hours, rows in scores.by_horizon()
            }
            for name in _model_and_comparators(scores)
        }
    )


def subset_auroc(scores: ScoredRows, chosen: Mask) -> SomeLandmarks:
    """AUROC and differences on part of the landmarks; ``left_out`` counts the others."""
    part = scores.take(np.flatnonzero(chosen))
    tables = {
        name: {hours: _area(rows, name) for hours, rows in part.by_horizon()}
        for name in _model_and_comparators(scores)
    }
    left_out = round(int((~chosen).sum()) / scores.n_repeats)
    return SomeLandmarks.model_validate({"left_out": left_out, **tables})


def _model_and_comparators(scores: ScoredRows) -> tuple[str, ...]:
    return ("model", *(bar for bar in BARS if bar in scores.risks))


def _area(rows: HorizonRows, name: str) -> AreaCell:
    return rows.auroc(name, against=None if name == "model" else "model")


def _other_split(scores: ScoredRows, config: EvaluationConfig, seed: int) -> OtherSplit:
    """Model and its difference from grade and day on another split of the patients."""
    scores = scores.resampled(config.bootstrap, seed, config.min_event_patients)
    return OtherSplit(
        model=performance_by_horizon(scores, "model"),
        grade_and_day=performance_by_horizon(scores, "grade_and_day", against="model"),
    )


def _probability_metrics(
    label: Floats, risk: Floats, weight: PatientWeights
) -> dict[str, float | None]:
    intercept, slope = metrics.calibration_line(label, risk, weight)
    return {
        **estimate(metrics.brier(label, risk, weight), "brier"),
        **estimate(metrics.ipa(label, risk, weight), "ipa"),
        **estimate(slope, "cal_slope"),
        **estimate(intercept, "cal_intercept"),
        "ici": number(metrics.ici(label, risk, weight)),
    }


def _without_grade(scores: ScoredRows) -> GradeUnknown:
    """Number of landmarks with unknown grade; empty where no grade is ever charted."""
    unknown = np.isnan(scores.grade)
    if unknown.all():
        return GradeUnknown()
    repeats = scores.n_repeats
    return GradeUnknown(n=round(int(unknown.sum()) / repeats), of=round(len(unknown) / repeats))


def _intervals(cell: PerformanceCell) -> dict[str, Any]:
    """Intervals that go to ``probability_intervals``."""
    names = ProbabilityIntervals.model_fields
    return {name: value for name, value in cell.to_dict().items() if name in names}


def _without_intervals(table: Performance) -> Performance:
    names = ProbabilityIntervals.model_fields
    return {
        hours: PerformanceCell(
            **{name: value for name, value in cell.to_dict().items() if name not in names}
        )
        for hours, cell in table.items()
    }


def days_at_longest(scores: ScoredRows) -> dict[str, DayCell]:
    """Landmarks, observed rate, mean risk and AUROC per day at the longest horizon."""
    longest = scores.at(scores.horizons[-1])
    day = scores.day[longest.rows]
    result = {}
    for value in np.unique(day):
        rows = longest.take(np.flatnonzero(day == value))
        shown = len(rows.label) / rows.n_repeats >= _MIN_LANDMARKS_PER_DAY
        result[str(int(value))] = DayCell(
            **rows.auroc("model").to_dict(),
            base_rate=number(np.average(rows.label, weights=rows.sample)) if shown else None,
            mean_risk=rows.mean_risk() if shown else None,
        )
    return result
