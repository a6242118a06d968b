"""Specimens of OMOP measurements, from links and from names."""

import pandas as pd
import pytest

from pipeline.importers.omop_specimens import specimens_of
from tests.importers.test_omop import bring

SPECIMENS = [
    {"person_id": "1", "specimen_id": "90", "specimen_concept_id": "5001"},
    {"person_id": "1", "specimen_id": "91", "specimen_concept_id": "0"},
]
CONCEPTS = [
    {"concept_id": "5001", "vocabulary_id": "SNOMED", "concept_code": "258450006",
     "concept_name": "Cerebrospinal fluid specimen"},
    {"concept_id": "5002", "vocabulary_id": "CDM", "concept_code": "CDM1",
     "concept_name": "specimen.specimen_id"},
    {"concept_id": "5003", "vocabulary_id": "LOINC", "concept_code": "38483-4",
     "concept_name": "Creatinine [Mass/volume] in Blood"},
    {"concept_id": "5004", "vocabulary_id": "LOINC", "concept_code": "2161-8",
     "concept_name": "Creatinine [Mass/volume] in Urine"},
    {"concept_id": "5005", "vocabulary_id": "SNOMED", "concept_code": "1",
     "concept_name": "Interleukin 6"},
]  # fmt: skip
IL6 = {"measurement_source_value": "IL-6", "unit_source_value": "pg/mL"}


@pytest.mark.parametrize("turned", [False, True])
def test_a_fact_links_a_measurement_with_its_specimen(tmp_path, turned):
    one, two = ("2", "1") if turned else ("1", "2")
    fact = {f"domain_concept_id_{one}": "21", f"fact_id_{one}": "4.0"}
    fact |= {f"domain_concept_id_{two}": "36", f"fact_id_{two}": "90"}
    imported, _, _ = bring(
        tmp_path,
        [{**IL6, "measurement_id": "4"}, {**IL6, "measurement_id": "5"}],
        specimen=SPECIMENS,
        concept=CONCEPTS,
        fact_relationship=[fact],
    )
    assert imported["labs"]["specimen"].tolist() == ["Cerebrospinal fluid specimen", ""]


def test_an_event_field_links_only_by_its_name(tmp_path):
    linked = {"measurement_event_id": "90", "meas_event_field_concept_id": "5002"}
    other = {"measurement_event_id": "90", "meas_event_field_concept_id": "5001"}
    imported, _, _ = bring(
        tmp_path,
        [{**IL6, **linked}, {**IL6, **other}, IL6],
        specimen=SPECIMENS,
        concept=CONCEPTS,
    )
    assert imported["labs"]["specimen"].tolist() == ["Cerebrospinal fluid specimen", "", ""]


def test_several_specimens_of_one_measurement_are_all_named():
    columns = ["measurement_id", "measurement_event_id", "meas_event_field_concept_id"]
    measurement = pd.DataFrame([["1", "", ""]], columns=columns)
    rows = [["7", "", "CSF"], ["8", "", "serum"]]
    columns = ["specimen_id", "specimen_concept_id", "specimen_source_value"]
    specimen = pd.DataFrame(rows, columns=columns)
    columns = ["domain_concept_id_1", "fact_id_1", "domain_concept_id_2", "fact_id_2"]
    links = pd.DataFrame([["21", "1", "36", "7"], ["21", "1", "36", "8"]], columns=columns)
    tables = {"specimen": specimen, "fact_relationship": links}
    assert specimens_of(measurement, tables, {}).tolist() == ["CSF; serum"]
    assert specimens_of(measurement, {}, {}).tolist() == [""]


def test_names_of_concepts_and_source_values_state_specimens_too(tmp_path):
    imported, _, summary = bring(
        tmp_path,
        [
            {"measurement_concept_id": "5003", "measurement_source_value": "KREA"},
            {"measurement_concept_id": "5004", "measurement_source_value": "Creatinine"},
            {"measurement_concept_id": "5005", "measurement_source_value": "IL-6 CSF"},
        ],
        concept=CONCEPTS,
    )
    labs = imported["labs"]
    assert labs["analyte"].tolist() == [
        "Creatinine [Mass/volume] in Blood", "2161-8", "Interleukin 6"
    ]  # fmt: skip
    assert labs["specimen"].tolist() == ["Blood", "Urine", "CSF"]
    assert "1 analyte (1 of 3 results) is not in the dictionary" in summary
    assert "2161-8 Creatinine [Mass/volume] in Urine (1)" in summary
    assert "flagged: 1 rows" in summary
