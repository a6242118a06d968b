"""What a page says about the model: its training, its ranges and how well it was found to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cohort.analytes import Analyte
from pipeline.config import OutcomeConfig
from pipeline.explain.wording import section
from pipeline.model.bundle import Bundle
from pipeline.model.reference import RateTable


@dataclass(frozen=True)
class Usual:
    """The base rate of a day.

    Attributes
    ----------
    day : int
        Day that stands for the asked one.
    pooled : bool
        Whether neighbouring days were joined; ``of`` then counts patient-days, else patients.
    """

    day: int
    rate: float
    of: int
    pooled: bool

    @property
    def events(self) -> int:
        """About how many of them had the outcome."""
        return int(self.rate * self.of + 0.5)


@dataclass(frozen=True)
class ModelFacts:
    """A bundle as a page describes it.

    Attributes
    ----------
    ranges : mapping
        Analyte to its lowest and highest training value, canonical unit.
    validation : mapping
        Outcome to ``auroc, auroc_lo, auroc_hi, cal_slope`` at ``horizon``.
    horizon : float
        Hours of the headline risk.
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
    validation: Mapping[str, Mapping[str, Any]]
    horizon: float
    level: float
    stale_hours: float
    grade_valid_hours: float

    def usual(self, outcome: str, day: float, horizon: float) -> Usual | None:
        """Base rate of a day, or of the nearest day known."""
        entries = self.base_rates.get(outcome, {}).get(f"{horizon:g}", [])
        if not entries:
            return None
        entry = min(entries, key=lambda item: abs(item["day"] - day))
        pooled = entry["n"] > entry["patients"] + 0.5
        of = entry["n"] if pooled else entry["patients"]
        return Usual(int(entry["day"]), float(entry["rate"]), int(of), pooled)


def model_facts(
    bundle: Bundle, name: str, version: str, evaluation: Mapping[str, Any] | None
) -> ModelFacts:
    """Describe a bundle.

    Parameters
    ----------
    evaluation : mapping or None
        Content of the bundle's ``evaluation.json``.
    """
    config, reference, origin = bundle.config, bundle.reference, bundle.provenance
    horizon = headline_horizon(bundle)
    outcomes = (evaluation or {}).get("outcomes", {})
    return ModelFacts(
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
        validation_kind=str((evaluation or {}).get("kind", "")),
        validation={
            key: outcome.get("model", {}).get(f"{horizon:g}", {})
            for key, outcome in outcomes.items()
        },
        horizon=horizon,
        level=config.model.interval_level,
        stale_hours=config.predict.stale_hours,
        grade_valid_hours=config.features.grade_valid_hours,
    )


def _in_page_order(outcomes: Mapping[str, OutcomeConfig]) -> dict[str, OutcomeConfig]:
    """Outcomes as ``sentences.yaml`` lists them, others after these."""
    order = list(section("outcomes"))
    places = {name: order.index(name) if name in order else len(order) for name in outcomes}
    return dict(sorted(outcomes.items(), key=lambda item: places[item[0]]))


def headline_horizon(bundle: Bundle) -> float:
    """The fitted horizon nearest to ``predict.headline_hours``."""
    wanted = bundle.config.predict.headline_hours
    return min(map(float, bundle.config.model.horizons_hours), key=lambda h: abs(h - wanted))


def _natural_ranges(bundle: Bundle) -> dict[str, tuple[float, float]]:
    result = {}
    for analyte in bundle.reference.spec.analytes:
        pair = bundle.reference.ranges.get(f"{analyte.key}__last")
        if pair is not None:
            low, high = pair
            result[analyte.key] = (2.0**low, 2.0**high) if analyte.log else (low, high)
    return result
