"""Cells of records: times, units and codes."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.ledger import Ledger
from pipeline.importers.records import (
    agreed_units,
    clock_changes,
    contradicting,
    filled_columns,
    first_filled,
    look_up,
    named_code,
    refuse,
    utc_times,
    with_offsets,
    without_midnight,
)
from tests.importers.test_omop import MAPPING, bring


def test_a_lost_time_of_day_becomes_a_day_with_a_remark(tmp_path):
    midnight = {"measurement_datetime": "2024-03-02 00:00:00"}
    imported, _, summary = bring(tmp_path, [midnight, midnight])
    assert imported["labs"]["collected_at"].tolist() == ["2024-03-02", "2024-03-02"]
    assert "measurement.csv: every time of measurement is 00:00" in summary
    imported, _, summary = bring(tmp_path, [midnight, {}])
    assert imported["labs"]["collected_at"][0] == "2024-03-02T00:00:00+01:00"
    assert "50% of the times of measurement are 00:00" in summary
    imported, _, _ = bring(tmp_path, [midnight, {}], {**MAPPING, "midnight": "day"})
    assert imported["labs"]["collected_at"][0] == "2024-03-02"


def cells(*texts):
    return pd.Series(texts, dtype="str")


@given(
    times=st.lists(st.sampled_from(["2026-03-01", "2026-03-01 00:00", "2026-03-01T08:15:00Z", ""])),
    reading=st.sampled_from(["day", "time", None]),
)
@settings(deadline=None, max_examples=10)
def test_midnight_is_a_day_where_it_is_stated_or_where_there_is_no_other_time(times, reading):
    read, share = without_midnight(cells(*times), reading)
    midnights = times.count("2026-03-01 00:00")
    timed = midnights + times.count("2026-03-01T08:15:00Z")
    assert share == (midnights / timed if timed else 0.0)
    lost = reading == "day" or (reading is None and timed > 0 and midnights == timed)
    day = "2026-03-01"
    assert read.tolist() == [day if lost and time.endswith("00:00") else time for time in times]


@given(
    hours=st.lists(st.integers(0, 24 * 365), max_size=8),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", None]),
)
@settings(deadline=None, max_examples=10)
def test_a_written_offset_does_not_move_the_moment(hours, zone):
    start = pd.Timestamp("2026-01-01")
    naive = cells(*[str(start + pd.Timedelta(hours=hour)) for hour in hours])
    placed, missing = with_offsets(naive, zone)
    lost = clock_changes(naive, zone) != ""
    assert missing == (len(hours) if zone is None else lost.sum())
    before, after = (
        utc_times(naive[~lost], zone),
        utc_times(placed[~lost], "Asia/Tokyo" if zone else None),
    )
    pd.testing.assert_series_equal(before, after)


UNITS = [(key, unit) for key in ("crp", "fibrinogen") for unit in dictionary()[key].conversions]


@pytest.mark.parametrize(("key", "unit"), UNITS)
def test_a_printed_and_a_coded_unit_clash_where_their_factors_differ(key, unit):
    analyte = dictionary()[key]
    units, clash = agreed_units(
        cells(key, key, key), cells(unit, unit, ""), cells(unit, analyte.unit, unit)
    )
    assert units.tolist() == [unit] * 3
    assert clash.tolist() == [False, analyte.conversions[unit] != 1.0, False]


def test_the_coded_unit_counts_where_only_it_can_be_converted():
    units, clash = agreed_units(
        cells("crp", "nosuch"), cells("wide", "wide"), cells("mg/L", "mg/L")
    )
    assert units.tolist() == ["mg/L", "wide"]
    assert not clash.any()


def test_blank_columns_are_left_out_unless_they_are_always_there():
    table = pd.DataFrame({"a": ["", ""], "b": ["", "x"], "c": ["", ""]}, index=[4, 5])
    kept = filled_columns(table, ("a",))
    assert kept.columns.tolist() == ["a", "b"]
    assert kept.index.tolist() == [0, 1]


@given(st.lists(st.tuples(*[st.sampled_from(["", "x", "y"])] * 3), max_size=6))
@settings(deadline=None, max_examples=10)
def test_the_first_filled_cell_counts(rows):
    parts = [cells(*[row[number] for row in rows]) for number in range(3)]
    expected = [next((cell for cell in row if cell), "") for row in rows]
    assert first_filled(*parts).tolist() == expected


def test_a_code_is_named_by_its_analyte_and_other_names_are_left():
    code = next(iter(dictionary()["ferritin"].loinc))
    assert named_code(code) == f"{code} ({dictionary()['ferritin'].name})"
    assert look_up(cells("F", "?"), {"F": "female"}).tolist() == ["female", ""]
    names = cells("CRP", "CRP", "Albumin", "nonsense")
    loinc = cells(code, next(iter(dictionary()["crp"].loinc)), "1746-7", code)
    assert contradicting(names, loinc).tolist() == [True, False, False, False]


def test_rows_of_several_files_are_refused_in_their_own_file():
    rows = pd.DataFrame({"file": ["a", "b", "a"], "_line": [2, 2, 3], "value": ["1", "2", "3"]})
    ledger = Ledger()
    kept = refuse(
        rows, [True, True, False], ledger, column="value", code="x", reason="why.", remedy="what."
    )
    assert kept["_line"].tolist() == [3]
    refused = ledger.frame()
    assert refused[["file", "row", "value"]].values.tolist() == [["a", 2, "1"], ["b", 2, "2"]]
