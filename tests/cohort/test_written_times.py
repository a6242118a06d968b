"""Times as exports write them: unambiguous ones are rewritten, others stay unchanged."""

from datetime import date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.timestamps import parse_dates, parse_timestamps, year_first
from pipeline.cohort.written_times import impossible_half, iso_time, iso_times, on_day

EIGHT = "2026-03-01T08:00:00+00:00"


def read(text, *, order=None, tz="UTC"):
    cells = iso_times(pd.Series([text], dtype="str"), order)
    times, reason = parse_timestamps(cells, tz)
    return times[0], reason[0]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 8:00:00",
        "2026-3-1 8:00",
        "2026-03-01T8:00",
        "2026/3/1 8:00",
        "2026.03.01 08:00",
        "20260301 0800",
        "20260301080000",
        "202603010800",
        "20260301080000.000+0000",
        "1-Mar-2026 08:00",
        "01-MAR-2026 08:00:00",
        "01MAR2026:08:00:00",
        "01/Mar/2026:08:00:00 +0000",
        "March 1, 2026 8:00 AM",
        "Mar  1 2026  8:00:00:000AM",
        "MAR 01, 2026@08:00",
        "2026-03-01 8:00 AM",
        "2026-03-01 8 a.m.",
        "2026-03-01 8:00\u202fAM",
        "1. März 2026 um 8:00 Uhr",
        "1er mars 2026 08:00",
        "1 de marzo de 2026 8:00",
        "2026-Mar-01 8:00",
        "Sun, 01 Mar 2026 08:00:00 +0000",
        "Sun Mar  1 08:00:00 2026",
        "Sun Mar 01 2026 09:00:00 GMT+0100 (Central European Standard Time)",
        "2026-03-01-08.00.00.000000",
        "2026-03-01 08:00:00,000",
        "2026-03-01T08:00:00.0000000Z",
        "2026-03-01 09:00:00 +0100",
        "2026-03-01t08:00:00z",
        "2026-03-01T03:00:00\u221205:00",
    ],
)
def test_a_time_with_one_reading_is_read(text):
    assert read(text) == (pd.Timestamp(EIGHT), "")


@pytest.mark.parametrize("text", ["2026-02-28 24:00", "20260228T24:00:00Z", "28FEB2026:24:00:00"])
def test_the_hour_24_is_the_midnight_that_follows(text):
    assert read(text) == (pd.Timestamp("2026-03-01T00:00:00+00:00"), "")


@pytest.mark.parametrize(
    ("text", "order", "wanted"),
    [
        ("3/1/2026 8:00 AM", "month_first", "2026-03-01T08:00"),
        ("1.3.2026 8:00", "day_first", "2026-03-01T08:00"),
        ("1. 3. 2026 08:00:00", "day_first", "2026-03-01T08:00:00"),
        ("01-03-2026, 8:00 pm", "day_first", "2026-03-01T20:00"),
        ("3/1/2026 12:00 AM", "month_first", "2026-03-01T00:00"),
        ("3/1/2026 12:30 PM", "month_first", "2026-03-01T12:30"),
        ("12/31/2026 24:00", "month_first", "2027-01-01T00:00"),
        ("3/1/2026", "month_first", "2026-03-01"),
        ("2026-03-01 9:30", "day_first", "2026-03-01T09:30"),
        ("March 1, 2026", None, "2026-03-01"),
        ("1. März 2026", None, "2026-03-01"),
        ("01MAR2026", None, "2026-03-01"),
    ],
)
def test_a_stated_order_decides_dates_in_numbers(text, order, wanted):
    assert iso_time(text, order) == wanted


@pytest.mark.parametrize(
    ("text", "order", "reason"),
    [
        ("3/1/2026 8:00 AM", None, "day first or month first"),
        ("1.3.2026 8:00", None, "day first or month first"),
        ("25/12/2026 8:00", None, "day first or month first"),
        ("3/1/26", "month_first", "two digits"),
        ("1.3.26 8:00", "day_first", "two digits"),
        ("25/12/2026 8:00", "month_first", "calendar"),
        ("3/1/2026 13:00 PM", "month_first", "AM or PM"),
        ("3/1/2026 0:30 AM", "month_first", "AM or PM"),
        ("2026-03-01 24:00 AM", None, "AM or PM"),
        ("2026-03-01 25:00", None, "not an ISO"),
        ("2026-03-01 24:30", None, "not an ISO"),
        ("2026-03-01 8:60", None, "not an ISO"),
        ("2026-03-01 930", None, "not an ISO"),
        ("2026-03-0108:00", None, "not an ISO"),
        ("2026-3-19:30", None, "not an ISO"),
        ("01-MAR-26 08:00", None, "not an ISO"),
        ("Mon Mar  1 08:00:00 2026", None, "not an ISO"),
        ("2026030108", None, "not an ISO"),
        ("30 Feb 2026 8:00", None, "calendar"),
        ("2026-03-01 24:00 and more", None, "not an ISO"),
    ],
)
def test_a_time_without_one_reading_is_refused(text, order, reason):
    moment, why = read(text, order=order)
    assert pd.isna(moment)
    assert reason in why


