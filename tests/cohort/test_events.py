import pytest

from pipeline.config_cohort import CohortConfig
from pipeline.features.state import state_features, state_meta
from pipeline.reading.reader import read_cohort
from tests.builders import at, make_spec
from tests.exported import (
    codes,
    conserved,
    read,
    write_export,
)


def assessed(tmp_path, *rows, columns="scale grade assessed_hours", **settings):
    folder = write_export(tmp_path, assessments=[["patient_id", *columns.split()], *rows])
    result = read(folder, **settings)
    conserved(result)
    return result


def given(tmp_path, *rows, columns="drug given_hours"):
    folder = write_export(tmp_path, treatments=[["patient_id", *columns.split()], *rows])
    result = read(folder)
    conserved(result)
    return result


def observed(tmp_path, *rows):
    header = ["patient_id", "item", "value", "observed_hours"]
    result = read(write_export(tmp_path, observations=[header, *rows]))
    conserved(result)
    return result


def test_an_assessment_of_an_unknown_patient_is_refused(tmp_path):
    result = assessed(tmp_path, ("A", "crs", "1", "5"), ("Z", "crs", "1", "5"))
    assert codes(result) == ["unknown_patient"]
    assert "'Z' has no row in patients" in result.rejects["reason"][0]


@pytest.mark.parametrize(
    ("scale", "grade"),
    [("crs", "6"), ("icans", "9"), ("hlh", "2"), ("death", "2"), ("iec_hs", "6")],
)
def test_a_grade_outside_its_scale_is_refused(tmp_path, scale, grade):
    result = assessed(tmp_path, ("A", scale, grade, "5"), ("A", "crs", "1", "5"))
    assert codes(result) == ["grade_outside_scale"]
    assert f"{scale}: 0 to" in result.rejects["remedy"][0]
    assert result.rejects["reason"][0] == f"'{grade}' is not a grade of the scale '{scale}'."


def test_grades_that_contradict_each_other_are_flagged_and_the_larger_counts(tmp_path):
    rows = [("A", "crs", grade, "5") for grade in ("3", "0")]
    others = [("A", "icans", "1", "5"), ("B", "crs", "2", "5"), ("A", "crs", "0", "6")]
    result = assessed(tmp_path, *rows, *others, ("A", "crs", "0", "6"))
    assert result.flags == {"assessments.csv": {"conflicting": 2}}
    assert result.notes["row"].tolist() == [2, 3]
    assert result.notes["value"].tolist() == ["3", "0"]
    own = result.cohort.assessments.query("scale == 'crs' and assessed_hours == 5 and patient == 0")
    assert own["grade"].tolist()[-1] == 3
    spec = make_spec(scales=("crs",))
    columns = [meta.name for meta in state_meta(spec)]
    state = state_features(result.cohort.assessments, at((0, 5.5)), spec)[0]
    assert dict(zip(columns, state, strict=True))["state_crs__grade"] == 3


@pytest.mark.parametrize("grade", ["-1", "1.5", "severe", "", "inf"])
def test_a_grade_that_is_no_grade_is_refused(tmp_path, grade):
    result = assessed(tmp_path, ("A", "crs", grade, "5"))
    assert codes(result) == ["required_blank" if grade == "" else "illegal_value"]


def test_an_unknown_scale_is_refused_unless_an_outcome_uses_it(tmp_path):
    result = assessed(tmp_path, ("A", "sofa", "3", "5"), ("A", "CRS", "3", "5"))
    assert codes(result) == ["unknown_scale"]
    assert result.cohort.assessments["scale"].tolist() == ["crs"]
    configured = read_cohort(tmp_path, CohortConfig(), extra_scales=("sofa",))
    assert configured.cohort.assessments["scale"].tolist() == ["crs", "sofa"]


@pytest.mark.parametrize("system", ["lee2014", "penn", "CTCAE", "Lee 2014"])
def test_grading_systems_are_never_pooled(tmp_path, system):
    columns = "scale grade assessed_hours grading_system"
    result = assessed(
        tmp_path,
        ("A", "crs", "1", "5", ""),
        ("A", "crs", "2", "6", "ASTCT"),
        ("A", "crs", "3", "7", system),
        columns=columns,
    )
    assert len(codes(result)) == 1
    assert result.cohort.assessments["grade"].tolist() == [1, 2]


def test_the_config_chooses_the_grading_system(tmp_path):
    columns = "scale grade assessed_hours grading_system"
    result = assessed(
        tmp_path,
        ("A", "crs", "2", "6", "astct"),
        ("A", "crs", "3", "7", "penn"),
        columns=columns,
        grading_system="penn",
    )
    assert codes(result) == ["other_grading_system"]
    assert result.cohort.assessments["grade"].tolist() == [3]


