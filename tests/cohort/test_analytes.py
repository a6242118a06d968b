import pytest

from pipeline.cohort.analytes import (
    Analyte,
    analyte_from_dict,
    dictionary,
    local_key,
    name_index,
    normalise_name,
)


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
