"""Moments are chosen by the simulated course, before and after, and of distinct patients."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.simulate.example_courses import COURSES, choose_moments, result_moments
from pipeline.simulate.simulated_cohort import draw_cohort


@pytest.fixture(scope="module")
def moments():
    cohort = draw_cohort(400, seed=2)
    return result_moments(cohort.history, cohort.tables["labs"], 48.0, 144.0)


@pytest.fixture(scope="module")
def chosen(moments):
    return choose_moments(moments, list(COURSES))


def grades(moments, place: int, scale: str, start: float, end: float) -> np.ndarray:
    """Grades of the patient between two hours relative to the moment, by a plain look."""
    history, hour = moments.history, moments.hours[place]
    inside = (history.hours > hour + start) & (history.hours <= hour + end)
    return history.tracks[scale][inside, moments.patient[place]]


def test_every_kind_is_found_once_among_distinct_patients(moments, chosen) -> None:
    assert list(chosen) == list(COURSES)
    assert len({int(moments.patient[place]) for place in chosen.values()}) == len(COURSES)
    assert all(48 <= moments.hours[place] <= 144 for place in chosen.values())


def test_the_course_before_and_after_is_that_of_the_kind(moments, chosen) -> None:
    rising = chosen["severe_crs_rising"]
    assert grades(moments, rising, "crs", -200, 0).max() == 2
    assert grades(moments, rising, "crs", 0, 40).max() >= 3
    after = chosen["icans_after_crs"]
    assert (
        grades(moments, after, "icans", -200, 0).max()
        == 0
        < grades(moments, after, "crs", -100, -8).max()
    )
    assert grades(moments, after, "icans", 0, 52).max() >= 1
    present = chosen["icans_present"]
    assert grades(moments, present, "icans", -12, 0).min() >= 1
    assert grades(moments, present, "icans", -200, 96).max() <= 2
    severe = chosen["severe_icans_risk"]
    assert grades(moments, severe, "icans", -200, 0).max() == 2
    assert grades(moments, severe, "icans", 0, 40).max() >= 3
    low = chosen["low_risk"]
    assert grades(moments, low, "crs", -200, 168).max() == 0
    assert grades(moments, low, "icans", -200, 168).max() == 0
    treated = chosen["treated_since"]
    given = moments.history.doses["tocilizumab"][:, moments.patient[treated]]
    first = moments.history.hours[given.argmax()]
    assert 0 < first - moments.hours[treated] < 6


def test_a_kind_without_a_moment_is_omitted(moments) -> None:
    few = type(moments)(moments.history, moments.patient[:3], moments.hours[:3])
    assert set(choose_moments(few, list(COURSES))) < set(COURSES)
