"""Tunes penalties and tree settings within a training part, by log loss on inner patient folds.

Every fit tunes on its own training patients, so cross-validation is nested by construction.
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
    """Search for the settings with the smallest loss.

    A tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24) proposes settings. The
    configured values are the first trial, so the result never has a larger loss than they have.
    The study is kept in memory, and the same seed gives the same result.

    Parameters
    ----------
    loss : callable
        Loss of a configuration; smaller is better.
    config : ModelConfig
        ``config.tune`` has the number of trials and the search space.
    seed : int

    Returns
    -------
    dict of str to float
        Setting to value.

    Examples
    --------
    >>> config = ModelConfig(tune={"trials": 25, "space": {"ridge_labs": {"low": 1, "high": 999}}})
    >>> settings = tune(lambda item: (item.ridge_labs - 700.0) ** 2, config, seed=0)
    >>> abs(settings["ridge_labs"] - 700.0) < 100
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
    """Return the configuration with the tuned settings and without a search space."""
    return config.model_copy(update={**settings, "tune": TuneConfig()})


def log_loss(label: Floats, risk: Floats, weight: Floats) -> float:
    """Weighted mean logarithmic loss.

    Examples
    --------
    >>> round(log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.ones(2)), 4)
    0.6931
    """
    chance = np.where(label == 1, risk, 1.0 - risk)
    return float(-(weight @ np.log(np.maximum(chance, 1e-12))) / weight.sum())


def _start(config: ModelConfig) -> Settings:
    """The configured values, clipped to the search space."""
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
