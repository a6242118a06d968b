"""Specimens of FHIR observations, and names with codes outside the dictionary."""

import pytest

from pipeline.config_cohort import CohortConfig
from pipeline.importers.fhir_resources import LocatedResource
from pipeline.importers.fhir_specimens import specimen_index, specimen_of, specimen_type
from pipeline.reading.reader import read_batch
from tests.importers.test_fhir import LOINC, bring, lab

SNOMED = "http://snomed.info/sct"
CSF = {
    "resourceType": "Specimen",
    "id": "s1",
    "identifier": [{"system": "urn:lab", "value": "A7"}],
    "type": {"coding": [{"system": SNOMED, "code": "258450006"}]},
}


def il6(**changes):
    quantity = {"value": 4800, "unit": "pg/mL"}
    code = {"coding": [{"system": LOINC, "code": "26881-3"}]}
    return lab(**{"code": code, "valueQuantity": quantity, **changes})


@pytest.mark.parametrize(
    ("changes", "specimen"),
    [
        ({"specimen": {"reference": "Specimen/s1"}}, "258450006"),
        ({"specimen": {"reference": "https://example.org/fhir/Specimen/s1"}}, "258450006"),
        ({"specimen": {"reference": "#c"}, "contained": [{**CSF, "id": "c"}]}, "258450006"),
        ({"specimen": {"identifier": {"system": "urn:lab", "value": "A7"}}}, "258450006"),
        ({"specimen": {"identifier": {"system": "urn:else", "value": "A7"}}}, ""),
        ({"specimen": {"reference": "Specimen/s9", "display": "Liquor"}}, "Liquor"),
        ({"specimen": {"reference": "Specimen/s9"}}, ""),
        ({"specimen": "CSF"}, ""),
        ({}, ""),
    ],
)
def test_a_reference_is_resolved(changes, specimen):
    index = specimen_index([LocatedResource("a", 1, CSF)])
    assert specimen_of(il6(**changes), index) == specimen


def test_the_first_known_word_of_a_type_counts():
    coding = [{"code": "XY", "display": "Punctate"}, {"code": "258450006", "display": "CSF sample"}]
    assert specimen_type({"type": {"coding": coding}}) == "CSF sample"
    assert specimen_type({"type": {"text": "tube 7"}}) == "tube 7"
    assert specimen_type({}) == ""


def test_an_identifier_of_two_types_names_neither():
    other = {**CSF, "id": "s2", "type": {"text": "serum"}}
    index = specimen_index(
        [LocatedResource("a", place, item) for place, item in ((1, CSF), (2, other))]
    )
    assert specimen_of({"specimen": {"identifier": CSF["identifier"][0]}}, index) == ""
    assert specimen_of({"specimen": {"reference": "Specimen/s2"}}, index) == "serum"


def test_interleukin_of_csf_is_no_result_of_serum(tmp_path):
    imported, listed, summary = bring(
        tmp_path, CSF, il6(specimen={"reference": "Specimen/s1"}), il6()
    )
    assert listed == []
    assert "Specimen" not in summary
    assert imported["labs"]["specimen"].tolist() == ["258450006", ""]
    result = read_batch(tmp_path / "out", CohortConfig(), {})
    assert result.rejects["code"].tolist() == ["specimen_conflict"]
    assert result.cohort.labs["analyte"].tolist() == ["il6"]


@pytest.mark.parametrize("text", ["CSF IL-6", "IL-6 im Liquor", "IL-6 (BAL)"])
def test_a_text_of_another_specimen_contradicts_a_code_of_blood(tmp_path, text):
    code = {"coding": [{"system": LOINC, "code": "26881-3"}], "text": text}
    _, listed, _ = bring(tmp_path, il6(code=code), il6())
    assert listed == [["3", "code", "loinc_conflict"]]


@pytest.mark.parametrize(
    ("display", "text", "analyte"),
    [
        ("Creatinine [Mass/volume] in Blood", "", "Creatinine [Mass/volume] in Blood"),
        ("", "Creatinine", "Creatinine"),
        ("Creatinine [Mass/volume] in Urine", "Creatinine", "38483-4"),
    ],
)
def test_a_text_with_an_unknown_code_counts_where_it_is_safe(tmp_path, display, text, analyte):
    code = {"coding": [{"system": LOINC, "code": "38483-4", "display": display}], "text": text}
    imported, _, summary = bring(tmp_path, lab(code=code))
    assert imported["labs"]["analyte"].tolist() == [analyte]
    assert ("flagged: 1 rows" in summary) == (analyte != "38483-4")
    assert ("will be rejected" in summary) == (analyte == "38483-4")


@pytest.mark.parametrize(
    ("site", "specimen"),
    [
        ({"text": "CSF"}, "CSF"),
        ({"coding": [{"code": "258450006"}]}, "258450006"),
        ({"text": "left arm"}, ""),
        (None, ""),
    ],
)
def test_a_body_site_counts_if_it_is_a_specimen(site, specimen):
    assert specimen_of({"bodySite": site}, {}) == specimen
    assert specimen_of({"bodySite": site, "specimen": {"display": "Serum"}}, {}) == "Serum"
