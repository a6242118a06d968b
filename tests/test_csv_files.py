"""Cells that a spreadsheet would run are neutralised, and read back as they were."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.files import raw_from_csv
from pipeline.csv_files import csv_text, neutral, read_csv, restored, write_csv

PIPELINE = Path(__file__).parent.parent / "pipeline"
HARMFUL = [
    "=1+1", "@SUM(A1)", "+1+1", "-2+3", "\t=1", "\r=1", "=cmd|'/C calc'!A0", " =1", "＝1+1", "-a",
    "\n=x", "+49 30 1234", "-", "@", "'=1",
]  # fmt: skip
NUMBERS = ["-0.67", "+3", "-1e-5", "-1,5", "12", "-.5", "-1.234,5"]
cells = st.text(
    st.sampled_from("=+-@'\"\t ;,|aZ0.5<é\u202e\u2028\x85") | st.characters(codec="utf-8"),
    max_size=8,
)


@pytest.mark.parametrize("cell", HARMFUL)
def test_no_harmful_text_begins_as_a_formula(cell):
    changed = neutral(cell)
    assert changed == f"'{cell}"
    assert restored(changed) == cell


@pytest.mark.parametrize("cell", [*NUMBERS, "P-1", "a=b", "'tis", "<0.5", ""])
def test_numbers_and_plain_text_stay(cell):
    assert neutral(cell) == restored(cell) == cell


@given(st.text(max_size=12) | cells)
def test_every_text_comes_back_and_different_ones_stay_different(cell):
    assert restored(neutral(cell)) == cell
    assert re.match(r"[=+\-@\t\r]", neutral(cell)) is None or re.match(r"[+-][\d.,in]", cell)


def test_numbers_of_a_table_are_never_changed_and_only_text_is_neutralised():
    table = pd.DataFrame({"id": ["=a", "b"], "shift": [-0.67, None], "count": [-1, 2]})
    assert csv_text(table) == "id,shift,count\n'=a,-0.67,-1\nb,,2\n"
    assert csv_text(table, spreadsheet_safe=False).startswith("id,shift,count\n=a,")
    assert table["id"].tolist() == ["=a", "b"]


@settings(max_examples=30, deadline=None)
@given(st.lists(cells.filter(lambda cell: cell.strip(" ") == cell and cell), min_size=1))
def test_what_is_written_is_read_the_same(texts):
    table = pd.DataFrame({"patient_id": texts, "value": ["1"] * len(texts)})
    for safe in (True, False):
        text = csv_text(table, spreadsheet_safe=safe)
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == len(texts) + 1
    plain = [text for text in texts if "\n" not in text and "\r" not in text]
    table = pd.DataFrame({"patient_id": plain, "value": ["1"] * len(plain)})
    read = raw_from_csv(csv_text(table).encode(), "labs.csv").frame
    assert read["patient_id"].tolist() == plain


def test_a_carriage_return_stays_inside_its_cell(tmp_path):
    table = pd.DataFrame({"patient_id": ["a\rb", "c"], "n": [1, 2]})
    write_csv(table, tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv")["patient_id"].tolist() == ["a\rb", "c"]


def test_text_that_is_no_unicode_is_written_escaped(tmp_path):
    write_csv(pd.DataFrame({"value": ["\ud800x"]}, dtype=object), tmp_path / "t.csv")
    assert read_csv(tmp_path / "t.csv")["value"].tolist() == ["\\ud800x"]


def test_a_repeated_column_name_is_written_as_it_is():
    table = pd.DataFrame([["=a", "b"]], columns=["x", "x"])
    assert csv_text(table) == "x,x\n'=a,b\n"


def test_no_other_module_writes_csv():
    writers = re.compile(r"\.to_csv\(|csv\.writer|csv\.DictWriter|write_csv\(.*pyarrow")
    result = [
        path.relative_to(PIPELINE).as_posix()
        for path in PIPELINE.rglob("*.py")
        if writers.search(path.read_text(encoding="utf-8"))
    ]
    assert result == ["csv_files.py"]


def test_a_column_that_another_program_wrote_keeps_its_apostrophes():
    content = b"patient_id,value\n=1,1\n'=1,2\n"
    assert raw_from_csv(content, "labs.csv").frame["patient_id"].tolist() == ["=1", "'=1"]
