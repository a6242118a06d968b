"""Typed settings: pydantic models of ``configs/*.yaml``; an unknown key is an error."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.config_cohort import READING, CohortConfig
from pipeline.config_evaluation import (
    AuditConfig,
    CardConfig,
    EvaluationConfig,
    GateConfig,
    RecalibrationConfig,
    Share,
)
from pipeline.config_model import HEADLINE_HOURS, ModelConfig, PositiveHours, Strict, options_named
from pipeline.errors import UsageError
from pipeline.resources import config_path, read_yaml

SCALES = ("crs", "icans", "hlh", "death")
Sign = Literal["increasing", "decreasing", "free"]


class OutcomeConfig(Strict):
    """One outcome: the first grade of at least ``threshold`` on ``scale``."""

    scale: str
    threshold: int = Field(ge=1)
    label: str
    shown_after: str | None = None


class LandmarkConfig(Strict):
    """When predictions are made in training (hours since time zero)."""

    grid_hours: PositiveHours = 24
    first_hours: PositiveHours = 24
    last_hours: PositiveHours = 672
    extra_hours: tuple[PositiveHours, ...] = ()
    at_results: Literal["auto", "always", "never"] = "auto"
    at_results_last_hours: PositiveHours = 336


class FeatureConfig(Strict):
    """Which features are built."""

    analytes: tuple[str, ...] | Literal["all"] = "all"
    windows_hours: tuple[PositiveHours, ...] = (24, 72, 168)
    baseline_from_hours: float = Field(default=-168, lt=0)
    grade_valid_hours: PositiveHours = 36
    min_slope_span_hours: PositiveHours = 6
    drug_rules: bool = True
    scores: tuple[str, ...] | Literal["all"] = ()
    signs: dict[str, Sign | dict[str, Sign]] = Field(default_factory=dict)
    treatment_statistics: tuple[
        Literal["given", "hours_since_last", "n_doses", "dex_mg", "prophylaxis", "therapy"], ...
    ] = ("given", "hours_since_last", "n_doses")
    statistics: tuple[str, ...] = (
        "last",
        "hours_since_last",
        "baseline",
        "fold_baseline",
        "ever_measured",
        "last_censored",
        "peak",
        "nadir",
        "count",
        "min",
        "max",
        "mean",
        "slope",
        "delta",
    )


class PredictConfig(Strict):
    """When the model abstains."""

    min_analytes: int = Field(default=2, ge=0)
    newest_lab_hours: PositiveHours = 72
    max_out_of_range_share: float = Field(default=0.5, gt=0, le=1)
    stale_hours: PositiveHours = 48
    min_product_patients: int = Field(default=1, ge=0)
    max_refused_share: float = Field(default=0.5, gt=0, le=1)
    min_refused_results: int = Field(default=3, ge=1)
    headline_hours: PositiveHours = HEADLINE_HOURS


class MonitorConfig(Strict):
    """When a difference from the training cohort raises an alarm."""

    psi: float = Field(default=0.25, gt=0)
    share_change: Share = 0.2
    risk_ratio: float = Field(default=1.5, gt=1)
    min_patients: int = Field(default=10, ge=2)
    false_alarm_rate: Share = 0.01


class TrackingConfig(Strict):
    """Names used in MLflow."""

    experiment: str = "cytocast"
    model_name: str = "cytocast"


class Config(Strict):
    """All settings of one run; settings that are not stated keep their defaults."""

    seed: int = Field(default=0, ge=0)
    cohort: CohortConfig = CohortConfig()
    outcomes: dict[str, OutcomeConfig]
    landmarks: LandmarkConfig = LandmarkConfig()
    features: FeatureConfig = FeatureConfig()
    model: ModelConfig = ModelConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    predict: PredictConfig = PredictConfig()
    monitor: MonitorConfig = MonitorConfig()
    gates: GateConfig = GateConfig()
    recalibration: RecalibrationConfig = RecalibrationConfig()
    audit: AuditConfig = AuditConfig()
    card: CardConfig = CardConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _outcomes_refer_to_each_other(self) -> Config:
        for name, outcome in self.outcomes.items():
            if outcome.shown_after is not None and outcome.shown_after not in self.outcomes:
                raise ValueError(
                    f"outcomes.{name}.shown_after names {outcome.shown_after!r}, "
                    f"which is not among the outcomes {sorted(self.outcomes)}"
                )
        return self

    @model_validator(mode="after")
    def _thresholds_hold_the_outcomes(self) -> Config:
        model = self.model
        known = {*(item.scale for item in self.outcomes.values()), *SCALES}
        for scale in (*model.thresholds, *model.threshold_weights):
            if scale not in known:
                raise ValueError(
                    f"model.thresholds or model.threshold_weights names the scale {scale!r}; "
                    f"known are {', '.join(sorted(known))}"
                )
        for name, item in self.outcomes.items():
            chosen = model.thresholds.get(item.scale, (item.threshold,))
            if item.threshold not in chosen:
                raise ValueError(
                    f"model.thresholds.{item.scale} lacks {item.threshold}, which the outcome "
                    f"{name} needs"
                )
            if model.threshold_weights.get(item.scale, {}).get(item.threshold, 1.0) == 0.0:
                raise ValueError(
                    f"model.threshold_weights.{item.scale}.{item.threshold} is 0, but the outcome "
                    f"{name} needs it; set a weight above 0"
                )
        return self

    @property
    def scales(self) -> tuple[str, ...]:
        """Scales of the outcomes, in their order."""
        return tuple(dict.fromkeys(item.scale for item in self.outcomes.values()))

    def select_outcomes(self, names: Sequence[str]) -> Config:
        """Keep only the named outcomes.

        Raises
        ------
        UsageError
            If a name is not configured.
        """
        unknown = [name for name in names if name not in self.outcomes]
        if unknown:
            raise UsageError(
                f"unknown outcome {', '.join(unknown)}; configured are "
                f"{', '.join(self.outcomes)}. Choose one of these, or add it under 'outcomes' in "
                "a config file"
            )
        kept = {
            name: outcome.model_copy(
                update={
                    "shown_after": outcome.shown_after if outcome.shown_after in names else None
                }
            )
            for name, outcome in self.outcomes.items()
            if name in names
        }
        return self.model_copy(update={"outcomes": kept})

    def sha256(self) -> str:
        """Digest of the resolved settings."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


