"""Specimens of lab rows: mapped, rejected, flagged or unchanged."""

import pytest

from pipeline.cohort.ledger import HARMLESS
from pipeline.config_cohort import CohortConfig
from pipeline.reading.reader import read_batch
from tests.exported import codes, lab_rows, read, read_labs, write_export, write_table


def with_specimens(tmp_path, *rows, **settings):
    """Read rows of (analyte, unit, specimen)."""
    full = [
        (name, 50, unit, place, place + 1, specimen)
        for place, (name, unit, specimen) in enumerate(rows)
    ]
    return read_labs(tmp_path, *full, columns="specimen", **settings)


OTHERS = (
    ["CSF", "Liquor", "LCR", "Urin", "BAL", "Aszites", "Pleurapunktat", "synovial fluid",
     "258450006",
     "Speichel", "Stuhl", "Knochenmark", "cord blood", "CSF and serum", "PBMC", "drain"]
)  # fmt: skip
BLOOD = ["", "n/a", "serum", "EDTA-Blut", "sang", "119297000", "WB", "Sérum"]


@pytest.mark.parametrize(("name", "unit"), [("IL-6", "pg/mL"), ("NfL", "pg/mL"), ("LDH", "U/L")])
def test_another_specimen_is_rejected(tmp_path, name, unit):
    result = with_specimens(
        tmp_path, (name, unit, "serum"), *((name, unit, specimen) for specimen in OTHERS)
    )
    assert codes(result) == ["specimen_conflict"] * len(OTHERS)
    assert result.rejects["value"].tolist() == OTHERS
    assert set(result.rejects["column"]) == {"specimen"}
    assert len(result.cohort.labs) == 1


def test_a_specimen_of_blood_or_none_changes_nothing(tmp_path):
    result = with_specimens(tmp_path, *(("IL-6", "pg/mL", specimen) for specimen in BLOOD))
    assert result.rejects.empty
    assert result.notes.empty
    assert result.cohort.labs["analyte"].tolist() == ["il6"] * len(BLOOD)


@pytest.mark.parametrize(
    ("name", "unit", "specimen", "key"),
    [
        ("Albumin", "mg/dL", "CSF", "csf_albumin"),
        ("alb", "mg/dL", "Liquor", "csf_albumin"),
        ("Total protein", "mg/dL", "CSF", "csf_protein"),
        ("Protein", "mg/dL", "LCR", "csf_protein"),
        ("Protein", "g/L", "Serum", "total_protein"),
        ("CSF albumin", "mg/dL", "CSF", "csf_albumin"),
        ("CSF albumin", "mg/dL", "CSF and serum", "csf_albumin"),
        ("csf_serum_albumin", "10*-3", "CSF and serum", "csf_serum_albumin"),
        ("csf_serum_albumin", "10*-3", "CSF", "csf_serum_albumin"),
    ],
)
def test_the_dictionary_may_have_the_analyte_of_that_specimen(tmp_path, name, unit, specimen, key):
    result = with_specimens(tmp_path, (name, unit, specimen))
    assert codes(result) == []
    assert result.cohort.labs["analyte"].tolist() == [key]


def test_a_mapped_row_is_flagged(tmp_path):
    result = with_specimens(tmp_path, ("Albumin", "mg/dL", "CSF"))
    assert result.notes["code"].tolist() == ["analyte_of_specimen"]


@pytest.mark.parametrize(
    ("name", "specimen"),
    [
        ("CSF albumin", "serum"), ("CSF protein", "Plasma"), ("csf_albumin", "urine"),
        ("serum albumin", "CSF"), ("1751-7", "CSF"), ("1746-7", "serum"), ("plasma IL-6", "CSF"),
    ],
)  # fmt: skip
def test_a_name_or_code_that_contradicts_the_specimen_is_rejected(tmp_path, name, specimen):
    assert codes(with_specimens(tmp_path, (name, "mg/dL", specimen))) == ["specimen_conflict"]


@pytest.mark.parametrize("name", ["IL-6 CSF", "CSF IL-6", "NfL (Liquor)", "Urine LDH", "BAL IL-6"])
def test_a_specimen_in_the_name_counts(tmp_path, name):
    result = with_specimens(tmp_path, (name, "pg/mL", ""), (name, "pg/mL", "serum"))
    assert codes(result) == ["specimen_conflict"] * 2
    assert result.rejects["column"].tolist() == ["analyte"] * 2


def test_an_unknown_word_is_flagged_and_the_row_used(tmp_path):
    result = with_specimens(tmp_path, ("IL-6", "pg/mL", "tube 7"), ("IL-6", "pg/mL", "serum"))
    assert len(result.cohort.labs) == 2
    assert result.notes[["row", "value", "code"]].to_numpy().tolist() == [
        [2, "tube 7", "unknown_specimen"]
    ]


def test_nothing_of_the_model_is_lost_with_another_specimen():
    assert "specimen_conflict" in HARMLESS


def test_a_local_analyte_keeps_the_specimen_of_training(tmp_path):
    columns = "specimen"
    rows = lab_rows(
        ("MIG", 5, "pg/mL", 1, 2, "Liquor"), ("MIG", 6, "pg/mL", 3, 4, ""), columns=columns
    )
    trained = read(write_export(tmp_path / "cohort", labs=rows), extra_analytes="accept")
    assert trained.local["mig"].specimen == "CSF"
    assert trained.local["mig"].unit == "pg/mL"
    batch = lab_rows(
        ("MIG", 5, "pg/mL", 1, 2, "CSF"), ("MIG", 6, "pg/mL", 3, 4, "serum"), columns=columns
    )
    scored = read_batch(
        write_table(tmp_path / "labs.csv", batch),
        CohortConfig(extra_analytes="accept"),
        trained.local,
    )
    assert codes(scored) == ["specimen_conflict"]
    assert len(scored.cohort.labs) == 1


def test_a_local_analyte_of_two_specimens_is_refused_whole_and_one_named_by_it_is_not(tmp_path):
    rows = lab_rows(
        ("MIG", 5, "pg/mL", 1, 2, "CSF"),
        ("MIG", 6, "pg/mL", 3, 4, "serum"),
        ("IL-6 CSF", 6, "pg/mL", 3, 4, "CSF"),
        columns="specimen",
    )
    result = read(write_export(tmp_path, labs=rows), extra_analytes="accept")
    assert codes(result) == ["specimen_conflict"] * 2
    assert list(result.local) == ["il_6_csf"]


@pytest.mark.parametrize("column", ["sample_type", "Specimen-Type", "material", "Probenmaterial"])
def test_a_column_of_another_name_holds_the_specimen(tmp_path, column):
    rows = [("IL-6", 50, "pg/mL", 1, 2, "CSF"), ("IL-6", 50, "pg/mL", 3, 4, "serum")]
    result = read_labs(tmp_path, *rows, columns=column)
    assert codes(result) == ["specimen_conflict"]
    assert len(result.cohort.labs) == 1
