"""Figures of an evaluation at one horizon: counts, metrics with intervals, alerts, incidence.

Field names are those of ``evaluation.json``. None means that a figure cannot be estimated; unset
fields are absent from the file.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

# integers stay integers, so that reading and writing a file leaves it unchanged
Number = Annotated[int | float | None, WithJsonSchema({"type": ["number", "null"]})]


class Metric(NamedTuple):
    """An estimate with its 95% interval; None where it cannot be estimated.

    Examples
    --------
    >>> Metric(0.8, 0.7, 0.9).has_interval, Metric(0.8).has_interval
    (True, False)
    """

    value: Number = None
    low: Number = None
    high: Number = None

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are finite."""
        return all(end is not None and math.isfinite(end) for end in (self.low, self.high))

    @property
    def is_complete(self) -> bool:
        """Whether the estimate and both ends of its interval are finite."""
        return self.value is not None and math.isfinite(self.value) and self.has_interval

    @property
    def width(self) -> float:
        """Width of the interval; NaN if there is none."""
        return math.nan if self.low is None or self.high is None else self.high - self.low

    def side_of(self, value: float, places: int) -> int:
        """Return 1 if the rounded interval is above a value, -1 if below, 0 if it includes it."""
        if self.low is not None and round(self.low, places) > value:
            return 1
        return -1 if self.high is not None and round(self.high, places) < value else 0


class Part(BaseModel):
    """A part of ``evaluation.json``; unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    def replace(self, **fields: Any) -> Self:
        """Return a validated copy with the given fields replaced."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate(kept | fields)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without unset fields."""
        return self.model_dump(exclude_unset=True)


class Counts(Part):
    """Numbers of landmarks and patients, all and with the event."""

    n: Number = None
    n_patients: Number = None
    n_events: Number = None
    n_event_patients: Number = None


class Difference(Part):
    """AUROC of the model minus that of a comparator, on the same landmarks."""

    diff_auroc: Number = None
    diff_lo: Number = None
    diff_hi: Number = None

    @property
    def difference(self) -> Metric:
        """The difference with its interval."""
        return Metric(self.diff_auroc, self.diff_lo, self.diff_hi)

    @property
    def is_compared(self) -> bool:
        """Whether the cell has a difference, known or not."""
        return "diff_auroc" in self.model_fields_set


class AreaCell(Difference, Counts):
    """AUROC of one predictor; for a comparator, also the model's difference from it."""

    auroc: Number = None
    auroc_lo: Number = None
    auroc_hi: Number = None

    @property
    def area(self) -> Metric:
        """AUROC with its interval."""
        return Metric(self.auroc, self.auroc_lo, self.auroc_hi)

    @property
    def is_constant(self) -> bool:
        """Whether the score is equal at all landmarks, so that comparing it means nothing.

        For an outcome from grade 1 on, the current grade is constant: at risk, all have grade 0.

        Examples
        --------
        >>> flat = AreaCell(auroc=0.5, auroc_lo=0.5, auroc_hi=0.5)
        >>> flat.is_constant, AreaCell(auroc=0.5).is_constant
        (True, False)
        """
        return bool(self.auroc == self.auroc_lo == self.auroc_hi == 0.5)


class ProbabilityIntervals(Part):
    """Intervals of AUPRC, Brier score, IPA and calibration intercept."""

    auprc_lo: Number = None
    auprc_hi: Number = None
    brier_lo: Number = None
    brier_hi: Number = None
    ipa_lo: Number = None
    ipa_hi: Number = None
    cal_intercept_lo: Number = None
    cal_intercept_hi: Number = None


class PerformanceCell(ProbabilityIntervals, AreaCell):
    """All metrics of one predictor; ``event_rate`` is weighted for censoring."""

    event_rate: Number = None
    auprc: Number = None
    brier: Number = None
    ipa: Number = None
    cal_slope: Number = None
    cal_slope_lo: Number = None
    cal_slope_hi: Number = None
    cal_intercept: Number = None
    ici: Number = None

    @property
    def slope(self) -> Metric:
        """Calibration slope with its interval."""
        return Metric(self.cal_slope, self.cal_slope_lo, self.cal_slope_hi)

    @property
    def precision(self) -> Metric:
        """AUPRC with its interval."""
        return Metric(self.auprc, self.auprc_lo, self.auprc_hi)

    @property
    def brier_score(self) -> Metric:
        """Brier score with its interval."""
        return Metric(self.brier, self.brier_lo, self.brier_hi)

    @property
    def prediction_accuracy(self) -> Metric:
        """Index of prediction accuracy with its interval."""
        return Metric(self.ipa, self.ipa_lo, self.ipa_hi)

    @property
    def intercept(self) -> Metric:
        """Calibration intercept with its interval."""
        return Metric(self.cal_intercept, self.cal_intercept_lo, self.cal_intercept_hi)


class PartCell(AreaCell):
    """AUROC, observed rate and mean risk in part of the landmarks."""

    observed: Number = None
    observed_lo: Number = None
    observed_hi: Number = None
    mean_risk: Number = None
    observed_to_expected: Number = None


class SiteCalibration(Counts):
    """Calibration of the model at one site."""

    observed_to_expected: Number = None
    observed_to_expected_lo: Number = None
    observed_to_expected_hi: Number = None
    cal_slope: Number = None
    cal_slope_lo: Number = None
    cal_slope_hi: Number = None
    cal_intercept: Number = None
    cal_intercept_lo: Number = None
    cal_intercept_hi: Number = None

    def metric(self, name: str) -> Metric:
        """Return a figure with its interval."""
        return Metric(*(getattr(self, f"{name}{end}") for end in ("", "_lo", "_hi")))


