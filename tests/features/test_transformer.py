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
from sklearn.utils import estimator_checks

from pipeline.errors import UsageError
from pipeline.features import build_features
from pipeline.features.transformer import LabFeatures
from tests.builders import at, course_cohort, lab, make_cohort

# The other checks call fit on arrays of random numbers, which are no landmarks of a cohort.
APPLICABLE = (
    "check_parameters_default_constructible",
    "check_no_attributes_set_in_init",
    "check_get_params_invariance",
    "check_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_mixin_order",
)


@pytest.mark.parametrize("check", APPLICABLE)
def test_applicable_estimator_check(check):
    getattr(estimator_checks, check)("LabFeatures", LabFeatures())


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
