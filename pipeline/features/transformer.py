"""LabFeatures: the features as a scikit-learn transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pipeline.arrays import Floats
from pipeline.cohort.detection_limits import apply_limits, learn_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, Settings, as_config
from pipeline.errors import UsageError
from pipeline.features.build import build_features, feature_metas
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.reading.exported_cohort import Cohort as ExportedCohort

Limits = dict[str, dict[str, float]]


class LabFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of landmarks, for a scikit-learn ``Pipeline``.

    A sample is a landmark: a patient and an hour. A feature uses only results that were available
    strictly before the hour. Fitting learns from the patients of the given landmarks only: the
    analytes, drugs and category levels that occur, and silent detection limits. Reading the cohort
    itself has set the limit meant by results such as "not detected", from all patients and without
    outcomes. To cross-validate, split by patient: ``GroupKFold`` with ``groups=X["person"]``.

    Parameters
    ----------
    cohort : Cohort
        From :func:`cytocast.read_cohort`. Clones of the estimator share it.
    config : Config, mapping, path or None
        Settings that differ from those of the cohort.
    jobs : int
        Threads; the result does not depend on them.

    Attributes
    ----------
    spec_ : FeatureSpec
    limits_ : dict
        Detection limits by analyte, in its canonical unit.
    feature_names_in_ : ndarray of str
    n_features_in_ : int

    See Also
    --------
    cytocast.landmarks : Landmarks with labels and groups.
    cytocast.RiskEstimator : The model of Cytocast on the same landmarks.

    Examples
    --------
    >>> import cytocast
    >>> cohort = cytocast.simulate(12, seed=1)
    >>> X, y, groups = cytocast.landmarks(cohort, "icans", horizon_hours=72)
    >>> features = LabFeatures(cohort, {"features": {"analytes": ["crp"]}})
    >>> table = features.set_output(transform="pandas").fit_transform(X)
    >>> len(table) == len(X), [name for name in table if name.startswith("crp__last")]
    (True, ['crp__last', 'crp__last_censored'])
    """

    def __init__(
        self, cohort: Cohort | None = None, config: Settings = None, jobs: int = 1
    ) -> None:
        self.cohort = cohort
        self.config = config
        self.jobs = jobs

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn the columns and the silent limits from the patients of these landmarks.

        Parameters
        ----------
        X : DataFrame
            ``patient`` (row number in ``cohort.patients``) and ``hours`` since infusion.
        y : None
            Not used.

        Returns
        -------
        LabFeatures

        Raises
        ------
        UsageError
            If there is no cohort, or ``X`` is not a table of landmarks.
        """
        cohort = cohort_of(self, X)
        config = settings_of(cohort, self.config)
        learned = learn_features(cohort.take(np.unique(X["patient"].to_numpy())), cohort, config)
        self.limits_, self.spec_ = learned.limits, learned.spec
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Features of each landmark.

        Parameters
        ----------
        X : DataFrame
            As in :meth:`fit`.

        Returns
        -------
        ndarray, shape (n_landmarks, n_features)
            NaN where a value is unknown. A DataFrame after ``set_output(transform="pandas")``.
        """
        check_is_fitted(self)
        cohort = cohort_of(self, X)
        cohort = cohort.with_labs(apply_limits(cohort.labs, self.limits_))
        return build_features(cohort, X, self.spec_, self.jobs).values

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names by the grammar of :mod:`pipeline.features.names`.

        Parameters
        ----------
        input_features : None
            Not used.

        Returns
        -------
        ndarray of str, shape (n_features,)
        """
        check_is_fitted(self)
        return np.asarray([meta.name for meta in feature_metas(self.spec_)], dtype=object)


@dataclass(frozen=True)
class LearnedFeatures:
    """Limits and columns learned from the patients of a fit.

    Attributes
    ----------
    cohort : Cohort
        These patients, with the limits applied.
    limits : dict
        Detection limits by analyte, in its canonical unit.
    spec : FeatureSpec
    """

    cohort: Cohort
    limits: Limits
    spec: FeatureSpec


def learn_features(own: Cohort, cohort: Cohort, config: Config) -> LearnedFeatures:
    """Learn silent limits and columns from some patients of a cohort.

    Parameters
    ----------
    own : Cohort
        The patients to learn from.
    cohort : Cohort
        The whole cohort, for the analytes outside the dictionary and the limits its results state.
    config : Config

    Returns
    -------
    LearnedFeatures

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["a"])
    >>> learn_features(cohort, cohort, as_config()).spec.analytes
    ()
    """
    read = cohort.read if isinstance(cohort, ExportedCohort) else None
    limits = learn_limits(own.labs, {} if read is None else read.limits)
    limited = own.with_labs(apply_limits(own.labs, limits))
    spec = learn_spec(limited, config, {} if read is None else read.local)
    return LearnedFeatures(limited, limits, spec)


def settings_of(cohort: Cohort, config: Settings) -> Config:
    """Settings of an estimator: those of the cohort, overridden by those given.

    Parameters
    ----------
    cohort : Cohort
    config : Config, mapping, path or None

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If a key or value is not legal.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> settings_of(empty_cohort(["a"]), {"seed": 7}).seed
    7
    """
    return as_config(config, cohort.config if isinstance(cohort, ExportedCohort) else None)


def cohort_of(estimator: BaseEstimator, X: pd.DataFrame) -> Cohort:
    """Cohort of an estimator, with ``X`` checked to be landmarks of it.

    Parameters
    ----------
    estimator : BaseEstimator
        With the parameter ``cohort``.
    X : DataFrame
        ``patient`` and ``hours``.

    Returns
    -------
    Cohort

    Raises
    ------
    UsageError
        If there is no cohort, ``X`` is not a table of landmarks, or it names a patient that the
        cohort does not have.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> features = LabFeatures(empty_cohort(["a"]))
    >>> len(cohort_of(features, pd.DataFrame({"patient": [0], "hours": [24.0]})))
    1
    """
    name = type(estimator).__name__
    refuse_other_cohort(estimator.cohort, name)
    if not isinstance(estimator.jobs, int) or estimator.jobs < 1:
        raise UsageError(f"jobs must be a whole number of at least 1, got {estimator.jobs!r}")
    if not isinstance(X, pd.DataFrame) or not {"patient", "hours"} <= set(X.columns):
        raise UsageError(
            f"{name} needs landmarks, a DataFrame with 'patient' and 'hours', got "
            f"{type(X).__name__}; cytocast.landmarks(cohort, outcome, horizon_hours) makes them"
        )
    cohort: Cohort = estimator.cohort
    patient = X["patient"].to_numpy()
    whole = pd.api.types.is_integer_dtype(patient.dtype)
    if len(patient) and not (whole and patient.min() >= 0 and patient.max() < len(cohort)):
        raise UsageError(
            f"'patient' is a row number of cohort.patients, 0 to {len(cohort) - 1}; got "
            f"{patient.min()} to {patient.max()} ({patient.dtype})"
        )
    hours = X["hours"]
    if not pd.api.types.is_numeric_dtype(hours.dtype) or not np.isfinite(hours).all():
        raise UsageError("'hours' of the landmarks must be finite numbers of hours since infusion")
    _refuse_other_patients(cohort, X)
    return cohort


def refuse_other_cohort(cohort: object, name: str) -> None:
    """Refuse an object that is not a cohort.

    Parameters
    ----------
    cohort : object
    name : str
        Of the estimator or function, for the message.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> refuse_other_cohort(empty_cohort(["a"]), "landmarks")
    """
    if not isinstance(cohort, Cohort):
        given = "none" if cohort is None else type(cohort).__name__
        raise UsageError(f"{name} needs a cohort from cytocast.read_cohort(folder), got {given}")


def _refuse_other_patients(cohort: Cohort, X: pd.DataFrame) -> None:
    """Refuse landmarks that were made of another cohort."""
    if "patient_id" not in X:
        return
    own = cohort.patients["patient_id"].to_numpy()[X["patient"].to_numpy()]
    other = np.flatnonzero(own != X["patient_id"].to_numpy())
    if len(other):
        raise UsageError(
            f"the landmarks are of another cohort: 'patient_id' differs in {len(other)} of "
            f"{len(X)} rows; make them with cytocast.landmarks from this cohort"
        )
