"""Whether a column identifies persons, by its name or the shape of its cells."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.column_words import contains_word, identifies_persons, listed, word_list

PERSONS = {
    "e-mail": ["a@b.de", "c.d@e.org", "f@g.com", "h@i.net"],
    "telephone": ["+49 30 1234567", "+1 555-123-4567", "+44 20 79460000"],
    "names": ["Meyer, Anna", "Schulz, Jan", "Huber, Max"],
    "social security": ["123-45-6789", "987-65-4321", "111-22-3333"],
}


def cells(*texts):
    return pd.Series(texts, dtype="str")


@pytest.mark.parametrize("shape", PERSONS)
def test_the_shape_of_cells_identifies_persons_whatever_the_column_is_called(shape):
    for column in ("comment", "patient_id"):
        assert identifies_persons(column, cells(*PERSONS[shape], "", ""))


def test_half_of_the_distinct_cells_or_two_of_them_are_no_shape():
    texts = PERSONS["e-mail"]
    assert identifies_persons("comment", cells(*texts, "x", "y", "z"))
    assert not identifies_persons("comment", cells(*texts, "w", "x", "y", "z"))
    assert not identifies_persons("comment", cells(*texts[:2]))
    assert not identifies_persons("comment", cells(*texts[:2] * 9))


@pytest.mark.parametrize("column", ["MRN", "Last Name", "date_of_birth", "e-mail"])
def test_a_name_that_says_so_counts_where_a_cell_is_filled(column):
    assert identifies_persons(column, cells("17"))
    assert not identifies_persons(column, cells("", ""))


@pytest.mark.parametrize("column", ["value", "unit", "analyte", "crp", "product", "patient_id"])
def test_columns_of_the_tables_do_not_identify_persons_by_their_name(column):
    assert not identifies_persons(column, cells("17", "18", "19"))


words = st.from_regex(r"\A[a-z]{2,6}\Z")


@given(parts=st.lists(words, min_size=1, max_size=4), word=words)
def test_a_word_counts_as_a_whole_part_only(parts, word):
    assert contains_word("_".join(parts), frozenset({word})) == (word in parts)


@given(names=st.lists(words, max_size=12), most=st.integers(1, 8))
def test_a_long_list_is_cut_and_counts_what_it_leaves_out(names, most):
    text = listed(names, most=most)
    if len(names) <= most:
        assert text == ", ".join(names)
    else:
        assert text == f"{', '.join(names[:most])} and {len(names) - most} more"


def test_words_are_compared_in_their_normal_form():
    assert word_list("person_words")
    assert all(word == word.lower() and " " not in word for word in word_list("person_words"))
