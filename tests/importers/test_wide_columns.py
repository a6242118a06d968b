"""Roles of the columns of a wide sheet: spellings, clocks, and refusals."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.importers.wide_columns import CLOCKS, TimeColumn, WideMapping


def mapping(**changes):
    content = {
        "patient_id": "id",
        "collected": "lab_date",
        "labs": {"crp": {"analyte": "crp", "unit": "mg/L"}},
        "grades": {"crs": "crs", "icans": {"scale": "icans", "at": "icans_date"}},
    }
    return WideMapping.model_validate({**content, **changes})


def test_a_column_name_alone_is_a_clock_that_reads_at():
    assert mapping().collected == TimeColumn(column="lab_date", reads="at")
    assert mapping(assessed="tox_date").clock_of("grades", "crs").column == "tox_date"


def test_a_column_with_its_own_clock_does_not_use_that_of_its_group():
    stated = mapping(assessed="tox_date")
    assert stated.clock_of("grades", "icans").column == "icans_date"
    assert mapping().clock_of("grades", "crs") is None
    assert mapping().clock_of("labs", "crp").column == "lab_date"


def test_a_shared_clock_is_read_as_its_group_states():
    days = {"column": "icans_date", "reads": "days"}
    assert mapping(given=days).clock_of("grades", "icans").reads == "days"


def test_one_clock_may_time_several_groups_and_counts_once():
    stated = mapping(assessed="lab_date", given="lab_date", ignored=["icans_date", "ward"])
    assert sorted(stated.columns()) == [
        "crp", "crs", "icans", "icans_date", "id", "lab_date", "ward",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"assessed": "crp"}, "two roles: crp"),
        ({"grades": {"crp": "crs"}}, "two roles: crp"),
        ({"patients": {"a": "sex", "b": {"to": "sex"}}}, "two columns for one field"),
        ({"patients": {"a": {"to": "sex", "values": {True: "male"}}}}, "quote"),
        ({"grades": {"crs": {"scale": "crs", "when": "x"}}}, "when"),
        ({"doses": {"toci": {"medicine": "tocilizumab"}}}, "medicine"),
    ],
)
def test_contradictions_and_unknown_keys_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        mapping(**changes)


def test_codes_are_text_whether_yaml_reads_a_number_or_not():
    values = mapping(patients={"s": {"to": "sex", "values": {1: "male", "2": "female"}}})
    assert values.patient_columns()["s"].values == {"1": "male", "2": "female"}
    blank = mapping(patients={"s": {"to": "sex", "values": {1: None}}})
    assert blank.patient_columns()["s"].values == {"1": ""}
    assert set(CLOCKS) == {"labs", "grades", "doses", "observations"}
