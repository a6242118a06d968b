"""Another cohort's model as a member: own columns, own limits, own abstention rule."""

import numpy as np
import pytest

from pipeline.config import PredictConfig
from pipeline.features.build import build_features
from pipeline.model.borrowed_prior import PREFIX, cohort_metas, reading_prior_columns, with_prior
from pipeline.model.risk_model import PRIOR_SILENT
from pipeline.model.training_reference import TrainingReference, feature_ranges
from tests.builders import at, course_cohort, make_spec

SPEC = make_spec(analytes=("crp", "ferritin"), scales=("crs",), drugs=())
LANDMARKS = at(*[(who, 24.0 * day) for who in range(12) for day in (1, 2, 3)])
RULE = PredictConfig(min_analytes=1)


@pytest.fixture(scope="module")
def cohort():
    return course_cohort(12, days=3)


def reference_of(matrix, limits=None):
    rates = {"severe_crs": {"24": [{"day": 9.0, "n": 40.0, "patients": 40.0, "rate": 0.1}]}}
    return TrainingReference(SPEC, {}, limits or {}, rates, feature_ranges(matrix), False, {}, 12)


def own_and_both(cohort, spec=SPEC, rule=RULE, limits=None):
    own = build_features(cohort, LANDMARKS, spec)
    prior = reference_of(build_features(cohort, LANDMARKS, SPEC), limits)
    columns = {"crp__last", "ferritin__last", "time__hours"}
    return own, with_prior(own, cohort, spec, prior, rule, columns)


def test_the_columns_of_the_prior_stand_beside_the_untouched_own_ones(cohort):
    own, both = own_and_both(cohort)
    np.testing.assert_array_equal(both.values[:, : len(own.names)], own.values)
    added = both.names[len(own.names) :]
    assert added == [f"{PREFIX}crp__last", f"{PREFIX}ferritin__last"]
    for name in added:
        np.testing.assert_array_equal(both.column(name), own.column(name.removeprefix(PREFIX)))
    assert cohort_metas(both.metas) == own.metas


def test_an_analyte_that_the_cohort_leaves_out_is_unknown_to_the_prior(cohort):
    _, both = own_and_both(cohort, make_spec(analytes=("crp",), scales=("crs",), drugs=()))
    assert np.isnan(both.column(f"{PREFIX}ferritin__last")).all()
    assert np.isfinite(both.column(f"{PREFIX}crp__last")).any()


def test_the_prior_reads_through_its_own_silent_limits(cohort):
    highest = 2.0 ** np.nanmax(own_and_both(cohort)[0].column("crp__last"))
    own, both = own_and_both(cohort, limits={"crp": {"upper": highest / 2}})
    np.testing.assert_array_equal(both.column("crp__last"), own.column("crp__last"))
    assert np.nanmax(both.column(f"{PREFIX}crp__last")) < np.nanmax(own.column("crp__last"))


def test_where_the_rule_of_the_prior_gives_no_estimate_it_is_silent(cohort):
    def silent(rule):
        return (own_and_both(cohort, rule=rule)[1].landmarks[PRIOR_SILENT] != "").to_numpy()

    own = own_and_both(cohort)[0]
    unmeasured = np.isnan(own.column("crp__last")) & np.isnan(own.column("ferritin__last"))
    assert (silent(RULE) >= unmeasured).all()
    assert not silent(RULE).all()
    assert silent(PredictConfig(min_analytes=3)).all()


def test_a_renamed_model_gives_the_same_risk_from_the_columns_of_the_prior(fitted):
    matrix = fitted.matrix
    prior = TrainingReference(fitted.plan.spec, {}, {}, {}, feature_ranges(matrix), False, {}, 60)
    both = with_prior(
        matrix, fitted.cohort, fitted.plan.spec, prior, RULE, set(fitted.model.columns)
    )
    # sums of a wider matrix may differ in the last bit
    np.testing.assert_allclose(
        reading_prior_columns(fitted.model).risk(both, 3, (24.0, 72.0)),
        fitted.model.risk(matrix, 3, (24.0, 72.0)),
        rtol=1e-14,
    )
