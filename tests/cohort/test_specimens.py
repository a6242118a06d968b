"""Words and codes of specimens, in cells and in names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.specimens import (
    analyte_in_specimen,
    class_of_loinc,
    specimen_classes,
    specimen_column,
    specimen_names,
    stated_in_name,
    with_stated_specimen,
    without_specimen,
)
from pipeline.resources import schema_yaml

CLASSES = schema_yaml("specimens.yaml")["classes"]


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        *[(text, "blood") for text in ("Serum", "EDTA-Plasma", "Citratplasma", "Vollblut",
          "sang total",
          "Sérum", "Venous blood specimen with EDTA", "119364003", "SNOMED|119361006", "SER",
          "http://snomed.info/sct|119297000", "Ser/Plas", "BLDA", "Kapillarblut",
          "Lithium heparin plasma",
          "dried blood spot", "119364003^Serum^SCT")],
        *[(text, "csf") for text in ("CSF", "Liquor", "LCR", "Liquide céphalo-rachidien",
          "258450006",
          "CSF (lumbar puncture)", "CSF tube 3", "Lumbalpunktat",
          "Cerebrospinal fluid sample (specimen)")],
        *[(text, "urine") for text in ("Urin", "24h-Urin", "Sammelurin", "Urine, spot", "UR",
          "122575003")],
        *[(text, "bal") for text in ("BAL", "BALF", "Bronchoalveolar lavage fluid", "258607008")],
        *[(text, "ascites") for text in ("Aszites", "ascitic fluid", "peritoneal fluid")],
        ("Pleurapunktat", "pleural"), ("pleural aspirate", "pleural"),
        ("Gelenkpunktat", "synovial"),
        ("Speichel", "saliva"), ("Stuhl", "stool"), ("selles", "stool"), ("Knochenmark", "marrow"),
        ("moelle osseuse", "marrow"), ("Drain", "body_fluid"), ("Nabelschnurblut", "cord_blood"),
        ("Rachenabstrich", "respiratory"), ("PBMC", "cells"), ("QC", "control"),
    ],
)  # fmt: skip
def test_a_cell_states_one_class(cell, key):
    assert specimen_classes(cell) == {key}


@pytest.mark.parametrize("cell", ["", "  ", "n/a", "Unknown", "unbekannt", "specimen"])
def test_a_cell_may_state_nothing(cell):
    assert specimen_classes(cell) == set()


@pytest.mark.parametrize("cell", ["tube 7", "Röhrchen A", "no blood", "nicht Liquor", "99999999"])
def test_an_unknown_cell_is_none(cell):
    assert specimen_classes(cell) is None


def test_two_specimens_are_both_stated():
    assert specimen_classes("CSF/serum") == {"csf", "blood"}
    assert specimen_classes("blood-stained effusion") == {"blood", "body_fluid"}


@pytest.mark.parametrize("name", ["GM-CSF", "g_csf", "CSF2", "CSF1R", "P-LCR", "White blood cells"])
def test_names_that_hold_the_word_of_a_specimen_state_none(name):
    assert stated_in_name(name) == set()


def test_no_class_is_without_a_name_and_every_analyte_has_a_known_specimen():
    assert all(specimen_classes(entry["name"]) == {key} for key, entry in CLASSES.items())
    assert all(specimen_classes(analyte.specimen) for analyte in dictionary().values())


def test_no_spelling_or_code_is_claimed_twice():
    for part in ("words", "codes", "snomed", "loinc", "prefixes", "suffixes", "glued"):
        listed = [item.lower() for entry in CLASSES.values() for item in entry.get(part, ())]
        assert len(listed) == len(set(listed))


def test_listed_loinc_codes_carry_their_check_digit_and_name_no_analyte():
    known = {code for analyte in dictionary().values() for code in analyte.loinc}
    for code in (code for entry in CLASSES.values() for code in entry.get("loinc", ())):
        number, check = code.split("-")
        digits = [int(digit) for digit in reversed(number)]
        doubled = [2 * digit - 9 * (digit > 4) for digit in digits[::2]]
        assert (sum(doubled) + sum(digits[1::2]) + int(check)) % 10 == 0, code
        assert code not in known
        assert class_of_loinc(code)


def test_analytes_of_a_specimen_are_measured_in_it():
    for key, entry in CLASSES.items():
        for blood, other in entry.get("analytes", {}).items():
            assert analyte_in_specimen(blood, frozenset({key})) == other
            assert specimen_classes(dictionary()[other].specimen) == {key}
    assert analyte_in_specimen("il6", frozenset({"csf"})) is None


def test_protein_means_what_its_specimen_says():
    assert with_stated_specimen("Eiweiß", "Liquor") == "csf total protein"
    assert with_stated_specimen("Protein", "") == "Protein"
    assert with_stated_specimen("Protein", "CSF and serum") == "Protein"


def test_names_of_classes_are_for_readers():
    assert specimen_names(frozenset()) == ""
    assert specimen_names(frozenset({"urine"})) == "urine"


@given(st.text(max_size=30))
def test_any_text_can_be_read(text):
    classes = specimen_classes(text)
    assert classes is None or classes <= set(CLASSES)
    assert all(stated for _, stated in without_specimen(text))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        (["material", "Specimen"], "Specimen"),
        (["matrix", "sample-type"], "sample-type"),
        (["value", "Type d'échantillon"], "Type d'échantillon"),
        (["sample", "probe", "sample_id"], ""),
        ([], ""),
    ],
)
def test_headers_of_a_column_of_specimens(header, column):
    assert specimen_column(header) == column
