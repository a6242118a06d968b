"""Risk intervals: the booster's own sampling error is part of them."""

import numpy as np
import pytest

from pipeline.evaluate.outcomes import build_targets
from pipeline.features import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.model.bundle import Bundle, load_bundle, save_bundle
from pipeline.model.fitting import FitPlan, fit_risk_model
from pipeline.model.reference import TrainingReference
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
    from pipeline.model.stack import query

    asked = query(len(course[0].values), (72.0,), 3)
    drawn = booster.all_log_odds(course[0], asked, 5)
    np.testing.assert_array_equal(drawn[:, 0], booster.log_odds(course[0], asked))
    np.testing.assert_array_equal(drawn[:, [1, 2]], drawn[:, [3, 4]])
    assert np.abs(drawn[:, 1] - drawn[:, 2]).max() > 0


def test_a_bundle_keeps_the_refits(course, tmp_path):
    model = fitted(course, bootstrap_boosters=3)
    reference = TrainingReference(SPEC, {}, {}, {}, {}, False, {}, 50)
    save_bundle(Bundle(make_config(), reference, {"crs": model}, {}), tmp_path / "b")
    again = load_bundle(tmp_path / "b").models["crs"]
    for before, after in zip(
        model.interval(course[0], 3, (24.0, 72.0), 0.8),
        again.interval(course[0], 3, (24.0, 72.0), 0.8),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
