"""Judges one outcome at its headline horizon: ranking, calibration, net benefit, what labs add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pipeline.evaluate.added_value import BARS, CONTROL, Finding, labs_finding
from pipeline.evaluate.subgroups import WithinLevels, within_levels
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import (
    ControlCell,
    GradeStrata,
    Metric,
    NetBenefit,
    Number,
)
from pipeline.model.evaluation_curves import HorizonCurves
from pipeline.model.outcomes import headline_key

Light = Literal["good", "unclear", "poor", "none"]
USEFUL_AUROC = 0.7
THRESHOLD = 0.1
SLOPE_RANGE = (0.8, 1.25)
"""Estimates that count as calibrated; the same as in the promotion gates."""
SLOPE_INTERVAL = (0.7, 1.4)
"""Limits of the interval; wider ones leave too much open for a good verdict."""
_PLACES = 2
_BENEFIT_PLACES = 5
_SAME = 1e-6
_OF_LABS: dict[Finding, Light] = {
    "add": "good",
    "not_shown": "unclear",
    "no_control": "unclear",
    "worse": "poor",
    "too_few": "none",
    "unknown": "none",
}


@dataclass(frozen=True)
class Judgement:
    """One figure of a scorecard.

    Attributes
    ----------
    metric : Metric
        The figure with its interval.
    light : {"good", "unclear", "poor", "none"}
        ``none`` where nothing is judged.
    verdict : str
        Key of the verdict in ``evaluation_sentences.yaml``, section ``verdicts``.
    """

    metric: Metric
    light: Light
    verdict: str


class LowGroups(NamedTuple):
    """Groups of the calibration curve with a mean risk below a threshold, and all groups."""

    below: int
    groups: int
    threshold: float


@dataclass(frozen=True)
class Scorecard:
    """Judgements of one outcome at one horizon.

    Attributes
    ----------
    hours : str
        Horizon; blank if there are no figures.
    n_patients, n_event_patients : float or None
        At landmarks at risk; patients with the event within the horizon after one of them.
    ranking : Judgement
        AUROC.
    equal_grade : Metric
        AUROC among landmarks of equal current grade.
    within_product : WithinLevels or None
        AUROC within products; None with fewer than two that have enough event patients.
    calibration : Judgement
        Calibration slope; the verdict also uses the intercept.
    low_groups : LowGroups or None
        Groups of the calibration curve below the lowest threshold of the decision curve; None
        unless these are most, so that calibration is known mainly where no decision is made.
    net_benefit : Judgement
        Gain over the better of treating all and none, per landmark; the verdict also uses
        ``net_benefit_over_grade``.
    net_benefit_over_grade : Metric
        Net benefit minus that of grade and day.
    labs : Judgement
        AUROC of the model minus that of ``labs_over``; the verdict also uses the gain over the
        comparator without labs.
    labs_over : str
        ``control``, the model given the labs of other patients; without one, the comparator
        without labs; "" without either.
    gains : mapping of Metric
        AUROC of the model minus that of each other comparator without labs, in which product and
        patient count as well.
    threshold : float
        Risk threshold of the net benefit.
    """

    hours: str
    n_patients: Number
    n_event_patients: Number
    ranking: Judgement
    equal_grade: Metric
    within_product: WithinLevels | None
    calibration: Judgement
    low_groups: LowGroups | None
    net_benefit: Judgement
    net_benefit_over_grade: Metric
    labs: Judgement
    labs_over: str
    gains: Mapping[str, Metric]
    threshold: float = THRESHOLD


def scorecard(outcome: OutcomeReport, kind: str = "", firm_from: int = 0) -> Scorecard:
    """Judge one outcome at its headline horizon, by intervals rather than estimates.

    Parameters
    ----------
    outcome : OutcomeReport
    kind : str
        Kind of evaluation; ``apparent`` figures are not judged.
    firm_from : int
        Event patients needed for a verdict on labs.

    Returns
    -------
    Scorecard

    Examples
    --------
    >>> cell = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87}
    >>> card = scorecard(OutcomeReport.model_validate({"model": {"72": cell}}))
    >>> card.hours, card.ranking.light, card.calibration.verdict
    ('72', 'good', 'unknown')
    """
    hours = headline_key(outcome.model) if outcome.model else ""
    cell = outcome.performance("model", hours)
    finding = labs_finding(outcome, hours, firm_from)
    gained, above_grade = _net_benefits(outcome.net_benefit.get(hours, NetBenefit()))
    gains = _gains(outcome, hours)
    over = next(iter(gains), "")

    def shown(part: Judgement) -> Judgement:
        return Judgement(part.metric, "none", "apparent") if kind == "apparent" else part

    return Scorecard(
        hours=hours,
        n_patients=cell.n_patients,
        n_event_patients=cell.n_event_patients,
        ranking=shown(_ranking(cell.area)),
        equal_grade=outcome.within_grade.by_horizon().get(hours, GradeStrata()).model.area,
        within_product=within_levels(outcome.subgroups.get("product", {}), hours),
        calibration=shown(_calibration(cell.slope, cell.intercept)),
        low_groups=_low_groups(outcome, hours),
        net_benefit=shown(_net_benefit(gained, above_grade)),
        net_benefit_over_grade=above_grade,
        labs=shown(Judgement(gains.pop(over, Metric()), _OF_LABS[finding], f"labs_{finding}")),
        labs_over=over,
        gains=gains,
    )


def _gains(outcome: OutcomeReport, hours: str) -> dict[str, Metric]:
    """Known differences from predictors without this patient's labs, the strictest first."""
    gains = {CONTROL: outcome.negative_control.get(hours, ControlCell()).difference}
    gains |= {name: outcome.compared(name, hours).difference for name in reversed(BARS)}
    return {name: gain for name, gain in gains.items() if gain.value is not None}


