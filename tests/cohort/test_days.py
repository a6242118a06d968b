"""Exports that know days only: accepted, flagged, and never earlier than the end of the day."""

import pytest

from tests.exported import (
    ASSESSMENTS,
    PATIENTS,
    codes,
    conserved,
    read,
    read_labs,
    score,
    write_export,
)

ZERO = "2024-03-01T08:00:00+00:00"
END = 1 / 3600


def dated(folder, *rows, columns=("collected_at", "resulted_at"), zero=ZERO, **settings):
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
        patients=[("patient_id", "infusion_time"), ("A", ZERO)],
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


def test_the_record_ends_with_a_second_infusion(tmp_path):
    rows = [
        ("patient_id", "record_end_hours", "second_infusion_hours"),
        ("A", 500, 300),
        ("B", 9, ""),
    ]
    patients = read(write_export(tmp_path, patients=rows)).cohort.patients
    assert patients["record_end_hours"].tolist() == [300.0, 9.0]


def test_results_after_death_or_the_end_of_the_record_are_flagged_and_kept(tmp_path):
    rows = [("patient_id", "record_end_hours", "death_hours"), ("A", 6, 6.5), ("B", "", "")]
    result = read(write_export(tmp_path, patients=rows))
    assert result.flags == {"labs.csv": {"after_death": 1, "after_record_end": 1}}
    assert result.cohort.labs["flag"].tolist() == ["after_death after_record_end", ""]
    assert len(result.notes) == 2


def test_an_id_that_lost_its_zeros_is_named(tmp_path):
    labs = [
        ("patient_id", "analyte", "value", "unit", "collected_hours"),
        ("7", "crp", "1", "mg/L", 1),
    ]
    labs.append(("007", "crp", "2", "mg/L", 1))
    result = read(write_export(tmp_path, patients=[("patient_id",), ("007",)], labs=labs,
                               assessments=[*ASSESSMENTS[:1], ("007", "crs", 0, 5)]))  # fmt: skip
    assert result.cohort.patients["patient_id"].tolist() == ["007"]
    assert "Is '007' meant? Spreadsheets drop leading zeros." in result.rejects["reason"][0]


def test_hours_are_not_flagged(tmp_path):
    assert read_labs(tmp_path, ("crp", "7", "mg/L", 1, 2)).flags == {}
    assert PATIENTS[0] == ("patient_id",)
