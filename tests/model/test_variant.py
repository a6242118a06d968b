"""Variants: refits and disagreement between members, and the interval that follows from them."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.model.fit_plan import FitPlan
from pipeline.model.fitting import fit_risk_model
from pipeline.model.outcomes import build_targets
from pipeline.model.stacked_rows import query
from tests.builders import course_cohort, make_config, make_spec

SPEC = make_spec(analytes=("crp", "ferritin"), scales=("crs",), drugs=())


@pytest.fixture(scope="module")
def course():
    cohort = course_cohort(n_patients=50)
    config = make_config()
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", (2, 3))
    return build_features(cohort, landmarks, SPEC), targets


def fitted(course, **settings):
    config = make_config(**settings)
    plan = FitPlan("crs", (3,), SPEC, config.model, 0, 1)
    return fit_risk_model(*course, plan, bootstrap=config.model.bootstrap_members)


def width(model, matrix) -> float:
    low, high = model.interval(matrix, 3, (72.0,), 0.8)
    return float((high - low).mean())


def test_refits_of_the_booster_widen_the_interval(course):
    held = fitted(course, bootstrap_boosters=0)
    redrawn = fitted(course, bootstrap_boosters=6)
    np.testing.assert_array_equal(
        held.risk(course[0], 3, (72.0,)), redrawn.risk(course[0], 3, (72.0,))
    )
    assert width(redrawn, course[0]) > width(held, course[0])


def test_refits_take_turns_over_the_draws(course):
    booster = fitted(course, bootstrap_boosters=2).no_state.boosters[0]
    asked = query(len(course[0].values), (72.0,), 3)
    drawn = booster.all_log_odds(course[0], asked, 5)
    np.testing.assert_array_equal(drawn[:, 0], booster.log_odds(course[0], asked))
    np.testing.assert_array_equal(drawn[:, [1, 2]], drawn[:, [3, 4]])
    assert np.abs(drawn[:, 1] - drawn[:, 2]).max() > 0


def test_the_spread_is_that_of_one_more_member(course):
    variant = fitted(course, bootstrap_boosters=2).state
    asked = query(len(course[0].values), (72.0,), 3)
    centre, variance = variant.variance(course[0], asked)
    members = [*variant.linear, *variant.boosters]
    for row in (0, 7, 40):
        one = course[0].take(np.array([row]))
        mine = query(1, (72.0,), 3)
        fits, within = [], []
        for member in members:
            drawn = (
                member.all_log_odds(one, mine, variant.n_draws)
                if member in variant.boosters
                else member.all_log_odds(one, mine)
            )[0]
            refits = [
                item.log_odds(np.array([value]), mine)[0]
                for item, value in zip(variant.redrawn, drawn[1:], strict=True)
            ]
            fits.append(variant.calibration.log_odds(drawn[:1], mine)[0])
            within.append(np.var(refits, ddof=1))
        assert centre[row] == pytest.approx(variant.log_odds(one, mine)[0])
        # variance of the mean of m models plus that of another one, both from their own spread
        mean_fit = np.average(fits, weights=variant.shares)
        apart = np.average((np.array(fits) - mean_fit) ** 2, weights=variant.shares)
        another = apart * len(fits) / (len(fits) - 1) * (1 + 1 / len(fits))
        mean = np.average(within, weights=variant.shares)
        assert variance[row] == pytest.approx(mean + another)


def test_the_error_pools_the_variance_and_adds_that_of_shrinkage(course):
    model = fitted(course, bootstrap_boosters=2)
    variant, n = model.state, len(course[0].values)
    known = model.state_known(course[0])
    asked = query(n, (72.0,), 3).of(known)
    own = variant.variance(course[0], asked)[1]
    error = variant.spread(course[0], asked)[1]
    place = variant.calibration.thresholds.index(3), variant.calibration.knots.index(72.0)
    pooled = (own + variant.mean_variance[place]) / 2
    patients = len(np.unique(course[1].patient))
    np.testing.assert_allclose(error**2, 0.4 * pooled + 5 / np.sqrt(patients))
    format_5 = replace(variant, shrinkage_variance=None)  # a bundle from before this term
    np.testing.assert_allclose(format_5.spread(course[0], asked)[1] ** 2, pooled)
    labelled = ~np.isnan(course[1].label(3, 72.0))[asked.landmark]
    assert variant.mean_variance[place] == pytest.approx(own[labelled].mean())
    earlier = replace(format_5, mean_variance=None)  # a bundle of an earlier version
    np.testing.assert_allclose(earlier.spread(course[0], asked)[1] ** 2, own)


def test_a_single_member_has_its_refits_only_and_without_refits_no_width(course):
    alone = fitted(course, members=("labs",), bootstrap_boosters=0).no_state
    asked = query(len(course[0].values), (72.0,), 3)
    assert len(alone.linear) == 1
    assert alone.spread(course[0], asked)[1].min() > 0
    held = fitted(course, members=("labs",), bootstrap_members=0).no_state
    np.testing.assert_array_equal(held.spread(course[0], asked)[1], 0.0)


def test_members_that_disagree_widen_the_interval(course):
    model = fitted(course)
    same = replace(model.no_state, linear=(), boosters=model.no_state.boosters * 2)
    asked = query(len(course[0].values), (72.0,), 3)
    alone = replace(same, boosters=model.no_state.boosters)
    np.testing.assert_allclose(same.spread(course[0], asked)[1], alone.spread(course[0], asked)[1])
    assert (
        model.no_state.spread(course[0], asked)[1].mean() > alone.spread(course[0], asked)[1].mean()
    )


def test_the_ends_keep_the_order_of_horizons_and_thresholds_whatever_is_asked(course):
    model = fitted(course)
    random = np.random.default_rng(3)
    values = random.normal(size=(300, course[0].values.shape[1])) * 30
    grade = course[0].names.index("state_crs__grade")
    values[:, grade] = random.choice([0.0, 1.0, np.nan], 300)
    values[:, course[0].names.index("time__hours")] = random.uniform(0, 700, 300)
    chosen = course[0].take(np.zeros(300, dtype=np.intp))
    wild = type(chosen)(values, chosen.metas, chosen.landmarks)
    horizons = (24.0, 48.0, 60.0, 72.0, 168.0)
    ends = {threshold: model.interval(wild, threshold, horizons, 0.8) for threshold in (2, 3)}
    risk = {threshold: model.risk(wild, threshold, horizons) for threshold in (2, 3)}
    for threshold, (low, high) in ends.items():
        assert (np.diff(low, axis=1) >= 0).all()
        assert (np.diff(high, axis=1) >= 0).all()
        assert (low <= risk[threshold] + 1e-9).all()
        assert (high >= risk[threshold] - 1e-9).all()
    for end in (0, 1):
        assert (ends[3][end] <= ends[2][end]).all()
    fitted_ones = model.interval(wild, 3, model.horizons, 0.8)
    for place, horizon in enumerate(model.horizons):
        alone = model.interval(wild, 3, (horizon,), 0.8)
        for end in (0, 1):
            np.testing.assert_array_equal(alone[end][:, 0], fitted_ones[end][:, place])


def test_a_threshold_already_charted_does_not_widen_the_next(course):
    model = fitted(course)
    grade = course[0].names.index("state_crs__grade")
    values = course[0].values.copy()
    values[:, grade] = 2.0
    at_two = type(course[0])(values, course[0].metas, course[0].landmarks)
    centre, error = model.state.spread(at_two, query(len(values), (168.0,), 3))
    low = model.interval(at_two, 3, (168.0,), 0.8)[0][:, 0]
    expected = 1 / (1 + np.exp(-(centre - 1.2815515655446004 * error)))
    np.testing.assert_allclose(low, expected)
