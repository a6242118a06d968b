"""Settings of a cohort: what is legal alone, and what must fit together."""

import pytest
from pydantic import ValidationError

from pipeline.config_cohort import CohortConfig


def test_derived_grades_are_astct():
    with pytest.raises(ValidationError, match="grading_system"):
        CohortConfig(grades="derived", grading_system="ctcae")
    assert CohortConfig(grades="derived").grading_system == "astct"


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        CohortConfig().name = "other"


@pytest.mark.parametrize(
    ("stated", "names"),
    [
        ([], []),
        (["a", "b"], ["a", "b"]),
        (("a",), ["a"]),
        ({"a": None, "b": {"signed": True}}, ["a", "b"]),
        ({"a": {"scale": "log2", "unit": "{z}", "name": "A", "pathway": "inflammation"}}, ["a"]),
    ],
)
def test_local_analytes_are_names_or_a_mapping(stated, names):
    config = CohortConfig.model_validate({"local_analytes": stated})
    assert list(config.local_analytes) == names
    assert CohortConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    "stated",
    [
        "score",
        [1],
        {"a": True},
        {"a": {"sined": True}},
        {"a": {"scale": "log3"}},
        {"a": {"pathway": "nowhere"}},
        {"a": {"unit": ""}},
        {"a": {"signed": "perhaps"}},
    ],
)
def test_what_a_local_analyte_cannot_be(stated):
    with pytest.raises(ValidationError, match="local_analytes"):
        CohortConfig.model_validate({"local_analytes": stated})
