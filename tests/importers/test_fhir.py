"""FHIR exports: every resource is imported or listed, and the cohort equals its origin."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.commands.import_export import import_export
from pipeline.commands.simulate import simulate
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.reading.reader import read_cohort
from tests.importers.exports import mapping_for, plain, read_tables, to_fhir

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
PATIENT = {"resourceType": "Patient", "id": "7", "birthDate": "1960-05", "gender": "female"}
INFUSION = {
    "resourceType": "Procedure",
    "status": "completed",
    "code": {"coding": [{"system": "urn:local", "code": "CART"}]},
    "subject": {"reference": "Patient/7"},
    "performedDateTime": "2024-03-01T10:00:00+01:00",
}
LAB = {
    "resourceType": "Observation",
    "id": "",
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "1988-5"}], "text": "CRP"},
    "subject": {"reference": "Patient/7"},
    "effectiveDateTime": "2024-03-02T06:00:00+01:00",
    "issued": "2024-03-02T08:30:00+01:00",
    "valueQuantity": {"value": 12, "unit": "mg/L"},
}
MAPPING = {
    "confirmed": True,
    "infusion": [{"table": "Procedure", "codes": ["urn:local|CART"], "product": "axi-cel"}],
}


def bring(folder, *resources, mapping=MAPPING, people=(PATIENT, INFUSION)):
    """Import resources; the tables, rejects as (row, column, code), and the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(item) if isinstance(item, dict) else item for item in (*people, *resources)]
    (folder / "all.ndjson").write_text("\n".join(lines), encoding="utf-8")
    (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    out = folder / "out"
    source = folder / "all.ndjson"
    _, summary = import_export(source, out, folder / "mapping.yaml", force=True)
    listed = []
    if (out / "import_rejects.csv").exists():
        frame = pd.read_csv(out / "import_rejects.csv", dtype="str", keep_default_na=False)
        assert (frame["reason"] != "").all()
        assert (frame["remedy"] != "").all()
        listed = frame[["row", "column", "code"]].to_numpy().tolist()
    return read_tables(out), listed, summary


def lab(**changes):
    return {**LAB, **changes}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    simulate(5, 5, root / "sim", batch=False)
    folder = plain(root / "sim", root / "plain")
    patients = pd.read_csv(folder / "patients.csv", dtype="str", keep_default_na=False)
    patients.drop(columns="followed_until_at").to_csv(folder / "patients.csv", index=False)
    return folder


@pytest.mark.parametrize("bundle", [False, True])
def test_the_imported_cohort_equals_the_original(origin, tmp_path, bundle):
    source = to_fhir(origin, tmp_path / "fhir", bundle=bundle)
    mapping = mapping_for(origin, tmp_path / "mapping.yaml", "fhir")
    code, _ = import_export(source, tmp_path / "out", mapping)
    assert code == 0
    before = read_cohort(origin, CohortConfig()).cohort
    after = read_cohort(tmp_path / "out", CohortConfig()).cohort
    assert (before.labs["superseded_hours"] < float("inf")).any()
    for name in ("patients", "labs", "treatments", "assessments"):
        left, right = getattr(before, name), getattr(after, name)
        if name == "labs":  # a withdrawal of what was never reported stays behind
            left, right = (
                table.loc[~table["cancelled"]].reset_index(drop=True) for table in (left, right)
            )
        shared = left.columns.intersection(right.columns)
        assert len(left)
        pd.testing.assert_frame_equal(left[shared], right[shared])


def test_an_observation_becomes_one_row_of_labs(tmp_path):
    full = lab(
        valueQuantity={
            "value": 5,
            "comparator": "<",
            "unit": "mg/l",
            "code": "mg/L",
            "system": UCUM,
        },
        referenceRange=[{"low": {"value": 0, "unit": "mg/l"}, "high": {"value": 5.0}}],
        specimen={"display": "serum"},
        status="amended",
    )
    imported, listed, summary = bring(tmp_path, full)
    assert listed == []
    row = imported["labs"].iloc[0].to_dict()
    assert row == {
        "patient_id": "7", "analyte": "crp", "value": "<5", "unit": "mg/l",
        "collected_at": "2024-03-02T06:00:00+01:00", "resulted_at": "2024-03-02T08:30:00+01:00",
        "loinc": "1988-5", "specimen": "serum", "status": "corrected", "ref_low": "0",
        "ref_high": "5.0", "source_row": "all.ndjson:3",
    }  # fmt: skip
    assert imported["patients"]["age_years"].tolist() == ["63"]
    assert "all.ndjson: 3 rows read: 3 carried" in summary
    assert "no grades in the mapping" in summary


def category(code):
    return [{"coding": [{"system": "http://terminology.hl7.org/x", "code": code}]}]


def test_what_is_no_laboratory_result_is_left_out_and_counted(tmp_path):
    pressure = {
        "category": category("vital-signs"),
        "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
        "component": [{"code": {"text": "systolic"}, "valueQuantity": {"value": 120}}],
    }
    others = [
        lab(**pressure, valueQuantity=None),
        lab(
            category=category("vital-signs"),
            code={"text": "Unnamed"},
            valueQuantity={"value": 9, "unit": "cm"},
        ),
        lab(category=category("survey"), code={"text": "PHQ-2"}, valueQuantity=None),
        lab(category=category("vital-signs")),
        lab(category=category("laboratory"), code={"text": "Effector score"}),
        lab(category=category("survey"), code={"text": "CRS by nurse"}, valueQuantity={"value": 2}),
    ]
    rule = {"table": "Observation", "codes": ["CRS by nurse"], "scale": "crs"}
    imported, listed, summary = bring(tmp_path, *others, mapping={**MAPPING, "grades": [rule]})
    assert listed == []
    assert imported["labs"]["analyte"].tolist() == ["crp", "Effector score"]
    assert imported["assessments"]["grade"].tolist() == ["2"]
    assert "3 rows of 2 kinds" in summary
    assert "8 rows read: 3 not laboratory results, 5 carried" in summary


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"status": "entered-in-error"}, "status", "withdrawn"),
        ({"status": "cancelled"}, "status", "withdrawn"),
        ({"status": "registered"}, "status", "status_refused"),
        ({"status": "unknown"}, "status", "status_refused"),
        ({"status": None}, "status", "status_refused"),
        ({"subject": None}, "subject", "required_blank"),
        ({"valueQuantity": None}, "value[x]", "no_result"),
        (
            {"valueQuantity": None, "dataAbsentReason": {"text": "not performed"}},
            "value[x]",
            "no_result",
        ),
        (
            {"valueQuantity": None, "component": [{"valueQuantity": {"value": 1}}]},
            "component",
            "component_left_out",
        ),
        ({"valueQuantity": None, "valueRatio": {}}, "valueRatio", "value_unusable"),
        (
            {"valueQuantity": {"value": 1, "comparator": "ad", "unit": "mg/L"}},
            "valueQuantity.comparator",
            "operator_unknown",
        ),
        (
            {"valueQuantity": {"value": 1, "unit": "mg/L", "code": "mg/dL", "system": UCUM}},
            "valueQuantity.unit",
            "unit_conflict",
        ),
        (
            {"code": {"coding": [{"system": LOINC, "code": c} for c in ("1988-5", "2276-4")]}},
            "code.coding",
            "loinc_conflict",
        ),
        (
            {"code": {"coding": [{"system": LOINC, "code": "2276-4"}], "text": "CRP"}},
            "code",
            "loinc_conflict",
        ),
        ({"effectiveDateTime": "2020-01-01"}, "effectiveDateTime", "outside_window"),
    ],
)
def test_what_cannot_be_carried_over_is_listed_with_its_place(tmp_path, changes, column, code):
    imported, listed, summary = bring(tmp_path, lab(), lab(**changes))
    if code == "withdrawn":  # it withdraws the result before it
        assert listed == []
        assert imported["labs"]["status"].tolist() == ["final", changes["status"]]
        imported, listed, summary = bring(
            tmp_path, lab(), lab(**changes, effectiveDateTime="2024-03-03T06:00:00+01:00")
        )
    assert listed == [["4", column, code]]
    assert len(imported["labs"]) == 1
    assert "all.ndjson: 4 rows read: 3 carried, 1 rejected" in summary


