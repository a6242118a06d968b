"""Tables from records and a mapping: every row is counted, every time gets an offset."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.resources import schema_yaml
from tests.importers.test_omop import DAY0, MAPPING, bring


def test_every_row_is_counted(tmp_path):
    people = [{"person_id": number} for number in "1233"]
    people[3]["year_of_birth"] = "1950"
    dose = {"person_id": "1", "drug_concept_id": "5", "drug_exposure_start_date": "2024-03-03"}
    doses = [{**dose, "drug_source_value": name} for name in ("Actemra", "Aspirin", "TCZ-H")]
    seen = {"person_id": "1", "observation_concept_id": "0", "observation_date": "2024-03-04"}
    seen = [
        {**seen, "observation_source_value": name, "value_as_number": number}
        for name, number in (("CRS", "2"), ("CRS", ""), ("mood", "1"))
    ]
    stated = {
        **MAPPING,
        "drugs": {"TCZ-H": "tocilizumab"},
        "grades": [{"table": "observation", "codes": ["CRS"], "scale": "crs"}],
    }
    tables = {"person": people, "drug_exposure": doses, "observation": seen}
    imported, rejects, summary = bring(tmp_path, [{}, {"person_id": "2"}], stated, **tables)
    for line in (
        "person.csv: 4 rows read: 1 carried, 3 rejected",
        "measurement.csv: 2 rows read: 1 other patients, 1 carried",
        "drug_exposure.csv: 3 rows read: 2 carried, 1 rejected",
        "observation.csv: 3 rows read: 1 carried, 1 not named, 1 rejected",
        "procedure_occurrence.csv: 1 rows read: 1 carried",
    ):
        assert line in summary
    assert sorted(rejects["code"]) == [
        "duplicate_patient",
        "duplicate_patient",
        "no_infusion",
        "required_blank",
        "unknown_drug",
    ]
    assert imported["treatments"]["drug"].tolist() == ["tocilizumab", "tocilizumab"]
    assert imported["assessments"]["grade"].tolist() == ["2"]


def test_times_without_offset_are_placed_or_counted(tmp_path):
    imported, _, summary = bring(tmp_path, [{}], time_zone=None)
    assert imported["labs"]["collected_at"].tolist() == ["2024-03-02 06:00:00"]
    assert "2 times have no offset" in summary
    imported, _, summary = bring(tmp_path, [{}])
    assert imported["labs"]["collected_at"].tolist() == ["2024-03-02T06:00:00+01:00"]
    assert "no offset" not in summary


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2024-03-31 02:30:00", "does not exist in Europe/Berlin, because clocks go forward"),
        ("2024-10-27 02:30:00", "occurs twice in Europe/Berlin, because clocks go back"),
    ],
)
def test_a_time_in_a_clock_change_is_listed_with_its_place_and_a_remedy(tmp_path, time, why):
    labs = [{}, {"measurement_datetime": time}]
    death = [{"person_id": "1", "death_datetime": time}]
    late = {**MAPPING, "same_infusion_days": 0}
    imported, rejects, _ = bring(tmp_path, labs, late, death=death)
    row = rejects.iloc[0].to_dict()
    assert row == {
        "file": "measurement.csv", "row": "3", "column": "measurement_datetime", "value": time,
        "code": "time_unusable", "reason": f"'{time}' {why}.",
        "remedy": "Give the time with its offset at the source, as in 2026-10-25T02:30:00+01:00.",
    }  # fmt: skip
    assert len(rejects) == 1
    assert len(imported["labs"]) == 1
    assert imported["patients"]["death_at"].tolist() == [time[:10]]
    flags = pd.read_csv(tmp_path / "out" / "import_flags.csv")
    assert flags[["file", "row", "column", "value", "code"]].to_numpy().tolist() == [
        ["person.csv", 2, "death", time, "clock_change"]
    ]
    placed, rejects, _ = bring(tmp_path, [{}, {"measurement_datetime": f"{time}+01:00"}])
    assert rejects is None
    assert len(placed["labs"]) == 2


def test_a_time_that_is_the_result_time_is_not_known_earlier(tmp_path):
    imported, _, _ = bring(tmp_path, [{}], {**MAPPING, "measurement_time": "resulted"})
    assert imported["labs"]["resulted_at"].tolist() == imported["labs"]["collected_at"].tolist()
    imported, _, _ = bring(tmp_path, [{}])
    assert "resulted_at" not in imported["labs"]


def test_rows_beyond_the_window_around_the_infusion_are_refused(tmp_path):
    window = schema_yaml("exchange.yaml")["window_days"]
    start = pd.Timestamp(DAY0)
    days = [-window["before"] - 2, -window["before"], window["after"] - 1, window["after"] + 1]
    labs = [{"measurement_datetime": str(start + pd.Timedelta(days=day))} for day in days]
    imported, rejects, _ = bring(tmp_path, labs)
    assert len(imported["labs"]) == 2
    assert rejects["code"].tolist() == ["outside_window"] * 2
    assert rejects["row"].tolist() == ["2", "5"]


def test_a_grade_by_its_code_and_a_grade_in_its_value(tmp_path):
    seen = {"person_id": "1", "observation_concept_id": "0", "observation_date": "2024-03-04"}
    seen = [
        {**seen, "observation_source_value": "CRS", "value_as_number": "3"},
        {**seen, "observation_source_value": "CRS2", "value_as_number": ""},
    ]
    rules = [
        {"table": "observation", "codes": ["CRS"], "scale": "crs", "grading_system": "astct"},
        {"table": "observation", "codes": ["CRS2"], "scale": "crs", "grade": 2},
    ]
    imported, rejects, _ = bring(tmp_path, [{}], {**MAPPING, "grades": rules}, observation=seen)
    assert rejects is None
    assert imported["assessments"]["grade"].tolist() == ["3", "2"]
    assert imported["assessments"]["grading_system"].tolist() == ["astct", ""]


def test_the_mapping_names_an_analyte_that_the_code_does_not(tmp_path):
    own = {"measurement_source_value": "LOCAL-CRP"}
    imported, _, _ = bring(tmp_path, [own], {**MAPPING, "analytes": {"LOCAL-CRP": "crp"}})
    assert imported["labs"]["analyte"].tolist() == ["crp"]
