"""Ranges and categories of a bundle: nothing that fewer than five patients have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.features.cell_size import MARGIN, MIN_PATIENTS, frequent, patient_range

VALUES = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=5, max_size=60)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, repeats=st.integers(1, 3))
def test_no_end_depends_on_fewer_than_five_patients(values, repeats):
    rows = np.repeat(np.array(values), repeats)
    patient = np.repeat(np.arange(len(values)), repeats)
    low, high = patient_range(rows, patient)
    moved = np.sort(np.array(values))
    if len(values) >= 2 * MIN_PATIENTS:
        # the four at either end may be anything beyond
        moved[:4] = moved[0] - 1e7
        moved[-4:] = moved[-1] + 1e7
        assert patient_range(moved, np.arange(len(moved))) == (low, high)
        inner = np.sort(np.array(values))[4:-4]
        assert low <= inner.min()
        assert high >= inner.max()


def test_many_rows_of_one_patient_are_one_patient():
    rows = np.concatenate([np.full(50, 1000.0), np.arange(20.0)])
    patient = np.concatenate([np.zeros(50), np.arange(1, 21)]).astype(int)
    assert patient_range(rows, patient)[1] < 30


@pytest.mark.parametrize("number", [0, 1, 4])
def test_fewer_than_five_patients_have_no_range(number):
    assert patient_range(np.arange(float(number)), np.arange(number)) is None
    rows = np.append(np.arange(float(number)), [np.nan] * 9)
    assert patient_range(rows, np.arange(number + 9)) is None


def test_hours_keep_a_positive_end_and_other_values_widen_by_width():
    hours = np.linspace(1.0, 101.0, 101)
    low, high = patient_range(hours, np.arange(101), hours=True)
    assert 0 < low <= 5 / (1 + MARGIN)
    assert 97 * (1 + MARGIN) <= high < 97 * (1 + MARGIN) + 2
    low, high = patient_range(hours, np.arange(101))
    assert low < 5 - MARGIN * 91
    assert high > 97 + MARGIN * 91


def test_an_end_is_no_value_of_a_patient():
    values = np.random.default_rng(0).lognormal(3, 1, 200)
    low, high = patient_range(values, np.arange(200))
    assert not np.isin([low, high], values).any()


def test_a_constant_has_no_width():
    assert patient_range(np.full(40, 3.25), np.arange(40), hours=True) == (3.25, 3.25)


def test_categories_of_four_patients_are_left_out():
    assert frequent({"a": 5, "b": 4, "c": 1, "d": 90}) == {"a": 5, "d": 90}