def test_messages_name_the_analytes_of_codes(tmp_path):
    codes = [{"system": LOINC, "code": code} for code in ("1988-5", "2276-4")]
    two = lab(code={"coding": codes})
    other = lab(code={"coding": codes[1:], "text": "CRP"})
    unit = {"value": 1, "unit": "mg/L", "code": "mg/dL", "system": UCUM}
    bring(tmp_path, two, other, lab(valueQuantity=unit))
    reasons = pd.read_csv(tmp_path / "out" / "import_rejects.csv")["reason"].tolist()
    named = (
        ["1988-5 (C-reactive protein)", "2276-4 (Ferritin)"],
        ["'CRP'", "'2276-4 (Ferritin)'"],
        ["'1988-5 (C-reactive protein)'", "'mg/L'", "'mg/dL'"],
    )
    for reason, names in zip(reasons, named, strict=True):
        assert all(name in reason for name in names)


def test_the_reason_of_an_absent_value_is_reported(tmp_path):
    absent = {"coding": [{"code": "not-performed"}]}
    bring(tmp_path, lab(), lab(valueQuantity=None, dataAbsentReason=absent))
    text = (tmp_path / "out" / "import_rejects.csv").read_text(encoding="utf-8")
    assert "dataAbsentReason: not-performed" in text


