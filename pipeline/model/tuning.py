"""Penalties and tree settings chosen inside a training part, by log loss on inner patient folds.

Every fit calls this on the patients it may see, so cross-validation is nested by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import Floats
from pipeline.config_model import TUNABLE, ModelConfig, TuneConfig

if TYPE_CHECKING:
    import optuna

Settings = dict[str, float]


def tune(loss: Callable[[ModelConfig], float], config: ModelConfig, seed: int) -> Settings:
    """The settings of the search space with the smallest loss.

    A tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24) proposes them; the
    configured values are the first trial, so the result is never worse than they are on ``loss``.
    The study lives in memory and the same seed gives the same result.

    Parameters
    ----------
    loss : callable
        Smaller is better.
    config : ModelConfig
        ``config.tune`` holds the number of trials and the space.

    Examples
    --------
    >>> config = ModelConfig(tune={"trials": 25, "space": {"ridge_labs": {"low": 1, "high": 999}}})
    >>> found = tune(lambda item: (item.ridge_labs - 700.0) ** 2, config, seed=0)
    >>> abs(found["ridge_labs"] - 700.0) < 100
    True
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(_start(config))

    def objective(trial: optuna.Trial) -> float:
        return loss(with_settings(config, _suggested(trial, config.tune)))

    study.optimize(objective, n_trials=config.tune.trials)
    return {name: study.best_params[name] for name in config.tune.space}


def with_settings(config: ModelConfig, settings: Settings) -> ModelConfig:
    """Return the configuration with tuned settings in place and nothing left to tune."""
    return config.model_copy(update={**settings, "tune": TuneConfig()})


def log_loss(label: Floats, risk: Floats, weight: Floats) -> float:
    """Weighted mean of the logarithmic score.

    Examples
    --------
    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.ones(2)), 4)
    0.6931
    """
    chance = np.where(label == 1, risk, 1.0 - risk)
    return float(-(weight @ np.log(np.maximum(chance, 1e-12))) / weight.sum())


def _start(config: ModelConfig) -> Settings:
    """The configured values, brought into the space."""
    return {
        name: float(np.clip(getattr(config, name), span.low, span.high))
        if TUNABLE[name] is float
        else int(np.clip(getattr(config, name), span.low, span.high))
        for name, span in config.tune.space.items()
    }


def _suggested(trial: optuna.Trial, config: TuneConfig) -> Settings:
    return {
        name: trial.suggest_float(name, span.low, span.high, log=span.log)
        if TUNABLE[name] is float
        else trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
        for name, span in config.space.items()
    }
