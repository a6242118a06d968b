"""Ranges and categories of a bundle: nothing that fewer than five patients have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.features.cell_size import frequent, patient_range

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
VALUES = st.lists(NUMBERS, min_size=20, max_size=60)


@settings(max_examples=30, deadline=None)
@given(values=VALUES, repeats=st.integers(1, 3))
def test_no_end_depends_on_the_four_lowest_and_highest_of_many(values, repeats):
    ordered = np.sort(np.array(values))
    patient = np.repeat(np.arange(len(values)), repeats)
    before = patient_range(np.repeat(ordered, repeats), patient)
    ordered[:4] -= 1e7
    ordered[-4:] += 1e7
    assert patient_range(np.repeat(ordered, repeats), patient) == before
    assert before[0] <= ordered[4] <= ordered[-5] <= before[1]


@pytest.mark.parametrize("number", [5, 8, 19, 20, 60, 400])
def test_new_patients_are_outside_about_as_often_as_outside_the_extremes(number):
    draws = np.random.default_rng(number)
    ours, extremes = [], []
    for _ in range(60):
        seen, new = draws.normal(size=number), draws.normal(size=300)
        low, high = patient_range(seen, np.arange(number))
        ours.append(((new < low) | (new > high)).mean())
        extremes.append(((new < seen.min()) | (new > seen.max())).mean())
    assert np.mean(ours) < 1.2 * np.mean(extremes) + 0.002


def test_many_rows_of_one_patient_are_one_patient():
    rows = np.concatenate([np.full(50, 1000.0), np.arange(20.0)])
    patient = np.concatenate([np.zeros(50), np.arange(1, 21)]).astype(int)
    assert patient_range(rows, patient)[1] < 40


@pytest.mark.parametrize("number", [0, 1, 4])
def test_fewer_than_five_patients_have_no_range(number):
    assert patient_range(np.arange(float(number)), np.arange(number)) is None
    rows = np.append(np.arange(float(number)), [np.nan] * 9)
    assert patient_range(rows, np.arange(number + 9)) is None


@pytest.mark.parametrize("number", [6, 101])
def test_hours_keep_a_positive_end(number):
    hours = np.linspace(1.0, 101.0, number)
    low, high = patient_range(hours, np.arange(number), hours=True)
    assert low > 0
    assert high > 97
    assert patient_range(hours, np.arange(number))[0] < low


def test_an_end_is_no_value_of_a_patient():
    values = np.random.default_rng(0).lognormal(3, 1, 200)
    low, high = patient_range(values, np.arange(200))
    assert not np.isin([low, high], values).any()


def test_a_constant_has_no_width():
    assert patient_range(np.full(40, 3.25), np.arange(40), hours=True) == (3.25, 3.25)


def test_categories_of_four_patients_are_left_out():
    assert frequent({"a": 5, "b": 4, "c": 1, "d": 90}) == {"a": 5, "d": 90}
