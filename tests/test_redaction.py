"""No cell and no id of an input is printed, with and without errors, unless it is asked for."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import redaction
from pipeline.cli import main
from pipeline.redaction import ID, TEXT, hide, redacted, without_cells
from tests.planted.hostile_inputs import FHIR, FHIR_MAPPING, OMOP, OMOP_MAPPING

HEADS = {
    "patients": "patient_id,infusion_time,product,site,sex,disease,age_years,comment",
    "labs": "patient_id,analyte,value,unit,collected_at,specimen,status,loinc,comment",
    "treatments": "patient_id,drug,dose,unit,given_at",
    "assessments": "patient_id,scale,grade,assessed_at",
    "observations": "patient_id,item,value,observed_at",
}
ROWS = {
    "patients": ["{id}", "2026-03-01T09:00:00+01:00", "axi-cel", "north", "M", "LBCL", "50", ""],
    "labs": ["{id}", "crp", "12", "mg/L", "2026-03-02T06:00:00+01:00", "serum", "", "", ""],
    "treatments": ["{id}", "tocilizumab", "600", "mg", "2026-03-02T06:00:00+01:00"],
    "assessments": ["{id}", "crs", "1", "2026-03-02T06:00:00+01:00"],
    "observations": ["{id}", "temperature_c", "38.4", "2026-03-02T06:00:00+01:00"],
}
# a secret in every column but ids, by itself, within a cell, with quotes and signs, long
SECRETS = ("Zqx7731", "serum Zqx7731 x", "O'Zqx7731's", "zqx-7731/2", "Zqx7731" + "y" * 90)


@pytest.fixture
def hiding():
    redaction.start([], show=False)
    yield
    redaction.stop()


def export(folder: Path) -> Path:
    """A cohort whose every text column holds a secret in some row."""
    folder.mkdir(parents=True)
    for name, head in HEADS.items():
        columns, lines, number = head.split(","), [head], 0
        for patient in range(4):
            row = [cell.format(id=f"QZ-5512-{patient}") for cell in ROWS[name]]
            lines.append(",".join(row))
            for place in range(1, len(columns) if name != "patients" else 1):
                odd, number = [*row], number + 1
                odd[place] = f'"{SECRETS[number % len(SECRETS)]}{patient}"'
                lines.append(",".join(odd))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def printed(capfd, *arguments: object) -> tuple[int, str]:
    code = main([str(each) for each in arguments])
    out, err = capfd.readouterr()
    return code, out + err


def leaks(text: str) -> bool:
    plain = redaction.plain_cell(text)
    return "zqx" in plain or "qz5512" in plain


@pytest.mark.parametrize("command", ["audit", "train", "grade", "pseudonymise"])
def test_no_command_prints_a_cell_or_an_id(tmp_path, capfd, command) -> None:
    source = export(tmp_path / "in")
    out = tmp_path / ("out.csv" if command == "grade" else "out")
    where = "--input" if command == "pseudonymise" else "--cohort"
    more = ["--key", tmp_path / "keys" / "key"] if command == "pseudonymise" else []
    more = ["--no-track"] if command == "train" else more
    _, text = printed(capfd, command, where, source, "--out", out, "--json-logs", *more)
    assert text
    assert not leaks(text), text


def test_a_batch_of_secrets_is_scored_without_a_word_of_them(mini, tmp_path, capfd) -> None:
    source, out = export(tmp_path / "in"), tmp_path / "out"
    paths = ["--input", source, "--out", out, "--model", mini.bundle, "--no-pages"]
    for extra in (["--strict"], [], []):  # refused, scored, found to be there already
        _, text = printed(capfd, "predict", *paths, *extra)
        assert text
        assert not leaks(text), text
    rejects = pd.read_csv(out / "rejects.csv", dtype="str")
    assert rejects["value"].str.contains("7731").any()
    _, text = printed(capfd, "predict", *paths, "--strict", "--force", "--show-values")
    assert leaks(text)
    assert redacted("Zqx7731") == "Zqx7731"  # nothing is left of the command


def test_an_import_prints_no_cell(tmp_path, capfd) -> None:
    sheet = tmp_path / "sheet.csv"
    lines = ["patient_id,collected_at,CRP,Ferritin"]
    lines += [f"QZ-5512-{n},2026-03-0{n}T06:00,{SECRETS[n]},Zqx7731 {n}" for n in range(1, 4)]
    sheet.write_text("\n".join(lines), encoding="utf-8")
    for _ in range(2):
        _, text = printed(capfd, "import", "--input", sheet, "--out", tmp_path / "out")
        assert text
        assert not leaks(text), text
    mapping = tmp_path / "out.mapping.yaml"
    confirmed = mapping.read_text(encoding="utf-8").replace("confirmed: false", "confirmed: true")
    mapping.write_text(confirmed, encoding="utf-8")
    _, text = printed(capfd, "import", "--input", sheet, "--out", tmp_path / "out")
    assert not leaks(text), text


def secrets_in(node: Any, number: Iterator[int]) -> Iterator[Any]:
    """Copies of a tree of JSON, each with a secret in the place of one more leaf."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in [*children]:
        if isinstance(child, (dict, list)):
            changed = secrets_in(child, number)
        else:
            place = next(number)
            changed = iter([f"{SECRETS[place % len(SECRETS)]}{place}"])
        for other in changed:
            copy = node.copy()
            copy[key] = other
            yield copy


