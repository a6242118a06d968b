import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.values import apply_stated_limits, parse_values


def parse(text):
    return parse_values(pd.Series([text], dtype="str")).iloc[0]


@pytest.mark.parametrize(
    ("text", "value", "side"),
    [
        ("12", 12.0, 0),
        ("<0.5", 0.5, -1),
        ("< 0.5", 0.5, -1),
        ("> 300", 300.0, 1),
        (">16500", 16500.0, 1),
        ("<=5", 5.0, -1),
        ("≤5", 5.0, -1),
        (">=5", 5.0, 1),
        ("≥ 5", 5.0, 1),
        ("1.2E3", 1200.0, 0),
        ("1e-3", 0.001, 0),
        ("+4", 4.0, 0),
        (".5", 0.5, 0),
        ("5.", 5.0, 0),
        ("0", 0.0, 0),
    ],
)
def test_numbers_and_comparators(text, value, side):
    parsed = parse(text)
    assert (parsed["value"], parsed["side"], parsed["problem"]) == (value, side, "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "blank"),
        ("n/a", "not a number"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("-inf", "not a number"),
        ("1e400", "not finite"),
        ("-3", "negative"),
        ("<-1", "negative"),
        ("1,5", "not a number"),
        ("1 200", "not a number"),
        ("5-10", "not a number"),
        ("0x10", "not a number"),
        ("1_000", "not a number"),
        ("< <5", "not a number"),
        ("~5", "not a number"),
        ("12 mg/L", "not a number"),
        ("<", "not a number"),
    ],
)
def test_what_cannot_be_read_says_why_and_gives_no_number(text, words):
    parsed = parse(text)
    assert words in parsed["problem"]
    assert np.isnan(parsed["value"])


def test_minus_zero_is_zero():
    assert not np.signbit(parse("-0")["value"])


def test_the_index_of_the_cells_is_kept():
    parsed = parse_values(pd.Series(["1", "x", "1"], index=[7, 3, 5], dtype="str"))
    assert parsed.index.tolist() == [7, 3, 5]
    assert parsed["value"].fillna(-1).tolist() == [1.0, -1.0, 1.0]


def test_no_cells_give_no_values():
    assert len(parse_values(pd.Series([], dtype="str"))) == 0


@given(st.floats(min_value=0, max_value=1e12), st.sampled_from(["", "<", ">", "≤", "≥"]))
def test_printed_numbers_come_back_exactly(number, comparator):
    parsed = parse(f"{comparator}{number!r}")
    assert parsed["value"] == number
    assert parsed["side"] == {"": 0, "<": -1, "≤": -1, ">": 1, "≥": 1}[comparator]


@given(st.text())
def test_any_text_is_either_a_number_or_a_problem(text):
    parsed = parse(text.strip())
    assert np.isnan(parsed["value"]) == (parsed["problem"] != "")


def test_stated_limits_censor_exact_values_beyond_them():
    value, side = apply_stated_limits(
        pd.Series([0.2, 0.5, 3.0, 40.0, 0.1, 7.0]),
        pd.Series([0, 0, 0, 0, -1, 0], dtype="int8"),
        pd.Series([0.5, 0.5, 0.5, 0.5, 0.5, np.nan]),
        pd.Series([30.0, 30.0, 30.0, 30.0, 30.0, np.nan]),
    )
    assert value.tolist() == [0.5, 0.5, 3.0, 30.0, 0.1, 7.0]
    assert side.tolist() == [-1, 0, 0, 1, -1, 0]
