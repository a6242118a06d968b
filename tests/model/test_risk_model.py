"""The fitted model: monotone by construction, unknown grades handled, repeatable."""

import numpy as np
import pytest

from pipeline.features.build import build_features
from pipeline.model.stacked_rows import query
from tests.builders import at, course_cohort, lab, make_cohort
from tests.model.conftest import fit

RISING = tuple(sorted([*np.linspace(12.0, 168.0, 20), 24.0, 48.0, 72.0, 168.0, 200.0]))


@pytest.mark.parametrize("use_state", [True, False])
def test_risk_rises_with_the_horizon_and_falls_with_the_threshold(fitted, use_state):
    assert fitted.model.thresholds == (1, 2, 3, 4)
    risks = np.stack(
        [
            fitted.model.risk(fitted.matrix, threshold, RISING, use_state=use_state)
            for threshold in fitted.model.thresholds
        ]
    )
    assert ((risks >= 0) & (risks <= 1)).all()
    assert (np.diff(risks, axis=2) >= -1e-9).all()
    assert (np.diff(risks, axis=0) <= 1e-9).all()
    assert risks[:, :, -1].max() - risks[:, :, 0].min() > 0.05


def test_every_member_is_monotone_for_arbitrary_rows(fitted):
    random = np.random.default_rng(0)
    values = fitted.matrix.values[random.integers(0, len(fitted.matrix.values), 60)].copy()
    values += random.normal(0, 3, values.shape)
    values[random.random(values.shape) < 0.2] = np.nan
    grade = fitted.matrix.names.index("state_crs__grade")
    values[:, grade] = random.integers(0, 5, len(values))
    values[:, fitted.matrix.names.index("time__hours")] = random.uniform(0, 700, len(values))
    wild = fitted.matrix.take(np.zeros(len(values), dtype=np.intp))
    wild = type(wild)(values, wild.metas, wild.landmarks)
    for variant in (fitted.model.state, fitted.model.no_state):
        for member in (*variant.linear, *variant.boosters):
            parts = [
                member.log_odds(wild, query(len(values), RISING, threshold)).reshape(
                    len(values), -1
                )
                for threshold in fitted.model.thresholds
            ]
            assert (np.diff(parts, axis=2) >= -1e-6).all(), member.name
            assert (np.diff(parts, axis=0) <= 1e-6).all(), member.name


def test_without_grades_the_distance_of_the_thresholds_depends_on_the_day(fitted):
    labs = next(member for member in fitted.model.no_state.linear if member.name == "labs")
    values = np.repeat(fitted.matrix.values[:1], 2, axis=0)
    values[:, fitted.matrix.names.index("time__hours")] = [24.0, 240.0]
    days = type(fitted.matrix)(values, fitted.matrix.metas, fitted.matrix.landmarks.iloc[[0, 0]])
    first, severe = (labs.log_odds(days, query(2, (72.0,), grade)) for grade in (1, 3))
    assert abs(np.diff(first - severe)[0]) > 0.05


def test_the_interval_contains_the_risk(fitted):
    horizons = fitted.model.horizons
    risk = fitted.model.risk(fitted.matrix, 3, horizons)
    low, high = fitted.model.interval(fitted.matrix, 3, horizons, 0.8)
    assert (low <= risk + 1e-12).all()
    assert (risk <= high + 1e-12).all()
    assert (high - low).max() > 0
    wide = fitted.model.interval(fitted.matrix, 3, horizons, 0.95)
    assert (wide[0] <= low + 1e-12).all()


def test_unknown_grade_uses_the_variant_without_state(fitted):
    known = fitted.model.state_known(fitted.matrix)
    assert known.any()
    assert not known.all()
    with_state = fitted.model.risk(fitted.matrix, 3, (72.0,))
    without = fitted.model.risk(fitted.matrix, 3, (72.0,), use_state=False)
    np.testing.assert_array_equal(with_state[~known], without[~known])
    assert np.abs(with_state[known] - without[known]).max() > 0.01


def test_without_state_the_grades_change_nothing(fitted):
    values = fitted.matrix.values.copy()
    for number, meta in enumerate(fitted.matrix.metas):
        if meta.is_state:
            values[:, number] = 4.0
    other = type(fitted.matrix)(values, fitted.matrix.metas, fitted.matrix.landmarks)
    before = fitted.model.risk(fitted.matrix, 3, (24.0, 72.0), use_state=False)
    after = fitted.model.risk(other, 3, (24.0, 72.0), use_state=False)
    np.testing.assert_array_equal(before, after)


def test_the_model_ranks_patients_it_was_not_fitted_on(fitted):
    cohort = course_cohort(60, seed=11)
    new = fit(cohort, bootstrap=0)
    matrix = build_features(cohort, new.matrix.landmarks, fitted.plan.spec)
    label = new.targets.label(3, 72.0)
    risk = fitted.model.risk(matrix, 3, (72.0,))[:, 0]
    assert np.median(risk[label == 1]) > np.median(risk[label == 0]) + 0.05


def test_a_cohort_without_grades_has_no_state_variant():
    random = np.random.default_rng(0)
    labs = [
        lab(patient, "crp", float(np.exp(random.normal(2 + patient % 2, 0.5))), 24.0 * day - 10)
        for patient in range(40)
        for day in range(1, 5)
    ]
    died = [(patient, "death", 1, random.uniform(30, 150)) for patient in range(1, 30, 2)]
    followed = {"record_end_hours": np.full(40, 96.0), "followed_until_hours": np.full(40, 400.0)}
    cohort = make_cohort(40, labs, died, patients=followed)
    result = fit(cohort, scale="death", bootstrap=0)
    assert result.model.state is None
    assert result.model.grade is None
    risk = result.model.risk(result.matrix, 1, RISING)
    assert not result.model.state_known(result.matrix).any()
    assert (np.diff(risk, axis=1) >= -1e-9).all()
    np.testing.assert_array_equal(
        risk, result.model.risk(result.matrix, 1, RISING, use_state=False)
    )


def test_nobody_to_learn_from_still_gives_probabilities():
    cohort = make_cohort(
        12,
        [lab(number, "crp", 5.0 + number, 20.0) for number in range(12)],
        [(number, "crs", 3 if number == 0 else 0, 47.9) for number in range(12)],
        patients={
            "record_end_hours": np.full(12, 48.0),
            "followed_until_hours": np.full(12, 600.0),
        },
    )
    result = fit(cohort, bootstrap=2)
    risk = result.model.risk(result.matrix, 3, (24.0, 168.0))
    assert ((risk > 0) & (risk < 1)).all()
    assert result.model.no_state.calibration.slope == 1.0


def test_landmarks_in_a_query_do_not_need_to_be_training_landmarks(fitted):
    matrix = build_features(fitted.cohort, at((0, 33.3), (1, 1000.0)), fitted.plan.spec)
    assert np.isfinite(fitted.model.risk(matrix, 3, (36.0,))).all()