def test_hours_that_am_and_pm_cannot_have_are_recognised():
    assert impossible_half("2026-03-01 13:00 PM")
    assert not impossible_half("2026-03-01 8:61 PM")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("9:30:00", "2026-03-01T09:30:00"),
        ("0:00:00", "2026-03-01T00:00:00"),
        ("9:30 PM", "2026-03-01T21:30"),
        ("3/1/2026 8:00 AM", "2026-03-01T08:00"),
        ("1.3.2026 8:00", "2026-03-01T08:00"),
        ("2.3.2026 8:00", ""),
        ("25:00", ""),
        ("soon", ""),
    ],
)
def test_a_day_stated_beside_a_time_places_it(text, wanted):
    assert on_day(text, "2026-03-01") == wanted


def test_only_time_columns_are_rewritten():
    cells = ["1-Mar-2026 8:00", "1.3.2026"]
    table = pd.DataFrame({"given_at": cells, "infusion_time": cells, "value": cells}, dtype="str")
    turned = year_first(table, None)
    assert turned["given_at"].tolist() == ["2026-03-01T08:00", "1.3.2026"]
    assert turned["infusion_time"].tolist() == turned["given_at"].tolist()
    assert turned["value"].tolist() == cells


@pytest.mark.parametrize("year", [2142, 2201, 2300, 2899])
def test_years_of_shifted_dates_are_read(year):
    moment, reason = read(f"{year}-07-01T08:00:00.1234567Z")
    assert (moment.year, moment.microsecond, reason) == (year, 123456, "")
    start, until = parse_dates(pd.Series([f"{year}-07-01"], dtype="str"), "Europe/Berlin")
    assert (until - start)[0] == timedelta(hours=24) - timedelta(seconds=1)


ENGLISH = "January February March April May June July August September October November December"
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
FORMS = {
    "single digits": lambda at: f"{at.year}-{at.month}-{at.day} {at.hour}:{at:%M:%S}",
    "compact": lambda at: f"{at:%Y%m%d%H%M%S}",
    "compact with a gap": lambda at: f"{at:%Y%m%d %H%M%S}",
    "sas": lambda at: f"{at.day:02d}{ENGLISH.split()[at.month - 1][:3].upper()}{at:%Y:%H:%M:%S}",
    "english": lambda at: (
        f"{ENGLISH.split()[at.month - 1]} {at.day}, {at.year} {(at.hour - 1) % 12 + 1}"
        f":{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"
    ),
    "german": lambda at: f"{at.day}. {GERMAN.split()[at.month - 1]} {at.year} {at.hour}:{at:%M:%S}",
    "slashes": lambda at: f"{at.year}/{at.month}/{at.day}T{at:%H:%M:%S}",
}
ORDERED = {
    "day_first": lambda at: f"{at.day}.{at.month}.{at.year} {at.hour}:{at:%M:%S}",
    "month_first": lambda at: (
        f"{at.month}/{at.day}/{at.year} {(at.hour - 1) % 12 + 1}:{at:%M:%S} "
        f"{'AM' if at.hour < 12 else 'PM'}"
    ),
}
moments = st.datetimes(datetime(1900, 1, 2), datetime(2899, 12, 30)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(moment=moments, minutes=st.integers(-14 * 4, 14 * 4).map(lambda n: 15 * n))
@settings(deadline=None, max_examples=30)
def test_a_moment_in_any_form_comes_back(moment, minutes):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    offset = f"{aware:%z}"
    cells = [form(moment) + offset for form in FORMS.values()]
    times, reason = parse_timestamps(pd.Series(cells, dtype="str"), None)
    assert set(reason) == {""}, dict(zip(cells, reason, strict=True))
    assert set(times) == {pd.Timestamp(aware)}
    for order, form in ORDERED.items():
        assert read(f"{form(moment)} {offset}", order=order) == (pd.Timestamp(aware), "")


@given(day=st.dates(date(1900, 1, 1), date(2899, 12, 31)), text=st.text(max_size=12))
@settings(deadline=None, max_examples=30)
def test_what_is_rewritten_is_iso_and_stays_so(day, text):
    for order in (None, "day_first", "month_first"):
        once = iso_time(f"{day.isoformat()}{text}", order)
        assert iso_time(once, order) == once