def _ranking(area: Metric) -> Judgement:
    if not area.is_complete:
        return Judgement(area, "none", "unknown")
    if area.side_of(USEFUL_AUROC, _PLACES) > 0:
        return Judgement(area, "good", "ranks_well")
    if area.side_of(0.5, _PLACES) <= 0:
        return Judgement(area, "poor", "ranks_by_chance")
    if area.side_of(USEFUL_AUROC, _PLACES) < 0:
        return Judgement(area, "poor", "ranks_weakly")
    return Judgement(area, "unclear", "ranks_unclearly")


def _calibration(slope: Metric, intercept: Metric) -> Judgement:
    if not slope.is_complete:
        return Judgement(slope, "none", "unknown")
    if intercept.is_complete and (side := intercept.side_of(0.0, _PLACES)):
        return Judgement(slope, "poor", "risks_low" if side > 0 else "risks_high")
    if side := slope.side_of(1.0, _PLACES):
        return Judgement(slope, "poor", "risks_moderate" if side > 0 else "risks_extreme")
    low, high = SLOPE_RANGE
    lowest, highest = SLOPE_INTERVAL
    narrow = lowest <= float(slope.low or 0.0) <= float(slope.high or highest + 1) <= highest
    if narrow and low <= float(slope.value or 0.0) <= high:
        return Judgement(slope, "good", "calibrated")
    return Judgement(slope, "unclear", "calibration_unclear")


def _low_groups(outcome: OutcomeReport, hours: str) -> LowGroups | None:
    thresholds = outcome.net_benefit.get(hours, NetBenefit()).thresholds
    groups = outcome.curves.get(hours, HorizonCurves()).calibration.predicted
    means = [mean for mean in groups if mean is not None]
    if not thresholds or not means:
        return None
    lowest = min(thresholds)
    below = sum(mean < lowest for mean in means)
    return LowGroups(below, len(means), lowest) if 2 * below > len(means) else None


def _net_benefits(cell: NetBenefit) -> tuple[Metric, Metric]:
    """Gain over treating all or none, and over grade and day, at the threshold."""
    places = [n for n, t in enumerate(cell.thresholds) if abs(t - THRESHOLD) < _SAME]
    if not places:
        return Metric(), Metric()
    return cell.at("gain", places[0]), cell.at("diff", places[0])


def _net_benefit(gain: Metric, above_grade: Metric) -> Judgement:
    if not gain.is_complete:
        return Judgement(gain, "none", "unknown")
    side = gain.side_of(0.0, _BENEFIT_PLACES)
    if side < 0:
        return Judgement(gain, "poor", "harmful")
    if side == 0:
        return Judgement(gain, "unclear", "usefulness_unclear")
    if not above_grade.is_complete:
        return Judgement(gain, "good", "useful")
    beyond = above_grade.side_of(0.0, _BENEFIT_PLACES)
    if beyond > 0:
        return Judgement(gain, "good", "useful")
    if beyond < 0:
        return Judgement(gain, "poor", "below_grade")
    return Judgement(gain, "unclear", "not_above_grade")
