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
