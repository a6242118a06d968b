"""Hours since infusion as clock times and as days and hours."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.infusion_clock import (
    InfusionClock,
    day_and_hour,
    day_text,
    shifted,
    since_infusion,
    timestamp_text,
)

ZERO = datetime(2026, 11, 19, 8, 0, tzinfo=timezone(timedelta(hours=1)))
hours = st.floats(-2000, 2000)


@given(hours)
def test_a_moment_is_that_of_the_minute_that_has_begun(value):
    moment = InfusionClock(ZERO).moment(value)
    passed = (moment - ZERO) / timedelta(hours=1)
    assert passed <= value + 1e-6
    assert value - passed < 1 / 60 + 1e-6
    assert moment.utcoffset() == ZERO.utcoffset()


@given(st.integers(-2000, 2000))
def test_day_and_hour_come_back_to_the_hours(value):
    day, hour = day_and_hour(float(value)).replace("−", "-").removeprefix("day ").split(", ")
    assert int(day) * 24 + int(hour.split("\u00a0")[0]) == value


def test_without_an_infusion_time_there_is_no_moment_and_no_zone():
    clock = InfusionClock(None)
    assert clock.moment(5.0) is None
    assert clock.zone_words() == ""
    assert clock.words(78.0) == day_and_hour(78.0)


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "UTC"), (60, "UTC+01:00"), (-210, "UTC−03:30"), (345, "UTC+05:45")]
)
def test_the_offset_of_a_page_is_named(minutes, text):
    zero = datetime(2026, 11, 19, 8, 0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert text in InfusionClock(zero).zone_words()
    assert timestamp_text(zero).endswith(text)


@given(minutes=st.integers(-14 * 60, 14 * 60))
def test_another_offset_does_not_move_the_moment(minutes):
    moved = shifted(ZERO, float(minutes))
    assert moved == ZERO
    assert moved.utcoffset() == timedelta(minutes=minutes)


def test_an_unknown_offset_changes_nothing():
    assert shifted(ZERO, float("nan")) is ZERO


def test_a_page_is_made_on_the_clock_of_its_patient():
    made = datetime(2026, 11, 22, 6, 20, tzinfo=UTC)
    assert timestamp_text(made, InfusionClock(ZERO)) == "22 Nov 2026 07:20"
    assert timestamp_text(made, InfusionClock(None)) == timestamp_text(made)


def test_moments_before_the_infusion_are_named_so():
    assert since_infusion(-5.2) != since_infusion(5.2)
    assert day_text(-3) == "day −3"
