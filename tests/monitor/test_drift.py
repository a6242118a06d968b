"""Chance alone: compared with library values, a plain loop and repeated draws."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from pipeline.monitor.drift import chance_means, chance_psi, events_p, psi, share_p


@given(
    n=st.integers(1, 80),
    part=st.floats(0, 1),
    expected=st.floats(0, 1),
    patients=st.integers(5, 500),
)
def test_the_tail_of_a_share_is_that_of_the_library(n, part, expected, patients):
    observed = round(part * n)
    spread = betabinom(n, expected * patients + 0.5, (1 - expected) * patients + 0.5)
    more, less = spread.sf(observed - 1), spread.cdf(observed)
    upper, both = min(more, 1), min(1, 2 * min(more, less))
    assert share_p(observed, n, expected, patients, upper=True) == pytest.approx(upper, abs=1e-9)
    assert share_p(observed, n, expected, patients) == pytest.approx(both, abs=1e-9)


def test_few_training_patients_make_a_share_less_certain():
    assert share_p(0, 20, 0.5, 10) > 10 * share_p(0, 20, 0.5, 1000)


def test_psi_is_the_sum_of_its_definition():
    expected, counts = np.array([0.5, 0.3, 0.2]), np.array([12, 30, 18])
    observed = (counts + 0.5) / 61.5
    known = (expected * 60 + 0.5) / 61.5
    plain = sum((o - e) * math.log(o / e) for o, e in zip(observed, known, strict=True))
    assert float(psi(expected, counts)) == pytest.approx(plain)


@given(st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(sum))
def test_psi_is_finite_and_never_negative(counts):
    value = float(psi(np.full(5, 0.2), np.array(counts)))
    assert math.isfinite(value)
    assert value >= 0


@pytest.mark.parametrize("n", [50, 200])
def test_chance_psi_has_the_expected_size_of_theory(n):
    """Yurdakul and Naranjo: PSI is about (1 / n + 1 / m) chi-squared with groups - 1 degrees."""
    drawn = chance_psi(np.full(5, 0.2), n, 300, 8000, np.random.default_rng(1))
    theory = 4 * (1 / n + 1 / 300)
    assert drawn.mean() == pytest.approx(theory, rel=0.15)
    assert (drawn > 0.25).mean() < 0.05


def test_among_ten_patients_chance_alone_passes_the_usual_threshold_often():
    drawn = chance_psi(np.full(5, 0.2), 10, 300, 8000, np.random.default_rng(1))
    assert (drawn > 0.25).mean() > 0.3


def test_mean_risk_spreads_as_that_of_patients_drawn_one_by_one():
    day = {"counts": [30, 30, 40], "means": [0.02, 0.1, 0.5], "patients": 100_000}
    drawn = chance_means([day], [25], 20_000, np.random.default_rng(2))
    risk = np.repeat(day["means"], day["counts"])
    assert drawn.mean() == pytest.approx(risk.mean(), rel=0.01)
    assert drawn.std() == pytest.approx(risk.std() / 5, rel=0.03)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 6))
def test_the_number_of_events_is_that_of_every_course_counted(risk, observed):
    observed = min(observed, len(risk))
    mass = np.zeros(len(risk) + 1)
    for course in product((0, 1), repeat=len(risk)):
        chance = math.prod(r if c else 1 - r for r, c in zip(risk, course, strict=True))
        mass[sum(course)] += chance
    plain = min(1.0, 2 * min(mass[observed:].sum(), mass[: observed + 1].sum()))
    assert events_p(observed, np.array(risk)) == pytest.approx(plain, abs=1e-12)
