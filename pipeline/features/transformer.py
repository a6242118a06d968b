"""LabFeatures: the features as a scikit-learn transformer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pipeline.arrays import Floats
from pipeline.cohort.detection_limits import apply_limits, infer_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, load_config
from pipeline.errors import UsageError
from pipeline.features.build import build_features, feature_metas
from pipeline.features.spec import learn_spec


class LabFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of landmarks, for a scikit-learn ``Pipeline``.

    The samples are landmarks, a table with ``patient`` (row number in the cohort) and ``hours``.
    The cohort is a parameter, as the auxiliary table of a joiner is. Fitting learns from the
    patients of the landmarks it is given, and from no others: which analytes, drugs and levels
    exist, and silent detection limits. Split by patient, for example with ``GroupKFold`` and
    ``groups=cohort.persons()[X["patient"]]``, which keeps the infusions of a patient together.

    Parameters
    ----------
    cohort : Cohort
    config : Config or None
        None: the defaults.
    jobs : int
        Threads.

    Attributes
    ----------
    spec_ : FeatureSpec
    limits_ : dict
        Analyte to silent limits.
    feature_names_in_ : ndarray of str
    n_features_in_ : int

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [24.0]})
    >>> LabFeatures(empty_cohort(["a"])).fit(landmarks).get_feature_names_out().tolist()
    ['time__hours']
    """

    def __init__(
        self, cohort: Cohort | None = None, config: Config | None = None, jobs: int = 1
    ) -> None:
        self.cohort = cohort
        self.config = config
        self.jobs = jobs

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn the columns and the silent limits from the patients of these landmarks.

        Raises
        ------
        UsageError
            If there is no cohort, or ``X`` is no table of landmarks.
        """
        cohort = self._cohort(X)
        config = self.config if self.config is not None else load_config()
        own = cohort.take(np.unique(X["patient"].to_numpy()))
        self.limits_ = infer_limits(own.labs)
        self.spec_ = learn_spec(own.with_labs(apply_limits(own.labs, self.limits_)), config, {})
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Features of each landmark, shape (n_landmarks, n_features)."""
        check_is_fitted(self)
        cohort = self._cohort(X)
        cohort = cohort.with_labs(apply_limits(cohort.labs, self.limits_))
        return build_features(cohort, X, self.spec_, self.jobs).values

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names by the grammar of :mod:`pipeline.features.names`."""
        check_is_fitted(self)
        return np.asarray([meta.name for meta in feature_metas(self.spec_)], dtype=object)

    def _cohort(self, X: pd.DataFrame) -> Cohort:
        if self.cohort is None:
            raise UsageError("LabFeatures needs a cohort: LabFeatures(read_cohort(...).cohort)")
        if not isinstance(X, pd.DataFrame) or not {"patient", "hours"} <= set(X.columns):
            raise UsageError(
                "LabFeatures needs landmarks, a DataFrame with 'patient' and 'hours', got "
                f"{type(X).__name__}"
            )
        return self.cohort
