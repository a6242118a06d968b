"""Spelling variants of a name have one normal form."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.spelling import normalise_name


@given(st.text(max_size=20))
def test_spelling_twice_changes_nothing(text):
    once = normalise_name(text)
    assert normalise_name(once) == once


def test_accents_case_and_punctuation_do_not_matter():
    assert normalise_name("Sérum ") == normalise_name("SERUM.") == "serum"
