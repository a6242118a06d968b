"""Released times: exact intervals, shifted dates, no result visible earlier."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.schema import TableSchema
from pipeline.errors import UsageError
from pipeline.pseudonymise.released_columns import WITHHELD, Account
from pipeline.pseudonymise.released_times import (
    hours_text,
    infusion_offsets,
    infusions_of,
    patients_in_hours,
    refuse_without_offset,
    rows_in_hours,
    shifted,
    time_columns,
)
from pipeline.pseudonymise.secret_key import Key

KEY = Key(bytes(range(9, 50)))
LABS = TableSchema.load("labs")
ZERO = "2026-03-01T08:00:00+01:00"


def table(**columns):
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return frame.assign(_line=np.arange(2, 2 + len(frame)))


def moved(*cells, ids=None, offsets=None, zone=None):
    """Shifted collection times of patient A, and the lines of the account."""
    account = Account()
    rows = table(patient_id=ids or ["A"] * len(cells), collected_at=list(cells))
    result = shifted(rows, LABS, "labs.csv", KEY, offsets or {}, zone, account)
    return result["collected_at"].tolist(), account.lines


@given(hours=st.lists(st.integers(0, 24 * 400), min_size=2, max_size=6))
@settings(deadline=None, max_examples=15)
def test_moments_move_by_the_whole_days_of_their_patient_across_clock_changes(hours):
    start = pd.Timestamp("2025-06-01T00:00:00", tz="UTC")
    times = [start + pd.Timedelta(hours=hour) for hour in hours]
    cells = [time.tz_convert("Europe/Berlin").isoformat() for time in times]
    released, lines = moved(*cells, offsets={"A": 60.0})
    after = [pd.Timestamp(cell) for cell in released]
    back = timedelta(days=KEY.days("A"))
    assert [time - new for time, new in zip(times, after, strict=True)] == [back] * len(times)
    assert {cell[-6:] for cell in released} == {"+01:00"}
    assert lines == []


def test_patients_move_by_days_of_their_own_and_days_stay_days():
    released, _ = moved("2026-03-05", "2026-03-05", ids=["A", "B"])
    assert all(len(cell) == 10 for cell in released)
    gaps = [pd.Timestamp("2026-03-05") - pd.Timestamp(cell) for cell in released]
    assert [gap.days for gap in gaps] == [KEY.days("A"), KEY.days("B")]
    assert KEY.days("A") != KEY.days("B")


@pytest.mark.parametrize("cell", ["soon", "2026-03-05 08:00", "1900-01-03T00:00:00Z"])
def test_what_cannot_be_moved_is_withheld_and_named(cell):
    released, lines = moved("2026-03-05T08:00:00Z", cell)
    assert released[1] == WITHHELD
    assert released[0] != WITHHELD
    assert len(lines) == 1
    assert "row 3" in lines[0]
    assert cell not in lines[0]


def test_a_blank_time_stays_blank():
    assert moved("", "2026-03-05T08:00:00Z")[0][0] == ""


@pytest.mark.parametrize(
    ("cells", "zone", "refused"),
    [
        (["2026-03-05 08:00"] * 3, None, True),
        (["2026-03-05 08:00"] * 3, "Europe/Berlin", False),
        (["2026-03-05 08:00", "2026-03-05T08:00Z", "2026-03-05T08:00Z"], None, False),
        (["", "", "2026-03-05 08:00"], None, True),
        (["2026-03-05", "", ""], None, False),
    ],
)
def test_a_column_without_offsets_is_refused_unless_a_zone_is_stated(cells, zone, refused):
    rows = table(patient_id=["A"] * 3, collected_at=cells)
    if not refused:
        refuse_without_offset(rows, LABS, "labs.csv", zone)
        return
    with pytest.raises(UsageError, match="--tz"):
        refuse_without_offset(rows, LABS, "labs.csv", zone)


def test_the_offset_of_the_first_infusion_counts():
    patients = table(
        patient_id=["A", "A", "B"],
        episode=["2", "1", ""],
        infusion_time=["2026-07-01T08:00:00+02:00", ZERO, "never"],
    )
    assert infusion_offsets(patients, None) == {"A": 60.0}
    assert infusion_offsets(None, None) == {}


def in_hours(**columns):
    """A lab table of patient A in hours, and the lines of the account."""
    patients = table(patient_id=["A"], infusion_time=[ZERO])
    infusions = infusions_of(patients, "patients.csv", None)
    account = Account()
    rows = table(patient_id=["A"] * len(next(iter(columns.values()))), **columns)
    return rows_in_hours(rows, LABS, infusions, "labs.csv", None, account), account.lines


@given(hours=st.floats(-1000, 10_000))
@settings(deadline=None, max_examples=7)
def test_hours_come_back_to_the_moment(hours):
    moment = pd.Timestamp(ZERO) + pd.Timedelta(seconds=round(hours * 3600))
    released, lines = in_hours(collected_at=[moment.isoformat()])
    expected = round(hours * 3600) / 3600
    assert float(released["collected_hours"][0]) == pytest.approx(expected, abs=1e-9)
    assert "collected_at" not in released
    assert lines == []


def test_a_day_of_draw_never_makes_a_result_visible_earlier():
    day = "2026-03-03"
    alone, lines = in_hours(collected_at=[day])
    assert float(alone["collected_hours"][0]) == pytest.approx(64 - 1 / 3600)
    assert len(lines) == 1
    stated, lines = in_hours(collected_at=[day], resulted_at=["2026-03-03T12:00:00+01:00"])
    assert float(stated["collected_hours"][0]) == 40.0
    assert float(stated["resulted_hours"][0]) == 52.0
    assert lines == []


def test_patients_in_hours_hold_no_date_and_give_the_hour_of_later_infusions():
    patients = table(
        patient_id=["A", "A", "B"],
        episode=["1", "2", "1"],
        infusion_time=[ZERO, "2026-04-10T08:00:00+02:00", "never"],
        death_at=["", "2026-05-01T08:00:00+02:00", ""],
    )
    infusions = infusions_of(patients, "patients.csv", None)
    account = Account()
    released = patients_in_hours(patients, infusions, "patients.csv", account)
    assert released["patient_id"].tolist() == ["A", "A"]
    assert "infusion_time" not in released
    hours = (pd.Timestamp("2026-04-10T08:00:00+02:00") - pd.Timestamp(ZERO)) / pd.Timedelta(hours=1)
    assert float(released["second_infusion_hours"][0]) == pytest.approx(hours)
    assert not released.astype("str").apply(lambda column: column.str.contains("2026")).any().any()
    assert any("left out" in line for line in account.lines)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), max_size=6))
@settings(deadline=None)
def test_hours_are_written_with_every_digit(values):
    cells = hours_text(pd.Series(values, dtype=float)).tolist()
    for cell, value in zip(cells, values, strict=True):
        assert cell == "" if np.isnan(value) else float(cell) == value


def test_times_are_those_that_the_schema_names():
    rows = table(patient_id=["A"], collected_at=[""], seen_at=[""], value=["1"])
    assert time_columns(rows, LABS) == ["collected_at"]