class CalibrationBySite(Part):
    """Calibration by site, and the number of sites with too few event patients."""

    sites: dict[str, SiteCalibration] = Field(default_factory=dict)
    too_few: Number = None


class DayCell(AreaCell):
    """AUROC, observed rate and mean risk at the landmarks of one day."""

    base_rate: Number = None
    mean_risk: Number = None


class ControlCell(AreaCell):
    """AUROC of the model with labs of other patients (negative control)."""

    n_permutations: Number = None
    lowest: Number = None
    highest: Number = None


class GradeStrata(Part):
    """AUROC among landmarks of equal current grade."""

    model: AreaCell = Field(default_factory=AreaCell)
    grade_and_day: AreaCell = Field(default_factory=AreaCell)
    by_grade: dict[str, PartCell] = Field(default_factory=dict)


class AlertCell(Part):
    """Performance of alerts above one cut-off; only a ``reason`` if there is none."""

    reason: str = ""
    cutoff: Number = None
    n_alerts: Number = None
    alert_rate: Number = None
    alert_rate_lo: Number = None
    alert_rate_hi: Number = None
    alerts_per_patient_day: Number = None
    alerts_per_patient_day_lo: Number = None
    alerts_per_patient_day_hi: Number = None
    false_alerts_per_patient_day: Number = None
    false_alerts_per_patient_day_lo: Number = None
    false_alerts_per_patient_day_hi: Number = None
    ppv: Number = None
    ppv_lo: Number = None
    ppv_hi: Number = None
    number_needed_to_alert: Number = None
    number_needed_to_alert_lo: Number = None
    number_needed_to_alert_hi: Number = None
    sensitivity: Number = None
    sensitivity_lo: Number = None
    sensitivity_hi: Number = None
    patients_warned: Number = None
    patients_warned_lo: Number = None
    patients_warned_hi: Number = None
    n_event_patients: Number = None
    n_warned: Number = None
    lead_hours_q1: Number = None
    lead_hours_median: Number = None
    lead_hours_q3: Number = None

    @property
    def needed(self) -> Metric:
        """Alerts per true alert with its interval."""
        return Metric(
            self.number_needed_to_alert,
            self.number_needed_to_alert_lo,
            self.number_needed_to_alert_hi,
        )

    @property
    def warned(self) -> Metric:
        """Share of event patients warned, with its interval."""
        return Metric(self.patients_warned, self.patients_warned_lo, self.patients_warned_hi)


class AlertTable(Part):
    """Alerts by target rate, of the model and of grade and day; or a ``reason``."""

    reason: str = ""
    model: dict[str, AlertCell] = Field(default_factory=dict)
    grade_and_day: dict[str, AlertCell] = Field(default_factory=dict)


class NetBenefit(Part):
    """Net benefit at each threshold; only a ``reason`` if it cannot be estimated.

    ``diff`` is the model minus grade and day, ``gain`` the model minus the better of treating all
    and treating none.
    """

    reason: str = ""
    thresholds: list[float] = Field(default_factory=list)
    model: list[Number] | None = None
    model_no_state: list[Number] | None = None
    grade_and_day: list[Number] | None = None
    plain_logistic: list[Number] | None = None
    clinical_state: list[Number] | None = None
    model_lo: list[Number] | None = None
    model_hi: list[Number] | None = None
    treat_all: list[Number] | None = None
    treat_none: list[Number] | None = None
    better_than_all_and_none: list[bool] | None = None
    diff: list[Number] | None = None
    diff_lo: list[Number] | None = None
    diff_hi: list[Number] | None = None
    gain: list[Number] | None = None
    gain_lo: list[Number] | None = None
    gain_hi: list[Number] | None = None

    def curve(self, name: str) -> list[Number] | None:
        """Return the net benefit of a predictor or policy at each threshold; None if unknown."""
        curve: list[Number] | None = getattr(self, name, None)
        return curve

    def at(self, name: str, place: int) -> Metric:
        """Return the net benefit of a policy, ``diff`` or ``gain`` at one threshold."""
        curves = [self.curve(f"{name}{end}") for end in ("", "_lo", "_hi")]
        return Metric(*(None if curve is None else curve[place] for curve in curves))


class IncidenceCell(Part):
    """Observed incidence and mean risk."""

    observed: Number = None
    observed_lo: Number = None
    observed_hi: Number = None
    mean_risk: Number = None

    @property
    def incidence(self) -> Metric:
        """Observed incidence with its interval."""
        return Metric(self.observed, self.observed_lo, self.observed_hi)


class RiskGroup(IncidenceCell):
    """Observed incidence and mean risk in a quarter of the landmarks by risk."""

    n: Number = None


class Incidence(IncidenceCell):
    """Incidence of the outcome and of competing events; or a ``reason``."""

    reason: str = ""
    competing: Number = None
    competing_lo: Number = None
    competing_hi: Number = None
    groups: list[RiskGroup] = Field(default_factory=list)

    @property
    def competing_incidence(self) -> Metric:
        """Incidence of competing events, with its interval."""
        return Metric(self.competing, self.competing_lo, self.competing_hi)


class Rate(Part):
    """A share with its interval."""

    value: Number = None
    value_lo: Number = None
    value_hi: Number = None

    @property
    def rate(self) -> Metric:
        """The share with its interval."""
        return Metric(self.value, self.value_lo, self.value_hi)


class Fall(Part):
    """Fall in AUROC when an analyte is taken from another patient of the same day."""

    fall: Number = None
    fall_lo: Number = None
    fall_hi: Number = None

    @property
    def loss(self) -> Metric:
        """The fall with its interval."""
        return Metric(self.fall, self.fall_lo, self.fall_hi)
