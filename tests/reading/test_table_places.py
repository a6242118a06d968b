"""A table that is not a regular file stops every command and is named."""

from __future__ import annotations

import os

import pytest

from pipeline.audit.runner import audit_folder
from pipeline.commands.grade import grade_command
from pipeline.commands.import_export import import_export
from pipeline.commands.pseudonymise import pseudonymise
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError, UsageError
from pipeline.reading.reader import read_batch, read_cohort
from tests.planted.hostile_inputs import READERS, clean_inputs

PLACES = {
    "dangling link": lambda path: path.symlink_to("/mnt/of/no/share/table.csv"),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
}
TABLES = {
    "train": "in/assessments.csv",
    "predict": "in/treatments.csv",
    "monitor": "in/assessments.csv",
    "grade": "in/assessments.csv",
    "pseudonymise": "in/observations.csv",
    "import wide": "in/sheet.csv",
    "import omop": "in/death.csv",
    "import fhir ndjson": "in/all.ndjson",
    "import fhir bundle": "in/all.json",
}


def _place(folder, command, name, kind):
    for file, content in clean_inputs()[command].items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    (folder / name).unlink()
    PLACES[kind](folder / name)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("command", TABLES)
def test_every_command_names_a_table_that_is_no_file(command, kind, tmp_path):
    _place(tmp_path, command, TABLES[command], kind)
    if command.startswith("import fhir") and kind == "folder":
        pytest.skip("folders within an export of FHIR are opened")
    with pytest.raises(InputError) as error:
        READERS[command](tmp_path)
    assert TABLES[command].rpartition("/")[2] in str(error.value)
    assert error.value.exit_code == 3


@pytest.mark.parametrize("kind", PLACES)
def test_the_audit_blocks_and_names_it(kind, tmp_path):
    _place(tmp_path, "audit", "in/assessments.csv", kind)
    report = audit_folder(tmp_path / "in", load_config([]))
    assert report.blocking
    assert any("assessments.csv" in item.summary for item in report.findings)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("file", ["map.yaml", "key"])
def test_a_mapping_or_key_that_is_no_file_is_never_made_anew(file, kind, tmp_path):
    key = file == "key"
    command = "pseudonymise" if key else "import wide"
    _place(tmp_path, command, "secret/key" if key else file, kind)
    with pytest.raises(UsageError, match=file):
        READERS[command](tmp_path)


def test_configuration_that_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "own.yaml")
    with pytest.raises(UsageError, match=r"own\.yaml"):
        load_config([tmp_path / "own.yaml"])


@pytest.mark.parametrize("kind", PLACES)
def test_a_source_that_is_no_file_is_named(kind, tmp_path):
    source = tmp_path / "labs.csv"
    PLACES[kind](source)
    with pytest.raises(InputError, match=r"labs\.csv"):
        read_batch(source, CohortConfig(), {})
    with pytest.raises(InputError, match=r"labs\.csv"):
        read_cohort(source, CohortConfig())
    with pytest.raises(InputError, match=r"labs\.csv"):
        import_export(source, tmp_path / "out", None, shape="wide")
    with pytest.raises(InputError, match=r"labs\.csv"):
        pseudonymise(source, tmp_path / "out2", tmp_path / "k" / "key", time_zone="UTC")
    with pytest.raises(InputError, match=r"labs\.csv"):
        grade_command(source, tmp_path / "g.csv", [], time_zone=None, force=False)
