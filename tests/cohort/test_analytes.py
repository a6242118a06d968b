"""The analyte dictionary, and the analyte of an exported name or code."""

import pytest

from pipeline.cohort.analytes import (
    Analyte,
    analyte_from_dict,
    dictionary,
    find_key,
    local_key,
    name_index,
    normalise_name,
)
from pipeline.cohort.units import suits_loinc
from tests.exported import codes, lab_rows, read, read_labs, write_export


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("CRP", "crp"),
        ("C-Reactive Protein", "crp"),
        ("1988-5", "crp"),
        ("Interleukin 6", "il6"),
        ("IL-1β", "il1b"),
        ("TNF-α", "tnf_alpha"),
        ("IFN-γ", "ifn_gamma"),
        (" d-dimer ", "d_dimer"),
        ("Q Alb", "csf_serum_albumin"),
    ],
)
def test_spellings_and_codes_meet_at_one_key(text, key):
    assert name_index()[normalise_name(text)] == key


def test_no_name_is_empty():
    assert "" not in name_index()


def test_no_name_means_two_analytes():
    for key, analyte in dictionary().items():
        for name in (key, analyte.name, *analyte.loinc):
            assert name_index()[normalise_name(name)] == key


@pytest.mark.parametrize(
    ("text", "key"), [("β2-microglobulin", "beta2_microglobulin"), ("5-HT", "x_5_ht")]
)
def test_keys_of_local_analytes_begin_with_a_letter(text, key):
    assert local_key(text) == key


def test_an_analyte_survives_storage():
    for analyte in (*dictionary().values(), Analyte("x", "X", "X", "", "host_product", local=True)):
        assert analyte_from_dict(analyte.to_dict()) == analyte


def test_a_loinc_code_alone_names_the_analyte(tmp_path):
    assert read_labs(tmp_path, ("1988-5", 5, "mg/L", 1, 2)).cohort.labs["analyte"][0] == "crp"


def test_a_code_of_another_analyte_is_a_conflict(tmp_path):
    result = read_labs(
        tmp_path,
        ("crp", 5, "mg/L", 1, 2, "1988-5"),
        ("crp", 6, "mg/L", 1, 2, ""),
        ("crp", 7, "mg/L", 1, 2, "00000-0"),
        ("crp", 8, "mg/L", 1, 2, "2276-4"),
        columns="loinc",
    )
    assert codes(result) == ["loinc_conflict"]
    assert result.rejects["row"].tolist() == [5]
    assert "'2276-4' is another analyte than 'crp'" in result.rejects["reason"][0]


def test_a_local_analyte_with_two_units_is_refused_whole(tmp_path):
    rows = lab_rows(("saa", 5, "mg/L", 1, 2), ("saa", 6, "g/L", 3, 4), ("crp", 5, "mg/L", 1, 2))
    result = read(write_export(tmp_path, labs=rows), extra_analytes="accept")
    assert codes(result) == ["unit_inconsistent"] * 2
    assert result.local == {}
    assert result.cohort.labs["analyte"].tolist() == ["crp"]


def test_spellings_of_one_unit_and_cancelled_rows_are_no_second_unit(tmp_path):
    rows = lab_rows(
        ("saa", 5, "µg/mL", 1, 2, ""),
        ("saa", 6, "ug/ml", 3, 4, ""),
        ("saa", "", "", 3, 5, "cancelled"),
        ("sab", "", "", 3, 5, "cancelled"),
        columns="status",
    )
    result = read(write_export(tmp_path, labs=rows), extra_analytes="accept")
    assert codes(result) == []
    assert result.counts["labs.csv"]["withdrawn"] == 2


def test_the_config_may_state_the_unit_of_a_local_analyte(tmp_path):
    rows = lab_rows(("saa", 5, "", 1, 2), ("saa", 6, "mg/L", 3, 4))
    result = read(
        write_export(tmp_path, labs=rows),
        extra_analytes="accept",
        assume_units={"saa": {"": "mg/L"}},
    )
    assert codes(result) == []
    assert result.local["saa"].unit == "mg/L"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Kreatinin", "creatinine"),
        ("Créatinine", "creatinine"),
        ("Leukozyten", "wbc"),
        ("Globules blancs", "wbc"),
        ("Thrombozyten", "platelets"),
        ("Plaquettes", "platelets"),
        ("Hämoglobin", "hemoglobin"),
        ("HAEMOGLOBIN", "hemoglobin"),
        ("Hémoglobine", "hemoglobin"),
        ("Fibrinogène", "fibrinogen"),
        ("Fibrinogene", "fibrinogen"),
        ("D-dimères", "d_dimer"),
        ("Neutrophile", "neutrophils"),
        ("Polynucléaires neutrophiles", "neutrophils"),
        ("Lactatdehydrogenase", "ldh"),
        ("Lactate déshydrogénase", "ldh"),
        ("Albumin im Serum", "albumin"),
        ("Albumin im Liquor", "csf_albumin"),
        ("Protéine C réactive", "crp"),
        ("C-reaktives Protein", "crp"),
        ("Interleukine 6", "il6"),
        ("Löslicher IL-2-Rezeptor", "sil2r"),
        ("Ferritine", "ferritin"),
        ("Harnstoff", "urea"),
        ("Kalium", "potassium"),
        ("Gesamteiweiß", "total_protein"),
        ("33939-0", "il2"),
        ("Laktat", None),
        ("Retikulozyten", None),
        ("Eosinophile", None),
        ("Leukozyten im Urin", None),
        ("Kreatinin im Urin", None),
        ("Glukose im Liquor", None),
        ("Kreatinkinase", None),
        ("Protein S", None),
    ],
)
def test_german_and_french_words_mean_their_analyte_and_no_other(text, key):
    assert find_key(text) == key


def test_the_upper_limit_of_nfl_is_that_of_the_five_years():
    nfl = dictionary()["nfl"]
    ages = (0.5, 2.45, 2.5, 4.9, 12, 19.9, 27, 37, 57, 67, 82, 99)
    highs = [12.8, 12.8, 11.8, 11.8, 8.8, 9.2, 11.9, 15.3, 25.4, 32.7, 47.8, 54.3]
    assert [nfl.reference_at(age)[1] for age in ages] == highs


@pytest.mark.parametrize(
    ("unit", "fits"), [("%", True), ("10*-3", True), ("mg/g", True), ("1", False), ("", False)]
)
def test_the_code_of_the_albumin_ratio_carries_each_unit_that_states_its_scale(unit, fits):
    assert suits_loinc(dictionary()["csf_serum_albumin"], "1756-6", unit) is fits
