"""Columns of times in a wide sheet: by name, by content, and their data columns."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.importers.wide_clocks import (
    clock_columns,
    common_clock,
    instruments,
    owning_clock,
    stem,
)


@pytest.mark.parametrize(
    ("name", "cell", "reads"),
    [
        ("tox_date", "2026-03-02 18:00", "at"),
        ("seen", "2026-03-02T18:00:00+01:00", "at"),
        ("AEDTC", "2026-03-02", "at"),
        ("Beurteilungszeitpunkt", "02.03.2026 18:00", "at"),
        ("CRS Grade Date", "3/2/2026 6:00 PM", "at"),
        ("charted", "02-Mar-2026", "at"),
        ("charted", "March 2, 2026", "at"),
        ("charted", "20260302", "at"),
        ("grade_dt", "20260302", "at"),
        ("tox_day", "2.5", "days"),
        ("hours post infusion of grade", "12", "hours"),
    ],
)
def test_a_column_of_times_is_known_by_name_and_content(name, cell, reads):
    table = pd.DataFrame({name: [cell, ""]}, dtype="str")
    assert clock_columns([name], table).reads == {name: reads}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("birth_date", "1960-03-02"),
        ("dob", "1960-03-02"),
        ("infusion_date", "2026-03-02"),
        ("date_of_death", "2026-03-02"),
        ("length_of_stay_days", "12"),
        ("age_days", "12"),
        ("prothrombin_time", "12.5"),
        ("ward", "3B"),
        ("day_28_response", "CR"),
        ("version", "1.2"),
    ],
)
def test_dates_of_the_patient_and_other_columns_are_no_clock(name, cell):
    table = pd.DataFrame({name: [cell]}, dtype="str")
    assert clock_columns([name], table).reads == {}


def test_a_time_of_day_of_its_own_column_belongs_to_the_date_of_the_same_name():
    header = ["lab_date", "lab_time", "tox_date", "tox_time"]
    table = pd.DataFrame([["2026-03-02", "06:00", "2026-03-02", "6:00 PM"]], columns=header)
    clocks = clock_columns(header, table)
    assert clocks.time_of_day == {"lab_date": "lab_time", "tox_date": "tox_time"}
    assert list(clocks.reads) == ["lab_date", "tox_date"]


def test_forms_end_with_their_complete_column():
    header = ["id", "lab_date", "labs_complete", "tox_date", "Complete?", "note"]
    forms = instruments(header)
    assert forms["lab_date"] != forms["tox_date"]
    assert "note" not in forms
    assert instruments(["id", "lab_date"]) == {}


def test_a_clock_belongs_by_first_words_or_form_and_only_if_it_is_filled_in():
    header = ["lab_date", "crp", "labs_complete", "seen", "crs", "tox_complete"]
    clocks = ["lab_date", "seen"]
    assert owning_clock("crs", header, clocks, None) == "seen"
    assert owning_clock("lab_crp", [], clocks, None) == "lab_date"
    assert owning_clock("crs", [], clocks, None) == ""
    table = pd.DataFrame({name: ["x"] for name in header}).assign(seen="")
    assert owning_clock("crs", header, clocks, table) == ""
    two = ["seen", "again"]
    assert owning_clock("crs", ["seen", "again", "crs", "tox_complete"], two, None) == ""


def test_the_longest_shared_beginning_wins():
    assert owning_clock("crs_grade", [], ["crs_date", "crs_grade_date"], None) == "crs_grade_date"
    assert owning_clock("crs_grade", [], ["crs_onset_date"], None) == ""


@given(st.lists(st.sampled_from(["a", "b", ""]), max_size=5))
def test_a_common_clock_is_one_of_them_and_blank_where_one_is_missing(owners):
    clock = common_clock(owners)
    assert (clock == "") == (not owners or "" in owners)
    assert clock == "" or owners.count(clock) == max(map(owners.count, owners))


@given(st.text(max_size=20))
def test_any_name_has_a_stem_and_a_kind(name):
    assert isinstance(stem(name), tuple)
    assert set(clock_columns([name]).reads) <= {name}
