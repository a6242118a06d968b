"""OMOP exports: nothing is guessed or lost, and the cohort equals its origin."""

from __future__ import annotations

import re

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.commands.import_export import import_export
from pipeline.commands.simulate import simulate
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError, UsageError
from pipeline.reading.reader import read_cohort
from tests.cohort.strange_lines import ENDS, MARKS, lines_of_table
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
    """A small export of patient 1, infused on 1 March, with ``tables`` replaced."""
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
    """Import a small export; its tables, its rejects and the summary."""
    place = folder / "mapping.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    out = folder / "out"
    source = export(folder / "omop", labs, **tables)
    _, summary = import_export(source, out, place, time_zone=time_zone, force=True)
    imported = read_tables(out)
    refused = out / "import_rejects.csv"
    rejects = pd.read_csv(refused, dtype="str", keep_default_na=False) if refused.exists() else None
    return imported, rejects, summary


def accepted_twice(reference, out):
    """Tables of the original and the imported cohort, in their common columns."""
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
    code, summary = import_export(source, tmp_path / "out", mapping)
    assert code == 0
    assert "refused" not in summary
    for left, right in accepted_twice(reference, tmp_path / "out"):
        assert len(left)
        pd.testing.assert_frame_equal(left, right)


def test_the_audit_and_the_command_line_take_what_was_imported(reference, tmp_path, capsys):
    source = to_omop(reference, tmp_path / "omop")
    out = tmp_path / "out"
    arguments = ["import", "--input", str(source), "--out", str(out), "--tz", "UTC", "--quiet"]
    assert main(arguments) == 2
    summary = capsys.readouterr().err
    assert "State which records are the infusion" in summary
    place = tmp_path / "out.mapping.yaml"
    text = place.read_text(encoding="utf-8")
    proposed = yaml.safe_load(text)
    assert not proposed["confirmed"]
    assert {rule["table"] for rule in proposed["infusion"]} == {"procedure_occurrence"}
    products = {rule["product"] for rule in proposed["infusion"]}
    assert products
    assert all(name.endswith("-cel") for name in products)
    assert re.search(r"#\s+\S+-cel \S+-cel  \(\d+ patients, \d+ rows\)", text)
    assert yaml.safe_load(text)["drugs"]["tocilizumab"] == "tocilizumab"
    assert main(arguments) == 2
    assert "not confirmed" in capsys.readouterr().err
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
    imported, rejects, summary = bring(tmp_path, [lab])
    assert imported["labs"]["value"].tolist() == [value]
    assert rejects is None
    lost = lab.get("operator_concept_id", "0") == "0" and value in ("<12", ">12")
    assert ("flagged: 1 rows" in summary) == lost


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
    imported, rejects, summary = bring(tmp_path, [{}, lab], concept=concept)
    assert rejects[["file", "row", "column", "code"]].to_numpy().tolist() == [
        ["measurement.csv", "3", column, code]
    ]
    assert rejects["reason"][0]
    assert rejects["remedy"][0]
    assert len(imported["labs"]) == 1
    assert "measurement.csv: 2 rows read: 1 carried, 1 rejected" in summary


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
def test_an_analyte_is_identified_by_concept_then_code_then_name(tmp_path, lab, analyte, loinc):
    stated = {**MAPPING, "analytes": {"K77": "ferritin"}}
    imported, _, _ = bring(tmp_path, [lab], stated, concept=CONCEPTS)
    labs = imported["labs"]
    assert labs["analyte"].tolist() == [analyte]
    assert labs.get("loinc", pd.Series([""])).tolist() == [loinc]
    assert labs["source_row"].tolist() == ["measurement.csv:2"]


