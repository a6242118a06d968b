"""The mapping of a wide sheet: its proposal, its refusals, and its file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.importers.wide_mapping import (
    WideMapping,
    load_mapping,
    propose_mapping,
    read_mapping,
    write_mapping,
)


def test_a_mapping_that_reads_a_column_of_csf_as_blood_is_refused(tmp_path):
    labs = {
        "IL-6 (CSF)": {"analyte": "il6", "unit": "pg/mL"},
        "GM-CSF": {"analyte": "gm_csf", "unit": "pg/mL"},
    }
    path = tmp_path / "mapping.yaml"
    write_mapping(mapping(labs=labs), path, "")
    with pytest.raises(UsageError, match=r"labs\.IL-6 \(CSF\): .*CSF") as refused:
        read_mapping(path)
    assert "GM-CSF" not in str(refused.value)


def mapping(**changes):
    content = {
        "confirmed": True,
        "patient_id": "id",
        "collected": {"column": "day", "reads": "days"},
        "labs": {"CRP": {"analyte": "crp", "unit": "mg/L"}},
    }
    return WideMapping.model_validate({**content, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ignored": ("id",)}, "two roles: id"),
        ({"resulted": {"column": "day", "reads": "days"}}, "two roles: day"),
        ({"patients": {"a": "sex", "b": "sex"}}, "two columns for one field of patients: sex"),
        ({"collected": {"column": "day", "reads": "weeks"}}, "collected.reads"),
        ({"typo": 1}, "Extra inputs"),
    ],
)
def test_a_column_has_one_role(changes, message):
    with pytest.raises(ValidationError, match=message):
        mapping(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patient_id": ""}, "patient_id is blank"),
        ({"labs": {"CRP": {"analyte": "crp"}}}, "units of crp: mg/L"),
        ({"labs": {"CRP": {"analyte": "crp", "unit": "furlongs"}}}, "cannot be read"),
        ({"labs": {"CRP": {"analyte": ""}}}, "'analyte' is blank"),
        ({"patients": {"a": "shoe_size"}}, "data_schema/patients.json"),
        ({"patients": {"a": "patient_id"}}, "data_schema/patients.json"),
        ({"patients": {"a": "death_at", "b": "death_days"}}, "two readings of one clock"),
        ({"grades": {"a": "mood"}}, "not a scale"),
        ({"confirmed": False}, "not confirmed"),
    ],
)
def test_a_mapping_is_refused_until_it_is_complete_and_confirmed(tmp_path, changes, message):
    write_mapping(mapping(**changes), tmp_path / "m.yaml", "# head\n")
    with pytest.raises(UsageError, match=message):
        read_mapping(tmp_path / "m.yaml")


def test_a_mapping_is_read_back_from_its_file_with_notes_as_comments(tmp_path):
    path = tmp_path / "new" / "m.yaml"
    write_mapping(mapping(), path, "# head\n", ["one: [", "two"])
    assert read_mapping(path) == mapping()
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert comments == ["# head", "# Found in the export:", "# one: [", "# two"]


def test_every_wrong_key_is_named_with_its_place(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("labs: {CRP: {unit: 3}}\ncollected: {column: 1}\ncolour: blue\n")
    with pytest.raises(UsageError) as error:
        load_mapping(path, WideMapping)
    for place in ("labs.CRP.analyte", "collected.reads", "colour", "patient_id"):
        assert place in str(error.value)


TIMES = ["Collected At", "Result Time", "Hours", "Study Day"]
LABS = ["CRP (mg/L)", "IL-6"]
HEADERS = ["Patient ID", "Age", "Sex", "CRS", "ICANS grade", "Ward", *TIMES, *LABS]


@given(st.lists(st.sampled_from(HEADERS), unique=True).flatmap(st.permutations))
@settings(deadline=None)
def test_every_column_of_a_header_gets_one_role_whatever_their_order(header):
    proposal = propose_mapping(header)
    assert sorted(name for name in proposal.columns() if name) == sorted(header)
    assert not proposal.confirmed
    assert (proposal.patient_id == "Patient ID") == ("Patient ID" in header)
    assert set(proposal.labs) == {"CRP (mg/L)", "IL-6"} & set(header)
    assert proposal.grades.get("CRS") == ("crs" if "CRS" in header else None)
    if "Collected At" in header:
        assert (proposal.collected.column, proposal.collected.reads) == ("Collected At", "at")