def fhir_of_secrets() -> list[dict[str, Any]]:
    """Resources of a patient, and of another each with a secret in every leaf in turn."""
    text, number = json.dumps(FHIR).replace('"o1"', '"QZ-5512-o1"'), itertools.count()
    clean, other = (
        json.loads(text.replace("Patient/1", f"Patient/{name}").replace('"1"', f'"{name}"'))
        for name in ("QZ-5512-1", "QZ-5512-2")
    )
    return [*clean, *(each for item in other for each in secrets_in(item, number))]


def omop_of_secrets(folder: Path) -> None:
    """Tables of a person, and of another each row with a secret in every cell in turn."""
    number = itertools.count()
    for name, text in OMOP.items():
        mark = "\t" if name == "concept" else ","
        head, *rows = [line.split(mark) for line in text.splitlines()]
        for row in [*rows]:
            if "person_id" in head:
                row[head.index("person_id")] = "QZ-5512-1"
            for place, at in zip(range(len(row)), number, strict=False):
                if head[place] == "concept_code":
                    continue  # that of three persons here, so it may be shown
                other = [cell.replace("QZ-5512-1", "QZ-5512-2") for cell in row]
                other[place] = f"{SECRETS[at % len(SECRETS)]}{at}"
                rows.append(other)
        lines = [mark.join(row) for row in [head, *rows]]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("shape", ["fhir ndjson", "fhir bundle", "omop"])
def test_an_import_of_records_prints_no_cell_and_no_id(tmp_path, capfd, shape) -> None:
    source, out, mapping = tmp_path / "in", tmp_path / "out", tmp_path / "out.mapping.yaml"
    source.mkdir()
    if shape == "omop":
        omop_of_secrets(source)
    elif shape == "fhir bundle":
        entries = [{"resource": item} for item in fhir_of_secrets()]
        text = json.dumps({"resourceType": "Bundle", "entry": entries})
        (source / "all.json").write_text(text)
    else:
        (source / "all.ndjson").write_text("\n".join(map(json.dumps, fhir_of_secrets())))
    arguments = ["import", "--input", source, "--out", out, "--tz", "UTC"]
    for code in (2, 2, 0):  # proposed, not confirmed, imported
        if code == 0:
            mapping.write_text(yaml.safe_dump(OMOP_MAPPING if shape == "omop" else FHIR_MAPPING))
        got, text = printed(capfd, *arguments)
        assert got == code, text
        assert not leaks(text), text
    rejects = (out / "import_rejects.csv").read_text(encoding="utf-8")
    assert leaks(rejects)  # a patient file quotes its cells
    assert leaks(printed(capfd, *arguments, "--force", "--show-values")[1])
    _, text = printed(capfd, "audit", "--cohort", out, "--out", tmp_path / "audit")
    assert not leaks(text), text
    assert "qz5512" not in audited(tmp_path / "audit")


