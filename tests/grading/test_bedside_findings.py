"""Findings known at every moment, compared with a plain loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config_cohort import GradingConfig
from pipeline.grading.bedside_findings import assessments_of, latest_findings, newest_hours

CONFIG = GradingConfig()
moments = st.tuples(st.integers(0, 3), st.integers(0, 9).map(float))


@given(
    rows=st.lists(moments, max_size=20).map(sorted),
    asked=st.lists(moments, min_size=1, max_size=8),
    before=st.booleans(),
)
@settings(deadline=None)
def test_the_newest_row_at_each_moment_is_that_of_a_plain_loop(rows, asked, before):
    patient, hours = (np.array([row[part] for row in rows]) for part in (0, 1))
    place = latest_findings(
        patient.astype(np.intp),
        hours.astype(float),
        np.array([who for who, _ in asked], dtype=np.intp),
        np.array([when for _, when in asked]),
        before=before,
    )
    for position, (who, when) in zip(place, asked, strict=True):
        seen = [
            number
            for number, (owner, hour) in enumerate(rows)
            if owner == who and (hour < when if before else hour <= when)
        ]
        assert position == (max(seen) if seen else -1)


@given(rows=st.lists(moments, max_size=20), asked=moments)
@settings(deadline=None)
def test_the_newest_hour_does_not_depend_on_the_order_of_rows(rows, asked):
    who, when = asked
    table = pd.DataFrame(rows, columns=["patient", "hours"]).astype({"patient": np.intp})
    newest = newest_hours(table, "hours", np.array([who]), np.array([when]))[0]
    seen = [hour for owner, hour in rows if owner == who and hour <= when]
    np.testing.assert_equal(newest, max(seen, default=np.nan))


def crs_at(*rows, config=CONFIG):
    """Moments of one patient from (item, value, hours)."""
    table = pd.DataFrame(
        [(0, item, value, float(hours)) for item, value, hours in rows],
        columns=["patient", "item", "value", "observed_hours"],
    )
    return assessments_of(table, "crs", config)


def test_each_time_at_or_after_time_zero_is_one_assessment():
    moments = crs_at(
        ("temperature_c", "39", -1), ("temperature_c", "39", 0), ("hypotension", "no", 0),
        ("oxygen_device", "room_air", 5),
    )  # fmt: skip
    assert moments.hours.tolist() == [0.0, 5.0]
    assert len(moments) == 2


def test_a_finding_counts_until_it_is_too_old():
    late = CONFIG.carry_hours
    moments = crs_at(
        ("temperature_c", "39", 0), ("hypotension", "no", late), ("hypotension", "no", late + 0.5)
    )
    np.testing.assert_equal(moments.items["temperature_c"], [39.0, 39.0, np.nan])
    np.testing.assert_equal(moments.age["fever"], [0.0, late, np.nan])


def test_the_worse_of_two_values_at_one_moment_counts_and_is_a_conflict():
    moments = crs_at(("temperature_c", "37", 4), ("temperature_c", "39", 4))
    assert moments.items["temperature_c"].tolist() == [39.0]
    assert moments.conflict.tolist() == [True]
    assert not crs_at(("temperature_c", "39", 4), ("temperature_c", "39", 4)).conflict.any()


@pytest.mark.parametrize(
    ("drugs", "pressors", "vasopressins", "stated"),
    [
        ([], 0, 0, False),
        (["none"], 0, 0, True),
        (["norepinephrine"], 1, 0, True),
        (["noradrenaline", "norepinephrine"], 1, 0, True),
        (["norepinephrine", "epinephrine"], 2, 0, True),
        (["vasopressin", "norepinephrine"], 1, 1, True),
    ],
)
def test_running_vasopressors_are_counted_by_drug(drugs, pressors, vasopressins, stated):
    moments = crs_at(("hypotension", "yes", 4), *[("vasopressor", drug, 4) for drug in drugs])
    assert moments.pressors.tolist() == [pressors]
    assert moments.vasopressins.tolist() == [vasopressins]
    assert moments.pressors_stated.tolist() == [stated]


def test_none_ends_a_vasopressor_and_silence_does_not():
    first = ("vasopressor", "norepinephrine", 1)
    ended = crs_at(first, ("vasopressor", "none", 4), ("hypotension", "yes", 4))
    assert not ended.unstopped[-1]
    silent = crs_at(first, ("hypotension", "yes", 4))
    assert silent.unstopped[-1]
    both = crs_at(("vasopressor", "none", 4), ("vasopressor", "norepinephrine", 4))
    assert both.none_with_drug.tolist() == [True]
