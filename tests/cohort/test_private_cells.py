"""Messages show words of the dictionary or of three patients, and no others."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline import redaction
from pipeline.cohort.private_cells import hide_cells, vocabulary
from pipeline.redaction import redacted


@pytest.fixture(autouse=True)
def hiding():
    redaction.start([], show=False)
    yield
    redaction.stop()


def labs(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"patient_id": ["QZ1", "QZ2", "QZ3", "QZ3"], **columns}, dtype="str")


def test_a_name_of_three_patients_is_shown_and_one_of_two_is_not() -> None:
    hide_cells(labs(analyte=["zonk"] * 4, unit=["", "plims", "plims", "plims"]))
    assert redacted("most of 'zonk' is refused: 'plims'") == "most of 'zonk' is refused: '[text]'"


def test_a_word_of_the_dictionary_is_shown() -> None:
    hide_cells(labs(analyte=["CRP", "Ferritin", "IL-6", ""], unit=["mg/L", "", "", ""]))
    assert redacted("'CRP', 'IL-6' in 'mg/L'") == "'CRP', 'IL-6' in 'mg/L'"
    assert "crp" in vocabulary()


@pytest.mark.parametrize("column", ["value", "comment"])
def test_a_cell_that_is_no_category_is_never_shown(column) -> None:
    hide_cells(labs(**{column: ["zonk 7"] * 4}))
    assert "zonk" not in redacted("'zonk 7' is no number")


def test_ids_are_hidden_and_columns_are_not() -> None:
    hide_cells(labs(zonk=["zonk"] * 4))
    assert redacted("QZ1, column zonk") == "[patient id], column zonk"