Settings = Config | Mapping[str, Any] | str | Path | Sequence[str | Path] | None


def load_config(paths: Sequence[str | Path] = (), *, seed: int | None = None) -> Config:
    """Read ``configs/default.yaml``, then each given file; later values override earlier ones.

    A mapping under ``outcomes`` in a later file replaces the earlier outcomes as a whole; every
    other mapping is merged key by key.

    Parameters
    ----------
    paths : sequence of path
        YAML files.
    seed : int, optional
        Replaces the seed of the files.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If a file is missing, not YAML, or holds an unknown key or illegal value.

    Examples
    --------
    >>> sorted(load_config().outcomes)
    ['icans', 'severe_crs', 'severe_icans']
    """
    source = " + ".join(str(path) for path in paths) or "default.yaml"
    contents = [_content(path) for path in paths]
    return _merged(contents if seed is None else [*contents, {"seed": seed}], source)


def as_config(settings: Settings = None, base: Config | None = None) -> Config:
    """Settings in any form that the Python API takes.

    Parameters
    ----------
    settings : Config, mapping, path, sequence of paths or None
        A mapping and the files override ``base``; None gives ``base``.
    base : Config, optional
        The defaults by default.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If a file is missing, not YAML, or a key or value is not legal.

    Examples
    --------
    >>> as_config({"features": {"windows_hours": [24]}}).features.windows_hours
    (24.0,)
    """
    if isinstance(settings, Config):
        return settings
    contents, source = _stated(settings)
    stated = [] if base is None else [base.model_dump(mode="json", exclude_unset=True)]
    return _merged([*stated, *contents], source)


