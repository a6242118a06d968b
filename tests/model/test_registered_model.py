"""Models in the registry: changes of bundle, reports and code are detected."""

from __future__ import annotations

import pytest

from pipeline.errors import BundleError
from pipeline.model.manifest import file_digests, write_manifest
from pipeline.model.registered_model import (
    BUNDLE_FOLDER,
    SEAL,
    refuse_changed_bundle,
    refuse_changed_model,
    refuse_unsealed_model,
    seal_model,
)

WARNED = "has no"


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "model"
    for name in ("MLmodel", "pyfunc.py", "code/pipeline/a.py", "code/data_schema/b.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    bundle(root)
    return root


def bundle(root, content="{}", report="good"):
    folder = root / BUNDLE_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crs.json").write_text(content)
    (folder / "evaluation.json").write_text(report)
    digests = file_digests(folder)
    write_manifest(folder, ["crs"], {"evaluation.json": digests["evaluation.json"]})


def test_what_was_registered_is_accepted_and_named_by_three_digests(model, caplog):
    tags = seal_model(model)
    assert set(tags) == {"bundle_sha256", "reports_sha256", "code_sha256"}
    # MLflow and Python write these when a model is fetched and run
    (model / "registered_model_meta").write_text("version: 1")
    (model / "code" / "pipeline" / "__pycache__").mkdir()
    (model / "code" / "pipeline" / "__pycache__" / "a.pyc").write_bytes(b"0")
    refuse_changed_model(model, tags, "models:/x/1")
    refuse_unsealed_model(model)
    assert WARNED not in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        *("pyfunc.py", "MLmodel", "code/pipeline/a.py", "code/data_schema/b.yaml"),
        *("requirements.txt", "code/numpy.py", "code/pipeline/a.pyc"),
    ],
)
def test_code_that_was_changed_or_added_is_refused(name, model):
    tags = seal_model(model)
    (model / name).write_text("import os")
    with pytest.raises(BundleError, match="code_sha256"):
        refuse_changed_model(model, tags, "models:/x/1")
    with pytest.raises(BundleError, match=r"differs from the registered"):
        refuse_unsealed_model(model)


def test_code_that_was_removed_or_linked_is_refused(model, tmp_path):
    tags = seal_model(model)
    (model / "pyfunc.py").rename(tmp_path / "pyfunc.py")
    with pytest.raises(BundleError):
        refuse_changed_model(model, tags, "models:/x/1")
    (model / "pyfunc.py").symlink_to(tmp_path / "pyfunc.py")
    with pytest.raises(BundleError):
        refuse_changed_model(model, tags, "models:/x/1")
    with pytest.raises(BundleError):
        refuse_unsealed_model(model)


@pytest.mark.parametrize(
    ("change", "tag"),
    [({"content": "[]"}, "bundle_sha256"), ({"report": "better"}, "reports_sha256")],
)
def test_another_intact_bundle_is_refused(change, tag, model):
    tags = seal_model(model)
    bundle(model, **change)
    for refuse in (
        lambda: refuse_changed_model(model, tags, "models:/x/1"),
        lambda: refuse_changed_bundle(model / BUNDLE_FOLDER, tags, "run 1"),
        lambda: refuse_unsealed_model(model),
    ):
        with pytest.raises(BundleError, match=tag):
            refuse()


def test_a_version_without_tags_is_warned_about_and_still_verified(model, caplog):
    tags = seal_model(model)
    refuse_changed_model(model, {"bundle_sha256": tags["bundle_sha256"]}, "models:/x/1")
    assert WARNED in caplog.text
    refuse_changed_model(model, {}, "models:/x/1")
    (model / BUNDLE_FOLDER / "crs.json").write_text("x")
    with pytest.raises(BundleError):
        refuse_changed_model(model, {}, "models:/x/1")


@pytest.mark.parametrize("content", [None, "", "[]", '{"code": {}}', '{"code": 1}'])
def test_a_model_without_its_seal_is_refused(content, model):
    seal_model(model)
    (model / SEAL).unlink()
    if content is not None:
        (model / SEAL).write_text(content)
    with pytest.raises(BundleError):
        refuse_unsealed_model(model)
