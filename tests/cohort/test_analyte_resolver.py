"""Analyte of an exported name: from the dictionary, or cohort-local."""

import pytest

from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.reading.reader import read_batch
from tests.exported import codes, lab_rows, read, read_labs, write_export, write_table


def test_an_unknown_analyte_is_refused_by_name(tmp_path):
    result = read_labs(
        tmp_path, ("crp", 5, "mg/L", 1, 2), ("unobtainium", 5, "mg/L", 1, 2), ("", 5, "mg/L", 1, 2)
    )
    assert codes(result) == ["unknown_analyte", "required_blank"]
    assert "'unobtainium'" in result.rejects["reason"][0]
    assert result.cohort.labs["analyte"].tolist() == ["crp"]


@pytest.mark.parametrize(
    "settings",
    [{"extra_analytes": "accept"}, {"local_analytes": ("Serum Amyloid A",)}],
    ids=["all", "listed"],
)
def test_training_accepts_local_analytes_that_prediction_then_knows(tmp_path, settings):
    rows = lab_rows(("Serum Amyloid A", 5, "mg/L", 1, 2), ("serum_amyloid_a", 6, "mg/l", 3, 4))
    folder = write_export(tmp_path / "cohort", labs=rows)
    trained = read(folder, **settings)
    assert trained.cohort.labs["analyte"].tolist() == ["serum_amyloid_a"] * 2
    local = trained.local["serum_amyloid_a"]
    assert (local.name, local.unit, local.local) == ("Serum Amyloid A", "mg/L", True)

    batch = write_table(
        tmp_path / "labs.csv",
        lab_rows(
            ("SERUM AMYLOID A", 5, "mg/L", 1, 2),
            ("Serum Amyloid A", 5, "g/L", 1, 2),
            ("Serum Amyloid B", 5, "mg/L", 1, 2),
        ),
    )
    scored = read_batch(batch, CohortConfig(**settings), trained.local)
    assert scored.cohort.labs["analyte"].tolist() == ["serum_amyloid_a"]
    assert codes(scored) == ["unit_refused", "unknown_analyte"]
    assert "cohort-local analyte in 'mg/L'" in scored.rejects["reason"][0]


def test_the_batch_never_adds_analytes_of_its_own(tmp_path):
    assert codes(read_labs(tmp_path, ("saa", 5, "x", 1, 2), extra_analytes="accept")) == [
        "unknown_analyte"
    ]


def test_a_listed_analyte_overrides_the_dictionary_in_every_spelling(tmp_path):
    rows = lab_rows(("uric_acid", 5, "", 1, 2), ("Uric Acid", 6, "", 3, 4))
    result = read(write_export(tmp_path, labs=rows), local_analytes=("uric_acid",))
    assert codes(result) == []
    assert result.local["uric_acid"].local


def test_training_and_prediction_agree_on_a_listed_name_the_dictionary_knows_otherwise(tmp_path):
    # "gamma-glutamyl transpeptidase" is a synonym of ggt; listing any spelling makes it local
    listed = ("γ_glutamyl_transpeptidase",)
    rows = lab_rows(
        ("γ_glutamyl_transpeptidase", 5, "", 1, 2), ("gamma-glutamyl transpeptidase", 6, "", 3, 4)
    )
    trained = read(write_export(tmp_path / "cohort", labs=rows), local_analytes=listed)
    batch = write_table(tmp_path / "labs.csv", rows)
    scored = read_batch(batch, CohortConfig(local_analytes=listed), trained.local)
    for result in (trained, scored):
        assert result.cohort.labs["analyte"].unique().tolist() == ["gamma_glutamyl_transpeptidase"]


def test_names_without_a_latin_letter_or_digit_are_refused_not_pooled(tmp_path):
    rows = lab_rows(("白细胞", 5, "", 1, 2), ("血小板", 6, "", 3, 4), ("crp", 1, "mg/L", 1, 2))
    result = read(write_export(tmp_path, labs=rows), extra_analytes="accept")
    assert codes(result) == ["unknown_analyte"] * 2


@pytest.mark.parametrize(
    "settings",
    [{"assume_units": {"d-dimer": {"mg/L": "mg/L{FEU}"}}}, {"turnaround": {"hourz": 3.0}}],
)
def test_settings_for_no_analyte_are_a_usage_error(tmp_path, settings):
    with pytest.raises(UsageError, match="unknown analyte keys"):
        read_labs(tmp_path, ("crp", 5, "mg/L", 1, 2), **settings)


@pytest.mark.parametrize("code", ["49919-4", "2161-8"])
def test_a_code_of_another_specimen_in_place_of_the_name_is_a_conflict(tmp_path, code):
    result = read_labs(tmp_path, ("crp", "7", "mg/L", 1, 2), (code, "9", "mg/dL", 3, 4))
    assert codes(result) == ["specimen_conflict"]
