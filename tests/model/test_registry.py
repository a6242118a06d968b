"""Addresses of the registry, and a store that does not exist."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BundleError
from pipeline.model.registry import (
    fetch_bundle,
    fetch_run_bundle,
    parse_address,
    refuse_unusable_store,
    resolve_model,
)
from tests.model.test_store_schema import make

names = st.from_regex(r"\A[a-z][a-z0-9_-]{0,10}\Z")


@settings(deadline=None, max_examples=15)
@given(name=names, alias=names, number=st.integers(1, 999))
def test_an_address_names_an_alias_or_a_version(name, alias, number):
    assert parse_address(f"models:/{name}@{alias}") == (name, alias, "")
    assert parse_address(f"models:/{name}/{number}") == (name, "", str(number))


@pytest.mark.parametrize(
    "address",
    ["models:/", "models:/cytocast", "models:/@champion", "models:/cytocast@", "models:/cytocast/x",
     "models:/cytocast/", "models://3"],
)  # fmt: skip
def test_other_texts_are_no_address(address):
    with pytest.raises(BundleError, match="not a registry address"):
        parse_address(address)


def test_a_folder_needs_no_registry(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert resolve_model("some/bundle") == (Path("some/bundle"), "")


def test_a_store_that_is_not_there_is_refused_and_not_made(monkeypatch, tmp_path):
    store = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    for ask in (
        lambda: fetch_bundle("models:/cytocast@champion"),
        lambda: fetch_run_bundle("0" * 32),
        lambda: resolve_model("models:/cytocast/1"),
    ):
        with pytest.raises(BundleError, match=r"mlflow\.db"):
            ask()
    assert not store.exists()
    make(store)
    refuse_unusable_store("models:/cytocast@champion")
