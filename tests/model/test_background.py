"""Prototypes: means of at least five patients of the right day, restored from JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.features.landmarks import landmark_days
from pipeline.model.background import (
    MAX_PROTOTYPES,
    MIN_PATIENTS,
    background_from_dict,
    learn_background,
    microaggregate,
)


def learn(fitted, columns=None):
    at_risk = fitted.targets.at_risk[:, fitted.targets.thresholds.index(3)]
    return learn_background(
        fitted.matrix, at_risk, fitted.targets.patient, columns or fitted.model.columns
    )


@given(st.integers(0, 90), st.integers(1, 9), st.integers(0, 99))
def test_groups_hold_everyone_once_and_are_large_enough(count, size, seed):
    points = np.random.default_rng(seed).normal(size=(count, 3))
    groups = microaggregate(points, size)
    assert sorted(np.concatenate(groups)) == list(range(count))
    assert all(len(group) >= min(size, count) for group in groups)
    assert all(len(group) < 2 * size for group in groups)


def test_each_prototype_averages_at_least_five_patients(fitted):
    background = learn(fitted)
    assert background.days
    for item in background.days.values():
        assert item.patients.min() >= MIN_PATIENTS
        assert 1 <= len(item.patients) <= MAX_PROTOTYPES
        assert item.values.shape == (len(item.patients), len(background.columns))
    assert "time__hours" not in background.columns


def test_prototypes_are_means_over_patients_of_the_day(fitted):
    background = learn(fitted)
    at_risk = fitted.targets.at_risk[:, fitted.targets.thresholds.index(3)]
    rows = np.flatnonzero(at_risk & (landmark_days(fitted.matrix) == 3))
    assert len(rows) >= 30
    item = background.of_day(3 * 24.0 + 5.0)
    assert item.patients.sum() == len(np.unique(fitted.targets.patient[rows]))
    column = background.columns.index("host__age_years")
    age = fitted.matrix.column("host__age_years")[rows].mean()
    assert (item.patients @ item.values[:, column]) / item.patients.sum() == pytest.approx(
        age, rel=1e-3
    )


def test_no_row_of_a_patient_is_a_prototype(fitted):
    background = learn(fitted)
    own = fitted.matrix.values[:, [fitted.matrix.names.index(n) for n in background.columns]]
    for item in background.days.values():
        for row in item.values:
            assert not np.any(np.all(np.isclose(own, row, equal_nan=True, rtol=1e-3), axis=1))


def test_a_column_most_members_lack_is_missing(fitted):
    background = learn(fitted)
    column = background.columns.index("state_crs__hours_since_onset")
    values = np.concatenate([item.values[:, column] for item in background.days.values()])
    assert np.isnan(values).any()
    assert (~np.isnan(values)).any()


def test_with_fewer_than_five_patients_a_prototype_tells_nothing(fitted):
    few = np.flatnonzero(fitted.targets.patient < 4)
    background = learn_background(
        fitted.matrix.take(few),
        np.ones(len(few), dtype=bool),
        fitted.targets.patient[few],
        fitted.model.columns,
    )
    for item in background.days.values():
        assert len(item.patients) == 1
        assert np.isnan(item.values).all()


def test_the_nearest_day_stands_in(fitted):
    background = learn(fitted)
    last = max(background.days)
    assert background.of_day(1000.0) is background.days[last]
    assert background.of_day(-5.0) is background.days[min(background.days)]


def test_json_gives_the_same_numbers_back(fitted):
    background = learn(fitted)
    back = background_from_dict(json.loads(json.dumps(background.to_dict())))
    assert back.columns == background.columns
    for day, item in background.days.items():
        np.testing.assert_array_equal(back.days[day].values, item.values)
        np.testing.assert_array_equal(back.days[day].patients, item.patients)
