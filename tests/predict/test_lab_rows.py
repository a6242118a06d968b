"""Lab rows in memory become tables of the reader; test_pyfunc.py compares their scores."""

import pandas as pd
import pytest

from pipeline.errors import InputError, UsageError
from pipeline.predict.lab_rows import lab_tables, reading_commas, score_lab_rows
from tests.predict.conftest import NAME

ROWS = pd.DataFrame(
    {
        "patient_id": ["A", "A", "B"],
        "analyte": "CRP",
        "value": ["1", "2", "3"],
        "unit": "mg/L",
        "collected_hours": [1.0, 2.0, 3.0],
        "product": [None, "axi-cel", None],
    }
)


def test_a_patient_column_on_one_row_counts_for_the_patient(bundle):
    tables = lab_tables(ROWS, bundle)
    people = tables["patients"].frame
    assert people[["patient_id", "product"]].to_numpy().tolist() == [["A", "axi-cel"], ["B", ""]]
    assert "product" not in tables["labs"].frame


def test_a_comma_is_read_as_stated_or_as_trained(bundle):
    assert reading_commas(bundle, "") is bundle
    assert reading_commas(bundle, "true").config.cohort.decimal_comma is True
    assert reading_commas(bundle, "false").config.cohort.decimal_comma is False
    with pytest.raises(InputError):
        reading_commas(bundle, "yes")


def test_a_moment_that_is_none_is_refused(bundle):
    with pytest.raises(UsageError):
        score_lab_rows(ROWS, bundle, NAME, as_of="tomorrow")
