"""Raw tables as typed frames: no row is lost, and what cannot be read is missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audit.lenient_tables import (
    accepted_unit,
    analyte_key,
    derived_grades,
    grade_frame,
    lab_frame,
    lenient_hours,
    people_frame,
)
from pipeline.cohort.analytes import dictionary
from pipeline.config_cohort import CohortConfig
from tests.builders import make_cohort

CONFIG = CohortConfig()
IDS = pd.Index(["A", "B", "C"])


def raw(**columns):
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return frame.assign(_line=np.arange(2, 2 + len(frame)))


def people(**columns):
    return people_frame(raw(**columns) if columns else None, IDS, CONFIG)


def test_every_id_has_a_row_and_the_first_of_several_counts():
    found = people(
        patient_id=["B", "B", "C", ""], site=["north", "south", "east", "west"],
        death_hours=["50", "60", "1", "2"],
    )  # fmt: skip
    assert found.index.tolist() == [0, 1, 2]
    assert found["line"].tolist() == [0, 2, 4]
    assert found["site"].tolist() == ["", "north", "east"]
    np.testing.assert_equal(found["death"].to_numpy(), [np.nan, 50.0, 1.0])


def test_of_several_infusions_the_first_places_time_zero_and_none_ends_the_record():
    found = people(
        patient_id=["A", "A"],
        episode=["2", "1"],
        infusion_time=["2026-05-01T08:00:00Z", "2026-03-01T08:00:00Z"],
        record_end_hours=["900", "800"],
    )
    assert found["infusion"][0] == pd.Timestamp("2026-03-01T08:00:00Z")
    assert np.isnan(found["record_end"][0])


@pytest.mark.parametrize("missing", [None, "analyte"])
def test_a_table_that_is_missing_or_lacks_a_column_is_empty(missing):
    table = None if missing is None else raw(patient_id=["A"], value=["1"], unit=["mg/L"])
    assert lab_frame(table, IDS, people(), CONFIG).empty
    assert grade_frame(table, IDS, people(), CONFIG).empty


cell = st.sampled_from(["", "5", "-3", "<0.5", "≥ 7", "nan", "inf", "1e999", "n/a", "12,5", "> x"])


@given(cells=st.lists(cell, min_size=1, max_size=8), unit=st.sampled_from(["mg/L", "mg/dL", "x"]))
@settings(deadline=None, max_examples=20)
def test_every_lab_row_is_kept_and_a_limit_has_its_side(cells, unit):
    count = len(cells)
    table = raw(
        patient_id=["A"] * count, analyte=["CRP"] * count, value=cells, unit=[unit] * count,
        collected_hours=["30"] * count,
    )  # fmt: skip
    found = lab_frame(table, IDS, people(), CONFIG)
    assert found["text"].tolist() == cells
    numbers = {"5": 5.0, "-3": -3.0, "<0.5": 0.5, "≥ 7": 7.0}
    np.testing.assert_equal(found["number"].to_numpy(), [numbers.get(c, np.nan) for c in cells])
    sides = {"<": -1, "≥": 1, ">": 1}
    assert found["side"].tolist() == [sides.get(text[:1], 0) for text in cells]
    factor = {"mg/L": 1.0, "mg/dL": 10.0, "x": np.nan}[unit]
    np.testing.assert_equal(found["value"].to_numpy(), found["number"].to_numpy() * factor)
    assert set(found["day"]) == {1.0}
    assert set(found["key"]) == {"crp"}


@pytest.mark.parametrize(
    ("column", "text", "hours"),
    [
        ("collected_hours", "48", 48.0),
        ("collected_hours", "inf", np.nan),
        ("collected_days", "2", 48.0),
        ("collected_at", "2026-03-03T08:00:00Z", 48.0),
        ("collected_at", "2026-03-03 08:00", 48.0),
        ("collected_at", "soon", np.nan),
        ("other", "1", np.nan),
    ],
)
def test_a_clock_is_read_in_each_of_its_forms(column, text, hours):
    zero = pd.Series([pd.Timestamp("2026-03-01T08:00:00Z")])
    found = lenient_hours(raw(**{column: [text]}), "collected", zero, CONFIG)
    np.testing.assert_equal(found.to_numpy(dtype=float), [hours])


def test_a_grade_keeps_its_text_scale_and_system():
    table = raw(
        patient_id=["A", "X"], scale=["CRS", "mood"], grade=["2", "bad"],
        assessed_hours=["30", "x"], grading_system=["astct", "penn"],
    )  # fmt: skip
    found = grade_frame(table, IDS, people(), CONFIG)
    assert found["patient"].tolist() == [0, -1]
    assert found["scale"].tolist() == ["crs", "mood"]
    np.testing.assert_equal(found["grade"].to_numpy(), [2.0, np.nan])
    np.testing.assert_equal(found["day"].to_numpy(), [1.0, np.nan])
    assert found["system"].tolist() == ["astct", "penn"]


def test_grades_of_an_accepted_cohort_stand_on_no_line():
    cohort = make_cohort(2, assessments=[(1, "crs", 2, 30.0)])
    ids = pd.Index(["P001", "P000"])
    found = derived_grades(cohort, ids)
    assert found[["patient", "grade", "hours", "line"]].values.tolist() == [[0, 2.0, 30.0, 0]]


def test_units_and_names_are_judged_whether_or_not_the_cohort_accepts_them():
    local = CohortConfig(local_analytes=("Serum Amyloid A", "CRP"))
    assert analyte_key("serum amyloid a", CONFIG) == "serum_amyloid_a"
    assert analyte_key("C-reactive protein", CONFIG) == "crp"
    assert analyte_key("crp", local) == "crp"
    assumed = CohortConfig(assume_units={"d_dimer": {"mg/L": "mg/L{DDU}"}})
    factor = dictionary()["d_dimer"].conversions["mg/L{DDU}"]
    assert accepted_unit("d_dimer", "mg/L", assumed) == factor
    assert np.isnan(accepted_unit("d_dimer", "mg/L", CONFIG))
    assert np.isnan(accepted_unit("saa", "mg/L", CONFIG))