def test_a_withdrawn_result_counts_until_it_is_withdrawn(tmp_path):
    later = "2024-03-02T12:00:00+01:00"
    bring(tmp_path, lab(), lab(status="entered-in-error", issued=later, valueQuantity=None))
    read = read_cohort(tmp_path / "out", CohortConfig(), required=("patients", "labs"))
    labs = read.cohort.labs
    assert labs.loc[~labs["cancelled"], "superseded_hours"].tolist() == [26.0]


def test_older_versions_of_a_resource_with_another_time_are_superseded(tmp_path):
    moved = "2024-03-02T05:00:00+01:00"
    old = lab(id="a", meta={"lastUpdated": "2024-03-02T09:00:00Z"})
    new = lab(id="a", meta={"lastUpdated": "2024-03-02T10:00:00Z"}, effectiveDateTime=moved)
    imported, listed, _ = bring(tmp_path, old, new)
    assert listed == [["3", "id", "superseded"]]
    assert imported["labs"]["collected_at"].tolist() == [moved]


def test_a_result_without_issue_time_or_with_a_period(tmp_path):
    first, last = "2024-03-02T05:00:00+01:00", "2024-03-02T07:00:00+01:00"
    timed = lab(issued=None, effectiveDateTime=None, effectivePeriod={"start": first, "end": last})
    imported, _, _ = bring(tmp_path, timed)
    assert imported["labs"]["collected_at"].tolist() == [last]
    assert "resulted_at" not in imported["labs"]


def test_the_basis_of_a_d_dimer_survives_in_the_coded_unit(tmp_path):
    code = {"text": "D-dimer"}
    quantity = {"value": 0.6, "unit": "mg/L", "code": "mg/L{FEU}", "system": UCUM}
    imported, _, _ = bring(tmp_path, lab(code=code, valueQuantity=quantity))
    assert imported["labs"]["unit"].tolist() == ["mg/L{FEU}"]


def dose(**changes):
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "subject": {"reference": "Patient/7"},
        "effectivePeriod": {"start": "2024-03-03T08:00:00+01:00"},
        "dosage": {"dose": {"value": 560, "unit": "mg"}, "route": {"text": "iv"}},
        **changes,
    }


def test_a_dose_is_recognised_wherever_its_name_stands(tmp_path):
    kept = {"resourceType": "Medication", "id": "m1", "code": {"text": "Actemra"}}
    inside = {**kept, "id": "m2"}
    imported, listed, summary = bring(
        tmp_path,
        lab(),
        kept,
        dose(medicationCodeableConcept={"text": "Tocilizumab"}),
        dose(medicationReference={"reference": "Medication/m1"}),
        dose(medicationReference={"reference": "#m2"}, contained=[inside]),
        dose(medicationReference={"display": "toci", "reference": "Medication/none"}),
        dose(medicationCodeableConcept={"text": "Tocilizumab"}, status="not-done"),
        dose(medicationCodeableConcept={"text": "Aspirin"}),
    )
    assert imported["treatments"]["drug"].tolist() == ["tocilizumab"] * 4
    assert imported["treatments"][
        ["dose", "unit", "route"]
    ].drop_duplicates().to_numpy().tolist() == [["560", "mg", "iv"]]
    assert listed == [["9", "status", "status_refused"], ["10", "drug", "unknown_drug"]]
    assert "all.ndjson: 9 rows read: 7 carried, 2 rejected" in summary


