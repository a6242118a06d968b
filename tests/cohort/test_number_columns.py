"""Numbers of every table: one decimal mark, consistent with the rest of the file."""

import pandas as pd
import pytest

from pipeline.cohort.files import raw_from_frame
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_batch, read_tables
from tests.exported import codes, read, write_export

LABS = ("patient_id", "analyte", "value", "unit", "collected_hours")


def labs(*rows):
    return [LABS, *(("A", key, text, unit, hour) for hour, (key, text, unit) in enumerate(rows, 1))]


def values(result):
    table = result.cohort.labs.sort_values("collected_hours")
    return dict(zip(table["analyte"], table["value"], strict=True))


GERMAN = (
    ("crp", "182,4", "mg/L"),
    ("ferritin", "12.845", "ng/mL"),
    ("il6", "3.410", "pg/mL"),
    ("platelets", "48", "10*9/L"),
)


def test_points_between_thousands_beside_decimal_commas_are_refused_unless_stated(tmp_path):
    folder = write_export(tmp_path, labs=labs(*GERMAN))
    result = read(folder)
    assert values(result) == {"platelets": 48.0}
    assert set(codes(result)) == {"value_unusable"}
    assert result.rejects["value"].tolist() == ["182,4", "12.845", "3.410"]
    stated = read(folder, decimal_comma=True)
    assert values(stated) == {"crp": 182.4, "ferritin": 12845.0, "il6": 3410.0, "platelets": 48.0}
    against = read(folder, decimal_comma=False)
    assert values(against) == {"platelets": 48.0}
    assert all(reason.startswith("'") for reason in against.rejects["reason"])  # names the cell


def test_a_decimal_comma_in_another_column_or_file_is_evidence_too(tmp_path):
    rows = [(*LABS, "uloq"), ("A", "ferritin", "12.845", "ng/mL", 1, "40000,5")]
    result = read(write_export(tmp_path / "a", labs=[*rows, ("A", "crp", "7", "mg/L", 2, "")]))
    assert values(result) == {"crp": 7.0}
    people = [("patient_id", "age_years"), ("A", "62,5"), ("B", "44")]
    folder = write_export(tmp_path / "b", labs=labs(*GERMAN[1:]), patients=people)
    assert values(read(folder)) == {"platelets": 48.0}


def test_american_numbers_beside_a_stated_decimal_comma_are_not_divided_by_a_thousand(tmp_path):
    rows = labs(("ferritin", "1,234", "ng/mL"), ("crp", "12.5", "mg/L"))
    assert values(read(write_export(tmp_path, labs=rows), decimal_comma=True)) == {"crp": 12.5}
    assert values(read(tmp_path, decimal_comma=False)) == {"ferritin": 1234.0, "crp": 12.5}
    assert values(read(tmp_path)) == {"crp": 12.5}


def test_points_alone_are_decimal(tmp_path):
    rows = labs(("ferritin", "12.845", "ng/mL"), ("crp", "3.5", "mg/L"))
    assert values(read(write_export(tmp_path, labs=rows))) == {"ferritin": 12.845, "crp": 3.5}


def test_numbers_of_a_typed_column_are_never_ambiguous():
    frame = pd.DataFrame(
        {
            "patient_id": ["A", "A"],
            "analyte": ["ferritin", "crp"],
            "value": [12.845, 7.0],
            "unit": ["ng/mL", "mg/L"],
            "collected_hours": ["1,5", "2"],
        }
    )
    result = read_tables(
        {"labs": raw_from_frame(frame, "labs")}, CohortConfig(decimal_comma=True), live=True
    )
    assert values(result) == {"ferritin": 12.845, "crp": 7.0}
    assert sorted(result.cohort.labs["collected_hours"]) == [1.5, 2.0]


@pytest.mark.parametrize(
    ("text", "stated", "hour"),
    [("70,5", None, None), ("70,5", True, 70.5), ("70.125", None, None), ("70.25", None, 70.25)],
)
def test_times_in_hours(tmp_path, text, stated, hour):
    rows = [LABS, ("A", "crp", "182,4", "mg/L", "1"), ("A", "platelets", "48", "10*9/L", text)]
    rows += [("A", "albumin", "4", "g/dL", "2")]
    result = read(write_export(tmp_path, labs=rows), decimal_comma=stated)
    collected = result.cohort.labs.set_index("analyte")["collected_hours"].get("platelets")
    assert collected == hour
    if hour is None:
        assert "time_unusable" in codes(result)


def test_computed_hours_keep_their_decimal_points(tmp_path):
    rows = [LABS, ("A", "crp", "182,4", "mg/L", "70.125"), ("A", "crp", "9", "mg/L", "3.5")]
    result = read(write_export(tmp_path, labs=rows), decimal_comma=True)
    assert sorted(result.cohort.labs["collected_hours"]) == [3.5, 70.125]


def test_ages_doses_grades_and_bedside_values_follow_the_same_rule(tmp_path):
    tables = {
        "patients": [("patient_id", "age_years", "dose_cells"), ("A", "62,5", "1.234.567")],
        "labs": labs(("crp", "182,4", "mg/L")),
        "treatments": [
            ("patient_id", "drug", "dose", "unit", "given_hours"),
            ("A", "tocilizumab", "1.200", "mg", "3"),
        ],
        "observations": [
            ("patient_id", "item", "value", "observed_hours"),
            ("A", "temperature_c", "38,5", "2"),
        ],
        "assessments": [
            ("patient_id", "scale", "grade", "assessed_hours"),
            ("A", "crs", "2,0", "4"),
        ],
    }
    stated = read(write_export(tmp_path, **tables), decimal_comma=True)
    assert codes(stated) == []
    assert stated.cohort.patients["age_years"].tolist() == [62.5]
    assert stated.cohort.patients["dose_cells"].tolist() == [1234567.0]
    assert stated.cohort.treatments["dose_mg"].tolist() == [1200.0]
    assert stated.cohort.observations["value"].tolist() == ["38.5"]
    assert stated.cohort.assessments["grade"].tolist() == [2]
    batch = read_batch(tmp_path, CohortConfig(), {})
    cells = batch.rejects.set_index("column")["value"]
    assert cells["age_years"] == "62,5"
    assert cells["dose"] == "1.200"
    assert {"dose_cells", "grade", "value"} <= set(cells.index)
    assert batch.cohort.treatments["dose_mg"].isna().all()
    assert batch.cohort.patients["age_years"].isna().all()


def test_every_row_is_accounted_for(tmp_path):
    rows = [LABS, *[("A", "crp", "182,4", "mg/L", text) for text in ("1,5", "2", "70.125", "x")]]
    result = read(write_export(tmp_path, labs=[*rows, ("A", "crp", "9", "mg/L", "5")]))
    counts = result.counts["labs.csv"]
    assert counts["read"] == 5 == counts["accepted"] + counts["rejected"]
    assert len(result.rejects) == counts["rejected"] == 4
