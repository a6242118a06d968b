"""Categories of the patients table: a spelling has one meaning or is reported."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.categories import check_host_columns, read_sex, sex_of
from pipeline.cohort.ledger import Ledger


def sexes(*texts):
    raw = pd.DataFrame({"sex": texts, "_line": range(2, 2 + len(texts))})
    ledger = Ledger(live=True)
    return read_sex(raw.astype({"sex": "str"}), "patients.csv", ledger), ledger


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("M", "male"),
        ("Male", "male"),
        ("männlich", "male"),
        ("Homme", "male"),
        ("Varón", "male"),
        ("8507", "male"),
        ("1 - male", "male"),
        ("M (male)", "male"),
        ("w", "female"),
        ("Weiblich", "female"),
        ("Féminin", "female"),
        ("mujer", "female"),
        ("8532", "female"),
        ("2=Female", "female"),
        ("♀", "female"),
        ("U", ""),
        ("other", ""),
        ("divers", ""),
        ("?", ""),
        ("1", None),
        ("2", None),
        ("2.0", None),
        ("not male", None),
        ("male/female", None),
        ("K", None),
        ("femail", None),
    ],
)
def test_a_sex_is_read_by_its_word_or_refused(text, meaning):
    assert sex_of(text) == meaning


def test_a_bare_code_is_listed_and_the_row_kept():
    table, ledger = sexes("F", "2", "", "unknown", "weiblich", "femail")
    assert table["sex"].tolist() == ["female", "", "", "", "female", ""]
    rejects = ledger.frame()
    assert rejects["code"].tolist() == ["illegal_value"] * 2
    assert rejects["value"].tolist() == ["2", "femail"]
    assert rejects["row"].tolist() == [3, 7]
    assert ledger.cells_ignored["patients.csv"] == 2
    assert ledger.rejected["patients.csv"] == 0


def test_m_beside_h_is_refused_because_it_may_be_mujer():
    table, ledger = sexes("H", "M", "M")
    assert table["sex"].tolist() == ["male", "", ""]
    assert len(ledger.frame()) == 2


@given(st.lists(st.text(max_size=8), max_size=6))
def test_every_filled_cell_is_read_or_listed(texts):
    table, ledger = sexes(*texts)
    listed = set(ledger.frame()["row"])
    for line, text, word in zip(table["_line"], texts, table["sex"], strict=True):
        assert word in ("male", "female", "")
        if text and word == "":
            assert (line in listed) == (sex_of(text) is None)


def test_what_a_model_cannot_read_in_its_columns_is_listed():
    raw = pd.DataFrame(
        {
            "disease": ["LBCL", "large b", "", "ALL"],
            "ecog": ["1", "2", "n/a", "1,5"],
            "age_years": ["61", "x", "", "50"],
            "_line": [2, 3, 4, 5],
        }
    )
    ledger = Ledger(live=True)
    levels = {"disease": ("all", "lbcl"), "ecog": (), "age_years": (), "absent": ("a",)}
    table = check_host_columns(raw, "patients.csv", levels, ledger)
    assert table["disease"].tolist() == raw["disease"].tolist()
    assert table["ecog"].tolist() == ["1", "2", "", ""]
    assert ledger.frame()[["row", "column", "code"]].to_numpy().tolist() == [
        [4, "ecog", "illegal_value"],
        [5, "ecog", "illegal_value"],
    ]
    assert ledger.notes()[["row", "code"]].to_numpy().tolist() == [[3, "unseen_category"]]
