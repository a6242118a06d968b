"""LabFeatures behaves as scikit-learn expects of a transformer."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipeline.errors import UsageError
from pipeline.features.build import build_features
from pipeline.features.transformer import LabFeatures
from tests.builders import at, course_cohort, lab, make_cohort

NO_LANDMARKS = "calls fit with numbers that are no landmarks of a cohort"
# Checks of scikit-learn that cannot hold, and why; all others are run. What those against random
# numbers are after is tested with landmarks below.
NOT_APPLICABLE = dict.fromkeys(
    (
        "check_fit_score_takes_y",
        "check_estimators_overwrite_params",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_readonly_memmap_input",
        "check_n_features_in_after_fitting",
        "check_positive_only_tag_during_fit",
        "check_estimators_dtypes",
        "check_complex_data",
        "check_dtype_object",
        "check_pipeline_consistency",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit2d_1sample",
        "check_fit2d_1feature",
        "check_dict_unchanged",
        "check_fit_idempotent",
        "check_fit_check_is_fitted",
        "check_n_features_in",
        "check_fit1d",
        "check_fit2d_predict1d",
    ),
    NO_LANDMARKS,
)
NOT_APPLICABLE |= {
    "check_estimators_empty_data_messages": "wants an error about an empty array, not a table",
    "check_estimators_nan_inf": "wants an error about NaN in an array",
    "check_estimator_sparse_tag": "landmarks are never sparse",
    "check_estimator_sparse_array": "landmarks are never sparse",
    "check_estimator_sparse_matrix": "landmarks are never sparse",
}


@parametrize_with_checks(
    [LabFeatures()], expected_failed_checks=lambda _: NOT_APPLICABLE, xfail_strict=True
)
def test_estimator_check(estimator, check):
    check(estimator)


@pytest.fixture
def fitted():
    cohort = course_cohort(8, seed=4)
    landmarks = at(*[(patient, 24.0 * day) for patient in range(8) for day in (1, 3, 5)])
    return LabFeatures(cohort).fit(landmarks), landmarks


def test_fit_changes_neither_parameters_nor_input_and_repeats_itself(fitted):
    features, landmarks = fitted
    before, given = features.get_params(), landmarks.copy()
    values = features.transform(landmarks)
    state = dict(vars(features))
    again = features.fit(landmarks, y=np.zeros(len(landmarks)))
    assert again is features
    assert features.get_params() == before
    pd.testing.assert_frame_equal(landmarks, given)
    np.testing.assert_array_equal(features.transform(landmarks), values)
    features.transform(landmarks)
    assert set(vars(features)) == set(state)
    assert features.n_features_in_ == landmarks.shape[1]


def test_a_row_depends_neither_on_the_others_nor_on_their_order(fitted):
    features, landmarks = fitted
    values = features.transform(landmarks)
    for row in (0, 10, 23):
        np.testing.assert_array_equal(features.transform(landmarks.iloc[[row]]), values[[row]])
    order = np.random.default_rng(0).permutation(len(landmarks))
    np.testing.assert_array_equal(features.transform(landmarks.iloc[order]), values[order])


def test_in_a_pipeline_with_folds_of_patients():
    cohort = course_cohort(30, seed=1)
    landmarks = at(*[(patient, 24.0 * day) for patient in range(30) for day in (2, 4, 6)])
    y = np.random.default_rng(0).integers(0, 2, len(landmarks))
    model = make_pipeline(
        LabFeatures(cohort),
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(),
    )
    scores = cross_val_score(
        clone(model), landmarks, y, groups=landmarks["patient"], cv=GroupKFold(3)
    )
    assert np.isfinite(scores).all()


def test_the_same_values_as_build_features_and_names_on_request():
    cohort = course_cohort(6, seed=2)
    landmarks = at(*[(patient, 72.0) for patient in range(6)])
    features = LabFeatures(cohort, jobs=2).set_output(transform="pandas")
    frame = features.fit_transform(landmarks)
    assert isinstance(frame, pd.DataFrame)
    expected = build_features(cohort, landmarks, features.spec_)
    assert list(frame.columns) == expected.names == features.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), expected.values)


def test_fit_learns_from_its_own_patients_only():
    cohort = make_cohort(2, [lab(0, "crp", 1.0, 5.0), lab(1, "ferritin", 9.0, 5.0)])
    features = LabFeatures(cohort).fit(at((0, 24.0)))
    assert [analyte.key for analyte in features.spec_.analytes] == ["crp"]
    assert features.transform(at((1, 24.0)))[0][0] != features.transform(at((0, 24.0)))[0][0]


def test_misuse_is_named():
    with pytest.raises(UsageError, match="needs a cohort"):
        LabFeatures().fit(at((0, 24.0)))
    with pytest.raises(UsageError, match="'patient' and 'hours'"):
        LabFeatures(course_cohort(2)).fit(np.zeros((3, 2)))
    with pytest.raises(NotFittedError):
        LabFeatures(course_cohort(2)).transform(at((0, 24.0)))
