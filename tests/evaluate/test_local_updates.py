"""Cross-fitted updates: no patient is scored by an update that was fitted on the same patient."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from pipeline.cohort.tables import Cohort
from pipeline.config import Config, OutcomeConfig
from pipeline.config_evaluation import EvaluationConfig
from pipeline.evaluate import local_updates
from pipeline.evaluate.local_updates import (
    LocalScale,
    cross_fitted,
    fit_updates,
    local_log_odds,
    with_updates,
)
from pipeline.evaluate.scoring_protocol import shared_folds
from pipeline.model.bundle import Bundle, empty_bundle
from pipeline.model.model_updating import FormChoice, LocalUpdate, fit_form
from tests.builders import course_cohort
from tests.model.conftest import Fitted, fit


@dataclass(frozen=True)
class Steps:
    config: Config
    cohort: Cohort
    bundle: Bundle


@pytest.fixture(scope="module")
def small() -> Fitted:
    return fit(course_cohort(60, days=6, seed=2), bootstrap=3, booster_rounds=5, inner_folds=2)


@pytest.fixture(scope="module")
def steps(small) -> Steps:
    outcomes = {"severe_crs": OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")}
    evaluation = EvaluationConfig(folds=3, repeats=1, bootstrap=20, control_permutations=0)
    parts = {"outcomes": outcomes, "model": small.plan.config, "evaluation": evaluation}
    bundle = empty_bundle()
    config = bundle.config.model_copy(update=parts)
    reference = replace(bundle.reference, spec=small.plan.spec)
    return Steps(config, small.cohort, replace(bundle, config=config, reference=reference))


@pytest.fixture
def local(small) -> LocalScale:
    return LocalScale(small.model, small.matrix, small.matrix, small.targets)


def test_rows_of_the_state_variant_have_a_known_grade(steps, local):
    known = local_log_odds(local, steps.config)
    assert set(known) == {"state", "no_state"}
    graded = local.model.state_known(local.matrix)
    assert graded[known["state"].rows.landmark].all()
    every = known["no_state"]
    assert set(every.rows.threshold) == {3.0}
    np.testing.assert_allclose(every.z, every.variant.log_odds(local.matrix, every.rows))


def test_no_patient_is_in_the_fit_and_in_the_evaluation(steps, local, monkeypatch):
    fitted, scored = [], []
    fit, score = local_updates.fit_updates, local_updates.score

    def recorded_fit(known, targets, config, *, among):
        fitted.append(set(targets.patient[among]))
        return fit(known, targets, config, among=among)

    def recorded_score(model, matrix, targets, *rest, **options):
        scored.append((len(fitted), set(targets.patient)))
        return score(model, matrix, targets, *rest, **options)

    monkeypatch.setattr(local_updates, "fit_updates", recorded_fit)
    monkeypatch.setattr(local_updates, "score", recorded_score)
    known = local_log_odds(local, steps.config)
    table = shared_folds(steps.cohort, steps.config)
    result = cross_fitted(local, known, table, steps.cohort, steps.bundle)
    assert len(scored) == len(fitted) == 3
    assert all(fitted[number - 1].isdisjoint(patients) for number, patients in scored)
    after, before = result[3].after, result[3].before
    np.testing.assert_array_equal(after.label, before.label)
    rows = np.flatnonzero(after.group == 0)
    order = [np.argsort(part.risks["model_no_state"][rows, 0]) for part in (after, before)]
    assert set(scored[0][1]) == set(after.patient[rows])
    np.testing.assert_array_equal(*order)  # an update keeps the ranking within a fold


def test_an_update_changes_its_variant_only(steps, local):
    known = local_log_odds(local, steps.config)
    part = known["no_state"]
    fitted = fit_form(
        "slope",
        part.z + 2.0,
        part.rows,
        local.targets.patient,
        local.model.horizons,
        (3,),
        ridge=5.0,
    )
    update = LocalUpdate(FormChoice("slope", 20, ()), fitted)
    model = with_updates(local.model, {"no_state": update})
    assert model.no_state.update is fitted
    assert model.state is not None
    assert model.state.update is None
    np.testing.assert_allclose(
        model.no_state.log_odds(local.matrix, part.rows), fitted.log_odds(part.z, part.rows)
    )


def test_draws_refit_the_chosen_form(steps, local):
    known = local_log_odds(local, steps.config)
    shifted = {name: replace(part, z=part.z + 3.0) for name, part in known.items()}
    updates = fit_updates(shifted, local.targets, steps.config, bootstrap=True)
    for name, update in updates.items():
        assert update.choice.form != "none"
        assert len(update.redrawn) == known[name].variant.n_draws
