"""Settings of a training as MLflow parameters: those that differ from the defaults, and a few."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config import Config, load_config

ALWAYS = (
    "seed",
    "cohort.name",
    "features.windows_hours",
    "model.horizons_hours",
    "model.members",
    "model.booster_rounds",
    "model.inner_folds",
    "model.bootstrap_members",
    "evaluation.folds",
    "evaluation.repeats",
    "evaluation.bootstrap",
)
_LONGEST = 500  # characters of a value
_NOT_ALLOWED = str.maketrans(dict.fromkeys("@[]<>(),'\"", "_"))


def run_params(config: Config) -> dict[str, str]:
    """Parameters of a training run; ``config.yaml`` among its artifacts has all settings.

    Parameters
    ----------
    config : Config

    Returns
    -------
    dict of str
        Nested keys joined by dots; values as JSON, at most 500 characters.

    Examples
    --------
    >>> run_params(load_config(seed=5))["seed"]
    '5'
    """
    settings, defaults = (_flat(item.model_dump(mode="json")) for item in (config, load_config()))
    return {
        key.translate(_NOT_ALLOWED): value[:_LONGEST]
        for key, value in settings.items()
        if key in ALWAYS or defaults.get(key) != value
    }


def outcome_params(config: Config, name: str) -> dict[str, str]:
    """Parameters of the run of one outcome: its definition.

    Parameters
    ----------
    config : Config
    name : str

    Returns
    -------
    dict of str

    Examples
    --------
    >>> outcome_params(load_config(), "severe_crs")["threshold"]
    '3'
    """
    definition = config.outcomes[name].model_dump(mode="json")
    own = _flat({"outcome": name, **definition, "seed": config.seed})
    return {key.translate(_NOT_ALLOWED): value[:_LONGEST] for key, value in own.items()}


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = value if isinstance(value, str) else json.dumps(value)

    walk("", settings)
    return flat