def test_grades_come_from_what_the_mapping_names(tmp_path):
    graded = {**LAB, "code": {"text": "ASTCT CRS"}, "valueQuantity": None, "valueInteger": 2}
    condition = {
        "resourceType": "Condition",
        "code": {"coding": [{"system": "urn:local", "code": "ICANS3"}]},
        "subject": {"reference": "Patient/7"},
        "onsetDateTime": "2024-03-05T08:00:00+01:00",
    }
    refuted = {**condition, "verificationStatus": {"coding": [{"code": "refuted"}]}}
    rules = [
        {"table": "Observation", "codes": ["ASTCT CRS"], "scale": "crs"},
        {"table": "Condition", "codes": ["ICANS3"], "scale": "icans", "grade": 3},
    ]
    imported, listed, summary = bring(
        tmp_path, lab(), graded, condition, refuted, mapping={**MAPPING, "grades": rules}
    )
    grades = imported["assessments"]
    assert grades[["scale", "grade"]].to_numpy().tolist() == [["crs", "2"], ["icans", "3"]]
    assert listed == [["6", "verificationStatus", "status_refused"]]
    assert "not trained" not in summary


def test_a_bundle_names_patients_by_url_and_a_missing_page_is_remarked(tmp_path):
    url = "urn:uuid:0c9-1"
    person = {key: value for key, value in PATIENT.items() if key != "id"}
    ours = {"subject": {"reference": url}}
    entries = [
        {"fullUrl": url, "resource": {**person, "deceasedBoolean": True}},
        {"resource": {**INFUSION, **ours}},
        {"resource": lab(**ours)},
        {"resource": {"resourceType": "Encounter"}},
        {"request": {"method": "DELETE", "url": "Observation/9"}},
    ]
    bundle = {"resourceType": "Bundle", "entry": entries, "link": [{"relation": "next"}]}
    source = tmp_path / "bundle.json"
    source.write_text(json.dumps(bundle), encoding="utf-8")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING), encoding="utf-8")
    _, summary = import_export(source, tmp_path / "out", tmp_path / "m.yaml")
    imported = read_tables(tmp_path / "out")
    assert imported["patients"]["patient_id"].tolist() == ["0c9-1"]
    assert imported["labs"]["patient_id"].tolist() == ["0c9-1"]
    assert "a Bundle that links to a next page" in summary
    assert "1 Encounter, 1 no resourceType" in summary
    assert "flagged: 1 rows" in summary
    assert "death_without_time" in (tmp_path / "out" / "import_flags.csv").read_text()


def test_a_damaged_line_is_listed_and_a_damaged_file_refused(tmp_path):
    imported, listed, summary = bring(tmp_path, lab(), '{"resourceType": "Observation", ')
    assert listed == [["4", "", "ragged_line"]]
    assert "4 rows read: 3 carried, 1 rejected" in summary
    assert len(imported["labs"]) == 1
    (tmp_path / "one.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"one\.json line 1 is not JSON"):
        import_export(tmp_path / "one.json", tmp_path / "o", tmp_path / "mapping.yaml")
    (tmp_path / "one.json").write_text('{"resourceType": "Group"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"type Patient.*Found: 1 Group"):
        import_export(tmp_path / "one.json", tmp_path / "o", tmp_path / "mapping.yaml")


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "<", "<=", ">", ">="]),
            st.from_regex(r"[1-9][0-9]{0,2}(\.[0-9]{1,6})?", fullmatch=True),
            st.sampled_from(["mg/L", "mg/dL", "ug/mL", "nmol/L"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_comparator_unit_and_every_digit_survive(tmp_path, results):
    lines = []
    for sign, number, unit in results:
        quantity = {"value": "NUMBER", "unit": unit, **({"comparator": sign} if sign else {})}
        lines.append(json.dumps(lab(valueQuantity=quantity)).replace('"NUMBER"', number))
    imported, listed, _ = bring(tmp_path, *lines)
    pairs = zip(imported["labs"]["value"], imported["labs"]["unit"], strict=True)
    assert listed == []
    assert list(pairs) == [(f"{sign}{number}", unit) for sign, number, unit in results]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab/#", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["coding", "code", "text", "value", "unit", "reference", "start", "dose"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
FIELDS = ["code", "subject", "valueQuantity", "valueString", "component", "referenceRange",
          "effectivePeriod", "medicationReference", "contained", "dosage", "status"]  # fmt: skip


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), min_size=1, max_size=3),
    st.sampled_from(["Observation", "MedicationAdministration", "Condition"]),
)
def test_no_resource_however_malformed_stops_the_rest(tmp_path, odd, kind):
    resources = [{"resourceType": kind, "status": "final", **item} for item in odd]
    imported, listed, summary = bring(tmp_path, lab(), *resources)
    assert "all.ndjson:3" in set(imported["labs"]["source_row"])
    counts = summary.split(" rows read: ")[1].split("\n")[0].split(", ")
    assert sum(int(part.split()[0]) for part in counts) == 3 + len(odd)
    assert len(listed) <= len(odd)
