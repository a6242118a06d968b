"""Every table of a page can be read back from its link as numbers."""

import io
from urllib.parse import unquote

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from pipeline.pages.csv_links import csv_table, data_link
from pipeline.pages.evaluation_tables import Grid

STACKED = Markup('0.861<br><span class="iv">[0.800, 0.900]</span>')
TWO_LINES = Markup('0.86 [0.80, 0.90]<br><span class="note">−0.02 [−0.03, 0.01]</span>')


def read_back(grid):
    start, _, text = data_link(grid).partition(",")
    assert start == "data:text/csv;charset=utf-8"
    return pd.read_csv(io.StringIO(unquote(text)), dtype="str", keep_default_na=False)


def test_an_interval_has_columns_of_its_own_in_either_form():
    table = read_back(Grid("Any", ("Name", "AUROC"), [("a", STACKED), ("b", "–")]))
    assert table.to_dict("list") == {
        "Name": ["a", "b"],
        "AUROC": ["0.861", ""],
        "AUROC low": ["0.800", ""],
        "AUROC high": ["0.900", ""],
    }


def test_a_second_line_is_a_column_with_an_ascii_minus():
    table = csv_table(Grid("Any", ("", "24 h"), [("a", TWO_LINES)]))
    assert table["24 h (second line) low"].tolist() == ["-0.03"]
    assert "row" in table


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_a_link_breaks_no_attribute_and_runs_no_formula(cells):
    link = data_link(Grid("Any", ("a",), [(cell,) for cell in cells]))
    assert not set(link) & set('"<>&#\n\r\t')
    body = unquote(link.partition(",")[2]).removeprefix("a\n")
    assert not body.startswith(("=", "@"))
