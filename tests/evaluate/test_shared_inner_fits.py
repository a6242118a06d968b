"""Inner fits shared by folds: the patients of a scored fold have no part in its model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate import cross_validation, shared_inner_fits
from pipeline.evaluate.cross_validation import cross_validate
from pipeline.evaluate.shared_inner_fits import (
    SharedInnerFits,
    can_share,
    fit_pairs,
    fold_of_landmarks,
)
from pipeline.evaluate.splits import repeated_patient_folds
from pipeline.model.fitting import fit_risk_model
from pipeline.model.stacked_rows import EVENT
from tests.builders import course_cohort
from tests.model.conftest import fit

SEVERE, FOLDS = 3, 4


@pytest.fixture(scope="module")
def small():
    return fit(course_cohort(90, days=5, seed=2), bootstrap=0, booster_rounds=5, inner_folds=2)


@pytest.fixture(scope="module")
def splits(small):
    event = small.targets.status[:, small.targets.thresholds.index(SEVERE)] == EVENT
    return repeated_patient_folds(small.targets.patient, event, folds=FOLDS, repeats=1, seed=0)


@pytest.fixture(scope="module")
def shared(small, splits):
    return SharedInnerFits(
        fold_of_landmarks(splits, len(small.matrix.values)),
        dict(fit_pairs(small.matrix, small.targets, small.plan, splits)),
    )


@pytest.fixture(scope="module")
def scores(small, splits):
    return cross_validate(small.matrix, small.targets, small.plan, splits, share_inner=True)


def test_folds_are_scored_by_models_calibrated_on_the_shared_fits(small, splits, shared, scores):
    split = splits[2]
    train, known = small.matrix.take(split.train), small.targets.take(split.train)
    model = fit_risk_model(train, known, small.plan, inner=shared.of(split))
    rows = cross_validation.rows_at_risk(small.matrix, small.targets, split.test, SEVERE)
    risk = model.risk(small.matrix.take(rows), SEVERE, model.horizons)
    part = scores[SEVERE]
    np.testing.assert_array_equal(part.risks["model"][part.group == 2], risk)
    nested = fit_risk_model(train, known, small.plan)
    assert not np.array_equal(nested.risk(small.matrix.take(rows), SEVERE, model.horizons), risk)


def test_the_inner_fits_of_a_fold_leave_out_that_fold_and_one_other(small, splits, shared):
    for split in splits:
        inner = shared.of(split)
        assert len(inner.held_out) == FOLDS - 1
        assert (sum(fold.astype(int) for fold in inner.held_out) == 1).all()
        assert all(set(members) == {False, True} for members in inner.members)


def test_outcomes_of_a_fold_change_no_risk_of_its_patients(small, splits, scores):
    status = small.targets.status.copy()
    status[splits[0].test] = np.where(status[splits[0].test] == EVENT, 0, EVENT)
    other = replace(small.targets, status=status)
    after = cross_validate(small.matrix, other, small.plan, splits, share_inner=True)[SEVERE]
    before = scores[SEVERE]
    for name in ("model", "model_no_state", "grade_and_day", "clinical_state", "base_rate"):
        own = before.group == 0
        np.testing.assert_array_equal(
            after.risks[name][after.group == 0], before.risks[name][own], err_msg=name
        )
        assert not np.allclose(after.risks[name][after.group == 1], before.risks[name][~own][:1])


def test_each_pair_of_folds_is_fitted_once(small, splits, monkeypatch):
    fitted = []
    original = shared_inner_fits.fit_uncalibrated

    def counted(matrix, targets, plan):
        fitted.append(frozenset(np.unique(targets.patient).tolist()))
        return original(matrix, targets, plan)

    monkeypatch.setattr(shared_inner_fits, "fit_uncalibrated", counted)
    cross_validate(small.matrix, small.targets, small.plan, splits, share_inner=True)
    assert len(fitted) == len(set(fitted)) == FOLDS * (FOLDS - 1) // 2
    fitted.clear()
    cross_validate(small.matrix, small.targets, small.plan, splits[:1], share_inner=True)
    assert not fitted


def test_jobs_change_no_bit(small, splits, scores):
    two = cross_validate(
        small.matrix, small.targets, replace(small.plan, jobs=2), splits, share_inner=True
    )
    np.testing.assert_array_equal(two[SEVERE].risks["model"], scores[SEVERE].risks["model"])


def test_few_folds_a_test_part_of_the_cohort_or_tuning_share_nothing(small, splits):
    count = len(small.matrix.values)
    assert can_share(splits, small.plan, count)
    assert not can_share(splits[:3], small.plan, count)
    assert not can_share([*splits[:3], splits[0]], small.plan, count)
    tune = small.plan.config.tune.model_copy(update={"trials": 2})
    tuned = small.plan.config.model_copy(update={"tune": tune})
    assert not can_share(splits, replace(small.plan, config=tuned), count)


def test_a_grade_that_is_known_in_one_fold_only_fits_no_state(small, splits, shared):
    column = [meta.name for meta in small.matrix.metas].index(small.model.grade)
    values = small.matrix.values.copy()
    values[fold_of_landmarks(splits, len(values)) != 1, column] = np.nan
    matrix = replace(small.matrix, values=values)
    scores = cross_validate(matrix, small.targets, small.plan, splits, share_inner=True)
    assert np.isfinite(scores[SEVERE].risks["model"]).all()
