"""A bundle that cannot be registered is refused; commands/test_train registers one."""

import shutil
import sqlite3

import pytest

from pipeline.cli import main
from pipeline.commands import register as command
from pipeline.model.bundle import load_bundle, save_bundle
from pipeline.model.tracking_store import DEFAULT_URI
from tests.model.test_store_schema import KINDS, make


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEFAULT_URI)


@pytest.fixture
def bundle(mini, tmp_path):
    """A private copy of the bundle that a test may spoil."""
    return shutil.copytree(mini.bundle, tmp_path / "bundle")


def register(folder) -> int:
    return main(["register", str(folder), "--quiet"])


def change(path):
    path.write_bytes(path.read_bytes() + b" ")


SPOILED = {
    "a model changed": lambda bundle: change(bundle / "crs.json"),
    "a report changed": lambda bundle: change(bundle / "evaluation.html"),
    "the manifest changed": lambda bundle: (
        change(bundle / "manifest.json") or (bundle / "manifest.json").write_text("{}")
    ),
    "a model lost": lambda bundle: (bundle / "icans.json").unlink(),
    "a report lost": lambda bundle: (bundle / "audit.json").unlink(),
    "no bundle": lambda bundle: shutil.rmtree(bundle),
    "a file": lambda bundle: shutil.rmtree(bundle) or bundle.write_text("x"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_bundle_that_is_not_intact_is_refused(bundle, tmp_path, kind):
    SPOILED[kind](bundle)
    assert register(bundle) == 5
    assert not (tmp_path / "mlflow.db").exists()


def test_a_bundle_without_reports_is_refused(mini, tmp_path, capsys):
    save_bundle(load_bundle(mini.bundle), tmp_path / "bare")
    assert register(tmp_path / "bare") == 5
    assert "evaluation.json" in capsys.readouterr().err
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize("kind", ["killed midway", "older", "newer", "another program"])
def test_a_store_that_cannot_be_used_is_refused(mini, tmp_path, capsys, kind):
    make(tmp_path / "mlflow.db", **KINDS[kind][0])
    assert register(mini.bundle) == 2
    message = capsys.readouterr().err
    assert "MLFLOW_TRACKING_URI" in message
    assert "--no-track" not in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), sqlite3.OperationalError("locked\nmore")]
)
def test_a_store_that_fails_on_the_way_names_the_command(
    mini, tmp_path, monkeypatch, capsys, failure
):
    make(tmp_path / "mlflow.db")

    def fail(*_):
        raise failure

    monkeypatch.setattr(command, "tracking_ready", lambda *_: None)
    monkeypatch.setattr(command, "registered_version", lambda *_: "")
    monkeypatch.setattr(command, "log_tracked", fail)
    assert register(mini.bundle) == 5
    message = capsys.readouterr().err
    assert f"cytocast register {mini.bundle}" in message
    assert len(message.splitlines()) == 1
