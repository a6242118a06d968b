"""The part of the evaluation report for one outcome.

Keys of tables by horizon are hours as text (``"24"``).
"""

from __future__ import annotations

from pydantic import ConfigDict, Field

from pipeline.model.evaluation_cells import (
    AlertTable,
    AreaCell,
    CalibrationBySite,
    ControlCell,
    DayCell,
    Difference,
    GradeStrata,
    Incidence,
    Metric,
    NetBenefit,
    Number,
    Part,
    PartCell,
    PerformanceCell,
    ProbabilityIntervals,
    Rate,
)
from pipeline.model.evaluation_curves import HorizonCurves


class ModelAndComparators(Part):
    """AUROC by horizon of the model and its comparators."""

    model: dict[str, AreaCell] = Field(default_factory=dict)
    grade_and_day: dict[str, AreaCell] = Field(default_factory=dict)
    clinical_state: dict[str, AreaCell] = Field(default_factory=dict)


class SomeLandmarks(ModelAndComparators):
    """AUROC by horizon on a subset of the landmarks.

    ``hours`` is the time before an onset in which landmarks are excluded.
    """

    hours: Number = None
    left_out: Number = None


class OtherSplit(Part):
    """Metrics by horizon under another split of the patients."""

    model: dict[str, PerformanceCell] = Field(default_factory=dict)
    grade_and_day: dict[str, PerformanceCell] = Field(default_factory=dict)


class AddedValue(Part):
    """Difference from grade and day by horizon, and from the clinical state."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Difference] = Field(init=False)

    against_clinical_state: dict[str, Difference] = Field(default_factory=dict)

    def at(self, hours: str) -> Difference:
        """Return the difference from grade and day at a horizon; empty if there is none."""
        return (self.__pydantic_extra__ or {}).get(hours, Difference())


class WithinGrade(Part):
    """AUROC at equal current grade by horizon, or the ``reason`` why it is missing."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, GradeStrata] = Field(init=False)

    reason: str = ""

    def by_horizon(self) -> dict[str, GradeStrata]:
        """Return the figures by horizon."""
        return self.__pydantic_extra__ or {}


class FirstEvents(Part):
    """Incidence by horizon of the first event after a landmark; or a ``reason``."""

    reason: str = ""
    never_observed: list[str] = Field(default_factory=list)
    mostly_unknown: list[str] = Field(default_factory=list)
    left_out_unknown: Number = None
    incidence: dict[str, dict[str, Rate]] = Field(default_factory=dict)


class RefitFigures(Part):
    """Median out-of-bag figures over whole refits, with 95% percentile intervals."""

    auroc: Number = None
    auroc_lo: Number = None
    auroc_hi: Number = None
    brier: Number = None
    brier_lo: Number = None
    brier_hi: Number = None
    cal_slope: Number = None
    cal_slope_lo: Number = None
    cal_slope_hi: Number = None

    def metric(self, name: str) -> Metric:
        """One figure with its interval, by its field name."""
        return Metric(*(getattr(self, f"{name}{end}") for end in ("", "_lo", "_hi")))


class RefitCell(Part):
    """Refits, those with enough out-of-bag events, and figures; ``difference`` is of the two."""

    refits: Number = None
    used: Number = None
    model: RefitFigures = Field(default_factory=RefitFigures)
    grade_and_day: RefitFigures = Field(default_factory=RefitFigures)
    difference: RefitFigures = Field(default_factory=RefitFigures)


class GradeUnknown(Part):
    """Number of landmarks with unknown grade, and of all landmarks."""

    n: Number = None
    of: Number = None


class CutRecords(Part):
    """Patients whose grades end at the worst one, of those whose grade changed."""

    patients: Number = None
    of: Number = None
    by_chance: Number = None
    is_excessive: bool = False


class OutcomeReport(Part):
    """All results of one outcome.

    Tables are keyed by horizon; ``comparators`` by name first, ``by_day_and_horizon`` by day last,
    ``subgroups`` by attribute and level first, ``further_splits`` by kind of split (a text is the
    reason why it was not done).
    """

    label: str = ""
    model: dict[str, PerformanceCell] = Field(default_factory=dict)
    model_no_state: dict[str, PerformanceCell] = Field(default_factory=dict)
    comparators: dict[str, dict[str, PerformanceCell]] = Field(default_factory=dict)
    probability_intervals: dict[str, dict[str, ProbabilityIntervals]] = Field(default_factory=dict)
    grade_unknown: GradeUnknown = Field(default_factory=GradeUnknown)
    comparators_absent: dict[str, str] = Field(default_factory=dict)
    added_value: AddedValue = Field(default_factory=AddedValue)
    by_day: dict[str, DayCell] = Field(default_factory=dict)
    by_day_and_horizon: dict[str, dict[str, PartCell]] = Field(default_factory=dict)
    patient_weighted: ModelAndComparators = Field(default_factory=ModelAndComparators)
    within_grade: WithinGrade = Field(default_factory=WithinGrade)
    without_early_onsets: SomeLandmarks = Field(default_factory=SomeLandmarks)
    net_benefit: dict[str, NetBenefit] = Field(default_factory=dict)
    alerts: dict[str, AlertTable] = Field(default_factory=dict)
    incidence: dict[str, Incidence] = Field(default_factory=dict)
    what_comes_first: FirstEvents = Field(default_factory=FirstEvents)
    lost_to_follow_up: dict[str, Number] = Field(default_factory=dict)
    calibration_by_site: dict[str, CalibrationBySite] = Field(default_factory=dict)
    subgroups: dict[str, dict[str, dict[str, PartCell]]] = Field(default_factory=dict)
    further_splits: dict[str, OtherSplit | str] = Field(default_factory=dict)
    negative_control: dict[str, ControlCell] = Field(default_factory=dict)
    record_ends: CutRecords = Field(default_factory=CutRecords)
    refit_intervals: dict[str, RefitCell] = Field(default_factory=dict)
    answered: SomeLandmarks = Field(default_factory=SomeLandmarks)
    labs_answer: str = ""
    negative_control_kind: str = ""
    curves: dict[str, HorizonCurves] = Field(default_factory=dict)

    def compared(self, name: str, hours: str) -> PerformanceCell:
        """Return the metrics of a comparator at a horizon; empty if there are none."""
        return self.comparators.get(name, {}).get(hours, PerformanceCell())

    def performance(self, name: str, hours: str) -> PerformanceCell:
        """Return the metrics of a predictor at a horizon with all intervals."""
        tables = {"model": self.model, "model_no_state": self.model_no_state, **self.comparators}
        cell = tables.get(name, {}).get(hours, PerformanceCell())
        intervals = self.probability_intervals.get(name, {}).get(hours, ProbabilityIntervals())
        return cell.model_copy(update=intervals.to_dict())
