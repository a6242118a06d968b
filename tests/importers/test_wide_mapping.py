"""The mapping of a wide sheet: what headers tell, what is refused, and its file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.importers.wide_mapping import (
    WideMapping,
    lab_column,
    load_mapping,
    propose_mapping,
    read_mapping,
    write_mapping,
)


@pytest.mark.parametrize(
    ("name", "key", "unit"),
    [
        ("CRP (mg/L)", "crp", "mg/L"),
        ("CRP_mg_dL", "crp", "mg/dL"),
        ("crp", "crp", ""),
        ("IL-6 [pg/mL]", "il6", "pg/mL"),
        ("D-Dimer (mg/L FEU)", "d_dimer", "mg/L FEU"),
        ("D-Dimer (mg/L)", "d_dimer", "mg/L"),
        ("Ferritin, ng/mL", "ferritin", "ng/mL"),
        ("Platelets (x10^9/L)", "platelets", "x10^9/L"),
        ("2276-4", "ferritin", ""),
        ("Interleukin 6 [Mass/volume] in Serum or Plasma", "il6", ""),
        ("CRP (day 1)", "crp", ""),
    ],
)
def test_a_header_tells_the_analyte_and_the_unit_it_states(name, key, unit):
    found = lab_column(name)
    assert (found.analyte, found.unit) == (key, unit)


@pytest.mark.parametrize("name", ["Ward", "Comment", "CRP change", "", "crp max", "WBC in Urine"])
def test_other_headers_are_no_analyte(name):
    assert lab_column(name) is None


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
        ({"labs": {"CRP": {"analyte": "crp"}}}, "Legal for crp: mg/L"),
        ({"labs": {"CRP": {"analyte": "crp", "unit": "furlongs"}}}, "cannot be read"),
        ({"labs": {"CRP": {"analyte": ""}}}, "'analyte' is blank"),
        ({"patients": {"a": "shoe_size"}}, "no column of data_schema/patients.json"),
        ({"patients": {"a": "patient_id"}}, "no column of data_schema/patients.json"),
        ({"patients": {"a": "death_at", "b": "death_days"}}, "two readings of one clock"),
        ({"grades": {"a": "mood"}}, "no scale"),
        ({"confirmed": False}, "not confirmed"),
    ],
)
def test_a_mapping_is_refused_until_it_is_complete_and_confirmed(tmp_path, changes, message):
    write_mapping(mapping(**changes), tmp_path / "m.yaml", "# head\n")
    with pytest.raises(UsageError, match=message):
        read_mapping(tmp_path / "m.yaml")


def test_a_mapping_comes_back_from_its_file_with_what_was_found_as_comments(tmp_path):
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


@pytest.mark.parametrize(
    ("column", "analyte", "unit"),
    [
        ("IL6_NPX", "il6_npx", "NPX"),
        ("IL-6 (NPX)", "il6_npx", "NPX"),
        ("CRP z-score", "crp_z", "{z}"),
        ("Ferritin [MFI]", "ferritin_mfi", "{MFI}"),
        ("tnf_alpha_npq", "tnf_alpha_npq", "NPQ"),
        ("IL-6 (pg/mL)", "il6", "pg/mL"),
    ],
)
def test_a_column_in_a_relative_unit_is_an_analyte_of_its_own(column, analyte, unit):
    found = lab_column(column)
    assert (found.analyte, found.unit) == (analyte, unit)
