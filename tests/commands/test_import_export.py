"""The command import: the shape of an export, a proposal first, then the tables."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest
import yaml

from pipeline.cli import main
from pipeline.commands.import_export import import_export, shape_of
from pipeline.errors import InputError, UsageError
from tests.importers.test_omop import LAB, MAPPING, export


def test_a_folder_of_another_shape_is_named(tmp_path):
    (tmp_path / "labs.csv").write_text("patient_id\n", encoding="utf-8")
    with pytest.raises(InputError, match="is a cohort folder already"):
        shape_of(tmp_path)
    (tmp_path / "labs.csv").rename(tmp_path / "notes.xlsx")
    with pytest.raises(InputError, match=r"no known format.*Found: notes\.xlsx.*is a workbook"):
        shape_of(tmp_path)


def test_the_shape_is_told_by_the_file_names(tmp_path):
    (tmp_path / "Patient.ndjson").write_text("", encoding="utf-8")
    assert shape_of(tmp_path) == "fhir"
    assert shape_of(tmp_path / "Patient.ndjson") == "fhir"
    assert shape_of(tmp_path / "sheet.csv") == "wide"


SHEET = "Patient ID,Day,CRP (mg/L)\n1,2,12\n2,1,9\n"


@pytest.mark.parametrize("shape", ["wide", "omop"])
def test_without_a_mapping_a_proposal_is_written_once_and_nothing_else(tmp_path, shape):
    source = tmp_path / "sheet.csv"
    source.write_text(SHEET)
    if shape == "omop":
        source = export(tmp_path / "omop", [LAB])
    out = tmp_path / "out"
    for _ in range(2):
        with pytest.raises(UsageError, match=r"proposal|not confirmed|names no infusion"):
            import_export(source, out, None)
    place = tmp_path / "out.mapping.yaml"
    assert yaml.safe_load(place.read_text())["confirmed"] is False
    assert not out.exists()


def test_the_command_writes_a_cohort_that_is_not_written_over(tmp_path, capsys):
    source, place, out = export(tmp_path / "omop", [LAB]), tmp_path / "m.yaml", tmp_path / "out"
    place.write_text(yaml.safe_dump(MAPPING))
    arguments = [
        "import",
        "--input",
        str(source),
        "--out",
        str(out),
        "--mapping",
        str(place),
        "--quiet",
    ]
    assert main([*arguments, "--tz", "Europe/Berlin"]) == 0
    assert "procedure_occurrence.csv: 1 rows read: 1 carried" in capsys.readouterr().out
    labs = pd.read_csv(out / "labs.csv", dtype=str)
    assert labs[["analyte", "value", "unit"]].values.tolist() == [["crp", "12", "mg/L"]]
    assert main(arguments) == 2
    assert main([*arguments, "--force"]) == 0


def test_a_sheet_without_a_result_is_refused(tmp_path):
    source, place = tmp_path / "sheet.csv", tmp_path / "out.mapping.yaml"
    source.write_text(SHEET.replace(",12", ",").replace(",9", ","))
    with pytest.raises(UsageError):
        import_export(source, tmp_path / "out", None)
    place.write_text(place.read_text().replace("confirmed: false", "confirmed: true"))
    with pytest.raises(InputError, match="no result"):
        import_export(source, tmp_path / "out", None)


def test_a_path_that_does_not_exist_is_called_so(tmp_path):
    for name in ("none", "none.csv", "none.ndjson"):
        with pytest.raises(InputError, match="does not exist"):
            import_export(tmp_path / name, tmp_path / "out", None)


def test_bundles_on_lines_in_a_folder_within_a_folder_become_a_cohort(tmp_path):
    def bundle(who, value):
        subject = {"reference": f"Patient/{who}"}
        code = {"coding": [{"system": "http://loinc.org", "code": "1988-5"}]}
        resources = [
            {"resourceType": "Patient", "id": who, "gender": "female"},
            {"resourceType": "Procedure", "status": "completed", "code": {"text": "CAR-T"},
             "subject": subject, "performedDateTime": "2026-03-01T08:00:00+01:00"},
            {"resourceType": "Observation", "status": "final", "code": code, "subject": subject,
             "effectiveDateTime": "2026-03-04T06:00:00+01:00",
             "valueQuantity": {"value": value, "unit": "mg/L"}},
        ]  # fmt: skip
        return {"resourceType": "Bundle", "entry": [{"resource": item} for item in resources]}

    inner = tmp_path / "export" / "part"
    inner.mkdir(parents=True)
    lines = [json.dumps(bundle("a", 12)), "{broken", "", json.dumps(bundle("b", 120))]
    (inner / "all.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    rule = {"table": "Procedure", "codes": ["CAR-T"]}
    place = tmp_path / "mapping.yaml"
    place.write_text(yaml.safe_dump({"confirmed": True, "infusion": [rule]}), encoding="utf-8")
    code, said = import_export(tmp_path / "export", tmp_path / "out", place)
    assert code == 0
    assert "Bundles opened: 2" in said
    labs = pd.read_csv(tmp_path / "out" / "labs.csv", dtype="str")
    assert labs[["patient_id", "value"]].to_numpy().tolist() == [["a", "12"], ["b", "120"]]
    rejects = pd.read_csv(tmp_path / "out" / "import_rejects.csv")
    assert rejects[["file", "row"]].to_numpy().tolist() == [["part/all.ndjson.gz", 2]]