def test_the_audit_quotes_cells_and_no_id(tmp_path, capfd) -> None:
    printed(capfd, "audit", "--cohort", export(tmp_path / "in"), "--out", tmp_path / "audit")
    assert "zqx7731" in audited(tmp_path / "audit")
    assert "qz5512" not in audited(tmp_path / "audit")
    for name in ("audit.json", "audit.html"):
        assert (tmp_path / "audit" / name).stat().st_mode & 0o077 == 0


def audited(folder: Path) -> str:
    """Letters and digits of what an audit wrote, but for the list of refused rows."""
    return "".join(
        redaction.plain_cell((folder / name).read_text(encoding="utf-8"))
        for name in ("audit.json", "audit.html")
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("Zqx-7", "'zqx 7' is no unit"),
        ("Zqx 7", "local analyte zqx_7 is new"),
        ("??", "'??' is no result"),
        ("x" * 80, "'" + "x" * 59 + "…' is not legal"),
        ("O'Zqx'7", "'O'Zqx'7' is not legal"),
        ("ZQX", "most of ZQX is refused"),
        ("Ångström7", "ANGSTROM7 is no unit"),
    ],
)
def test_a_cell_is_found_however_it_is_written(hiding, cell, message) -> None:
    hide([cell], TEXT)
    shown = redacted(message)
    assert "zqx" not in shown.lower()
    assert "??" not in shown
    assert "xxx" not in shown
    assert "ngstr" not in shown.lower()
    assert redaction.hid_any()


@pytest.mark.parametrize("message", ["12 of 40 rows", "labs.csv line 12, column value", "0.5 h"])
def test_counts_and_places_stay(hiding, message) -> None:
    hide(["12", "40", "value", "labs", "0.5", "rows of"], TEXT)
    hide(["12", "P12"], ID)
    assert redacted(message) == message


def test_words_of_the_dictionary_stay(hiding) -> None:
    reason = "D-dimer in mg/L may mean FEU or DDU. Write mg/L FEU. Accepted: mg/L{FEU}"
    assert without_cells(reason, "mg/L") == reason
    hide(["mg/L"], TEXT)
    assert redacted("'mg/L' is not a unit of ferritin") == "'mg/L' is not a unit of ferritin"
    assert without_cells("'smith' is not a unit", "smith") == "'[text]' is not a unit"


def test_what_the_user_typed_stays() -> None:
    redaction.start(["predict", "--out", "out/Zqx7"], show=False)
    hide(["Zqx7"], ID)
    assert redacted("results in out/Zqx7") == "results in out/Zqx7"
    redaction.stop()


def test_what_is_shared_never_quotes_a_cell() -> None:
    assert without_cells("'Zqx' is no unit", "Zqx", always=True) == "'[text]' is no unit"
    assert without_cells("'Zqx' is no unit", "Zqx") == "'Zqx' is no unit"


@settings(max_examples=30, deadline=None)
@given(st.text("qzjQZJ 0123'-_/µ", min_size=6, max_size=30))
def test_a_quoted_cell_never_stays(cell) -> None:
    redaction.start([], show=False)
    hide([cell.strip()], TEXT)
    plain = redaction.plain_cell(cell)
    phrase = re.findall("[a-zA-Z]{3,}", cell)  # shorter ones cannot be told from other text
    shown = redacted(f"labs.csv, line 3: '{cell.strip()}' is no number")
    redaction.stop()
    assert not phrase or plain not in redaction.plain_cell(shown)
