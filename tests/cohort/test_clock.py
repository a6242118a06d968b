"""Times as hours since time zero, and exports that know days only."""

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.clock import clock_hours, read_clock
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.timestamps import parse_dates, parse_timestamps, utc_offsets
from pipeline.errors import InputError, UsageError
from tests.exported import (
    ASSESSMENTS,
    AT,
    PATIENTS,
    codes,
    conserved,
    read,
    read_labs,
    score,
    write_export,
)

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


def test_timestamps_need_an_infusion_time():
    with pytest.raises(InputError, match=r"t\.csv gives 'given_at'.*infusion_time.*given_hours"):
        clock_hours(table(given_at=[ZERO]), "given", None, file="t.csv", time_zone=None)


def test_one_patient_without_infusion_time_is_refused_alone():
    zeros = pd.Series([pd.Timestamp(ZERO), pd.NaT]).dt.tz_convert("UTC")
    values, reason, *_ = clock_hours(
        table(given_at=[ZERO, ZERO]), "given", zeros, file="t.csv", time_zone=None
    )
    assert values[0] == 0.0
    assert reason[0] == ""
    assert "infusion_time" in reason[1]


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
    assert "cohort.date_order with --config" in result.rejects["reason"][0]
    assert codes(score(folder, time_zone="UTC", date_order="month_first")) == ["time_unusable"]


UTC_ZERO = "2024-03-01T08:00:00+00:00"


END = 1 / 3600


def dated(folder, *rows, columns=("collected_at", "resulted_at"), zero=UTC_ZERO, **settings):
    header = ("patient_id", "analyte", "value", "unit", *columns)
    write_export(
        folder,
        patients=[("patient_id", "infusion_time"), ("A", zero), ("B", zero)],
        labs=[header, *[("A", *row) for row in rows]],
        assessments=ASSESSMENTS,
    )
    return read(folder, **settings)


def test_a_result_of_a_day_is_known_at_the_end_of_that_day(tmp_path):
    result = dated(tmp_path, ("crp", "12", "mg/L", "2024-03-02", "2024-03-02"))
    lab = result.cohort.labs.iloc[0]
    assert lab["collected_hours"] == 16.0
    assert lab["resulted_hours"] == pytest.approx(40.0 - END)
    assert lab["flag"] == "date_only"
    assert result.flags["labs.csv"] == {"date_only": 2}
    conserved(result)


def test_without_a_result_time_the_end_of_the_day_is_the_earliest(tmp_path):
    result = dated(
        tmp_path,
        ("crp", "12", "mg/L", "2024-03-02", ""),
        ("nfl", "12", "pg/mL", "2024-03-02", ""),
    )
    labs = result.cohort.labs.set_index("analyte")["resulted_hours"]
    assert labs["crp"] == pytest.approx(40.0 - END)
    assert labs["nfl"] == 16.0 + 96.0
    assert result.turnaround_imputed == 2


def test_a_stated_result_time_on_the_day_of_the_draw_is_kept(tmp_path):
    row = ("crp", "12", "mg/L", "2024-03-02", "2024-03-02T09:30:00Z")
    lab = dated(tmp_path, row).cohort.labs.iloc[0]
    assert (lab["collected_hours"], lab["resulted_hours"]) == (16.0, 25.5)


def test_days_are_those_of_the_offset_of_the_infusion_or_of_the_stated_zone(tmp_path):
    row = ("crp", "12", "mg/L", "2024-03-02", "2024-03-02")
    zero = "2024-03-01T08:00:00+05:00"
    for settings in ({}, {"time_zone": "Asia/Karachi"}):
        lab = dated(tmp_path, row, zero=zero, **settings).cohort.labs.iloc[0]
        assert lab["collected_hours"] == 16.0


def test_an_export_of_nothing_but_days(tmp_path):
    result = dated(tmp_path, ("crp", "12", "mg/L", "2024-03-02", ""), zero="2024-03-01")
    assert result.cohort.labs["collected_hours"].tolist() == [24.0]
    assert result.flags["patients.csv"] == {"date_only": 2}


def test_whole_days_since_infusion_are_days_and_fractions_are_moments(tmp_path):
    rows = [("crp", "12", "mg/L", "2", ""), ("il6", "12", "pg/mL", "2.25", "2.5")]
    labs = dated(tmp_path, *rows, columns=("collected_days", "resulted_days")).cohort.labs
    crp, il6 = labs.iloc[0], labs.iloc[1]
    assert (crp["collected_hours"], il6["collected_hours"]) == (48.0, 54.0)
    assert crp["resulted_hours"] == pytest.approx(72.0 - END)
    assert il6["resulted_hours"] == 60.0


def test_a_batch_of_days_needs_no_patients_table(tmp_path):
    header = "patient_id,analyte,value,unit,collected_days\n"
    (tmp_path / "labs.csv").write_text(f"{header}A,crp,12,mg/L,3\n")
    assert score(tmp_path / "labs.csv").cohort.labs["collected_hours"].tolist() == [72.0]


def test_the_day_that_is_not_over_is_not_the_future(tmp_path):
    write_export(
        tmp_path,
        patients=[("patient_id", "infusion_time"), ("A", UTC_ZERO)],
        labs=[
            ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"),
            ("A", "crp", "12", "mg/L", "2024-03-02", "2024-03-02"),
        ],
        assessments=[
            ("patient_id", "scale", "grade", "assessed_at"),
            ("A", "crs", "1", "2024-03-02"),
        ],
    )
    result = score(tmp_path, as_of="2024-03-02T12:00:00Z")
    assert codes(result) == []
    assert result.cohort.labs["resulted_hours"].tolist() == [pytest.approx(28.0)]
    assert result.cohort.assessments["assessed_hours"].tolist() == [pytest.approx(28.0)]
    assert codes(score(tmp_path, as_of="2024-03-01T12:00:00Z")) == ["future", "future"]


def test_hours_are_not_flagged(tmp_path):
    assert read_labs(tmp_path, ("crp", "7", "mg/L", 1, 2)).flags == {}
    assert PATIENTS[0] == ("patient_id",)


@pytest.mark.parametrize("hours", ["1e308", "-1e308", "1e7", "-1000001"])
def test_a_moment_that_overflows_as_a_date_is_refused(tmp_path, hours):
    header = "patient_id,analyte,value,unit,collected_hours\n"
    (tmp_path / "labs.csv").write_text(f"{header}A,crp,12,mg/L,3\n")
    with pytest.raises(UsageError, match="hours since"):
        score(tmp_path / "labs.csv", as_of=hours)
