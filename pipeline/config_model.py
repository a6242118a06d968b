"""Typed settings of the model: members, their penalties, and tuning."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import SettingError

HEADLINE_HOURS = 72  # horizon shown first
PositiveHours = Annotated[float, Field(gt=0, le=2160)]
BuiltIn = Literal["grade_and_day", "state", "labs", "booster"]
PRIOR = "prior"  # member that is another cohort's bundle
# settings that may be tuned, with their type
TUNABLE: dict[str, type] = {
    **dict.fromkeys(("ridge_context", "ridge_state", "ridge_labs", "ridge_calibration"), float),
    **dict.fromkeys(("booster_rounds", "booster_depth"), int),
    **dict.fromkeys(("booster_eta", "booster_min_child_weight", "booster_lambda"), float),
    **dict.fromkeys(("booster_subsample", "booster_colsample"), float),
}


class Strict(BaseModel):
    """Frozen settings; an unknown key is an error."""

    # defaults are validated too, so that settings read back from a bundle are exactly equal
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class CustomMemberConfig(Strict):
    """A scikit-learn classifier as a further member."""

    estimator: str = Field(pattern=r"^sklearn\.[A-Za-z0-9_.]+\.[A-Za-z0-9_]+$")
    parameters: dict[str, bool | int | float | str | None] = Field(default_factory=dict)


class SpanConfig(Strict):
    """Range in which a setting is tuned."""

    low: float = Field(gt=0)
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _rises(self) -> SpanConfig:
        if self.low >= self.high:
            raise ValueError("a range must rise: low below high")
        return self


class TuneConfig(Strict):
    """Nested tuning; with 0 trials nothing is tuned."""

    trials: int = Field(default=0, ge=0, le=200)
    folds: int = Field(default=3, ge=2, le=10)
    space: dict[str, SpanConfig] = Field(
        default_factory=lambda: {
            "ridge_state": SpanConfig(low=1, high=100, log=True),
            "ridge_labs": SpanConfig(low=30, high=3000, log=True),
            "booster_rounds": SpanConfig(low=50, high=300),
            "booster_lambda": SpanConfig(low=1, high=100, log=True),
        },
        min_length=1,
    )

    @model_validator(mode="after")
    def _space_is_legal(self) -> TuneConfig:
        for name, span in self.space.items():
            if name not in TUNABLE:
                raise ValueError(f"{name} cannot be tuned; accepted are {', '.join(TUNABLE)}")
            if self.trials:
                for value in (span.low, span.high):
                    ModelConfig.model_validate({name: value})
        return self


class ModelConfig(Strict):
    """Members and their penalties."""

    members: tuple[BuiltIn, ...] = ("grade_and_day", "state", "labs", "booster")
    custom: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], CustomMemberConfig] = Field(
        default_factory=dict
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=100)]] = Field(default_factory=dict)
    horizons_hours: tuple[PositiveHours, ...] = (24, 48, 72, 168)
    signs: bool = True
    ridge_context: float = Field(default=1.0, gt=0)
    ridge_state: float = Field(default=10.0, gt=0)
    ridge_labs: float = Field(default=300.0, gt=0)
    ridge_calibration: float = Field(default=5.0, gt=0)
    ridge_blend: float | None = Field(default=300.0, gt=0)
    clinical_state: bool = True
    thresholds: dict[str, tuple[Annotated[int, Field(ge=1)], ...]] = Field(default_factory=dict)
    threshold_weights: dict[str, dict[int, Annotated[float, Field(ge=0, le=1)]]] = Field(
        default_factory=dict
    )
    other_threshold_weight: float = Field(default=0.5, ge=0, le=1)
    booster_rounds: int = Field(default=300, ge=1, le=5000)
    booster_depth: int = Field(default=3, ge=1, le=8)
    booster_eta: float = Field(default=0.04, gt=0, le=1)
    booster_min_child_weight: float = Field(default=10.0, ge=0)
    booster_lambda: float = Field(default=10.0, ge=0)
    booster_subsample: float = Field(default=0.5, gt=0, le=1)
    booster_colsample: float = Field(default=0.5, gt=0, le=1)
    linear_statistics: tuple[str, ...] = (
        "last",
        "ever_measured",
        "hours_since_last",
        "peak",
        "nadir",
        "delta_72h",
        "delta_168h",
    )
    booster_statistics: tuple[str, ...] = (
        "last",
        "hours_since_last",
        "last_censored",
        "fold_baseline",
        "peak",
        "nadir",
        "slope_72h",
        "delta_72h",
        "delta_168h",
    )
    booster_host: bool = True
    tune: TuneConfig = Field(default_factory=lambda: TuneConfig())
    inner_folds: int = Field(default=5, ge=2, le=20)
    bootstrap_members: int = Field(default=40, ge=0, le=500)
    bootstrap_boosters: int = Field(default=10, ge=0, le=500)
    interval_level: float = Field(default=0.8, gt=0, lt=1)
    ipcw_floor: float = Field(default=0.1, gt=0, le=1)

    @model_validator(mode="after")
    def _horizons_rise(self) -> ModelConfig:
        if list(self.horizons_hours) != sorted(set(self.horizons_hours)):
            raise ValueError("horizons_hours must rise without repeats, e.g. [24, 48, 72, 168]")
        return self

    @model_validator(mode="after")
    def _members_fit_together(self) -> ModelConfig:
        if not self.custom and not {"labs", "booster"} & set(self.members):
            raise ValueError(
                "members must hold labs or booster, or custom must hold a member: the variant "
                "without clinical state uses no other members"
            )
        taken = sorted(set(self.custom) & {*get_args(BuiltIn), PRIOR})
        if taken:
            raise ValueError(
                f"custom member {taken[0]} has the name of a built-in member; choose another name"
            )
        unknown = sorted(set(self.weights) - {*self.members, *self.custom, PRIOR})
        if unknown:
            raise SettingError(
                f"weights names {', '.join(unknown)}, which is no member; members are "
                f"{', '.join([*self.members, *self.custom])}, and {PRIOR} with --prior. Correct "
                "the name",
                options=("prior",),
            )
        return self


def options_named(error: ValidationError) -> tuple[str, ...]:
    """Command-line options named in the messages of a validation error.

    Parameters
    ----------
    error : ValidationError

    Returns
    -------
    tuple of str
        Without dashes.

    Examples
    --------
    >>> try:
    ...     ModelConfig(weights={"oracle": 1})
    ... except ValidationError as error:
    ...     options_named(error)
    ('prior',)
    """
    causes = [item.get("ctx", {}).get("error") for item in error.errors(include_url=False)]
    named = [cause.options for cause in causes if isinstance(cause, SettingError)]
    return tuple(option for options in named for option in options)
