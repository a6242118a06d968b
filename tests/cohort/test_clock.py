import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.clock import clock_hours, read_clock
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.timestamps import parse_dates, parse_timestamps, utc_offsets, zone
from pipeline.errors import InputError, UsageError
from tests.exported import AT, codes, conserved, score, write_export

ZERO = "2024-03-01T08:00:00+01:00"


def table(**columns):
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return frame.assign(_line=np.arange(2, 2 + len(frame)))


def hours(cells, *, tz=None, column="given_at", zero=ZERO):
    frame = table(**{column: cells})
    zeros = parse_timestamps(pd.Series([zero] * len(cells), dtype="str"), None)[0]
    values, reason, *_ = clock_hours(frame, "given", zeros, file="t.csv", time_zone=tz)
    return values.tolist(), reason.tolist()


def test_hours_are_taken_as_they_are():
    values, reason = hours(["0", "-12.5", "1e2", ""], column="given_hours")
    assert values[:3] == [0.0, -12.5, 100.0]
    assert np.isnan(values[3])
    assert reason == [""] * 4


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-inf", "1e999", "1,5", "0x10", "True"])
def test_hours_must_be_finite_numbers(text):
    values, reason = hours([text], column="given_hours")
    assert np.isnan(values[0])
    assert "finite number" in reason[0]


@pytest.mark.parametrize("text", ["-2161", "17521"])
def test_hours_far_from_time_zero_are_refused(text):
    assert "lies outside" in hours([text], column="given_hours")[1][0]


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


def test_hours_across_a_clock_change_are_elapsed_hours():
    cells = ["2024-03-31T04:00:00"]
    assert hours(cells, tz="Europe/Berlin", zero="2024-03-31T00:00:00+01:00")[0] == [3.0]


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
@pytest.mark.parametrize("text", ["2024-03-02", "20240302", "2024/03/02"])
def test_a_day_without_a_time_counts_from_its_end(tz, text):
    frame = table(given_at=[text]).assign(_offset_minutes=60.0)
    zeros = parse_timestamps(pd.Series([ZERO], dtype="str"), None)[0]
    read = clock_hours(frame, "given", zeros, file="t.csv", time_zone=tz)
    assert read.reason.tolist() == [""]
    assert (read.start[0], read.until[0]) == pytest.approx((16.0, 40.0 - 1 / 3600))
    assert read.hours.equals(read.until)
    assert read.dated.tolist() == [True]
    early = clock_hours(frame, "given", zeros, file="t.csv", time_zone=tz, at_end=False)
    assert early.hours.equals(read.start)


def test_a_day_with_a_clock_change_has_its_own_length():
    cells = ["2024-03-31", "2024-10-27"]
    start, until = parse_dates(pd.Series(cells, dtype="str"), "Europe/Berlin")
    assert ((until - start).dt.total_seconds() / 3600).tolist() == pytest.approx(
        [23 - 1 / 3600, 25 - 1 / 3600]
    )


def test_days_since_infusion():
    values, reason = hours(["1.5", "2", "-1", "x"], column="given_days")
    assert values[:3] == pytest.approx([36.0, 72.0 - 1 / 3600, -1 / 3600])
    assert "finite number of days" in reason[3]


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
    assert "not an ISO 8601 time" in reason[0] or "no calendar" in reason[0]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo", "America/New_York"])
def test_the_ends_of_the_calendar_stand_for_never_and_are_no_times(text, tz):
    assert hours([text, text + "Z"], tz=tz)[1] == ["is not an ISO 8601 time"] * 2


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../x", "Europe", "a\x00b"])
def test_an_unknown_zone_is_a_usage_error(name):
    with pytest.raises(UsageError, match="IANA"):
        zone(name)


def test_timestamps_need_an_infusion_time():
    with pytest.raises(InputError, match=r"t\.csv gives 'given_at'.*infusion_time.*given_hours"):
        clock_hours(table(given_at=[ZERO]), "given", None, file="t.csv", time_zone=None)


def test_one_patient_without_infusion_time_is_refused_alone():
    zeros = pd.Series([pd.Timestamp(ZERO), pd.NaT]).dt.tz_convert("UTC")
    values, reason, *_ = clock_hours(
        table(given_at=[ZERO, ZERO]), "given", zeros, file="t.csv", time_zone=None
    )
    assert values[0] == 0.0
    assert reason.tolist() == ["", "cannot be placed: the patient has no infusion_time"]


def test_a_clock_without_a_column_is_blank():
    values, reason, column, *_ = clock_hours(
        table(x=["1"]), "given", None, file="t.csv", time_zone=None
    )
    assert values.isna().all()
    assert (reason == "").all()
    assert column == "given_hours"


def test_a_required_clock_must_be_filled():
    ledger = Ledger()
    kept = read_clock(
        table(given_hours=["1", ""]),
        "given",
        None,
        file="t.csv",
        time_zone=None,
        required=True,
        ledger=ledger,
    )
    assert kept["given_hours"].tolist() == [1.0]
    entry = ledger.frame().iloc[0]
    assert (entry["row"], entry["column"], entry["code"]) == (3, "given_hours", "time_unusable")
    assert "blank" in entry["reason"]


def test_no_offset_in_any_row_is_no_error():
    cells = pd.Series(["2026-03-01T08:00:00", "soon"])
    times = parse_timestamps(cells, None)[0]
    assert utc_offsets(cells, times, None).isna().all()
    assert len(utc_offsets(cells.iloc[:0], times.iloc[:0], None)) == 0


@pytest.mark.parametrize(
    ("order", "text", "hours"),
    [
        ("day_first", "02.03.2024 08:00", 24.0),
        ("day_first", "2/3/2024 8:30", 24.5),
        ("day_first", "02-03-2024T08:00:00+00:00", 24.0),
        ("month_first", "03/02/2024 08:00", 24.0),
        ("month_first", "2024-03-02T08:00:00Z", 24.0),
    ],
)
def test_a_stated_order_of_dates_is_followed(tmp_path, order, text, hours):
    labs = [("patient_id", "analyte", "value", "unit", "collected_at"),
            ("A", "crp", "5", "mg/L", text)]  # fmt: skip
    people = [("patient_id", "infusion_time"), ("A", AT)]
    folder = write_export(tmp_path, patients=people, labs=labs, assessments=None)
    result = score(folder, time_zone="UTC", date_order=order)
    conserved(result)
    assert result.cohort.labs["collected_hours"].tolist() == [hours]


def test_an_order_of_dates_is_never_guessed(tmp_path):
    labs = [("patient_id", "analyte", "value", "unit", "collected_at"),
            ("A", "crp", "5", "mg/L", "02.03.2024 08:00"),
            ("A", "crp", "5", "mg/L", "31.03.2024 08:00")]  # fmt: skip
    people = [("patient_id", "infusion_time"), ("A", AT)]
    folder = write_export(tmp_path, patients=people, labs=labs, assessments=None)
    result = score(folder, time_zone="UTC")
    assert codes(result) == ["time_unusable"] * 2
    assert "write the year first" in result.rejects["reason"][0]
    assert "cohort." not in result.rejects["reason"][0]
    assert codes(score(folder, time_zone="UTC", date_order="month_first")) == ["time_unusable"]
