"""Judges one outcome at its headline horizon: ranking, calibration, net benefit, what labs add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.evaluate.added_value import Finding, labs_comparator, labs_finding
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric, NetBenefit, Number
from pipeline.model.outcomes import headline_key

Light = Literal["good", "unclear", "poor", "none"]
USEFUL_AUROC = 0.7
THRESHOLD = 0.1
SLOPE_RANGE = (0.8, 1.25)
"""Estimates that count as calibrated; the same as in the promotion gates."""
SLOPE_INTERVAL = (0.7, 1.4)
"""Limits of the interval; wider ones leave too much open for a good verdict."""
_PLACES = 2
_SAME = 1e-6
_OF_LABS: dict[Finding, Light] = {
    "add": "good",
    "not_shown": "unclear",
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
        Key of the verdict in ``sentences.yaml``, section ``verdicts``.
    """

    metric: Metric
    light: Light
    verdict: str


@dataclass(frozen=True)
class Scorecard:
    """Judgements of one outcome at one horizon.

    Attributes
    ----------
    hours : str
        Horizon; blank if there are no figures.
    n_patients, n_event_patients : float or None
    ranking : Judgement
        AUROC.
    calibration : Judgement
        Calibration slope; the verdict also uses the intercept.
    net_benefit : Judgement
        Gain over the better of treating all and none, per landmark.
    labs : Judgement
        AUROC of the model minus that of ``labs_over``.
    labs_over : str
        Comparator without labs.
    threshold : float
        Risk threshold of the net benefit.
    """

    hours: str
    n_patients: Number
    n_event_patients: Number
    ranking: Judgement
    calibration: Judgement
    net_benefit: Judgement
    labs: Judgement
    labs_over: str
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
    over = labs_comparator(outcome)
    difference = outcome.compared(over, hours).difference
    finding = labs_finding(outcome, hours, firm_from)

    def shown(part: Judgement) -> Judgement:
        return Judgement(part.metric, "none", "apparent") if kind == "apparent" else part

    return Scorecard(
        hours=hours,
        n_patients=cell.n_patients,
        n_event_patients=cell.n_event_patients,
        ranking=shown(_ranking(cell.area)),
        calibration=shown(_calibration(cell.slope, cell.intercept)),
        net_benefit=shown(_net_benefit(outcome.net_benefit.get(hours, NetBenefit()))),
        labs=shown(Judgement(difference, _OF_LABS[finding], f"labs_{finding}")),
        labs_over=over,
    )


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


def _net_benefit(cell: NetBenefit) -> Judgement:
    places = [n for n, t in enumerate(cell.thresholds) if abs(t - THRESHOLD) < _SAME]
    gain = cell.at("gain", places[0]) if places else Metric()
    if not gain.is_complete:
        return Judgement(gain, "none", "unknown")
    if side := gain.side_of(0.0, 5):
        return Judgement(gain, "good" if side > 0 else "poor", "useful" if side > 0 else "harmful")
    return Judgement(gain, "unclear", "usefulness_unclear")
