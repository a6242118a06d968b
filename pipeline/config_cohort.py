"""Typed settings of a cohort: how its tables are read and its grades derived."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config_model import PositiveHours, Strict
from pipeline.resources import schema_yaml

# settings of `cohort` for reading an export; all others are fixed in training
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


# the same without values that a z-score or a base excess can take
SIGNED_SENTINELS = tuple(number for number in SENTINELS if not -50.0 < number < 0.0)


class LocalAnalyteConfig(Strict):
    """An analyte outside the dictionary; unstated properties follow from its unit and numbers."""

    signed: bool | None = None
    scale: Literal["linear", "log2", "log10", "ln"] | None = None
    unit: str | None = Field(default=None, min_length=1)
    name: str | None = Field(default=None, min_length=1)
    pathway: str = "organ_function"

    @model_validator(mode="after")
    def _pathway_exists(self) -> LocalAnalyteConfig:
        known = schema_yaml("pathways.yaml")["pathways"]
        if self.pathway not in known:
            raise ValueError(
                f"pathway {self.pathway!r} is unknown; accepted are {', '.join(known)}"
            )
        return self


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
    local_analytes: dict[str, LocalAnalyteConfig] = Field(default_factory=dict)
    host_columns: tuple[str, ...] = ("age_years", "sex", "n_prior_lines", "dose_cells")
    below_limit_factor: float = Field(default=0.7071067811865476, gt=0, le=1)

    @field_validator("local_analytes", mode="before")
    @classmethod
    def _names_or_mapping(cls, stated: Any) -> Any:
        """Accepts a list of names, or names without settings, as a mapping without details."""
        if isinstance(stated, list | tuple):
            if not all(isinstance(name, str) for name in stated):
                raise ValueError("must be a list of names, or a mapping from name to settings")
            return {name: {} for name in stated}
        if isinstance(stated, dict):
            return {name: {} if entry is None else entry for name, entry in stated.items()}
        return stated

    def sentinels_of(self, *, signed: bool) -> tuple[float, ...]:
        """Numbers that mean "missing" for signed analytes or for all others.

        For signed analytes the default list excludes -1 and -9, which are plausible there. A list
        in the configuration applies to all analytes.

        Examples
        --------
        >>> -1.0 in CohortConfig().sentinels_of(signed=True)
        False
        >>> CohortConfig(sentinels=[-9]).sentinels_of(signed=True)
        (-9.0,)
        """
        return SIGNED_SENTINELS if signed and self.sentinels == SENTINELS else self.sentinels

    @model_validator(mode="after")
    def _derived_grades_are_astct(self) -> CohortConfig:
        if self.grades != "charted" and self.grading_system != "astct":
            raise ValueError(
                f"grades: {self.grades} gives ASTCT grades, which cannot be mixed with "
                f"{self.grading_system}; set grading_system: astct or grades: charted"
            )
        return self
