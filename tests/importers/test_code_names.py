"""Names for codes outside the dictionary, and analytes that reading rejects."""

import pandas as pd
import pytest

from pipeline.importers.code_names import name_for_code, system_of, unrecognised_analytes


@pytest.mark.parametrize(
    ("code", "label", "called", "name"),
    [
        (
            "38483-4",
            "Creatinine [Mass/volume] in Blood",
            "KREA",
            "Creatinine [Mass/volume] in Blood",
        ),
        ("38483-4", "", "Creatinine", "Creatinine"),
        ("38483-4", "Creat Bld-mCnc", "Creatinine", "Creatinine"),
        ("38483-4", "Creatinine", "", "Creatinine"),
        ("38483-4", "Creat Ur-mCnc", "Creatinine", ""),
        ("38483-4", "Creatinine [Mass/volume] in Urine", "Creatinine", ""),
        ("38483-4", "Creatinine [Presence] in Blood", "Creatinine", ""),
        ("38483-4", "Cystatin C [Mass/volume] in Serum or Plasma", "Creatinine", ""),
        ("38483-4", "", "Creatinine, urine", ""),
        ("38483-4", "38483-4", "Creatinine", "Creatinine"),
        ("49919-4", "", "IL-6", ""),
        ("2160-0", "Creatinine", "Creatinine", ""),
        ("KREA", "Creatinine", "Creatinine", ""),
    ],
)
def test_a_name_counts_only_where_it_is_safe(code, label, called, name):
    assert name_for_code(code, label, called) == name


@pytest.mark.parametrize(
    ("label", "system"),
    [
        ("Glucose [Mass/volume] in Cerebral spinal fluid", "Cerebral spinal fluid"),
        ("Platelets [#/volume] in Blood by Automated count", "Blood"),
        ("Osmolality of Urine", "Urine"),
        ("Rate of change", ""),
        ("Creatinine", ""),
    ],
)
def test_the_system_of_a_long_name(label, system):
    assert system_of(label) == system


def test_analytes_outside_the_dictionary_are_counted_and_listed():
    names = pd.Series(["crp", "77777-7", "77777-7", "IL-6 CSF"])
    labels = pd.Series(["CRP", "GFR", "GFR", "IL-6 CSF"])
    (line,) = unrecognised_analytes(names, labels)
    assert "2 analytes (3 of 4 results)" in line
    assert "77777-7" not in line or "77777-7 GFR (2)" in line
    assert "IL-6 CSF (1)" in line
    assert unrecognised_analytes(pd.Series(["crp"])) == []
    assert unrecognised_analytes(pd.Series([], dtype="str")) == []


def test_a_long_list_is_cut():
    (line,) = unrecognised_analytes(pd.Series([f"zinc {number}" for number in range(30)]))
    assert line.endswith("and 10 more")
