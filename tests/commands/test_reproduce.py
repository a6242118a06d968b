"""A bundle comes out the same again, or the command says what differs."""

import json
import shutil

import pytest

from pipeline.cli import main
from pipeline.commands.reproduce import differences
from pipeline.model.manifest import digest_of, read_manifest
from tests.conftest import edit


def reproduce(source, cohort) -> int:
    return main(["reproduce", str(source), "--cohort", str(cohort), "--quiet", "--jobs", "2"])


def test_the_same_cohort_gives_the_same_digests(mini, capsys):
    assert reproduce(mini.bundle, mini.cohort) == 0
    manifest = read_manifest(mini.bundle)
    count = len(manifest["files"]) + len(manifest["reports"])
    assert f"all {count} files" in capsys.readouterr().out


def test_another_cohort_is_refused_before_any_training(mini, tmp_path, capsys):
    other = shutil.copytree(mini.cohort, tmp_path / "other")
    edit(other / "labs.csv", lambda table: table.iloc[1:])
    assert reproduce(mini.bundle, other) == 6
    assert "not the cohort" in capsys.readouterr().err


@pytest.mark.parametrize(("source", "code"), [("nowhere", 5), ("f" * 32, 5)])
def test_no_bundle(mini, tmp_path, monkeypatch, source, code):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert reproduce(source, mini.cohort) == code


def test_what_differs_is_named_with_its_metrics(mini, tmp_path):
    again = shutil.copytree(mini.bundle, tmp_path / "again")
    assert differences(mini.bundle, again) == []
    manifest = again / "manifest.json"
    files = read_manifest(again)["files"]
    digest = files["crs.json"]
    changed = manifest.read_text().replace(digest, digest[::-1])
    manifest.write_text(_with_digest(changed))
    lines = differences(mini.bundle, again)
    assert lines[0] == "crs.json differs"
    assert "severe_crs: auroc differs by at most 0" in lines


def _with_digest(text: str) -> str:
    content = json.loads(text)
    identity = {key: content[key] for key in ("format", "schema_version", "scales", "files")}
    content["bundle_sha256"] = digest_of(identity)
    return json.dumps(content, sort_keys=True, indent=1) + "\n"
