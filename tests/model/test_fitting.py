"""Fits of one scale: patients stay whole, the seed decides, too few events change nothing."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.fitting import fit_risk_model, inner_folds, patient_resample
from tests.builders import course_cohort, lab, make_cohort
from tests.model.conftest import fit


def test_the_same_seed_gives_the_same_model_and_row_order_of_a_query_nothing(fitted):
    again = fit(course_cohort())
    for threshold in (1, 3):
        np.testing.assert_array_equal(
            fitted.model.risk(fitted.matrix, threshold, (24.0, 100.0)),
            again.model.risk(fitted.matrix, threshold, (24.0, 100.0)),
        )
    order = np.random.default_rng(0).permutation(len(fitted.matrix.values))
    np.testing.assert_allclose(
        fitted.model.risk(fitted.matrix.take(order), 3, (72.0,)),
        fitted.model.risk(fitted.matrix, 3, (72.0,))[order],
        rtol=1e-12,
    )


def test_another_seed_gives_another_model(fitted):
    other = fit(course_cohort(), seed=1, bootstrap=0)
    assert not np.array_equal(
        fitted.model.risk(fitted.matrix, 3, (72.0,)), other.model.risk(fitted.matrix, 3, (72.0,))
    )


@given(
    patient=st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array),
    folds=st.integers(2, 5),
    seed=st.integers(0, 50),
)
def test_inner_folds_keep_patients_whole_and_spread_events(patient, folds, seed):
    event = np.random.default_rng(seed).random(len(patient)) < 0.3
    fold = inner_folds(patient, event, folds, seed)
    np.testing.assert_array_equal(fold, inner_folds(patient, event, folds, seed))
    size = np.zeros(folds)
    for who in np.unique(patient):
        assert len(set(fold[patient == who])) == 1
        size[fold[patient == who][0]] += 1
    assert size.max() - size.min() <= 1
    hit = [
        len(np.unique(patient[(fold == number)][event[fold == number]])) for number in range(folds)
    ]
    assert max(hit) - min(hit) <= 1


def test_bootstrap_draws_patients():
    patient = np.array([4, 4, 9, 2])
    times = patient_resample(patient, 30, 0)
    assert (times[:, 0] == times[:, 1]).all()
    assert (times[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_few_event_patients_leave_the_blend_uncalibrated():
    patients = {"followed_until_hours": np.full(12, 600.0), "record_end_hours": np.full(12, 96.0)}
    labs = [lab(who, "crp", 5.0 + who, 6.0) for who in range(12)]
    grades = [(who, "crs", 3 if who < 4 else 0, 60.0) for who in range(12)]
    few = fit(make_cohort(12, labs, grades, patients=patients), bootstrap=0)
    np.testing.assert_array_equal(few.model.no_state.calibration.slope, 1.0)
    assert len(few.model.no_state.redrawn) == 0
    risk = few.model.risk(few.matrix, 3, (24.0, 72.0))
    assert ((risk > 0) & (risk < 1)).all()


def test_jobs_change_no_bit(fitted):
    rows = np.flatnonzero(fitted.targets.patient < 30)
    train, known = fitted.matrix.take(rows), fitted.targets.take(rows)
    one = fit_risk_model(train, known, fitted.plan, bootstrap=2)
    two = fit_risk_model(train, known, replace(fitted.plan, jobs=2), bootstrap=2)
    np.testing.assert_array_equal(
        one.interval(train, 3, (72.0,), 0.8), two.interval(train, 3, (72.0,), 0.8)
    )
