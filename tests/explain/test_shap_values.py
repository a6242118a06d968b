"""SHAP of the booster: what it attributes adds up to its log-odds."""

import numpy as np
import pytest

from pipeline.explain.shap_values import attribute
from pipeline.model.stacked_rows import query
from tests.builders import course_cohort
from tests.model.conftest import fit

pytest.importorskip("shap")


@pytest.fixture(scope="module")
def fitted_once():
    return fit(course_cohort(40), bootstrap=0, booster_rounds=8, inner_folds=2)


@pytest.fixture(scope="module")
def found(fitted_once):
    one = fitted_once
    return attribute(one.model, one.matrix, one.targets, 3, 72.0, seed=0)


def test_values_and_expectation_sum_to_the_log_odds_of_the_booster(found, fitted_once):
    booster = fitted_once.model.shown.boosters[0]
    margin = booster.booster.inplace_predict(found.inputs, predict_type="margin")
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, margin, atol=1e-4)


def test_only_landmarks_at_risk_with_a_known_grade_are_explained(found, fitted_once):
    one = fitted_once
    at_risk = one.targets.at_risk[:, one.targets.thresholds.index(3)]
    rows = np.flatnonzero(at_risk & one.model.state_used(one.matrix))
    booster = one.model.shown.boosters[0]
    expected = booster.inputs(one.matrix.take(rows), query(len(rows), (72.0,), 3))
    np.testing.assert_array_equal(found.inputs, expected)
    np.testing.assert_allclose(np.exp(found.column("log_horizon")), 72.0, rtol=1e-6)


def test_columns_of_players_and_of_pathways_are_each_everything_but_the_question(found):
    asked = np.array([meta is None for meta in found.metas])
    assert [name for name, mine in zip(found.names, asked, strict=True) if mine] == [
        "log_horizon",
        "threshold",
    ]
    whole = found.values[:, ~asked].sum(axis=1)
    pathways = np.sum([found.pathway(key) for key in found.pathways()], axis=0)
    keys = {meta.player for meta in found.metas if meta is not None}
    players = np.sum([found.player(key) for key in keys], axis=0)
    np.testing.assert_allclose(pathways, whole, atol=1e-9)
    np.testing.assert_allclose(players, whole, atol=1e-9)


def test_a_column_that_the_trees_do_not_read_is_none(found):
    assert found.column("nosuch__last") is None


def test_at_most_the_stated_number_is_drawn_by_the_seed(fitted_once, monkeypatch):
    monkeypatch.setattr("pipeline.explain.shap_values.MOST_LANDMARKS", 20)
    one = fitted_once
    first, again, other = (
        attribute(one.model, one.matrix, one.targets, 3, 72.0, seed=seed).inputs
        for seed in (0, 0, 1)
    )
    assert len(first) == 20
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
