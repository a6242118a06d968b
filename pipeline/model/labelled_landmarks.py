"""Landmarks of a cohort with what happened after each: the samples of a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.cohort.tables import Cohort
from pipeline.config import Config, OutcomeConfig
from pipeline.errors import InputError, UsageError
from pipeline.features.landmarks import training_landmarks
from pipeline.features.transformer import refuse_other_cohort, settings_of
from pipeline.model.outcomes import build_targets


class LabelledLandmarks(NamedTuple):
    """Samples, labels and groups of equal length and index.

    Attributes
    ----------
    X : DataFrame
        ``patient_id``, ``patient`` (row number in ``cohort.patients``), ``person`` (row number of
        the patient's first infusion), ``hours`` since infusion and ``source``.
    y : Series of int
        1 where the outcome is first charted within the horizon, else 0.
    groups : Series of int
        ``person``, for splits by patient.
    """

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series


def landmarks(
    cohort: Cohort, outcome: str = "severe_crs", horizon_hours: float = 72.0
) -> LabelledLandmarks:
    """Landmarks at which an outcome can be predicted, with its label at a horizon.

    A landmark is kept where the outcome has not been charted before it and it is known whether it
    is charted within the horizon. Patients lost to follow-up within the horizon are left out at
    that landmark; the evaluation of :func:`cytocast.train` weights for them instead.

    Parameters
    ----------
    cohort : Cohort
        From :func:`cytocast.read_cohort`.
    outcome : str
        Name of an outcome in the settings of the cohort.
    horizon_hours : float
        Hours ahead.

    Returns
    -------
    X : DataFrame, shape (n_landmarks, 5)
    y : Series of int, shape (n_landmarks,)
    groups : Series of int, shape (n_landmarks,)

    Raises
    ------
    UsageError
        If the settings have no such outcome, or the horizon is not a positive number.
    InputError
        If no label is known.

    Examples
    --------
    >>> import cytocast
    >>> cohort = cytocast.simulate(12, seed=1)
    >>> X, y, groups = landmarks(cohort, "icans", horizon_hours=72)
    >>> X.columns.tolist(), sorted(y.unique().tolist())
    (['patient_id', 'patient', 'person', 'hours', 'source'], [0, 1])
    """
    refuse_other_cohort(cohort, "landmarks")
    refuse_other_hours(horizon_hours)
    config = settings_of(cohort, None)
    wanted = outcome_of(config, outcome)
    moments = training_landmarks(cohort, config.landmarks, wanted.scale)
    label = labels(cohort, moments, wanted, horizon_hours, config)
    known = np.flatnonzero(~np.isnan(label))
    if not len(known):
        raise InputError(
            f"no landmark has a known label of {outcome} within {horizon_hours:g} h: no patient is "
            "followed that long, or none is graded; choose a shorter horizon or another outcome"
        )
    moments = moments.iloc[known].reset_index(drop=True)
    patient = moments["patient"].to_numpy()
    X = pd.DataFrame(
        {
            "patient_id": cohort.patients["patient_id"].to_numpy()[patient],
            "patient": patient,
            "person": cohort.persons()[patient],
            "hours": moments["hours"],
            "source": moments["source"],
        }
    )
    y = pd.Series(label[known].astype(int), name=outcome)
    return LabelledLandmarks(X, y, X["person"])


def refuse_other_hours(hours: Any) -> None:
    """Refuse a horizon that is not a positive number of hours.

    Parameters
    ----------
    hours : object

    Raises
    ------
    UsageError

    Examples
    --------
    >>> refuse_other_hours(72)
    """
    number = isinstance(hours, int | float | np.integer | np.floating)
    if not number or isinstance(hours, bool) or not 0 < float(hours) < np.inf:
        raise UsageError(f"horizon_hours must be a positive number of hours, got {hours!r}")


def outcome_of(config: Config, name: str) -> OutcomeConfig:
    """Settings of an outcome.

    Parameters
    ----------
    config : Config
    name : str

    Returns
    -------
    OutcomeConfig

    Raises
    ------
    UsageError
        If it is not configured.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> outcome_of(load_config(), "severe_crs").threshold
    3
    """
    if name not in config.outcomes:
        raise UsageError(
            f"unknown outcome '{name}'; configured are {', '.join(config.outcomes)}. Add it under "
            "'outcomes' in the settings"
        )
    return config.outcomes[name]


def labels(
    cohort: Cohort,
    moments: pd.DataFrame,
    outcome: OutcomeConfig,
    horizon_hours: float,
    config: Config,
) -> np.ndarray:
    """Whether an outcome is first charted within the horizon of each landmark.

    Parameters
    ----------
    cohort : Cohort
    moments : DataFrame
        ``patient`` and ``hours``.
    outcome : OutcomeConfig
    horizon_hours : float
    config : Config

    Returns
    -------
    ndarray, shape (n_landmarks,)
        1, 0, or NaN where the outcome was charted before or it is not known.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> moments, config = pd.DataFrame({"patient": [0], "hours": [24.0]}), load_config()
    >>> labels(empty_cohort(["a"]), moments, config.outcomes["icans"], 72.0, config).shape
    (1,)
    """
    given = moments if "weight" in moments else moments.assign(weight=1.0)
    thresholds = (outcome.threshold,)
    targets = build_targets(cohort, given, outcome.scale, thresholds, config.cohort.ungraded)
    return targets.label(outcome.threshold, horizon_hours)
