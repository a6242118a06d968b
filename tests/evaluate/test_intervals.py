"""Draws of whole patients, percentile intervals of them, and figures for JSON."""

from __future__ import annotations

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from pipeline.evaluate.intervals import estimate, interval, number, patient_draws, ratio

NAN = float("nan")
patients = st.lists(st.integers(0, 12), min_size=1, max_size=40).map(np.array)


def test_draws_keep_patients_whole():
    patient = np.array([3, 3, 7, 9, 9, 9])
    draws = np.asarray(patient_draws(patient, 50, 0))
    assert (draws[:, 0] == 1).all()
    assert (draws[0] == draws[1]).all()
    assert (draws[3] == draws[5]).all()
    assert (draws[[0, 2, 3], 1:].sum(axis=0) == 3).all()


@given(patient=patients, seed=st.integers(0, 99))
def test_each_draw_holds_as_many_patients_as_the_sample(patient, seed):
    draws = np.asarray(patient_draws(patient, 7, seed))
    size = Counter(patient.tolist())
    assert draws.shape == (len(patient), 8)
    for column in draws.T:
        times = {}
        for who, weight in zip(patient.tolist(), column, strict=True):
            assert times.setdefault(who, weight) == weight
        assert sum(times.values()) == len(size)


def test_every_patient_is_drawn_about_once_and_a_seed_repeats_the_draws():
    draws = np.asarray(patient_draws(np.arange(20), 4000, 1))
    np.testing.assert_allclose(draws[:, 1:].mean(axis=1), 1.0, atol=0.1)
    # variance of a multinomial count of n draws with probability 1 / n
    np.testing.assert_allclose(draws[:, 1:].var(axis=1), 1 - 1 / 20, atol=0.15)
    np.testing.assert_array_equal(draws, np.asarray(patient_draws(np.arange(20), 4000, 1)))
    assert not np.array_equal(draws, np.asarray(patient_draws(np.arange(20), 4000, 2)))


def test_the_ends_cut_off_a_fortieth_of_the_draws_on_each_side():
    draws = np.random.default_rng(0).permutation(np.arange(41.0))
    assert interval(np.append(1000.0, draws)) == (1.0, 39.0)
    assert estimate(np.append(7.0, draws), "x") == {"x": 7.0, "x_lo": 1.0, "x_hi": 39.0}


@pytest.mark.parametrize(("lost", "known"), [(0, True), (2, True), (3, False), (20, False)])
def test_an_interval_needs_nine_tenths_of_the_draws(lost, known):
    values = np.arange(21.0)
    values[1 : 1 + lost] = NAN
    low, high = interval(values)
    assert (low is not None) == (high is not None) == known
    assert estimate(values, "x")["x"] == 0.0


def test_without_a_draw_there_is_no_interval():
    assert interval(np.array([0.5])) == (None, None)
    assert estimate(np.array([NAN, NAN]), "x") == {"x": None, "x_lo": None, "x_hi": None}


@given(st.floats())
def test_a_figure_is_finite_within_rounding_or_missing(value):
    figure = number(value)
    json.dumps(figure, allow_nan=False)
    if figure is None:
        assert not math.isfinite(value)
    else:
        assert abs(figure - value) <= max(5.001e-7, 1e-12 * abs(value))


@given(
    part=st.lists(st.integers(0, 9), min_size=3, max_size=3),
    whole=st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
def test_a_quotient_is_missing_exactly_where_the_denominator_is_0(part, whole):
    quotient = ratio(np.array(part, dtype=float), np.array(whole, dtype=float))
    for value, above, below in zip(quotient, part, whole, strict=True):
        assert math.isnan(value) if below == 0 else value == above / below


def test_a_row_over_a_column_is_a_table():
    table = ratio(np.array([[1.0], [2.0]]), np.array([2.0, 0.0, 4.0]))
    np.testing.assert_array_equal(table, [[0.5, NAN, 0.25], [1.0, NAN, 0.5]])


def test_a_bias_corrected_interval_is_that_of_scipy_without_acceleration():
    """SciPy has BCa; with a symmetric sample its acceleration is 0, which leaves BC."""
    random = np.random.default_rng(0)
    sample = random.normal(size=30)
    sample = np.concatenate([sample, -sample])
    found = bootstrap(
        (sample,), np.mean, n_resamples=4000, method="BCa", rng=np.random.default_rng(1)
    )
    draws = np.concatenate([[sample.mean()], found.bootstrap_distribution])
    low, high = interval(draws, bias_corrected=True)
    assert (low, high) == pytest.approx(tuple(found.confidence_interval), abs=1e-3)


@given(shift=st.floats(0.1, 1.0))
def test_draws_above_the_estimate_shift_the_interval_down(shift):
    draws = np.random.default_rng(2).normal(size=2000)
    plain = interval(np.concatenate([[-shift], draws]))
    corrected = interval(np.concatenate([[-shift], draws]), bias_corrected=True)
    assert corrected[0] < plain[0]
    assert corrected[1] < plain[1]
