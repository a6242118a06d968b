import numpy as np
import pandas as pd

from pipeline.cohort.rejects import COLUMNS, Ledger, quoted


def table():
    return pd.DataFrame(
        {
            "patient_id": pd.Series(["A", "B", "A"], dtype="str"),
            "x": pd.Series(["1", "2", "3" * 200], dtype="str"),
            "_line": [2, 3, 4],
        }
    )


def refuse(ledger, rows, mask, **other):
    entry = {"file": "t.csv", "column": "x", "code": "bad", "reason": "Wrong.", "remedy": "Fix."}
    return ledger.reject(rows, np.array(mask), **{**entry, **other})


def test_a_reject_names_file_line_cell_reason_and_remedy():
    ledger = Ledger()
    kept = refuse(ledger, table(), [False, True, False])
    assert kept["_line"].tolist() == [2, 4]
    assert ledger.frame().to_dict("records") == [
        dict(zip(COLUMNS, ("t.csv", 3, "x", "2", "bad", "Wrong.", "Fix."), strict=True))
    ]
    assert ledger.lost_patients == {"B": "bad"}


def test_the_first_reason_of_a_patient_is_kept():
    ledger = Ledger()
    rows = refuse(ledger, table(), [True, False, False], code="first")
    refuse(ledger, rows, [False, True], code="second")
    assert ledger.lost_patients == {"A": "first"}


def test_entries_are_sorted_by_file_and_line():
    ledger = Ledger()
    rows = refuse(ledger, table(), [False, False, True])
    refuse(ledger, rows, [True, False], reason=pd.Series(["One.", "Two."]))
    assert ledger.frame()["row"].tolist() == [2, 4]
    assert ledger.frame()["reason"].tolist() == ["One.", "Wrong."]


def test_long_cells_are_cut():
    ledger = Ledger()
    refuse(ledger, table(), [False, False, True])
    assert len(ledger.frame()["value"][0]) == 80
    assert len(quoted(table()["x"])[2]) == 62


def test_ignored_cells_are_noted_and_their_rows_counted_as_accepted():
    ledger = Ledger()
    ledger.read["t.csv"] = 3
    ledger.ignore_cells(
        table(),
        np.array([True, False, False]),
        file="t.csv",
        column="x",
        code="bad",
        reason="Wrong.",
        remedy="Fix.",
    )
    assert "the row is kept" in ledger.frame()["reason"][0]
    count = ledger.counts({})["t.csv"]
    assert (count["accepted"], count["cells_ignored"]) == (3, 1)


def test_counts_add_up():
    ledger = Ledger()
    ledger.read["t.csv"] = 6
    rows = refuse(ledger, table(), [True, False, False])
    ledger.collapse(rows, np.array([False, True]), file="t.csv")
    assert ledger.counts({"t.csv": 1})["t.csv"] == {
        "read": 6,
        "accepted": 3,
        "rejected": 1,
        "collapsed": 1,
        "withdrawn": 1,
        "cells_ignored": 0,
    }


def test_nothing_refused_gives_the_columns_alone():
    frame = Ledger().frame()
    assert list(frame.columns) == COLUMNS
    assert frame.empty
