"""Typed settings of a cohort: how its tables are read and its grades derived."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config_model import PositiveHours, Strict

# what of `cohort` tells how an export is read; the rest belongs to the model and to its training
READING = (
    "time_zone",
    "date_order",
    "decimal_comma",
    "assume_units",
    "turnaround",
    "sentinels",
    "limits",
    "grades",
    "grading",
    "ungraded",
)
# numbers that exports write for "missing"
SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 9999.0, 99999.0, 999999.0, 9999999.0, 99999999.0)


class GradingConfig(Strict):
    """How ASTCT grades are derived from observations."""

    together_hours: PositiveHours = 1
    carry_hours: PositiveHours = 12
    fever_memory_hours: PositiveHours = 168
    charted_valid_hours: PositiveHours = 36
    capd_below_years: float = Field(default=12, ge=0, le=30)


class CohortConfig(Strict):
    """How the tables are read."""

    name: str = "cohort"
    synthetic: bool = False
    time_zero: str = "infusion"
    time_zone: str | None = None
    turnaround: Literal["dictionary", "none"] | dict[str, float] = "dictionary"
    grading_system: Literal["astct", "lee2014", "penn", "ctcae"] = "astct"
    grades: Literal["charted", "derived", "charted_else_derived"] = "charted"
    ungraded: Literal["as_charted", "unknown", "no_event"] = "as_charted"
    grading: GradingConfig = GradingConfig()
    assume_units: dict[str, dict[str, str]] = Field(default_factory=dict)
    decimal_comma: bool | None = None
    date_order: Literal["day_first", "month_first"] | None = None
    sentinels: tuple[float, ...] = SENTINELS
    limits: dict[str, dict[Literal["lower", "upper"], float]] = Field(default_factory=dict)
    albumin_ratio_window_hours: float = Field(default=24.0, ge=0, le=168)
    max_rejected_share: float = Field(default=0.5, gt=0, le=1)
    extra_analytes: Literal["reject", "accept"] = "reject"
    local_analytes: tuple[str, ...] = ()
    host_columns: tuple[str, ...] = ("age_years", "sex", "n_prior_lines", "dose_cells")
    below_limit_factor: float = Field(default=0.7071067811865476, gt=0, le=1)

    @model_validator(mode="after")
    def _derived_grades_are_astct(self) -> CohortConfig:
        if self.grades != "charted" and self.grading_system != "astct":
            raise ValueError(
                f"grades: {self.grades} gives ASTCT grades, which are never pooled with "
                f"{self.grading_system}; set grading_system: astct or grades: charted"
            )
        return self
