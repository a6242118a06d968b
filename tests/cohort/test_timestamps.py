"""Text to timestamps: offsets, stated zones, clock changes, ambiguous times."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.timestamps import parse_dates, parse_timestamps, utc_offsets, year_first, zone
from pipeline.errors import UsageError
from tests.cohort.test_clock import hours


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T10:00:00+01:00",
        "2024-03-01T09:00:00Z",
        "2024-03-01 09:00Z",
        "2024-03-01T14:30+05:30",
        "2024-03-01T10:00:00+0100",
        "2024-03-01T10:00:00.000+01",
        "20240301T090000Z",
        "2024-03-01T04-05",
        "2024-03-01 09:00:00 UTC",
        "2024/03/01 09:00 GMT",
    ],
)
def test_an_offset_places_a_timestamp(text):
    assert hours([text]) == ([2.0], [""])


def test_many_offsets_in_one_column_are_read_together():
    cells = ["2024-03-01T10:00:00+01", "2024-03-01T10:00:00+02", "2024-03-01T10:00:00-03:00"]
    assert hours(cells) == ([2.0, 1.0, 6.0], ["", "", ""])


def test_without_offset_or_zone_a_time_is_refused():
    values, reason = hours(["2024-03-01T10:00:00"])
    assert np.isnan(values[0])
    assert "no offset and no time zone" in reason[0]


def test_a_stated_zone_places_naive_times_and_leaves_offsets_alone():
    cells = ["2024-03-01T10:00:00", "2024-03-01T09:00:00Z"]
    assert hours(cells, tz="Europe/Berlin") == ([2.0, 2.0], ["", ""])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2024-03-31T02:30:00", "does not exist in Europe/Berlin, because clocks go forward"),
        ("2024-10-27T02:30:00", "occurs twice in Europe/Berlin, because clocks go back"),
    ],
    ids=["gap", "overlap"],
)
def test_clock_changes_are_refused_not_guessed(text, why):
    values, reason = hours([text], tz="Europe/Berlin")
    assert np.isnan(values[0])
    assert reason[0] == why


@pytest.mark.parametrize("text", ["01/03/2024 08:00", "1.3.24", "03-01-2024"])
def test_a_day_that_may_be_a_month_says_so(text):
    assert "day first or month first" in hours([text])[1][0]


@pytest.mark.parametrize("tz", [None, "America/New_York"])
@pytest.mark.parametrize(
    "text",
    [
        "now",
        "today",
        "NaT",
        "2024",
        "2024-13-01T00:00:00Z",
        "2024-03-01T25:00:00Z",
        "2024-03-01T08:00:00+1:00",
        "0000-00-00T00:00:00",
        "٢٠٢٤-03-01T08:00:00Z",
        "1709280000",
    ],
)
def test_other_texts_are_no_times(text, tz):
    values, reason = hours([text], tz=tz)
    assert np.isnan(values[0])
    assert "not an ISO 8601 time" in reason[0] or "calendar" in reason[0]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_stand_for_never_and_are_no_times(text, tz):
    assert hours([text, text + "Z"], tz=tz)[1] == ["is not an ISO 8601 time"] * 2


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../x", "Europe", "a\x00b"])
def test_an_unknown_zone_is_a_usage_error(name):
    with pytest.raises(UsageError, match="IANA"):
        zone(name)


moments = st.datetimes(
    datetime.fromisoformat("1900-01-02"), datetime.fromisoformat("2199-12-30")
).map(lambda moment: moment.replace(microsecond=0))


@given(moment=moments, minutes=st.integers(-14 * 60, 14 * 60))
@settings(deadline=None, max_examples=20)
def test_a_written_offset_comes_back_with_its_moment(moment, minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    cells = pd.Series([aware.isoformat()], dtype="str")
    times, reason = parse_timestamps(cells, "Asia/Tokyo")
    assert reason[0] == ""
    assert times[0] == aware
    assert utc_offsets(cells, times, "Asia/Tokyo")[0] == minutes


@given(moment=moments, name=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo"]))
@settings(deadline=None, max_examples=20)
def test_a_local_time_is_that_of_the_stated_zone_or_refused(moment, name):
    first, second = (moment.replace(tzinfo=ZoneInfo(name), fold=fold) for fold in (0, 1))
    cells = pd.Series([moment.isoformat()], dtype="str")
    times, reason = parse_timestamps(cells, name)
    if first.utcoffset() != second.utcoffset():  # skipped by the clocks or shown twice
        assert pd.isna(times[0])
        assert reason[0]
        return
    assert times[0] == first
    expected = first.utcoffset().total_seconds() / 60
    assert utc_offsets(cells, times, name)[0] == pytest.approx(expected)


@given(day=st.dates(date(1972, 1, 1), date(2037, 12, 31)))
@settings(deadline=None, max_examples=20)
def test_a_date_lasts_from_midnight_to_the_second_before_the_next(day):
    start, until = parse_dates(pd.Series([day.isoformat()], dtype="str"), "Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    assert start[0] == datetime.combine(day, datetime.min.time(), berlin)
    after = datetime.combine(day + timedelta(days=1), datetime.min.time(), berlin)
    assert until[0] == after.astimezone(UTC) - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("day_first", "2026-03-01"), ("month_first", "2026-01-03"), (None, "1.3.2026")],
)
def test_the_year_comes_first_only_where_the_order_is_stated(order, expected):
    table = pd.DataFrame({"collected_at": ["1.3.2026"], "value": ["1.3.2026"]}, dtype="str")
    turned = year_first(table, order)
    assert turned["collected_at"].tolist() == [expected]
    assert turned["value"].tolist() == ["1.3.2026"]
