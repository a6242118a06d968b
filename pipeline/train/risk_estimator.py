"""RiskEstimator: the risk of one outcome within one horizon as a scikit-learn classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from pipeline.arrays import Floats
from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, OutcomeConfig, Settings
from pipeline.errors import InputError, UsageError
from pipeline.features.build import build_features
from pipeline.features.landmarks import weighted
from pipeline.features.transformer import cohort_of, learn_features, settings_of
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.labelled_landmarks import labels, outcome_of, refuse_other_hours
from pipeline.model.outcomes import (
    build_targets,
    onset_hours,
    reported_thresholds,
    stacked_thresholds,
)
from pipeline.model.training_reference import clip_to_ranges, feature_ranges


class RiskEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Risk of an outcome within a horizon, as a scikit-learn classifier over landmarks.

    Fits the model of ``cytocast train`` for the scale of the outcome: all its thresholds and
    horizons together, calibrated out of fold. A fit learns limits, features and model from the
    patients of the given landmarks only (see :class:`cytocast.LabFeatures` for what reading sets).
    The labels are those charted in the cohort.

    Parameters
    ----------
    outcome : str
        Name of an outcome in the settings, for example ``"severe_crs"`` or ``"icans"``.
    horizon_hours : float
        Hours ahead, within the range of ``model.horizons_hours``.
    config : Config, mapping, path or None
        Settings that differ from those of the cohort, for example
        ``{"model": {"booster_rounds": 300}}``.
    cohort : Cohort
        From :func:`cytocast.read_cohort`. Clones of the estimator share it.
    jobs : int
        Fits at a time.

    Attributes
    ----------
    classes_ : ndarray of int, shape (2,)
        0 and 1.
    model_ : RiskModel
    spec_ : FeatureSpec
    limits_ : dict
        Detection limits by analyte, in its canonical unit.
    feature_names_in_ : ndarray of str
    n_features_in_ : int

    See Also
    --------
    cytocast.landmarks : Landmarks with labels and groups.
    cytocast.train : Fit every outcome, evaluate, and make a bundle.

    Examples
    --------
    Cross-validated by patient; a real analysis keeps the default settings:

    >>> import cytocast
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> cohort = cytocast.simulate(40, seed=1)
    >>> X, y, groups = cytocast.landmarks(cohort, "icans", horizon_hours=72)
    >>> quick = {"model": {"booster_rounds": 4, "inner_folds": 2, "horizons_hours": [72]}}
    >>> risk = RiskEstimator("icans", 72, quick, cohort=cohort)
    >>> scores = cross_val_score(
    ...     risk, X, y, groups=groups, cv=GroupKFold(2), scoring="neg_brier_score")
    >>> scores.shape
    (2,)
    """

    def __init__(
        self,
        outcome: str = "severe_crs",
        horizon_hours: float = 72.0,
        config: Settings = None,
        *,
        cohort: Cohort | None = None,
        jobs: int = 1,
    ) -> None:
        self.outcome = outcome
        self.horizon_hours = horizon_hours
        self.config = config
        self.cohort = cohort
        self.jobs = jobs

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Fit the model of the outcome's scale on the patients of these landmarks.

        Parameters
        ----------
        X : DataFrame
            ``patient`` (row number in ``cohort.patients``) and ``hours`` since infusion, for
            example from :func:`cytocast.landmarks`.
        y : array-like of int, shape (n_landmarks,), optional
            Compared with what the cohort charts, and not used otherwise.

        Returns
        -------
        RiskEstimator

        Raises
        ------
        UsageError
            If there is no cohort, ``X`` is not a table of landmarks, the outcome or horizon is not
            known, or ``y`` contradicts the cohort.
        InputError
            If the outcome cannot be learned from these patients.
        """
        cohort = cohort_of(self, X)
        config = settings_of(cohort, self.config)
        outcome = outcome_of(config, self.outcome)
        self._refuse_other_horizon(config)
        rows, position = np.unique(X["patient"].to_numpy(), return_inverse=True)
        learned = learn_features(cohort.take(rows), cohort, config)
        label = labels(cohort, X, outcome, self.horizon_hours, config)
        self._refuse_one_class(label)
        if y is not None:
            self._refuse_other_labels(label, y)
        moments = X.assign(patient=position)
        moments = moments if "source" in moments else moments.assign(source="asked")
        moments = weighted(moments[["patient", "hours", "source"]])
        reported = self._reported(learned.cohort, config, outcome)
        thresholds = stacked_thresholds(
            learned.cohort,
            outcome.scale,
            reported,
            chosen=config.model.thresholds.get(outcome.scale, ()),
        )
        targets = build_targets(
            learned.cohort, moments, outcome.scale, thresholds, config.cohort.ungraded
        )
        matrix = build_features(learned.cohort, moments, learned.spec, self.jobs)
        plan = FitPlan(outcome.scale, reported, learned.spec, config.model, config.seed, self.jobs)
        self.model_ = fit_risk_model(matrix, targets, plan)
        self.limits_, self.spec_ = learned.limits, learned.spec
        grid = bool((moments["source"] == "grid").all())
        self._ranges = feature_ranges(matrix, targets.patient) if grid else {}
        self._outcome = outcome
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Probability that the outcome is first charted within the horizon of each landmark.

        Parameters
        ----------
        X : DataFrame
            As in :meth:`fit`.

        Returns
        -------
        ndarray, shape (n_landmarks, 2)
            Probability of 0 and of 1.

        Raises
        ------
        UsageError
            If the outcome was charted before a landmark: there is no risk to estimate.
        """
        check_is_fitted(self)
        cohort = cohort_of(self, X)
        outcome = self._outcome
        onset = onset_hours(cohort, outcome.scale, outcome.threshold)[X["patient"].to_numpy()]
        present = onset < X["hours"].to_numpy()
        if present.any():
            raise UsageError(
                f"{self.outcome} was charted before {present.sum()} of {len(X)} landmarks, so it "
                "has no risk there; leave them out, as cytocast.landmarks does"
            )
        limited = cohort.with_labs(apply_limits(cohort.labs, self.limits_))
        matrix = build_features(limited, X, self.spec_, self.jobs)
        matrix = clip_to_ranges(matrix, self._ranges)
        risk = self.model_.risk(matrix, outcome.threshold, (float(self.horizon_hours),))
        return np.hstack([1.0 - risk, risk])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Whether the outcome is more likely than not within the horizon of each landmark.

        Parameters
        ----------
        X : DataFrame
            As in :meth:`fit`.

        Returns
        -------
        ndarray of int, shape (n_landmarks,)
        """
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(int)

    def _reported(self, cohort: Cohort, config: Config, outcome: OutcomeConfig) -> tuple[int, ...]:
        """Thresholds of the configured outcomes of the scale that some patient reaches."""
        rows = cohort.assessments
        highest = rows.loc[rows["scale"] == outcome.scale, "grade"].max()
        every = reported_thresholds(config.outcomes, outcome.scale)
        return tuple(each for each in every if each <= highest or each == outcome.threshold)

    def _refuse_other_horizon(self, config: Config) -> None:
        refuse_other_hours(self.horizon_hours)
        hours = [float(each) for each in config.model.horizons_hours]
        if not min(hours) <= self.horizon_hours <= max(hours):
            raise UsageError(
                f"horizon_hours is {self.horizon_hours:g}; the settings cover {min(hours):g} to "
                f"{max(hours):g}. Change model.horizons_hours to reach further"
            )

    def _refuse_other_labels(self, charted: Floats, y: Any) -> None:
        given = np.asarray(y, dtype=float)
        if given.shape != charted.shape:
            raise UsageError(f"y has shape {given.shape}, X has {len(charted)} landmarks")
        known = ~np.isnan(charted)
        wrong = int((given[known] != charted[known]).sum())
        if wrong:
            raise UsageError(
                f"y differs from the charted {self.outcome} within {self.horizon_hours:g} h at "
                f"{wrong} of {len(given)} landmarks. The labels are those of the cohort: leave y "
                "out, or take it from cytocast.landmarks with the same outcome and horizon"
            )

    def _refuse_one_class(self, label: Floats) -> None:
        events, others = int((label == 1).sum()), int((label == 0).sum())
        if not events or not others:
            raise InputError(
                f"{self.outcome} within {self.horizon_hours:g} h: {events} landmarks with and "
                f"{others} without the event; a fit needs both. Give more patients"
            )
