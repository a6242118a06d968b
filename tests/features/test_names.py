"""Feature names follow one grammar and every feature says what it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.config import CohortConfig, Config, FeatureConfig
from pipeline.errors import UsageError
from pipeline.features.build import build_features, feature_metas
from pipeline.features.names import feature_name, parse_name
from pipeline.features.spec import learn_spec, spec_from_dict
from pipeline.features.statistics import PLAIN, WINDOWED
from pipeline.resources import schema_yaml
from tests.builders import at, lab, make_cohort, make_config, make_spec

subjects = st.sampled_from(sorted(dictionary())) | st.from_regex(
    r"\A[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,4}){0,2}\Z"
)


@given(
    subject=subjects,
    statistic=st.sampled_from(WINDOWED),
    window=st.sampled_from([0.5, 1, 36, 72, 2160]),
)
def test_windowed_names_come_back(subject, statistic, window):
    name = feature_name(subject, statistic, window)
    assert parse_name(name) == (subject, statistic, float(window))


@given(
    subject=subjects, statistic=st.sampled_from([*PLAIN, "grade", "n_ge1", "age_years", "car_28h"])
)
def test_plain_names_come_back(subject, statistic):
    assert parse_name(feature_name(subject, statistic)) == (subject, statistic, None)


@pytest.mark.parametrize("name", ["crp", "crp_last", "CRP__last", "__last", "crp__", "1crp__last"])
def test_names_outside_the_grammar_are_refused(name):
    with pytest.raises(ValueError, match="is not <subject>__<statistic>"):
        parse_name(name)


def test_every_built_feature_has_metadata_with_a_reviewed_pathway():
    rows = [lab(0, key, 1.0, 10.0) for key in sorted(dictionary())]
    drugs = [(0, drug, 5.0) for drug in schema_yaml("drugs.yaml")["drugs"]]
    graded = [(0, "crs", 1, 12.0), (0, "icans", 0, 12.0)]
    host = {
        "age_years": [50.0],
        "sex": ["F"],
        "product": ["2nd gen. (CD28)"],
        "HCT-CI": [3.0],
        "Centre": ["North"],
    }
    cohort = make_cohort(1, rows, graded, drugs, patients=host)
    settings = Config(
        outcomes=make_config().outcomes,
        cohort=CohortConfig(host_columns=("age_years", "sex", "HCT-CI", "Centre", "product")),
        features=FeatureConfig(windows_hours=(0.5, 24, 72)),
    )
    spec = learn_spec(cohort, settings, {})
    matrix = build_features(cohort, at((0, 24.0)), spec)
    assert matrix.metas == feature_metas(spec)
    assert len(set(matrix.names)) == len(matrix.names) == matrix.values.shape[1]
    pathways = schema_yaml("pathways.yaml")["pathways"]
    for meta in matrix.metas:
        assert parse_name(meta.name) == (meta.subject, meta.statistic, meta.window_hours)
        assert meta.pathway in pathways
        assert meta.words
        assert meta.player
    assert matrix.column("host__hct_ci")[0] == 3.0
    assert matrix.column("product__2nd_gen_cd28")[0] == 1.0
    assert matrix.column("host_centre__north")[0] == 1.0


def test_a_spec_survives_json_form():
    spec = make_spec(host=(("age_years", "number"), ("product", "category", ("axi_cel",))))
    assert spec_from_dict(spec.to_dict()) == spec


def test_unseen_category_is_zero_everywhere_and_missing_is_unknown():
    spec = make_spec(host=(("product", "category", ("axi_cel", "liso_cel")), ("sex", "sex")))
    people = {"product": ["Axi-cel", "other", ""], "sex": ["male", "f", ""]}
    cohort = make_cohort(3, patients=people)
    matrix = build_features(cohort, at((0, 24.0), (1, 24.0), (2, 24.0)), spec)
    np.testing.assert_equal(matrix.column("product__axi_cel"), [1.0, 0.0, np.nan])
    np.testing.assert_equal(matrix.column("product__liso_cel"), [0.0, 0.0, np.nan])
    np.testing.assert_equal(matrix.column("host__sex_male"), [1.0, 0.0, np.nan])


def test_the_spec_takes_what_was_measured_and_refuses_what_does_not_exist():
    cohort = make_cohort(1, [lab(0, "crp", 1.0, 1.0), lab(0, "il6", 1.0, 1.0, status="cancelled")])
    assert [analyte.key for analyte in learn_spec(cohort, make_config(), {}).analytes] == ["crp"]
    wanted = make_config().model_copy(update={"features": FeatureConfig(analytes=("nosuch",))})
    with pytest.raises(UsageError, match="nosuch"):
        learn_spec(cohort, wanted, {})