def reading_settings(config: Config, settings: Settings) -> tuple[CohortConfig, tuple[str, ...]]:
    """Reading settings of another export: those of training, overridden by the stated ones.

    Only settings of ``cohort`` named in ``READING`` apply. All other settings were fixed in
    training; they are checked, but not used.

    Parameters
    ----------
    config : Config
        Of the bundle.
    settings : Config, mapping, path, sequence of paths or None
        As in :func:`as_config`.

    Returns
    -------
    cohort : CohortConfig
    unused : tuple of str
        Names of the stated settings that are not used.

    Raises
    ------
    UsageError
        If a file is missing, or holds an unknown key or illegal value.

    Examples
    --------
    >>> changed = {"cohort": {"date_order": "day_first"}, "seed": 3}
    >>> cohort, unused = reading_settings(load_config(), changed)
    >>> cohort.date_order, unused
    ('day_first', ('seed',))
    """
    contents, source = _stated(settings)
    _merged(contents, source)
    whole, unused = config.model_dump(mode="json"), dict[str, None]()
    for content in contents:
        stated = content.get("cohort") or {}
        reading = {name: value for name, value in stated.items() if name in READING}
        unused |= dict.fromkeys(name for name in content if name != "cohort")
        unused |= dict.fromkeys(f"cohort.{name}" for name in stated if name not in READING)
        whole["cohort"] = _merge(whole["cohort"], reading)
    return parse_config(whole, source=source).cohort, tuple(unused)


def _stated(settings: Settings) -> tuple[list[Mapping[str, Any]], str]:
    """Contents of the settings, and the source to name in messages."""
    if settings is None:
        return [], "of the bundle"
    if isinstance(settings, Config):
        return [settings.model_dump(mode="json", exclude_unset=True)], "given"
    if isinstance(settings, Mapping):
        return [settings], "given"
    paths = [settings] if isinstance(settings, str | Path) else settings
    if not isinstance(paths, list | tuple):
        raise UsageError(
            "settings are a Config, a mapping or the path of a YAML file, got "
            f"{type(settings).__name__}"
        )
    return [_content(path) for path in paths], " + ".join(map(str, paths)) or "of the bundle"


def _content(path: str | Path) -> Mapping[str, Any]:
    content = read_yaml(Path(path)) or {}
    if not isinstance(content, Mapping):
        raise UsageError(
            f"{path} must hold a mapping of settings, got {type(content).__name__}; write one "
            "setting per line as 'name: value'"
        )
    return content


def _merged(contents: Sequence[Mapping[str, Any]], source: str) -> Config:
    """The defaults, then each content."""
    merged = _content(config_path("default.yaml"))
    for content in contents:
        merged = _merge(merged, content)
    return parse_config(merged, source=source)


def parse_config(content: Mapping[str, Any], *, source: str) -> Config:
    """Validate settings that are already read.

    Parameters
    ----------
    content : mapping
        Every section, or those that differ from the defaults.
    source : str
        Where the settings come from, for the message.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        The message names each illegal key, its value and what is accepted.

    Examples
    --------
    >>> outcome = {"scale": "crs", "threshold": 3, "label": "Severe CRS"}
    >>> parse_config({"outcomes": {"severe_crs": outcome}}, source="mine.yaml").scales
    ('crs',)
    """
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in item['loc']) or '(top level)'}: "
            f"{item['msg']}, got {item['input']!r}"
            for item in error.errors(include_url=False)
        ]
        raise UsageError(
            f"configuration {source} cannot be used; correct these settings:\n" + "\n".join(lines),
            options=options_named(error),
        ) from error


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        if key != "outcomes" and isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            result[key] = _merge(base[key], value)
        else:
            result[key] = value
    return result
