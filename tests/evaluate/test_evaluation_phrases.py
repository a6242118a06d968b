"""Texts of the evaluation page come from one file, with their placeholders filled."""

import pytest

from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section


def test_placeholders_are_filled_and_a_missing_one_is_an_error():
    assert "{" not in evaluation_phrase("scorecard", "level", mean="1%", observed="2%")
    with pytest.raises(KeyError):
        evaluation_phrase("scorecard", "level", mean="1%")


def test_a_section_is_a_mapping():
    assert evaluation_section("sections")["labs"]["title"]