def test_assessments_are_sorted_and_identical_ones_collapse(tmp_path):
    result = assessed(
        tmp_path,
        ("B", "crs", "1", "5"),
        ("A", "icans", "1", "5"),
        ("A", "crs", "2", "9"),
        ("A", "crs", "1.0", "5.0"),
        ("A", "crs", "1", "5"),
    )
    table = result.cohort.assessments
    assert table["patient"].tolist() == [0, 0, 0, 1]
    assert table["scale"].tolist() == ["crs", "crs", "icans", "crs"]
    assert table["assessed_hours"].tolist() == [5, 9, 5, 5]
    assert result.counts["assessments.csv"]["collapsed"] == 1


def test_drugs_get_their_key_whatever_the_brand(tmp_path):
    result = given(
        tmp_path, ("A", "Actemra", 5), ("A", "TOCILIZUMAB ", 6), ("A", "Something New", 7)
    )
    assert result.cohort.treatments["drug"].tolist() == [
        "tocilizumab",
        "tocilizumab",
        "something_new",
    ]
    assert codes(result) == []


def test_two_doses_at_once_are_two_rows_and_the_same_row_twice_is_one(tmp_path):
    result = given(
        tmp_path,
        ("A", "dexamethasone", 5, 10),
        ("A", "dexamethasone", 5, 20),
        ("A", "dexamethasone", 5, "20.0"),
        columns="drug given_hours dose",
    )
    assert len(result.cohort.treatments) == 2
    assert result.counts["treatments.csv"]["collapsed"] == 1


def test_an_illegal_intent_is_ignored_and_noted(tmp_path):
    result = given(
        tmp_path,
        ("A", "anakinra", 5, "Prophylaxis"),
        ("A", "anakinra", 6, "hope"),
        columns="drug given_hours intent",
    )
    assert result.cohort.treatments["intent"].tolist() == ["prophylaxis", ""]
    assert result.counts["treatments.csv"]["cells_ignored"] == 1


def test_a_blank_drug_is_refused(tmp_path):
    assert codes(given(tmp_path, ("A", "", 5))) == ["required_blank"]


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("temperature_c", "39.4"),
        ("ice_score", "10"),
        ("oxygen_device", "Room_Air"),
        ("vasopressor", "none"),
        ("vasopressor", "Levophed"),
        ("SEIZURE", "brief"),
    ],
)
def test_legal_observations(tmp_path, item, value):
    assert codes(observed(tmp_path, ("A", item, value, 5))) == []


@pytest.mark.parametrize(
    ("item", "value", "code"),
    [
        ("temperature_c", "warm", "illegal_value"),
        ("temperature_c", "102.2", "illegal_value"),
        ("temperature_c", "inf", "illegal_value"),
        ("ice_score", "7.5", "illegal_value"),
        ("ice_score", "11", "illegal_value"),
        ("oxygen_device", "hose", "illegal_value"),
        ("vasopressor", "tocilizumab", "illegal_value"),
        ("mood", "good", "unknown_item"),
        ("temperature_c", "", "required_blank"),
    ],
)
def test_illegal_observations(tmp_path, item, value, code):
    result = observed(tmp_path, ("A", item, value, 5), ("A", "temperature_c", "37", 6))
    assert codes(result) == [code]
    assert len(result.cohort.observations) == 1


def test_results_after_death_or_the_end_of_the_record_are_flagged_and_kept(tmp_path):
    rows = [("patient_id", "record_end_hours", "death_hours"), ("A", 6, 6.5), ("B", "", "")]
    result = read(write_export(tmp_path, patients=rows))
    assert result.flags == {"labs.csv": {"after_death": 1, "after_record_end": 1}}
    assert result.cohort.labs["flag"].tolist() == ["after_death after_record_end", ""]
    assert len(result.notes) == 2


def test_a_steroid_dose_whose_unit_is_no_mass_is_flagged(tmp_path):
    header = ("patient_id", "drug", "dose", "unit", "given_hours")
    units = ["mg", "mg/kg", "ampoule", "", "g", "mg/m2"]
    rows = [("A", "dexamethasone", 10, unit, 10 + place) for place, unit in enumerate(units)]
    other = [("A", "heparin", 500, "IU", 30), ("A", "dexamethasone", "", "", 31)]
    result = read(write_export(tmp_path, treatments=[header, *rows, *other]))
    flagged = result.notes.loc[result.notes["code"] == "dose_unit_unknown"]
    assert flagged["value"].tolist() == ["mg/kg", "ampoule", "", "mg/m2"]
    assert result.cohort.treatments["dose_mg"].notna().tolist() == [
        *(unit in ("mg", "g") for unit in units),
        False,
        False,
    ]
