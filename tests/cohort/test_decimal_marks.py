"""An ambiguous decimal mark is read as stated or as the file shows; otherwise it is rejected."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.decimal_marks import DecimalMarks, MarkEvidence, evidence_of, plain_numbers

NOTHING, COMMA, POINT = MarkEvidence(), MarkEvidence(comma=True), MarkEvidence(point=True)
BOTH, EITHER = COMMA | POINT, MarkEvidence(either=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("182,4", COMMA),
        ("<0,5", COMMA),
        ("0,549", COMMA),
        ("12,3456 mg/L", COMMA),
        ("1.234,5", COMMA),
        ("1.234.567", COMMA),
        ("1 234,5", COMMA),
        ("less than 0,5", COMMA),
        ("*182,4", COMMA),
        ("1,2e3", COMMA),
        ("3.5", POINT),
        (".5", POINT),
        ("0.549", POINT),
        ("1,234.5", POINT),
        ("1,234,567", POINT),
        ("1'234.5", POINT),
        ("1.234e3", POINT),
        ("1,234", EITHER),
        *((text, NOTHING) for text in ("12.845", "12845", "5.", "NEG", "1 234", "", "04.03.2026")),
    ],
)
def test_what_one_number_shows(text, shown):
    assert evidence_of([text]) == shown


@pytest.mark.parametrize(
    ("text", "stated", "shown", "value"),
    [
        ("12.845", None, NOTHING, "12.845"),
        ("12.845", None, POINT, "12.845"),
        ("12.845", None, COMMA, ""),
        ("12.845", None, BOTH, ""),
        ("12.845", None, EITHER, ""),
        ("12.845", None, EITHER | POINT, "12.845"),
        ("12.845", True, COMMA, "12845"),
        ("12.845", True, NOTHING, ""),
        ("12.845", True, BOTH, ""),
        ("12.845", False, POINT, "12.845"),
        ("12.845", False, COMMA, ""),
        ("1,234", None, POINT, ""),
        ("1,234", None, COMMA, ""),
        ("1,234", True, COMMA, "1.234"),
        ("1,234", True, POINT, ""),
        ("1,234", False, POINT, "1234"),
        ("1,234", False, COMMA, ""),
        ("1.234.567", True, COMMA, "1234567"),
        ("1.234.567", None, NOTHING, ""),
        ("1.234.567", False, NOTHING, ""),
        ("1.234,5", None, COMMA, ""),
        ("1.234,5", True, COMMA, "1234.5"),
        ("12.84", None, COMMA, "12.84"),
        ("0.845", None, COMMA, "0.845"),
        ("-1.845", None, COMMA, ""),
        ("1.845e2", None, COMMA, "1.845e2"),
        ("1,234.5", None, COMMA, "1234.5"),
    ],
)
def test_a_mark_is_read_only_where_one_reading_is_left(text, stated, shown, value):
    number, problem = DecimalMarks(stated, shown).read(text)
    assert number == value
    assert bool(problem) == (value == "")


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from([None, True, False]))
def test_three_digits_beside_the_other_mark_are_never_read_against_it(whole, rest, stated):
    dotted, comma = f"{whole}.{rest:03}", f"{whole},{rest:03}"
    assert DecimalMarks(stated, COMMA).read(dotted)[0] in ("", f"{whole}{rest:03}")
    assert DecimalMarks(stated, POINT).read(comma)[0] in ("", f"{whole}{rest:03}")


def test_cells_that_are_no_number_stay_as_they_are():
    cells = pd.Series(["62,5", "", "day 3", "12.845", "1 234", "7"])
    plain, problems = plain_numbers(cells, DecimalMarks(True, BOTH))
    assert plain.tolist() == ["62.5", "", "day 3", "12.845", "1234", "7"]
    assert list(problems) == ["12.845"]
