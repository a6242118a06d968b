"""Typed settings of the evaluation: cross-validation, gates, accepted audit errors, model card."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config_model import PositiveHours, Strict
from pipeline.resources import schema_yaml

Share = Annotated[float, Field(gt=0, lt=1)]


class EvaluationConfig(Strict):
    """Cross-validation, intervals and what the report holds."""

    folds: int = Field(default=5, ge=2, le=20)
    repeats: int = Field(default=4, ge=1, le=50)
    bootstrap: int = Field(default=1000, ge=20, le=5000)
    refit_bootstrap: int = Field(default=0, ge=0, le=1000)
    min_event_patients: int = Field(default=5, ge=1)
    expected_auroc: float = Field(default=0.75, gt=0.5, lt=1)
    control_permutations: int = Field(default=3, ge=0, le=50)
    analyte_importance: bool = True
    explained_prototypes: int = Field(default=30, ge=0, le=500)
    further_splits: tuple[Literal["site", "temporal"], ...] = ("site", "temporal")
    temporal_test_share: float = Field(default=0.3, gt=0, lt=1)
    alert_rates: tuple[Share, ...] = (0.05, 0.1, 0.2)
    net_benefit_range: tuple[Share, Share] = (0.05, 0.3)
    early_onset_hours: PositiveHours = 12
    age_bands: tuple[int, ...] = Field(default=(18, 40, 65), min_length=1)

    @model_validator(mode="after")
    def _ranges_rise(self) -> EvaluationConfig:
        if self.net_benefit_range[0] >= self.net_benefit_range[1]:
            raise ValueError("net_benefit_range must rise, e.g. [0.05, 0.3]")
        if list(self.age_bands) != sorted(set(self.age_bands)):
            raise ValueError("age_bands must rise without repeats, e.g. [18, 40, 65]")
        return self


class GateConfig(Strict):
    """Promotion gates (design decision 12)."""

    margin_auroc: float = Field(default=0.02, ge=0)
    slope_low: float = 0.8
    slope_high: float = 1.25
    slope_estimate_low: float = 0.67
    slope_estimate_high: float = 1.5
    min_event_patients: int = Field(default=20, ge=1)
    horizon_hours: PositiveHours = 72

    @model_validator(mode="after")
    def _ranges_rise(self) -> GateConfig:
        for name in ("slope", "slope_estimate"):
            low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
            if low >= high:
                raise ValueError(f"{name}_low must be below {name}_high, not {low:g} and {high:g}")
        return self


class RecalibrationConfig(Strict):
    """Local updates: event patients for any update and for a slope; level of the closed test."""

    min_event_patients: int = Field(default=5, ge=5)
    slope_event_patients: int = Field(default=20, ge=5)
    alpha: Share = 0.05


class AuditConfig(Strict):
    """Audit errors that are known and accepted."""

    acknowledge: tuple[Annotated[str, Field(pattern=r"^CHK\d{3}$")], ...] = ()


class CardConfig(Strict):
    """Statements of the model card that a run cannot supply."""

    developer: str = ""
    contact: str = ""
    release_date: str = ""
    items: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _items_exist(self) -> CardConfig:
        if not self.items:
            return self
        known = [item["number"] for item in schema_yaml("tripod_ai.yaml")["items"]]
        unknown = [number for number in self.items if number not in known]
        if unknown:
            raise ValueError(
                f"items names {', '.join(unknown)}, which TRIPOD+AI does not have; accepted are "
                f"{', '.join(known)}"
            )
        return self
