"""OMOP exports: nothing is guessed or lost, and the cohort equals the one it was made from."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.cohort.drug_names import drug_named
from pipeline.commands.import_export import import_export, shape_of
from pipeline.commands.simulate import simulate
from pipeline.config import CohortConfig
from pipeline.errors import InputError, UsageError
from pipeline.reading.reader import read_cohort
from tests.importers.exports import (
    mapping_for,
    plain,
    read_tables,
    to_omop,
    without_result_times,
)

DAY0 = "2024-03-01 10:00:00"
MAPPING = {
    "confirmed": True,
    "infusion": [{"table": "procedure_occurrence", "codes": ["CART"], "product": "axi-cel"}],
}
LAB = {
    "person_id": "1",
    "measurement_concept_id": "0",
    "measurement_datetime": "2024-03-02 06:00:00",
    "operator_concept_id": "",
    "value_as_number": "12",
    "unit_concept_id": "",
    "unit_source_value": "mg/L",
    "measurement_source_value": "1988-5",
    "value_source_value": "",
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    simulate(5, 3, root / "sim", batch=False)
    return without_result_times(plain(root / "sim", root / "plain"), root / "reference")


def export(folder, labs, **tables):
    """A small export of patient 1, infused on 1 March, and of whom else ``tables`` tell."""
    folder.mkdir(parents=True, exist_ok=True)
    procedure = {"procedure_concept_id": "0", "procedure_source_value": "CART"}
    content = {
        "person": [{"person_id": "1", "year_of_birth": "1960", "gender_concept_id": "8507"}],
        "procedure_occurrence": [{"person_id": "1", "procedure_datetime": DAY0, **procedure}],
        "measurement": [{**LAB, **lab} for lab in labs],
        **tables,
    }
    for name, rows in content.items():
        pd.DataFrame(rows).fillna("").to_csv(folder / f"{name}.csv", index=False)
    return folder


def bring(folder, labs, mapping=MAPPING, time_zone="Europe/Berlin", **tables):
    """Import a small export; its tables, its refused rows and what was said."""
    place = folder / "mapping.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    out = folder / "out"
    source = export(folder / "omop", labs, **tables)
    _, said = import_export(source, out, place, time_zone=time_zone, force=True)
    found = read_tables(out)
    refused = out / "import_rejects.csv"
    rejects = pd.read_csv(refused, dtype="str", keep_default_na=False) if refused.exists() else None
    return found, rejects, said


def accepted_twice(reference, out):
    """The accepted tables of the cohort and of what was imported, in the columns both have."""
    before, after = read_cohort(reference, CohortConfig()), read_cohort(out, CohortConfig())
    for name in ("patients", "labs", "treatments", "assessments"):
        left, right = getattr(before.cohort, name), getattr(after.cohort, name)
        shared = left.columns.intersection(right.columns)
        assert {"patient_id"} <= set(shared) or set(left.columns) == set(right.columns)
        yield left[shared], right[shared]


@pytest.mark.parametrize(("concepts", "parquet"), [(True, False), (False, True)])
def test_the_imported_cohort_equals_the_original(reference, tmp_path, concepts, parquet):
    source = to_omop(reference, tmp_path / "omop", concepts=concepts, parquet=parquet)
    mapping = mapping_for(reference, tmp_path / "mapping.yaml")
    code, said = import_export(source, tmp_path / "out", mapping)
    assert code == 0
    assert "refused" not in said
    for left, right in accepted_twice(reference, tmp_path / "out"):
        assert len(left)
        pd.testing.assert_frame_equal(left, right)


def test_the_audit_and_the_command_line_take_what_was_imported(reference, tmp_path, capsys):
    source = to_omop(reference, tmp_path / "omop")
    out = tmp_path / "out"
    arguments = ["import", "--input", str(source), "--out", str(out), "--tz", "UTC", "--quiet"]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "State which records are the infusion" in said
    place = tmp_path / "out.mapping.yaml"
    text = place.read_text(encoding="utf-8")
    assert "infusion: []" in text
    assert re.search(r"#\s+\S+-cel \S+-cel  \(\d+ patients, \d+ rows\)", text)
    assert yaml.safe_load(text)["drugs"]["tocilizumab"] == "tocilizumab"
    assert main(arguments) == 2
    assert "names no infusion, which is never guessed" in capsys.readouterr().err
    mapping_for(reference, place)
    assert main(arguments) == 0
    audit = ["audit", "--cohort", str(out), "--out", str(tmp_path / "audit"), "--quiet"]
    assert main(audit) in (0, 3)
    assert (tmp_path / "audit" / "audit.json").exists()


@pytest.mark.parametrize(
    ("lab", "value"),
    [
        ({"operator_concept_id": "4171756"}, "<12"),
        ({"operator_concept_id": "4171754"}, "<=12"),
        ({"operator_concept_id": "4172704"}, ">12"),
        ({"operator_concept_id": "4171755.0"}, ">=12"),
        ({"operator_concept_id": "4172703"}, "12"),
        ({"operator_concept_id": "0"}, "12"),
        ({"operator_concept_id": "0", "value_source_value": "<12"}, "<12"),
        ({"value_source_value": "> 12"}, ">12"),
        ({"value_source_value": "less than 1.2"}, "<12"),
        ({"value_source_value": "not detected"}, "<12"),
        ({"value_source_value": "not detected", "value_as_number": "0"}, "not detected"),
        ({"value_as_number": "", "value_source_value": "<5"}, "<5"),
        ({"value_as_number": "", "value_source_value": "5"}, "5"),
        (
            {"value_as_number": "", "value_source_value": "5", "operator_concept_id": "4171756"},
            "<5",
        ),
        ({"value_as_number": "", "value_source_value": ""}, ""),
    ],
)
def test_a_value_is_operator_and_number_else_the_source_text(tmp_path, lab, value):
    found, rejects, said = bring(tmp_path, [lab])
    assert found["labs"]["value"].tolist() == [value]
    assert rejects is None
    lost = lab.get("operator_concept_id", "0") == "0" and value in ("<12", ">12")
    assert ("flagged: 1 rows" in said) == lost


@pytest.mark.parametrize(
    ("lab", "code", "column"),
    [
        ({"operator_concept_id": "4172756"}, "operator_unknown", "operator_concept_id"),
        (
            {"operator_concept_id": "4172704", "value_source_value": "<12"},
            "operator_conflict",
            "operator_concept_id",
        ),
        (
            {"operator_concept_id": "4172703", "value_source_value": "<12"},
            "operator_conflict",
            "operator_concept_id",
        ),
        ({"unit_concept_id": "8840"}, "unit_conflict", "unit_source_value"),
        ({"measurement_datetime": "2021-03-02 06:00:00"}, "outside_window", "measurement_datetime"),
    ],
)
def test_what_contradicts_itself_is_listed_with_file_and_row(tmp_path, lab, code, column):
    concept = [{"concept_id": "8840", "concept_code": "mg/dL", "vocabulary_id": "UCUM"}]
    found, rejects, said = bring(tmp_path, [{}, lab], concept=concept)
    assert rejects[["file", "row", "column", "code"]].to_numpy().tolist() == [
        ["measurement.csv", "3", column, code]
    ]
    assert rejects["reason"][0]
    assert rejects["remedy"][0]
    assert len(found["labs"]) == 1
    assert "measurement.csv: 2 rows read: 1 carried, 1 refused" in said


CONCEPTS = [
    dict(zip(("concept_id", "vocabulary_id", "concept_code", "concept_name"), row, strict=True))
    for row in (
        ("3020460", "LOINC", "1988-5", "C reactive protein [Mass/volume] in Serum or Plasma"),
        ("77", "SNOMED", "1", "Albumin [Mass/volume] in Urine"),
        ("8751", "UCUM", "mg/L", "milligram per liter"),
    )
]


@pytest.mark.parametrize(
    ("lab", "analyte", "loinc"),
    [
        (
            {"measurement_concept_id": "3020460", "measurement_source_value": "X1"},
            "crp",
            "1988-5",
        ),
        ({"measurement_source_value": "LOINC:2276-4"}, "ferritin", "2276-4"),
        ({"measurement_source_value": "LOINC:1-8"}, "1-8", "1-8"),
        ({"measurement_source_value": "CRP"}, "CRP", ""),
        ({"measurement_source_value": "K77"}, "ferritin", ""),
        ({"measurement_concept_id": "99", "measurement_source_value": ""}, "concept 99", ""),
        (
            {"measurement_concept_id": "77", "measurement_source_value": "Albumin"},
            "Albumin [Mass/volume] in Urine",
            "",
        ),
    ],
)
def test_an_analyte_is_told_by_concept_then_code_then_name(tmp_path, lab, analyte, loinc):
    stated = {**MAPPING, "analytes": {"K77": "ferritin"}}
    found, _, _ = bring(tmp_path, [lab], stated, concept=CONCEPTS)
    labs = found["labs"]
    assert labs["analyte"].tolist() == [analyte]
    assert labs.get("loinc", pd.Series([""])).tolist() == [loinc]
    assert labs["source_row"].tolist() == ["measurement.csv:2"]


def test_the_proposal_names_codes_that_the_dictionary_lacks(tmp_path):
    row = ("88", "LOINC", "1754-1", "Albumin [Mass/volume] in Urine")
    concept = [*CONCEPTS, dict(zip(CONCEPTS[0], row, strict=True))]
    labs = [
        {"measurement_concept_id": code, "measurement_source_value": ""}
        for code in ("88", "3020460")
    ]
    source = export(tmp_path / "omop", labs, concept=concept)
    with pytest.raises(UsageError, match="a proposal is written"):
        import_export(source, tmp_path / "out", tmp_path / "new.yaml")
    written = (tmp_path / "new.yaml").read_text(encoding="utf-8")
    assert "88 Albumin [Mass/volume] in Urine  (1 patients, 1 rows)" in written
    assert "3020460" not in written  # what the dictionary knows needs no mapping


def test_the_coded_unit_counts_where_none_is_printed(tmp_path):
    lab = {"unit_source_value": "", "unit_concept_id": "8751.0"}
    found, _, _ = bring(tmp_path, [lab], concept=CONCEPTS)
    assert found["labs"]["unit"].tolist() == ["mg/L"]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "<", "<=", ">", ">="]),
            st.decimals("0.01", "799", places=2),
            st.sampled_from(["mg/L", "mg/dL", "ug/mL", "nmol/L"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_comparator_number_and_unit_survive(tmp_path, results):
    ids = {"": "0", "<": "4171756", "<=": "4171754", ">": "4172704", ">=": "4171755"}
    labs = [
        {
            "operator_concept_id": ids[sign],
            "value_as_number": str(number),
            "unit_source_value": unit,
        }
        for sign, number, unit in results
    ]
    found, _, _ = bring(tmp_path, labs)
    table = found["labs"]
    pairs = zip(table["value"], table["unit"], strict=True)
    assert list(pairs) == [(f"{sign}{number}", unit) for sign, number, unit in results]


def test_infusions_of_one_day_are_one_and_a_later_one_is_an_episode(tmp_path):
    again = {"person_id": "1", "procedure_concept_id": "0", "procedure_source_value": "CART"}
    times = ["2024-03-01", DAY0, "2024-06-01 09:00:00"]
    procedures = [{**again, "procedure_datetime": time} for time in times]
    found, _, said = bring(tmp_path, [{}], procedure_occurrence=procedures)
    patients = found["patients"]
    assert patients["episode"].tolist() == ["1", "2"]
    assert patients["infusion_time"].str.slice(0, 16).tolist() == [
        "2024-03-01T10:00",
        "2024-06-01T09:00",
    ]
    assert "1 patients have infusions at least 1 days apart" in said
    found, _, _ = bring(
        tmp_path, [{}], {**MAPPING, "same_infusion_days": 30}, procedure_occurrence=procedures[1:2]
    )
    assert len(found["patients"]) == 1


def test_an_infusion_that_no_record_is_stops_the_import(tmp_path):
    rules = [{"table": "drug_exposure", "codes": ["1594034"]}]
    with pytest.raises(InputError, match=r"no patient has an infusion.*drug_exposure: 1594034"):
        bring(tmp_path, [{}], {**MAPPING, "infusion": rules})


def test_every_row_has_a_fate(tmp_path):
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
    found, rejects, said = bring(tmp_path, [{}, {"person_id": "2"}], stated, **tables)
    for line in (
        "person.csv: 4 rows read: 1 carried, 3 refused",
        "measurement.csv: 2 rows read: 1 other patients, 1 carried",
        "drug_exposure.csv: 3 rows read: 2 carried, 1 refused",
        "observation.csv: 3 rows read: 1 carried, 1 not named, 1 refused",
        "procedure_occurrence.csv: 1 rows read: 1 carried",
    ):
        assert line in said
    assert sorted(rejects["code"]) == [
        "duplicate_patient",
        "duplicate_patient",
        "no_infusion",
        "required_blank",
        "unknown_drug",
    ]
    assert found["treatments"]["drug"].tolist() == ["tocilizumab", "tocilizumab"]
    assert found["assessments"]["grade"].tolist() == ["2"]


def test_a_lost_time_of_day_becomes_a_day_and_is_said(tmp_path):
    midnight = {"measurement_datetime": "2024-03-02 00:00:00"}
    found, _, said = bring(tmp_path, [midnight, midnight])
    assert found["labs"]["collected_at"].tolist() == ["2024-03-02", "2024-03-02"]
    assert "measurement.csv: every time of measurement is 00:00, so the time of day is lost" in said
    found, _, said = bring(tmp_path, [midnight, {}])
    assert found["labs"]["collected_at"][0] == "2024-03-02T00:00:00+01:00"
    assert "50% of the times of measurement are 00:00 and are read as such" in said
    found, _, _ = bring(tmp_path, [midnight, {}], {**MAPPING, "midnight": "day"})
    assert found["labs"]["collected_at"][0] == "2024-03-02"


def test_times_without_offset_are_placed_or_said(tmp_path):
    found, _, said = bring(tmp_path, [{}], time_zone=None)
    assert found["labs"]["collected_at"].tolist() == ["2024-03-02 06:00:00"]
    assert "2 times have no offset: give --tz" in said
    found, _, said = bring(tmp_path, [{}])
    assert found["labs"]["collected_at"].tolist() == ["2024-03-02T06:00:00+01:00"]
    assert "no offset" not in said


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2024-03-31 02:30:00", "does not exist in Europe/Berlin, because clocks go forward"),
        ("2024-10-27 02:30:00", "occurs twice in Europe/Berlin, because clocks go back"),
    ],
)
def test_a_time_in_a_clock_change_is_listed_with_its_place_and_the_way_out(tmp_path, time, why):
    labs = [{}, {"measurement_datetime": time}]
    death = [{"person_id": "1", "death_datetime": time}]
    late = {**MAPPING, "same_infusion_days": 0}
    found, rejects, _ = bring(tmp_path, labs, late, death=death)
    row = rejects.iloc[0].to_dict()
    assert row == {
        "file": "measurement.csv", "row": "3", "column": "measurement_datetime", "value": time,
        "code": "time_unusable", "reason": f"'{time}' {why}.",
        "remedy": "Give the time with its offset at the source, as in 2026-10-25T02:30:00+01:00.",
    }  # fmt: skip
    assert len(rejects) == 1
    assert len(found["labs"]) == 1
    assert found["patients"]["death_at"].tolist() == [time[:10]]
    flags = pd.read_csv(tmp_path / "out" / "import_flags.csv")
    assert flags[["file", "row", "column", "value", "code"]].to_numpy().tolist() == [
        ["person.csv", 2, "death", time, "clock_change"]
    ]
    placed, rejects, _ = bring(tmp_path, [{}, {"measurement_datetime": f"{time}+01:00"}])
    assert rejects is None
    assert len(placed["labs"]) == 2


def test_an_infusion_in_a_clock_change_is_refused_with_the_way_out(tmp_path):
    done = {"procedure_concept_id": "0", "procedure_source_value": "CART"}
    time = "2024-03-31 02:30:00"
    both = [{"person_id": "1", "procedure_datetime": at, **done} for at in (time, DAY0)]
    _, rejects, _ = bring(tmp_path, [{}], procedure_occurrence=both)
    assert rejects[["file", "row", "value"]].to_numpy().tolist() == [
        ["procedure_occurrence.csv", "2", time]
    ]
    assert "does not exist in Europe/Berlin" in rejects["reason"][0]
    assert "with its offset" in rejects["remedy"][0]
    with pytest.raises(InputError, match=r"no patient has.*csv, row 2: .*'2024-03-31 02:30:00'.*"):
        bring(tmp_path, [{}], procedure_occurrence=both[:1])


def test_a_time_that_is_the_result_time_is_not_known_earlier(tmp_path):
    found, _, _ = bring(tmp_path, [{}], {**MAPPING, "measurement_time": "resulted"})
    assert found["labs"]["resulted_at"].tolist() == found["labs"]["collected_at"].tolist()
    found, _, _ = bring(tmp_path, [{}])
    assert "resulted_at" not in found["labs"]


def test_follow_up_is_the_period_of_the_infusion_and_two_years_at_most(tmp_path):
    ends = ("observation_period_start_date", "observation_period_end_date")
    periods = [
        {"person_id": "1", **dict(zip(ends, dates, strict=True))}
        for dates in (("2019-01-01", "2020-01-01"), ("2024-02-01", "2030-01-01"))
    ]
    death = [{"person_id": "1", "death_date": "2029-12-31"}]
    found, _, said = bring(tmp_path, [{}], observation_period=periods, death=death)
    assert found["patients"]["followed_until_at"].tolist() == ["2026-02-28"]
    assert "death_at" not in found["patients"]
    assert "1 deaths later than two years are left out" in said
    read = read_cohort(
        tmp_path / "out", CohortConfig(), required=("patients", "labs")
    ).cohort.patients
    assert read["followed_until_hours"].between(728 * 24, 730 * 24).all()
    assert read["age_years"].tolist() == [64.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"infusion": []}, "names no infusion, which is never guessed"),
        ({"confirmed": False}, "not confirmed"),
        ({"infusion": [{"table": "visit", "codes": ["1"]}]}, "names visit; legal tables are"),
        ({"infusion": [{"table": "measurement", "codes": []}]}, "infusion.0.codes"),
        ({"drugs": {"1": "water"}}, "'water' is no drug"),
        ({"analytes": {"1": ""}}, "analytes.1 is blank"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_words(tmp_path, changes, words):
    with pytest.raises(UsageError, match=words):
        bring(tmp_path, [{}], {**MAPPING, **changes})


def test_a_folder_of_another_shape_is_named(tmp_path):
    (tmp_path / "labs.csv").write_text("patient_id\n", encoding="utf-8")
    with pytest.raises(InputError, match="is a cohort folder already"):
        shape_of(tmp_path)
    (tmp_path / "labs.csv").rename(tmp_path / "notes.xlsx")
    with pytest.raises(InputError, match=r"no known shape.*Found: notes\.xlsx.*is a workbook"):
        shape_of(tmp_path)


def test_missing_tables_and_columns_are_named(tmp_path):
    source = export(tmp_path / "omop", [{}])
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    (source / "measurement.csv").write_text("person_id,measurement_date\n1,2024-03-01\n")
    with pytest.raises(InputError, match=r"lacks the column measurement_concept_id\. Found: per"):
        import_export(source, tmp_path / "out", tmp_path / "m.yaml")
    export(source, [{}])
    (source / "person.csv").unlink()
    with pytest.raises(InputError, match=r"lacks person\.csv"):
        import_export(source, tmp_path / "out", tmp_path / "m.yaml", shape="omop")


def test_a_drug_is_recognised_by_whole_words_only():
    assert drug_named("dexamethasone 4 MG Oral Tablet") == "dexamethasone"
    assert drug_named("tocilizumab or siltuximab") == ""
    assert drug_named("tocilizumabish") == ""
