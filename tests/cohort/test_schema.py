import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.ledger import Ledger
from pipeline.cohort.schema import TableSchema, enforce, to_number
from pipeline.errors import InputError


def table(**columns):
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return frame.assign(_line=np.arange(2, 2 + len(frame)))


def enforced(name, frame, **settings):
    ledger = Ledger()
    return enforce(frame, TableSchema.load(name), f"{name}.csv", ledger, **settings), ledger


def test_a_missing_column_is_named_with_those_found():
    frame = table(patient_id=["A"], name=["crp"], collected_hours=["1"])
    with pytest.raises(InputError) as error:
        TableSchema.load("labs").check_columns(frame, "labs.csv")
    message = str(error.value)
    assert "labs.csv lacks the columns analyte, value, unit." in message
    assert "Found: patient_id, name, collected_hours." in message


def test_a_required_clock_stands_in_one_of_two_columns():
    schema = TableSchema.load("treatments")
    with pytest.raises(InputError, match="given_hours or given_at"):
        schema.check_columns(table(patient_id=["A"], drug=["x"]), "treatments.csv")
    both = table(patient_id=["A"], drug=["x"], given_hours=["1"], given_at=["x"])
    with pytest.raises(InputError, match="has both given_hours and given_at; keep one"):
        schema.check_columns(both, "treatments.csv")


def test_an_optional_clock_is_not_read_twice_either():
    frame = table(patient_id=["A"], death_hours=["1"], death_at=["x"])
    with pytest.raises(InputError, match="both death_hours and death_at"):
        enforced("patients", frame)


def test_an_illegal_optional_cell_is_blanked_and_its_row_kept():
    frame, ledger = enforced(
        "patients",
        table(patient_id=["A", "B", "C"], age_years=["64", "640", "old"], episode=["1", "1.5", ""]),
    )
    assert frame["patient_id"].tolist() == ["A", "B", "C"]
    assert frame["age_years"].fillna(-1).tolist() == [64, -1, -1]
    assert frame["episode"].fillna(-1).tolist() == [1, -1, -1]
    assert ledger.cells_ignored["patients.csv"] == 3
    assert "a number from 0 to 120" in ledger.frame()["reason"][0]


def test_an_illegal_required_cell_costs_the_row():
    frame, ledger = enforced(
        "assessments",
        table(
            patient_id=["A"] * 5,
            scale=["crs"] * 5,
            grade=["2", "2.5", "-1", "", "inf"],
            assessed_hours=["1"] * 5,
        ),
    )
    assert frame["grade"].tolist() == [2.0]
    assert sorted(ledger.frame()["code"]) == ["illegal_value"] * 3 + ["required_blank"]


def test_a_decisive_cell_costs_the_row_although_it_is_optional():
    columns = {"patient_id": ["A", "B"], "analyte": ["crp"] * 2, "value": ["1"] * 2}
    frame = table(**columns, unit=["mg/L"] * 2, collected_hours=["1"] * 2, status=["Final", "gone"])
    kept, ledger = enforced("labs", frame, decisive=("status",))
    assert kept["status"].tolist() == ["final"]
    assert "one of preliminary, final" in ledger.frame()["reason"][0]


@pytest.mark.parametrize(
    "text", ["0x10", "1_0", "٣", "１２", "1+2j", "True", " ", "1\x00", "--1", "None"]
)
def test_only_plain_numbers_are_numbers(text):
    assert np.isnan(to_number(pd.Series([text], dtype="str"))[0])


def test_plain_numbers():
    cells = pd.Series(["1", "-2.5", "1e3", "", "99999999999999999999999"], dtype="str")
    assert to_number(cells).fillna(0).tolist() == [1.0, -2.5, 1000.0, 0.0, 1e23]