def test_what_is_no_laboratory_result_is_left_out_and_counted(tmp_path):
    names = ("concept_id", "vocabulary_id", "concept_code", "concept_name", "concept_class_id")
    rows = [
        ("11", "LOINC", "8302-2", "Body height", "Clinical Observation"),
        ("12", "LOINC", "55757-9", "Unnamed", "Survey"),
        ("13", "LOINC", "1988-5", "CRP", "Clinical Observation"),
        ("14", "LOINC", "99999-9", "Phenotype X", "Lab Test"),
        ("15", "SNOMED", "1", "ASTCT ICANS grade", "Survey"),
    ]
    concept = [dict(zip(names, row, strict=True)) for row in rows]
    labs = [
        {
            "measurement_concept_id": row[0],
            "measurement_source_value": "",
            "unit_source_value": unit,
        }
        for row, unit in zip(rows, ["cm", "", "mg/L", "", ""], strict=True)
    ]
    labs += [{"measurement_source_value": "Screening for drug abuse", "unit_source_value": ""}]
    imported, rejects, summary = bring(tmp_path, labs, concept=concept)
    assert rejects is None
    assert imported["labs"]["analyte"].tolist() == ["crp", "99999-9", "ASTCT ICANS grade"]
    assert "3 rows of 2 kinds" in summary
    assert "measurement.csv: 6 rows read: 3 not laboratory results, 3 carried" in summary


def test_the_proposal_names_codes_that_the_dictionary_lacks(tmp_path):
    row = ("88", "LOINC", "1754-1", "Albumin [Mass/volume] in Urine")
    concept = [*CONCEPTS, dict(zip(CONCEPTS[0], row, strict=True))]
    labs = [
        {"measurement_concept_id": code, "measurement_source_value": ""}
        for code in ("88", "3020460")
    ]
    source = export(tmp_path / "omop", labs, concept=concept)
    with pytest.raises(UsageError, match="proposal"):
        import_export(source, tmp_path / "out", tmp_path / "new.yaml")
    written = (tmp_path / "new.yaml").read_text(encoding="utf-8")
    assert "88 Albumin [Mass/volume] in Urine  (1 patients, 1 rows)" in written
    assert "3020460" not in written  # analytes of the dictionary need no mapping


def test_the_coded_unit_counts_where_none_is_printed(tmp_path):
    lab = {"unit_source_value": "", "unit_concept_id": "8751.0"}
    imported, _, _ = bring(tmp_path, [lab], concept=CONCEPTS)
    assert imported["labs"]["unit"].tolist() == ["mg/L"]


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
    imported, _, _ = bring(tmp_path, labs)
    table = imported["labs"]
    pairs = zip(table["value"], table["unit"], strict=True)
    assert list(pairs) == [(f"{sign}{number}", unit) for sign, number, unit in results]


def test_missing_tables_and_columns_are_named(tmp_path):
    source = export(tmp_path / "omop", [{}])
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    (source / "measurement.csv").write_text("person_id,measurement_date\n1,2024-03-01\n")
    with pytest.raises(InputError, match=r"lacks the column measurement_concept_id;"):
        import_export(source, tmp_path / "out", tmp_path / "m.yaml")
    export(source, [{}])
    (source / "person.csv").unlink()
    with pytest.raises(InputError, match=r"lacks person\.csv"):
        import_export(source, tmp_path / "out", tmp_path / "m.yaml", shape="omop")


