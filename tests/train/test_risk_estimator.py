"""RiskEstimator: the model of a training as a scikit-learn classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline.config import as_config
from pipeline.errors import InputError, UsageError
from pipeline.features.landmarks import training_landmarks
from pipeline.model.bundle import load_bundle, read_features
from pipeline.model.labelled_landmarks import landmarks
from pipeline.reading.exported_cohort import read_export
from pipeline.train.risk_estimator import RiskEstimator
from tests.features.test_transformer import NOT_APPLICABLE

QUICK = {
    "cohort": {"name": "mini", "synthetic": True, "host_columns": ["age_years", "sex"]},
    "model": {"booster_rounds": 4, "inner_folds": 2, "horizons_hours": [24, 72]},
    "features": {"windows_hours": [72]},
}
# those of a classifier, which also calls fit with numbers that are no landmarks of a cohort
CLASSIFIER = dict.fromkeys(
    (
        "check_classifier_data_not_an_array",
        "check_classifiers_one_label",
        "check_classifiers_classes",
        "check_classifiers_train",
        "check_classifiers_regression_target",
        "check_supervised_y_no_nan",
        "check_supervised_y_2d",
        "check_requires_y_none",
        "check_classifier_multioutput",
    ),
    "calls fit with numbers that are no landmarks of a cohort",
)


@parametrize_with_checks(
    [RiskEstimator()], expected_failed_checks=lambda _: NOT_APPLICABLE | CLASSIFIER
)
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def cohort(mini):
    return read_export(mini.cohort, as_config(QUICK))


@pytest.fixture(scope="module")
def samples(cohort):
    return landmarks(cohort, "icans", horizon_hours=72)


@pytest.fixture(scope="module")
def fitted(cohort, samples):
    return RiskEstimator("icans", 72, cohort=cohort).fit(samples.X, samples.y)


def test_the_risk_is_that_of_a_trained_bundle(mini):
    bundle = load_bundle(mini.bundle)
    cohort = read_export(mini.cohort, bundle.config)
    for name in ("severe_crs", "icans"):
        outcome = bundle.config.outcomes[name]
        X = training_landmarks(cohort, bundle.config.landmarks, outcome.scale)
        estimator = RiskEstimator(name, 48, cohort=cohort).fit(X)
        at_risk = landmarks(cohort, name, horizon_hours=48).X
        _, matrix = read_features(cohort, at_risk, bundle)
        expected = bundle.models[outcome.scale].risk(matrix, outcome.threshold, (48.0,))
        np.testing.assert_allclose(estimator.predict_proba(at_risk)[:, 1:], expected, atol=1e-12)


def test_probabilities_are_of_two_classes_and_sum_to_one(fitted, samples):
    probability = fitted.predict_proba(samples.X)
    assert fitted.classes_.tolist() == [0, 1]
    assert probability.shape == (len(samples.X), 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert ((probability > 0) & (probability < 1)).all()
    np.testing.assert_array_equal(fitted.predict(samples.X), probability[:, 1] >= 0.5)
    assert roc_auc_score(samples.y, probability[:, 1]) > 0.6


def test_longer_horizons_never_have_a_lower_risk(cohort, samples):
    short, long = (
        RiskEstimator("icans", hours, cohort=cohort).fit(samples.X).predict_proba(samples.X)
        for hours in (24, 72)
    )
    assert (long[:, 1] >= short[:, 1] - 1e-12).all()


def test_clones_share_the_cohort_and_nothing_that_was_learned(fitted, cohort):
    again = clone(fitted)
    assert again.cohort is cohort
    assert again.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        again.predict_proba(pd.DataFrame({"patient": [0], "hours": [24.0]}))


@pytest.mark.slow
def test_folds_of_patients_in_cross_validation(cohort, samples):
    X, y, groups = samples
    estimator = make_pipeline(RiskEstimator("icans", 72, cohort=cohort))
    folds = GroupKFold(3)
    scores = cross_val_score(estimator, X, y, groups=groups, cv=folds, scoring="roc_auc")
    assert np.isfinite(scores).all()
    held_out = cross_val_predict(estimator, X, y, groups=groups, cv=folds, method="predict_proba")
    train, test = next(folds.split(X, y, groups))
    alone = cohort.take(np.unique(X["patient"].iloc[train]))
    numbers = {old: new for new, old in enumerate(np.unique(X["patient"].iloc[train]))}
    part = X.iloc[train].assign(patient=X["patient"].iloc[train].map(numbers))
    learned = RiskEstimator("icans", 72, as_config(QUICK), cohort=alone).fit(part)
    learned.cohort = cohort
    np.testing.assert_array_equal(learned.predict_proba(X.iloc[test]), held_out[test])


def test_a_future_result_changes_no_risk(fitted, cohort, samples):
    late = cohort.labs["resulted_hours"] >= 72
    changed = cohort.with_labs(cohort.labs.assign(value=cohort.labs["value"].where(~late, 9e3)))
    X = samples.X.query("hours <= 72")
    before = fitted.predict_proba(X)
    again = clone(fitted)
    again.__dict__.update({**vars(fitted), "cohort": changed})
    np.testing.assert_array_equal(again.predict_proba(X), before)


def test_labels_that_are_not_the_cohorts_are_refused(cohort, samples):
    estimator = RiskEstimator("icans", 72, cohort=cohort)
    with pytest.raises(UsageError, match="y differs"):
        estimator.fit(samples.X, 1 - samples.y)
    with pytest.raises(UsageError, match="shape"):
        estimator.fit(samples.X, samples.y[:-1])


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"outcome": "crs"}, "severe_crs"),
        ({"horizon_hours": 500}, "horizons_hours"),
        ({"config": {"colour": 1}}, "colour"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(cohort, samples, parameters, text):
    estimator = RiskEstimator("icans", 72, cohort=cohort).set_params(**parameters)
    with pytest.raises(UsageError, match=text):
        estimator.fit(samples.X)


def test_landmarks_that_cannot_be_used_are_named(fitted, cohort, samples):
    with pytest.raises(UsageError, match="needs a cohort"):
        RiskEstimator().fit(samples.X)
    with pytest.raises(UsageError, match="row number"):
        fitted.predict_proba(pd.DataFrame({"patient": [len(cohort)], "hours": [24.0]}))
    onset = cohort.assessments.query("scale == 'icans' and grade >= 1").iloc[0]
    after = {"patient": [onset["patient"]], "hours": [onset["assessed_hours"] + 1]}
    with pytest.raises(UsageError, match="charted before"):
        fitted.predict_proba(pd.DataFrame(after))
    calm = samples.X[~samples.X["patient"].isin(samples.X["patient"][samples.y == 1])]
    with pytest.raises(InputError, match="needs both"):
        RiskEstimator("icans", 72, cohort=cohort).fit(calm)
