"""FHIR resources from files: their place, their text, and unreadable files."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.ledger import Ledger
from pipeline.errors import InputError
from pipeline.importers.fhir_resources import (
    DEEPEST,
    codes_of,
    fhir_files,
    label_of,
    parts_at,
    read_resources,
    reference_id,
    text_at,
)

PATIENT = {"resourceType": "Patient", "id": "1"}
LAB = {"resourceType": "Observation", "id": "2", "valueQuantity": {"value": 1.50}}


def bundle(path, *entries, **more):
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": list(entries), **more}))
    return path


def test_a_bundle_and_lines_give_the_same_resources_with_their_places(tmp_path):
    ledger = Ledger()
    whole = bundle(tmp_path / "b.json", {"resource": PATIENT}, {"resource": LAB})
    resources = read_resources(whole, ("Patient", "Observation"), ledger)
    assert [(item.file, item.line) for item in resources] == [("b.json", 1), ("b.json", 2)]
    lines = tmp_path / "x.ndjson"
    lines.write_text(json.dumps(PATIENT) + "\n\n" + json.dumps(LAB) + "\n")
    again = read_resources(lines, ("Patient", "Observation"), Ledger())
    assert [item.line for item in again] == [1, 3]
    assert [item.resource for item in again] == [item.resource for item in resources]
    assert ledger.read["b.json"] == 2


def test_numbers_keep_every_digit_of_the_file(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_text('{"resourceType": "Observation", "valueQuantity": {"value": 1.500}}')
    (resources,) = read_resources(path, ("Observation",), Ledger())
    assert text_at(resources.resource, "valueQuantity", "value") == "1.500"


def test_without_an_id_the_url_of_the_entry_names_a_resource(tmp_path):
    entry = {"fullUrl": "urn:uuid:a-b", "resource": {"resourceType": "Patient"}}
    path = bundle(tmp_path / "b.json", entry, {"resource": PATIENT, "fullUrl": "urn:uuid:c"})
    resources = read_resources(path, ("Patient",), Ledger())
    assert [item.resource["id"] for item in resources] == ["a-b", "1"]


def test_a_line_that_is_no_json_is_listed_and_the_rest_is_read(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_text(json.dumps(PATIENT) + "\n{\n[1]\n")
    ledger = Ledger()
    assert len(read_resources(path, ("Patient",), ledger)) == 1
    assert ledger.frame()["row"].tolist() == [2]
    assert any("no resourceType" in remark for remark in ledger.remarks)


@pytest.mark.parametrize("content", ["{", "", "\ufeff[", '{"resourceType": "Group"}', "[]", "3"])
def test_a_file_without_a_wanted_resource_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"not JSON|no resource"):
        read_resources(path, ("Patient",), Ledger())


def test_a_bundle_that_is_one_page_of_several_is_remarked(tmp_path):
    ledger = Ledger()
    link = [{"relation": "next", "url": "x"}]
    read_resources(
        bundle(tmp_path / "b.json", {"resource": PATIENT}, link=link), ("Patient",), ledger
    )
    assert len(ledger.remarks) == 1


def test_files_of_a_folder_by_name_and_nothing_else(tmp_path):
    for name in ("b.ndjson", "a.JSON", "c.csv"):
        (tmp_path / name).write_text("")
    assert [path.name for path in fhir_files(tmp_path)] == ["a.JSON", "b.ndjson"]
    assert fhir_files(tmp_path / "c.csv") == []
    assert fhir_files(tmp_path / "a.JSON") == [tmp_path / "a.JSON"]


def bundle_of(*resources, **more):
    return {"resourceType": "Bundle", "entry": [{"resource": item} for item in resources], **more}


KINDS = ("Patient", "Observation")
PARAMETERS = {
    "resourceType": "Parameters",
    "parameter": [{"resource": PATIENT}, {"name": "x", "part": [{"resource": bundle_of(LAB)}]}],
}
FORMS = {
    "x.ndjson": [bundle_of(PATIENT), bundle_of(LAB)],
    "y.jsonl": [PATIENT, [LAB]],
    "z.json": [bundle_of(PATIENT), bundle_of(LAB)],
    "nested.json": [bundle_of(bundle_of(PATIENT), bundle_of(bundle_of(LAB)))],
    "array.json": [[PATIENT, bundle_of(LAB)]],
    "parameters.json": [PARAMETERS],
    "searchset.ndjson": [bundle_of(PATIENT, type="searchset", total=1), LAB],
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("between", ["\n", "\r\n\r\n"])
def test_resources_are_found_in_every_container(tmp_path, name, packed, between):
    text = between.join(json.dumps(value) for value in FORMS[name]) + between
    content = b"\xef\xbb\xbf" + text.encode()
    path = tmp_path / "deep" / "er" / (name + ".gz" * packed)
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content) if packed else content)
    ledger = Ledger()
    resources = read_resources(tmp_path, KINDS, ledger)
    assert [item.resource["id"] for item in resources] == ["1", "2"]
    assert ledger.read == {f"deep/er/{path.name}": 2}
    assert ledger.frame().empty


def test_opened_bundles_are_counted(tmp_path):
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join(json.dumps(bundle_of({**PATIENT, "id": str(n)})) for n in range(5)))
    ledger = Ledger()
    assert len(read_resources(path, KINDS, ledger)) == 5
    assert ledger.remarks == ["Bundles opened: 5"]


def test_a_damaged_line_among_bundles_is_listed_with_its_number(tmp_path):
    path = tmp_path / "x.ndjson"
    whole = json.dumps(bundle_of(PATIENT, LAB))
    path.write_text(f"{whole}\n{whole[:40]}\n\n{json.dumps(LAB)}\n")
    ledger = Ledger()
    resources = read_resources(path, KINDS, ledger)
    assert [item.line for item in resources] == [1, 1, 4]
    assert ledger.frame()[["row", "code"]].to_numpy().tolist() == [[2, "ragged_line"]]
    assert ledger.read["x.ndjson"] == 4


def test_bundles_within_each_other_have_a_limit(tmp_path):
    inner = PATIENT
    for _ in range(DEEPEST + 1):
        inner = bundle_of(inner)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(bundle_of(LAB, inner)))
    ledger = Ledger()
    assert [item.resource["id"] for item in read_resources(path, KINDS, ledger)] == ["2"]
    assert ledger.frame()["row"].tolist() == [2]


def test_a_reference_by_the_url_of_an_entry_finds_the_id_of_its_resource(tmp_path):
    lab = {**LAB, "subject": {"reference": "urn:uuid:a"}}
    entries = [{"fullUrl": "urn:uuid:a", "resource": PATIENT}, {"resource": lab}]
    resources = read_resources(bundle(tmp_path / "b.json", *entries), KINDS, Ledger())
    assert reference_id(resources[1].resource["subject"]["reference"]) == "1"


def test_hidden_files_and_a_damaged_json_file(tmp_path):
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "x.json").write_text("{")
    bundle(tmp_path / "a.json", {"resource": PATIENT})
    assert len(read_resources(tmp_path, KINDS, Ledger())) == 1
    (tmp_path / "b.json").write_text('{\n"resourceType": "Patient",\n')
    with pytest.raises(InputError, match=r"b\.json line 3 is not JSON"):
        read_resources(tmp_path, KINDS, Ledger())


nodes = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@given(node=nodes, path=st.lists(st.sampled_from(["a", "b", 0, 1]), max_size=4))
def test_any_path_into_anything_is_text_and_parts_are_objects(node, path):
    assert isinstance(text_at(node, *path), str)
    keys = [step for step in path if isinstance(step, str)]
    assert all(isinstance(part, dict) for part in parts_at(node, *keys))
    assert all(codes_of(node))
    assert isinstance(label_of(node), str)


def test_a_mapping_may_name_text_code_or_code_with_its_system():
    concept = {
        "text": "CRP",
        "coding": [
            {"system": "http://loinc.org", "code": "1988-5"},
            {"code": "CRP", "display": "x"},
        ],
    }
    assert codes_of(concept) == ("CRP", "1988-5", "http://loinc.org|1988-5")
    assert label_of(concept) == "CRP"
    assert label_of({"coding": [{"code": "1988-5"}]}) == "1988-5"


@given(identity=st.from_regex(r"\A[A-Za-z0-9.-]{1,12}\Z"))
def test_a_reference_ends_in_its_id(identity):
    for form in ("Patient/{}", "https://x.org/fhir/Patient/{}/_history/3", "urn:uuid:{}", "{}"):
        assert reference_id(form.format(identity)) == identity
