"""Tuning uses training patients only, is independent of jobs, and never raises the loss."""

import numpy as np
import pytest

from pipeline.config_model import ModelConfig
from pipeline.model.bundle import load_bundle
from pipeline.model.fitting import fit_risk_model
from pipeline.model.tuning import log_loss, tune
from tests.builders import course_cohort
from tests.model.conftest import fit
from tests.model.test_custom_member import stored

SPACE = {
    "ridge_labs": {"low": 30, "high": 3000, "log": True},
    "booster_rounds": {"low": 5, "high": 30},
}
TUNE = {"trials": 4, "folds": 2, "space": SPACE}


@pytest.fixture(scope="module")
def tuned():
    return fit(course_cohort(40), tune=TUNE, bootstrap=2)


def test_chosen_settings_lie_in_the_space_and_are_used_and_recorded(tuned, tmp_path):
    chosen = tuned.model.tuned
    assert set(chosen) == set(SPACE)
    assert 30 <= chosen["ridge_labs"] <= 3000
    assert isinstance(chosen["booster_rounds"], int)
    labs = next(item for item in tuned.model.no_state.linear if item.name == "labs")
    assert labs.design.ridge[-1] == chosen["ridge_labs"]
    booster = tuned.model.no_state.boosters[0].booster
    assert booster.num_boosted_rounds() == chosen["booster_rounds"]
    digest = stored(tuned.model, tmp_path / "a")
    assert load_bundle(tmp_path / "a").models["crs"].tuned == chosen
    again = fit(course_cohort(40), tune=TUNE, bootstrap=2)
    assert stored(again.model, tmp_path / "b") == digest


def test_neither_jobs_nor_other_patients_change_what_is_chosen(tuned):
    from dataclasses import replace

    rows = np.flatnonzero(tuned.targets.patient < 30)
    train, known = tuned.matrix.take(rows), tuned.targets.take(rows)
    one = fit_risk_model(train, known, tuned.plan)
    two = fit_risk_model(train, known, replace(tuned.plan, jobs=2))
    assert one.tuned == two.tuned
    np.testing.assert_array_equal(one.risk(train, 3, (72.0,)), two.risk(train, 3, (72.0,)))


def test_the_configured_values_are_tried_first_and_never_beaten_by_worse():
    config = ModelConfig.model_validate({"tune": TUNE, "ridge_labs": 77.0})
    seen = []

    def loss(settings):
        seen.append((settings.ridge_labs, settings.tune.trials))
        return 0.0 if settings.ridge_labs == 77.0 else 1.0

    assert tune(loss, config, seed=3)["ridge_labs"] == 77.0
    assert seen[0] == (77.0, 0)
    assert len(seen) == 4


def test_log_loss_is_that_of_scikit_learn():
    from sklearn.metrics import log_loss as theirs

    random = np.random.default_rng(0)
    label = (random.random(50) < 0.4).astype(float)
    risk, weight = random.random(50), random.random(50)
    assert log_loss(label, risk, weight) == pytest.approx(theirs(label, risk, sample_weight=weight))


def test_too_few_events_leave_the_configured_values(tuned):
    event = (tuned.targets.status == 1).any(axis=1)
    calm = ~np.isin(tuned.targets.patient, tuned.targets.patient[event])
    rows = np.flatnonzero(calm)
    quiet = fit_risk_model(tuned.matrix.take(rows), tuned.targets.take(rows), tuned.plan)
    assert quiet.tuned == {}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"space": {"seed": {"low": 1, "high": 2}}}, "seed cannot be tuned"),
        ({"space": {"ridge_labs": {"low": 9, "high": 2}}}, "low below high"),
        ({"trials": 2, "space": {"booster_depth": {"low": 2, "high": 40}}}, "booster_depth"),
        ({"space": {}}, "at least 1 item"),
        ({"trials": -1}, "greater than or equal to 0"),
    ],
)
def test_a_space_that_cannot_be(settings, reason):
    with pytest.raises(ValueError, match=reason):
        ModelConfig.model_validate({"tune": settings})
