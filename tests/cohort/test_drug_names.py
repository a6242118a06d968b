"""Drug names of exports: no drug is mistaken for another, and unknown ones are flagged."""

from __future__ import annotations

import pytest

from pipeline.cohort.drug_names import drug_named, is_class
from tests.exported import codes, conserved, read, write_export


def given(tmp_path, *drugs):
    rows = [("patient_id", "drug", "given_hours"), *(("A", drug, "9") for drug in drugs)]
    result = read(write_export(tmp_path, treatments=rows))
    conserved(result)
    assert codes(result) == []
    return result


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("Tocilizumab (RoActemra) 400 mg", "tocilizumab"),
        ("DEXAMETHASONE SOD PHOS 10 MG IV", "dexamethasone"),
        ("Anakinra [Kineret] 100mg/0.67mL s.c.", "anakinra"),
        ("Decortin H 50 mg", "prednisolone"),
        ("dexa", "dexamethasone"),
        ("Dex 5 % in water", ""),
        ("patient has no fever", ""),
        ("tocilizumab or siltuximab", ""),
        ("Tocilizumab (not given)", ""),
        ("Dexamethasone eye drops", ""),
        ("tocilizumabish", ""),
        ("", ""),
    ],
)
def test_a_name_within_a_text_counts_where_one_drug_alone_can_be_meant(text, drug):
    assert drug_named(text) == drug


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("steroid", "corticosteroid"),
        ("High-dose corticosteroids IV", "corticosteroid"),
        ("Glucocorticoid", "corticosteroid"),
        ("Cortison", "corticosteroid"),
        ("glucocorticoïdes i.v.", "corticosteroid"),
        ("Kortison-Stoß", "corticosteroid"),
        ("stress-dose steroids", "corticosteroid"),
        ("methylprednisolone (steroid)", "methylprednisolone"),
        ("IL-6 blockade", "il6_receptor_blockade"),
        ("anti-IL-6", "il6_receptor_blockade"),
        ("IL-6 receptor antagonist", "il6_receptor_blockade"),
        ("anti-IL-6 (siltuximab)", "siltuximab"),
        ("anakinra/IL-1 blockade", "anakinra"),
        ("IL-1 blockade", "il1_blockade"),
        ("anti-GM-CSF", "gm_csf_blockade"),
        ("JAK inhibitor", "jak_inhibitor_unnamed"),
        ("tocilizumab for steroid-refractory CRS", "tocilizumab"),
        ("tocilizumab + steroids", ""),
        ("non-steroidal anti-inflammatory", ""),
        ("steroid-sparing agent", ""),
        ("no steroids", ""),
        ("keine Steroide", ""),
        ("topical steroid", ""),
    ],
)
def test_the_words_of_a_class_mean_the_class_unless_a_drug_of_it_is_named(text, drug):
    assert drug_named(text) == drug
    assert is_class(drug) == (drug.endswith(("blockade", "_unnamed")) or drug == "corticosteroid")


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("Tyenne", "tocilizumab"),
        ("tocilizumab-anoh (Avtozma) 560 mg", "tocilizumab"),
        ("TOFIDENCE", "tocilizumab"),
        ("Leukine 250 mcg", "sargramostim"),
        ("Oncaspar", "asparaginase"),
        ("Heparin-Natrium 25000", "heparin"),
        ("heparin flush", ""),
        ("VP-16", "etoposide"),
        ("Plasmapherese", "plasma_exchange"),
        ("Sprycel", "dasatinib"),
        ("lenzilumab", "lenzilumab"),
        ("mavrilimumab 6 mg/kg", "mavrilimumab"),
        ("Dexamethason 10 mg", "dexamethasone"),
    ],
)
def test_drugs_that_change_a_biomarker_are_known_by_brand_and_in_other_languages(text, drug):
    assert drug_named(text) == drug


def test_a_dose_named_by_its_class_counts_and_is_flagged(tmp_path):
    result = given(tmp_path, "steroids", "IL-6 blockade", "tocilizumab")
    drugs = result.cohort.treatments["drug"].tolist()
    assert drugs == ["corticosteroid", "il6_receptor_blockade", "tocilizumab"]
    assert result.flags == {"treatments.csv": {"drug_class_only": 2}}


def test_a_drug_that_is_not_recognised_is_kept_and_flagged(tmp_path):
    result = given(tmp_path, "Wonderdrug", "tocilizumap", "anakinra")
    assert result.cohort.treatments["drug"].tolist() == ["anakinra", "tocilizumap", "wonderdrug"]
    assert result.flags == {"treatments.csv": {"unknown_drug": 2}}
    notes = result.notes.set_index("row")
    assert notes["value"].to_dict() == {2: "Wonderdrug", 3: "tocilizumap"}
    assert "Wonderdrug" in notes["reason"][2]
    assert "meant?" not in notes["reason"][2]
    assert notes["reason"][3].endswith("Is Tocilizumab meant?")


def test_a_drug_read_out_of_a_text_is_flagged_and_repeats_collapse(tmp_path):
    result = given(tmp_path, "RoActemra 8 mg/kg", "Tocilizumab", "Sylvant 700 mg")
    assert result.cohort.treatments["drug"].tolist() == ["siltuximab", "tocilizumab"]
    assert result.counts["treatments.csv"]["collapsed"] == 1
    assert result.flags == {"treatments.csv": {"drug_in_text": 2}}
    assert "'Sylvant 700 mg' is read as 'siltuximab'" in result.notes["reason"][1]


def test_a_drug_is_recognised_by_whole_words_only():
    assert drug_named("dexamethasone 4 MG Oral Tablet") == "dexamethasone"
    assert drug_named("tocilizumab or siltuximab") == ""
    assert drug_named("tocilizumabish") == ""
