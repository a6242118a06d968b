"""Host columns: numbers, sex and categories; what is blank is unknown."""

import numpy as np

from pipeline.features.build import build_features
from pipeline.features.host import host_features, host_meta, products_of
from tests.builders import at, make_cohort, make_spec


def test_unseen_category_is_zero_everywhere_and_missing_is_unknown():
    spec = make_spec(host=(("product", "category", ("axi_cel", "liso_cel")), ("sex", "sex")))
    people = {"product": ["Axi-cel", "other", ""], "sex": ["male", "f", ""]}
    cohort = make_cohort(3, patients=people)
    matrix = build_features(cohort, at((0, 24.0), (1, 24.0), (2, 24.0)), spec)
    np.testing.assert_equal(matrix.column("product__axi_cel"), [1.0, 0.0, np.nan])
    np.testing.assert_equal(matrix.column("product__liso_cel"), [0.0, 0.0, np.nan])
    np.testing.assert_equal(matrix.column("host__sex_male"), [1.0, 0.0, np.nan])


def test_numbers_are_taken_as_they_are_and_text_is_unknown():
    spec = make_spec(
        host=(("age_years", "number"), ("nowhere", "number"), ("arm", "category", ("a",)))
    )
    people = {"age_years": ["61", "", "old"]}
    cohort = make_cohort(3, patients=people)
    values = host_features(cohort.patients, at((0, 24.0), (1, 48.0), (2, 24.0)), spec)
    names = [meta.name for meta in host_meta(spec)]
    assert names == ["time__hours", "host__age_years", "host__nowhere", "host_arm__a"]
    np.testing.assert_equal(values[:, 0], [24.0, 48.0, 24.0])
    np.testing.assert_equal(values[:, 1], [61.0, np.nan, np.nan])
    assert np.isnan(values[:, 2:]).all()


def test_the_product_of_each_landmark_or_none_where_the_cohort_names_none():
    cohort = make_cohort(2, patients={"product": ["Axi-Cel", ""]})
    products = products_of(cohort, np.array([1, 0, 0]))
    assert products.isna().tolist() == [True, False, False]
    assert products[1] == products[2] == "axi_cel"
    assert products_of(make_cohort(2), np.array([0])) is None
