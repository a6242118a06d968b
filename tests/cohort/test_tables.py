import numpy as np
import pytest

from pipeline.cohort.tables import TABLES, empty_cohort
from tests.exported import lab_rows, read, write_export


@pytest.fixture
def cohort(tmp_path):
    labs = [
        *lab_rows(("crp", 1, "mg/L", 1, 2), ("crp", 2, "mg/L", 3, 4)),
        ("B", "crp", "3", "mg/L", "1", "2"),
        ("C", "crp", "4", "mg/L", "1", "2"),
    ]
    patients = [("patient_id",), ("A",), ("B",), ("C",)]
    return read(write_export(tmp_path, patients=patients, labs=labs)).cohort


def test_take_keeps_the_rows_of_the_chosen_patients(cohort):
    part = cohort.take(np.array([0, 2]))
    assert part.patients["patient_id"].tolist() == ["A", "C"]
    assert part.labs["value"].tolist() == [1.0, 2.0, 4.0]
    assert part.labs["patient"].tolist() == [0, 0, 1]
    assert part.assessments["patient"].tolist() == [0]


def test_take_renumbers_in_the_given_order_and_sorts_by_it(cohort):
    part = cohort.take(np.array([2, 0]))
    assert part.patients["patient_id"].tolist() == ["C", "A"]
    assert part.labs["patient"].tolist() == [0, 1, 1]
    assert part.labs["value"].tolist() == [4.0, 1.0, 2.0]


def test_take_everyone_changes_nothing(cohort):
    part = cohort.take(np.arange(3))
    for name in TABLES:
        assert getattr(part, name).equals(getattr(cohort, name))


def test_take_nobody(cohort):
    assert [len(getattr(cohort.take(np.array([], dtype=np.intp)), name)) for name in TABLES] == [
        0
    ] * 5


def test_take_refuses_a_patient_twice(cohort):
    with pytest.raises(ValueError, match="repeats a row number"):
        cohort.take(np.array([0, 0]))


def test_an_empty_cohort_has_the_columns_of_a_read_one(cohort):
    empty = empty_cohort(["A"])
    for name in TABLES:
        table, blank = getattr(cohort, name), getattr(empty, name)
        assert set(blank.columns) == set(table.columns)
        assert blank.dtypes[table.columns].astype(str).tolist() == table.dtypes.astype(str).tolist()


def test_with_labs_replaces_labs_only(cohort):
    other = cohort.with_labs(cohort.labs.head(1))
    assert len(other.labs) == 1
    assert other.patients is cohort.patients
