"""The patients table: repeats, defaults, times, deaths and a second infusion."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from tests.exported import (
    AT,
    codes,
    conserved,
    lab_rows,
    read,
    score,
    write_export,
    write_table,
)


def patients_of(tmp_path, *rows, columns, **tables):
    result = read(
        write_export(tmp_path, patients=[["patient_id", *columns.split()], *rows], **tables)
    )
    conserved(result)
    return result.cohort.patients.set_index("patient_id"), result


def test_patients_are_sorted_and_identical_rows_collapse(tmp_path):
    patients, result = patients_of(
        tmp_path, ("B", 60), ("A", 50), ("B", "60.0"), columns="age_years"
    )
    assert patients["age_years"].to_dict() == {"A": 50.0, "B": 60.0}
    assert result.counts["patients.csv"]["collapsed"] == 1


def test_contradictory_rows_of_a_patient_are_refused_with_all_their_rows(tmp_path):
    patients, result = patients_of(tmp_path, ("A", 50), ("B", 60), ("B", 61), columns="age_years")
    assert patients.index.tolist() == ["A"]
    assert codes(result) == ["duplicate_patient"] * 4  # both rows, the lab row and the grade of B
    assert result.rejects["reason"].str.contains("lines 3 and 4, which differ in age_years").all()
    assert result.rejects["remedy"].str.startswith("Keep one row per patient in patients").all()
    assert result.lost["B"] == "duplicate_patient"
    assert result.seen_ids == ["A", "B"]


def test_record_end_defaults_to_the_last_row_and_follow_up_to_record_end(tmp_path):
    patients, _ = patients_of(
        tmp_path,
        ("A", "", ""),
        ("B", "100", "200"),
        ("C", "", ""),
        columns="record_end_hours followed_until_hours",
    )
    assert patients["record_end_hours"].to_dict() == {"A": 23.9, "B": 100.0, "C": 0.0}
    assert patients["followed_until_hours"].to_dict() == {"A": 23.9, "B": 200.0, "C": 0.0}


def test_a_stated_end_of_follow_up_counts_before_the_end_of_the_record(tmp_path):
    patients, _ = patients_of(
        tmp_path,
        ("A", "", "10"),
        ("B", "100", "50"),
        columns="record_end_hours followed_until_hours",
    )
    assert patients["followed_until_hours"].to_dict() == {"A": 10.0, "B": 50.0}
    assert patients["record_end_hours"].to_dict() == {"A": 23.9, "B": 100.0}


def test_the_earlier_of_two_deaths_counts(tmp_path):
    patients, _ = patients_of(
        tmp_path,
        ("A", "50"),
        ("B", ""),
        ("C", "10"),
        columns="death_hours",
        assessments=[
            ("patient_id", "scale", "grade", "assessed_hours"),
            ("A", "death", "1", "40"),
            ("B", "death", "1", "60"),
            ("C", "death", "0", "5"),
        ],
    )
    assert patients["death_hours"].to_dict() == {"A": 40.0, "B": 60.0, "C": 10.0}


def test_timestamps_are_hours_since_the_infusion_of_each_patient(tmp_path):
    patients, result = patients_of(
        tmp_path,
        ("A", AT, "2024-03-02T08:00:00Z"),
        ("B", "2024-03-01T08:00:00+08:00", ""),
        columns="infusion_time death_at",
        labs=[
            ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"),
            ("A", "crp", "1", "mg/L", "2024-03-01T10:00:00+00:00", ""),
            ("B", "crp", "1", "mg/L", "2024-03-01T10:00:00+00:00", "2024-03-01T12:00:00Z"),
        ],
    )
    assert patients["death_hours"]["A"] == 24.0
    assert result.cohort.labs["collected_hours"].tolist() == [2.0, 10.0]
    assert result.cohort.labs["resulted_hours"].tolist() == [6.0, 12.0]
    assert patients["infusion_time"]["B"] == pd.Timestamp("2024-03-01T00:00:00Z")


def test_an_unreadable_infusion_time_loses_the_patient_not_the_cohort(tmp_path):
    patients, result = patients_of(
        tmp_path, ("A", AT), ("B", "2024-03-01T08:00:00"), columns="infusion_time"
    )
    assert patients.index.tolist() == ["A"]
    assert result.lost["B"] == "time_unusable"


def test_a_stated_zone_reads_the_infusion_time(tmp_path):
    folder = write_export(
        tmp_path, patients=[("patient_id", "infusion_time"), ("A", "2024-03-01T08:00:00")]
    )
    zero = read(folder, time_zone="Europe/Berlin").cohort.patients["infusion_time"][0]
    assert zero == pd.Timestamp("2024-03-01T07:00:00Z")


def test_labs_with_timestamps_need_infusion_times(tmp_path):
    labs = [
        ("patient_id", "analyte", "value", "unit", "collected_at"),
        ("A", "crp", "1", "mg/L", AT),
    ]
    with pytest.raises(InputError, match=r"labs\.csv gives 'collected_at'.*infusion_time"):
        read(write_export(tmp_path / "a", labs=labs))
    batch = write_table(tmp_path / "labs.csv", labs)
    with pytest.raises(InputError, match="infusion_time"):
        score(batch)


def test_no_usable_patient_is_an_input_error_with_the_reasons(tmp_path):
    folder = write_export(tmp_path, patients=[("patient_id", "death_hours"), ("A", "soon")])
    with pytest.raises(InputError, match=r"no patient row could be used\n[^~]*line 2, death_hours"):
        read(folder)
    write_table(folder / "patients.csv", [("patient_id",)])
    with pytest.raises(InputError, match=r"patients\.csv has no usable row"):
        read(folder)


def test_a_batch_without_patients_takes_the_ids_of_its_labs(tmp_path):
    rows = [*lab_rows(("crp", 1, "mg/L", 1, 2)), ("", "crp", "1", "mg/L", "1", "2")]
    result = score(write_table(tmp_path / "labs.csv", rows))
    assert result.cohort.patients["patient_id"].tolist() == ["A"]
    assert codes(result) == ["unknown_patient"]
    assert np.isnan(result.cohort.patients["death_hours"][0])


def test_extra_columns_are_kept(tmp_path):
    patients, _ = patients_of(tmp_path, ("A", "yes"), columns="bulky")
    assert patients["bulky"]["A"] == "yes"


def test_the_record_ends_with_a_second_infusion(tmp_path):
    rows = [
        ("patient_id", "record_end_hours", "second_infusion_hours"),
        ("A", 500, 300),
        ("B", 9, ""),
    ]
    patients = read(write_export(tmp_path, patients=rows)).cohort.patients
    assert patients["record_end_hours"].tolist() == [300.0, 9.0]


@pytest.mark.parametrize(
    ("scale", "grade", "stated", "death"),
    [
        ("iec_hs", 5, "", 90.0),
        ("crs", 5, "", 90.0),
        ("icans", 5, "", 90.0),
        ("iec_hs", 5, "80", 80.0),
        ("iec_hs", 5, "95", 95.0),
        ("iec_hs", 4, "", None),
        ("hlh", 1, "", None),
    ],
)
def test_grade_5_is_death_where_none_is_stated(tmp_path, scale, grade, stated, death):
    people = [("patient_id", "death_hours"), ("A", stated), ("B", "")]
    grades = [("patient_id", "scale", "grade", "assessed_hours"), ("A", scale, grade, "90")]
    result = read(write_export(tmp_path, patients=people, assessments=grades))
    assert codes(result) == []
    hours = result.cohort.patients["death_hours"].iloc[0]
    assert np.isnan(hours) if death is None else hours == death