@pytest.mark.parametrize("name", ["person.csv", "nowhere"])
def test_a_path_that_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "person.csv").write_text("person_id\n1\n", encoding="utf-8")
    arguments = [
        "--format",
        "omop",
        "--input",
        str(tmp_path / name),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(["import", *arguments, "--quiet"]) == 3


@pytest.mark.parametrize(
    ("cells", "collected"),
    [
        ({"measurement_datetime": "2024-03-02 6:00:00"}, "2024-03-02T06:00:00"),
        ({"measurement_datetime": "2024-3-2 6:00"}, "2024-03-02T06:00"),
        ({"measurement_datetime": "6:00:00", "measurement_date": "2024-03-02"},
         "2024-03-02T06:00:00"),
        ({"measurement_datetime": "", "measurement_date": "2024-3-2",
          "measurement_time": "6:00 AM"}, "2024-03-02T06:00"),
        ({"measurement_datetime": "3/2/2024 6:00 AM", "measurement_date": "2024-03-02"},
         "2024-03-02T06:00"),
        ({"measurement_datetime": "02MAR2024:06:00:00"}, "2024-03-02T06:00:00"),
        ({"measurement_datetime": "early", "measurement_date": "2024-03-02"}, "2024-03-02"),
        ({"measurement_datetime": "5/1/2024 6:00 AM", "measurement_date": "2024-03-02"},
         "2024-03-02"),
    ],
)  # fmt: skip
def test_a_time_with_one_reading_is_carried_in_iso(tmp_path, cells, collected):
    folder = export(tmp_path / "omop", [cells])
    place = tmp_path / "m.yaml"
    place.write_text(yaml.safe_dump(MAPPING))
    import_export(folder, tmp_path / "out", place)
    labs = pd.read_csv(tmp_path / "out" / "labs.csv", dtype="str")
    assert labs["collected_at"].tolist() == [collected]
    flags = tmp_path / "out" / "import_flags.csv"
    lost = "T" not in collected
    assert flags.exists() == lost
    if lost:
        row = pd.read_csv(flags, dtype="str").iloc[0]
        assert (row["code"], row["value"]) == ("date_only", cells["measurement_datetime"])


@pytest.mark.parametrize("order", ["month_first", None])
def test_the_mapping_states_the_order_of_dates_in_numbers(tmp_path, order):
    procedure = {"procedure_concept_id": "0", "procedure_source_value": "CART"}
    row = {"person_id": "1", "procedure_datetime": "3/1/2024 9:30 AM", **procedure}
    labs = [{"measurement_datetime": "3/2/2024 6:00 PM"}]
    folder = export(tmp_path / "omop", labs, procedure_occurrence=[row])
    place = tmp_path / "m.yaml"
    place.write_text(yaml.safe_dump({**MAPPING, "date_order": order}))
    if order is None:
        with pytest.raises(InputError, match="date_order"):
            import_export(folder, tmp_path / "out", place)
        return
    import_export(folder, tmp_path / "out", place, time_zone="America/New_York")
    people, results = (
        pd.read_csv(tmp_path / "out" / f"{name}.csv", dtype="str") for name in ("patients", "labs")
    )
    assert people["infusion_time"].tolist() == ["2024-03-01T09:30:00-05:00"]
    assert results["collected_at"].tolist() == ["2024-03-02T18:00:00-05:00"]


ATHENA = (
    "concept_id\tconcept_name\tvocabulary_id\tconcept_code\n"
    '1\t"LDH, opened\tLOINC\t2532-0\n'
    "2\tC reactive protein\tLOINC\t1988-5\n"
    '3\t5" tube "blue"\tLOINC\t2276-4\n'
    '4\tPlatelets, closed"\tLOINC\t777-3\n'
)


def test_concepts_of_an_export_without_quoting_are_read_line_by_line(tmp_path):
    labs = [{"measurement_concept_id": str(n), "measurement_source_value": ""} for n in range(1, 5)]
    source = export(tmp_path / "omop", labs)
    (source / "CONCEPT.csv").write_text(ATHENA, encoding="utf-8")
    place = tmp_path / "mapping.yaml"
    place.write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    _, summary = import_export(source, tmp_path / "out", place, time_zone="Europe/Berlin")
    names = read_tables(tmp_path / "out")["labs"]["analyte"].tolist()
    assert sorted(names) == ["crp", "ferritin", "ldh", "platelets"]
    assert "CONCEPT.csv: 4 rows read" in summary


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), st.sampled_from(MARKS), st.sampled_from(ENDS))
def test_every_physical_line_of_an_export_is_counted(tmp_path, data, mark, end):
    folder, physical = export(tmp_path / "omop", [{}]), {}
    for name in ("measurement", "person", "procedure_occurrence"):
        path = folder / f"{name}.csv"
        header, *rows = path.read_text().splitlines()
        cells = rows[0].split(",")
        more = data.draw(lines_of_table(header.split(","), ["2", *cells[1:]], mark))
        lines = [header.replace(",", mark), rows[0].replace(",", mark), *more]
        path.write_text(end.join(lines), encoding="utf-8", newline="")
        physical[path.name] = len(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", end.join(lines)))
    place = tmp_path / "mapping.yaml"
    place.write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    _, summary = import_export(folder, tmp_path / "out", place, time_zone="UTC", force=True)
    for file, total in physical.items():
        line_of_file = next(
            line for line in summary.splitlines() if f"{file}: " in line and " rows read" in line
        )
        rows, fates = line_of_file.split(": ")[1], line_of_file.split(": ")[2:]
        numbers = [int(number) for number in re.findall(r"\d+", rows)]
        read = numbers[0]
        assert sum(numbers[1:2] or [read]) == total - 1
        assert sum(int(part.split()[0]) for part in fates[0].split(", ")) == read
        assert numbers[2:] == [] or numbers[1] == read + sum(numbers[2:])
