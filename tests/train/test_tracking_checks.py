"""The store is asked before a training starts, and knows which bundles it holds."""

import os
import sqlite3
from types import SimpleNamespace

import pytest

from pipeline.errors import UsageError
from pipeline.model import store_creation
from pipeline.train import tracking_checks
from pipeline.train.tracking_checks import registered_version, tracking_ready
from tests.model.test_store_schema import KINDS, make


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path / "mlflow.db"


@pytest.mark.parametrize("kind", ["killed at first", "older", "newer", "a table lost"])
def test_a_store_that_is_not_whole_is_refused_and_kept(file, kind):
    make(file, **KINDS[kind][0])
    before = file.read_bytes()
    with pytest.raises(UsageError, match="no-track") as refused:
        tracking_ready()
    assert str(file) in str(refused.value)
    assert refused.value.options == ("no-track",)
    assert file.read_bytes() == before


def test_a_creation_that_fails_is_refused_and_leaves_nothing(file, monkeypatch):
    def fill(aside):
        aside.write_text("half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store_creation, "_fill", fill)
    with pytest.raises(UsageError, match="disk is full"):
        tracking_ready("mend the store", "")
    assert os.listdir(file.parent) == []


class Registry:
    """A registry of versions with the digests of their bundles."""

    def __init__(self, digests, challenger):
        self.versions = [
            SimpleNamespace(version=str(number), tags={"bundle_sha256": digest} if digest else {})
            for number, digest in digests.items()
        ]
        self.aliases = {"challenger": challenger} if challenger else {}

    def search_model_versions(self, _):
        return self.versions

    def get_registered_model(self, _):
        return SimpleNamespace(aliases=self.aliases)

    def set_registered_model_alias(self, _, alias, version):
        self.aliases[alias] = version


@pytest.mark.parametrize(
    ("digests", "challenger", "version", "then"),
    [
        ({}, "", "", ""),
        ({1: "b", 2: ""}, "2", "", "2"),
        ({1: "a"}, "1", "1", "1"),
        ({1: "a", 2: "b"}, "2", "1", "2"),
        ({2: "a", 10: "a", 3: "b"}, "10", "10", "10"),
        ({1: "b", 2: "a"}, "1", "2", "2"),  # interrupted before the alias was set
        ({1: "a"}, "", "1", "1"),
    ],
)
def test_a_bundle_is_known_by_its_digest(monkeypatch, digests, challenger, version, then):
    registry = Registry(digests, challenger)
    mlflow = SimpleNamespace(MlflowClient=lambda: registry)
    monkeypatch.setattr(tracking_checks, "connect", lambda: mlflow)
    assert registered_version("cytocast", "a") == version
    assert registry.aliases.get("challenger", "") == then
