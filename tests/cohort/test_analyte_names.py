"""Names with specimens, LOINC long names and codes in one cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.analyte_names import read_name, split_code
from pipeline.cohort.analytes import find_key, name_index, named_analyte

NAMES = ("IL-6", "NfL", "CRP", "Ferritin", "GM-CSF", "Creatinine", "LDH", "Platelets")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "form",
    ["{} CSF", "{} (CSF)", "CSF {}", "Liquor {}", "{}_csf", "{}, Liquor", "{} im Liquor", "LCR {}",
     "{} dans le LCR", "Urine {}", "{} i.U.", "{}, U", "U-{}", "BAL {}", "{} [BALF]",
     "{} pleural fluid",
     "Aszites-{}", "{} saliva", "{}/Liquor", "{} in cerebrospinal fluid", "Liquor{}"],
)  # fmt: skip
def test_a_name_of_another_specimen_is_never_that_of_blood(form, name):
    assert find_key(form.format(name)) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "form",
    ["{}", "Serum {}", "{} (serum)", "plasma {}", "{} in plasma", "S-{}", "P-{}", "{}, S",
     "{} im Serum", "{} EDTA-Plasma", "{} (sang total)", "Serum{}"],
)  # fmt: skip
def test_a_name_of_blood_stays_what_it_is(form, name):
    assert find_key(form.format(name)) == find_key(name) is not None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Albumin (Liquor)", "csf_albumin"),
        ("Albumin im Liquor", "csf_albumin"),
        ("LCR albumin", "csf_albumin"),
        ("Protein, CSF", "csf_protein"),
        ("Total protein (cerebrospinal fluid)", "csf_protein"),
        ("Albumin [Mass/volume] in Cerebral spinal fluid by Nephelometry", "csf_albumin"),
        ("Protein [Mass/volume] in Serum or Plasma", "total_protein"),
        ("Creatinine [Mass/volume] in Blood", "creatinine"),
        ("Glucose [Moles/volume] in Capillary blood", "glucose"),
        ("Glucose [Mass/volume] in Serum, Plasma or Blood", "glucose"),
        ("Lymphocytes/100 leukocytes in Blood", "lymphocyte_frac"),
        ("Albumin CSF/serum", "csf_serum_albumin"),
        ("38483-4 Creatinine [Mass/volume] in Blood", "creatinine"),
        ("LOINC:2276-4", "ferritin"),
    ],
)
def test_the_specimen_of_a_name_chooses_the_analyte(name, key):
    assert find_key(name) == key


@pytest.mark.parametrize(
    "name",
    [
        "TNF B", "IL-17 B", "TNF-R, S", "IL-6 max", "Albumin/Creatinine in Urine",
        "2160-0 Ferritin",
        "Platelets [Entitic mean volume] in Blood", "Fibrinogen [Presence] in Platelet poor plasma",
        "Glucose [Mass/volume] in Serum or Plasma --2 hours post meal", "49919-4 IL-6",
        "Creatinine [Mass/time] in 24 hour Urine", "Ferritin [Mass/volume] in Cord blood",
        "Glucose [Mass/volume] in Specimen",
    ],
)  # fmt: skip
def test_what_is_not_a_level_of_the_analyte_is_unknown(name):
    assert find_key(name) is None


def test_a_conflicting_name_still_tells_the_substance():
    assert named_analyte("NfL (Liquor)") == ("nfl", {"csf"})


@given(st.text(max_size=25))
def test_any_text_can_be_read(text):
    named = read_name(text, name_index())
    assert named is None or named[0] in set(name_index().values())
    code, _ = split_code(text)
    assert code == "" or code in text
