"""Fits of one scale: patients stay whole, the seed decides, too few events change nothing."""

from dataclasses import replace

import numpy as np

from pipeline.model.fitting import fit_risk_model
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
