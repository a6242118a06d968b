"""Weights by patient act as the matrix that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.patient_weights import PatientWeights, patient_weights

seeds = st.integers(0, 1000)


def drawn(seed: int) -> tuple[PatientWeights, np.ndarray]:
    random = np.random.default_rng(seed)
    code = random.integers(0, 6, 20)
    weights = PatientWeights(code, random.integers(0, 4, (6, 5)) * 1.0, random.uniform(0, 2, 20))
    return weights, np.asarray(weights)


@given(seed=seeds)
def test_products_and_totals_are_those_of_the_matrix(seed):
    weights, matrix = drawn(seed)
    values = np.random.default_rng(seed).normal(size=(3, 20))
    assert weights.shape == matrix.shape
    np.testing.assert_allclose(values @ weights, values @ matrix)
    np.testing.assert_allclose(values[0] @ weights, values[0] @ matrix)
    np.testing.assert_allclose(weights.sum(axis=0), matrix.sum(axis=0))
    np.testing.assert_allclose(weights.sample, matrix[:, 0])
    np.testing.assert_allclose(np.asarray(weights.compact()), matrix)


@given(seed=seeds)
def test_rows_are_taken_and_multiplied_as_in_the_matrix(seed):
    weights, matrix = drawn(seed)
    rows = np.random.default_rng(seed).integers(0, 20, 7)
    factor = np.random.default_rng(seed).uniform(0, 2, (20, 1))
    np.testing.assert_allclose(np.asarray(weights[rows]), matrix[rows])
    np.testing.assert_allclose(np.asarray(weights * factor), matrix * factor)


@given(seed=seeds)
def test_sums_by_bin_times_counts_are_sums_over_the_rows_of_each_bin(seed):
    weights, matrix = drawn(seed)
    place = np.random.default_rng(seed).integers(0, 3, 20)
    sums = weights.by_bin(place, 4) @ weights.times
    np.testing.assert_allclose(sums, [matrix[place == number].sum(axis=0) for number in range(4)])


def test_a_matrix_is_its_own_patients_and_other_factors_are_refused():
    matrix = np.array([[1.0, 2.0], [1.0, 0.0]])
    np.testing.assert_array_equal(np.asarray(patient_weights(matrix)), matrix)
    np.testing.assert_array_equal(np.asarray(patient_weights(matrix[:, 1:])), matrix[:, 1:])
    with pytest.raises(ValueError, match="n_rows"):
        patient_weights(matrix) * np.ones(2)
    with pytest.raises(ValueError, match="axis 0"):
        patient_weights(matrix).sum(axis=1)
