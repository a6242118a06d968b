"""Summary of a bundle for pages: its training, its ranges and its validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.cohort.analytes import Analyte
from pipeline.config import OutcomeConfig
from pipeline.explain.phrases import section
from pipeline.model.bundle import Bundle
from pipeline.model.outcomes import nearest_horizon
from pipeline.model.training_reference import RateTable

if TYPE_CHECKING:
    from pipeline.model.evaluated_outcome import OutcomeReport
    from pipeline.model.evaluation_cells import Difference, PerformanceCell
    from pipeline.model.evaluation_report import EvaluationReport


@dataclass(frozen=True)
class DayAverage:
    """Base rate of a day.

    Attributes
    ----------
    day : int
        Nearest day with a base rate.
    rate : float
        Share of patients with the outcome within the horizon.
    of : int
        Number of patients, or of patient-days if ``pooled``.
    pooled : bool
        Whether neighbouring days were pooled.
    """

    day: int
    rate: float
    of: int
    pooled: bool

    @property
    def events(self) -> int:
        """Approximate number with the outcome."""
        return int(self.rate * self.of + 0.5)


@dataclass(frozen=True)
class Validation:
    """Validation figures of one outcome at one horizon.

    Attributes
    ----------
    shown, no_state : PerformanceCell
        Performance of the displayed risk, and of the variant without grades.
    added : Difference
        Difference from the comparator ``grade_and_day``.
    """

    shown: PerformanceCell
    no_state: PerformanceCell
    added: Difference


@dataclass(frozen=True)
class ModelSummary:
    """Description of a bundle for pages.

    Attributes
    ----------
    ranges : mapping
        Analyte to its lowest and highest training value, canonical unit.
    validation : mapping
        Outcome to its validation at ``horizon``.
    horizon : float
        Hours of the headline risk.
    level : float
        Coverage of the intervals.
    stale_hours, grade_valid_hours : float
        Ages from which on results are stale and grades are no longer used.
    signed : bool
        Whether the effect of each analyte is restricted to its stated direction.
    typical : mapping
        Outcome to day to analyte: newest value of an average training patient, canonical unit.
    """

    name: str
    version: str
    bundle_sha: str
    cohort: str
    synthetic: bool
    n_patients: int
    event_patients: Mapping[str, int]
    products: Mapping[str, int]
    outcomes: Mapping[str, OutcomeConfig]
    analytes: Mapping[str, Analyte]
    ranges: Mapping[str, tuple[float, float]]
    base_rates: Mapping[str, RateTable]
    validation_kind: str
    validation: Mapping[str, Validation]
    horizon: float
    level: float
    stale_hours: float
    grade_valid_hours: float
    signed: bool = True
    typical: Mapping[str, Mapping[int, Mapping[str, float]]] = field(default_factory=dict)

    def usual(self, outcome: str, day: float, horizon: float) -> DayAverage | None:
        """Base rate of a day, or of the nearest day with one."""
        entries = self.base_rates.get(outcome, {}).get(f"{horizon:g}", [])
        if not entries:
            return None
        entry = min(entries, key=lambda item: abs(item["day"] - day))
        pooled = entry["n"] > entry["patients"] + 0.5
        of = entry["n"] if pooled else entry["patients"]
        return DayAverage(int(entry["day"]), float(entry["rate"]), int(of), pooled)

    def typical_value(self, outcome: str, hours: float, analyte: str) -> float | None:
        """Newest value of an average training patient of the day, or of the nearest day."""
        days = self.typical.get(outcome, {})
        if not days:
            return None
        return days[min(days, key=lambda day: abs(day - hours // 24))].get(analyte)


def summarise_model(
    bundle: Bundle, name: str, version: str, evaluation: EvaluationReport | None
) -> ModelSummary:
    """Describe a bundle for pages.

    Parameters
    ----------
    bundle : Bundle
        Loaded bundle.
    name, version : str
        Name and version of the model in the registry.
    evaluation : EvaluationReport or None
        Evaluation stored with the bundle.

    Returns
    -------
    ModelSummary
    """
    config, reference, origin = bundle.config, bundle.reference, bundle.provenance
    horizon = headline_horizon(bundle)
    outcomes = {} if evaluation is None else evaluation.outcomes
    return ModelSummary(
        name=name,
        version=version,
        bundle_sha=bundle.sha256,
        cohort=str(origin.get("cohort_name", config.cohort.name)),
        synthetic=config.cohort.synthetic,
        n_patients=reference.n_patients,
        event_patients={
            name: int(origin.get("event_patients", {})[name])
            for name in _in_page_order(config.outcomes)
            if name in origin.get("event_patients", {})
        },
        products=reference.products,
        outcomes=_in_page_order(config.outcomes),
        analytes={analyte.key: analyte for analyte in reference.spec.analytes},
        ranges=_natural_ranges(bundle),
        base_rates=reference.base_rates,
        validation_kind="" if evaluation is None else evaluation.kind,
        validation={key: _validation(item, f"{horizon:g}") for key, item in outcomes.items()},
        horizon=horizon,
        level=config.model.interval_level,
        stale_hours=config.predict.stale_hours,
        grade_valid_hours=config.features.grade_valid_hours,
        signed=config.model.signs,
        typical={name: _typical(bundle, name) for name in reference.background},
    )


def _validation(outcome: OutcomeReport, hours: str) -> Validation:
    return Validation(
        shown=outcome.performance("model", hours),
        no_state=outcome.performance("model_no_state", hours),
        added=outcome.added_value.at(hours),
    )


def graded_scales(summary: ModelSummary) -> list[str]:
    """Return the scales of the outcomes that are charted as grades.

    Parameters
    ----------
    summary : ModelSummary
        The model.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from pipeline.config import load_config
    >>> graded_scales(SimpleNamespace(outcomes=load_config().outcomes))
    ['crs', 'icans']
    """
    scales = dict.fromkeys(outcome.scale for outcome in summary.outcomes.values())
    return [scale for scale in scales if scale != "death"]


def _in_page_order(outcomes: Mapping[str, OutcomeConfig]) -> dict[str, OutcomeConfig]:
    """Outcomes in the order of ``sentences.yaml``, others last."""
    order = list(section("outcomes"))
    places = {name: order.index(name) if name in order else len(order) for name in outcomes}
    return dict(sorted(outcomes.items(), key=lambda item: places[item[0]]))


def headline_horizon(bundle: Bundle) -> float:
    """The fitted horizon nearest to ``predict.headline_hours``."""
    horizons = map(float, bundle.config.model.horizons_hours)
    return nearest_horizon(horizons, bundle.config.predict.headline_hours)


def _natural_ranges(bundle: Bundle) -> dict[str, tuple[float, float]]:
    result = {}
    for analyte in bundle.reference.spec.analytes:
        pair = bundle.reference.ranges.get(f"{analyte.key}__last")
        if pair is not None:
            low, high = pair
            result[analyte.key] = (2.0**low, 2.0**high) if analyte.log else (low, high)
    return result


def _typical(bundle: Bundle, outcome: str) -> dict[int, dict[str, float]]:
    """Mean of the newest values over the prototypes of each day, in natural units."""
    background = bundle.reference.background[outcome]
    logged = {f"{item.key}__last": item for item in bundle.reference.spec.analytes}
    places = [(n, logged[name]) for n, name in enumerate(background.columns) if name in logged]
    result: dict[int, dict[str, float]] = {}
    for day, prototypes in background.days.items():
        known = ~np.isnan(prototypes.values)
        weight = known * prototypes.patients[:, None]
        total, count = np.where(known, prototypes.values, 0.0), weight.sum(axis=0)
        mean = (total * weight).sum(axis=0) / np.where(count > 0, count, np.nan)
        result[day] = {
            analyte.key: float(2.0 ** mean[n] if analyte.log else mean[n])
            for n, analyte in places
            if count[n] > 0
        }
    return result
