"""The cohort profile for monitoring: aggregates of five patients or more."""

import json

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.cohort_profile import (
    MIN_PATIENTS,
    Profile,
    fifths,
    first_delays,
    group_of,
    profile_days,
    profile_from_dict,
    profile_risks,
    recent_results,
)


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 30).map(float), max_size=120).map(np.array))
def test_groups_hold_everyone_and_none_is_under_five(values):
    edges, counts = fifths(values)
    if not edges:
        assert counts == ()
        return
    assert list(edges) == sorted(set(edges))
    naive = [0] * (len(edges) + 1)
    for value in values:
        naive[sum(value > edge for edge in edges)] += 1
    assert list(counts) == naive
    assert min(counts) >= MIN_PATIENTS
    assert len(counts) <= 5


@given(
    values=st.lists(st.floats(0, 10), min_size=1, max_size=30),
    edges=st.lists(st.floats(0, 10), max_size=4, unique=True).map(sorted),
)
def test_a_value_on_an_edge_belongs_to_the_group_below(values, edges):
    expected = [sum(value > edge for edge in edges) for value in values]
    assert group_of(np.array(values), edges).tolist() == expected


def test_results_that_are_stale_at_their_landmark_or_of_other_analytes_do_not_count():
    newest = pd.DataFrame(
        {
            "landmark": [0, 0, 1, 1],
            "analyte": ["crp", "il6", "crp", "ldh"],
            "value": [1.0, 2.0, 3.0, 4.0],
            "side": np.array([0, -1, 0, 0], dtype=np.int8),
            "collected_hours": [24.0, 23.9, 60.0, 70.0],
        }
    )
    landmarks = pd.DataFrame({"patient": [0, 1], "hours": [48.0, 72.0]})
    recent = recent_results(newest, landmarks, ["crp", "il6"], stale_hours=24.0)
    assert recent["landmark"].tolist() == [0, 1]
    assert recent["value"].tolist() == [1.0, 3.0]


def profiled(n, side=0):
    hours = np.full(n, 36.0)
    recent = pd.DataFrame(
        {"landmark": np.arange(n), "analyte": "crp", "value": np.arange(n, dtype=float),
         "side": np.full(n, side)}
    )  # fmt: skip
    return profile_days(hours, np.arange(n), recent)


def test_a_day_of_fewer_than_five_patients_is_not_kept():
    assert profiled(4) == {}
    (day,) = profiled(5).values()
    assert (day.n, day.patients, day.analytes["crp"].measured) == (5, 5, 5)
    assert list(profiled(40)) == [1]


def test_limits_are_counted_by_their_side():
    above, below = (profiled(40, side)[1].analytes["crp"] for side in (1, -1))
    assert (above.above, above.below) == (40, 0)
    assert (below.above, below.below) == (0, 40)


def test_risks_are_averaged_in_equal_groups_of_rising_risk():
    risk = np.random.default_rng(0).permutation(np.arange(100.0)) / 100
    (day,) = profile_risks(risk, np.full(100, 2.0), np.arange(100)).values()
    assert day["counts"] == [10] * 10
    np.testing.assert_allclose(day["means"], [0.045 + 0.1 * tenth for tenth in range(10)])
    few = profile_risks(risk[:12], np.full(12, 2.0), np.arange(12))[2]
    assert few["counts"] == [6, 6]
    assert profile_risks(risk[:4], np.full(4, 2.0), np.arange(4)) == {}


def test_the_first_sample_after_time_zero_with_a_stated_result_time_counts():
    sources = pd.DataFrame(
        {
            "patient_id": ["A", "A", "A", "B", "B"],
            "collected_hours": [9.0, -3.0, 4.0, 5.0, 6.0],
            "delay_hours": [1.0, 2.0, np.nan, 3.0, 4.0],
        }
    )
    delays = first_delays(sources)
    assert delays["patient_id"].tolist() == ["A", "B"]
    assert delays["delay_hours"].tolist() == [1.0, 3.0]


def test_a_profile_survives_json_and_none_stays_none():
    profile = Profile(
        days=profiled(40),
        units={"crp": {"patients": 40, "units": {"mg/L": 40}}},
        delays={"crp": {"patients": 40, "median": 2.0, "slow_hours": 6.0, "slow": 5}},
        refused={"patients": 40, "refused": 5},
        abstained={1: {"n": 40, "patients": 40, "abstained": 0}},
        risks={"severe_crs": {"horizon": 72.0, "days": profile_risks(
            np.linspace(0, 1, 40), np.ones(40), np.arange(40)
        )}},
    )  # fmt: skip
    assert profile_from_dict(json.loads(json.dumps(profile.to_dict()))) == profile
    assert profile_from_dict(None) is None
