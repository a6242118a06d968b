"""The manifest: its fields, its file names, and other files in its folder."""

from __future__ import annotations

import json
import os

import pytest

from pipeline.errors import BundleError
from pipeline.model.manifest import (
    MANIFEST,
    SIGNATURE,
    digest_of,
    file_digests,
    name_problem,
    read_manifest,
    verify_bundle,
    write_manifest,
)

IDENTITY = ("format", "schema_version", "scales", "files")


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "bundle"
    (root / "prior").mkdir(parents=True)
    for name in ("config.json", "crs.json", "crs_state_0.ubj", "prior/crs.json"):
        (root / name).write_text(f'{{"{name}": 1}}')
    (root / "evaluation.html").write_text("<p>")
    write_manifest(root, ["crs"], {"evaluation.html": file_digests(root)["evaluation.html"]})
    return root


def rewritten(folder, **changes):
    """The manifest with changed fields and matching digests; a field of None is removed."""
    content = {**json.loads((folder / MANIFEST).read_text()), **changes}
    content = {key: value for key, value in content.items() if value is not None}
    if "bundle_sha256" not in changes:
        content["bundle_sha256"] = digest_of({key: content.get(key) for key in IDENTITY})
    if "reports_sha256" not in changes and isinstance(content.get("reports"), dict):
        content["reports_sha256"] = digest_of(content["reports"])
    text = json.dumps(content, sort_keys=True, indent=1) + "\n"
    (folder / MANIFEST).write_text(text)


def test_what_is_written_is_verified(folder):
    manifest = verify_bundle(folder)
    assert (manifest["format"], manifest["scales"]) == (5, ["crs"])
    assert set(manifest["files"]) == {
        *("config.json", "crs.json", "crs_state_0.ubj", "prior/crs.json")
    }
    assert set(manifest["reports"]) == {"evaluation.html"}
    rewritten(folder)
    verify_bundle(folder)


NAMES = {
    "../crs.json": False,
    "/etc/passwd": False,
    "a/b.json": False,
    "prior/../crs.json": False,
    "prior/prior/crs.json": False,
    "prior/": False,
    "a\\b": False,
    "C:evil": False,
    "a\nb": False,
    "a\x00b": False,
    "a\u202eb": False,
    "": False,
    ".": False,
    "..": False,
    ".hidden": False,
    "crs.json ": False,
    "e\u0301.json": False,
    "x" * 300: False,
    "\udc80": False,
    "crs.json": True,
    "prior/manifest.json": True,
    "é.json": True,
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_plain(name, folder):
    assert (name_problem(name) == "") == NAMES[name]
    if not NAMES[name]:
        listed = read_manifest(folder)["files"]
        rewritten(folder, files={**listed, name: "0" * 64})
        with pytest.raises(BundleError, match="not plain"):
            read_manifest(folder)


WRONG = {
    "no files": {"files": None},
    "empty files": {"files": {}},
    "files as list": {"files": ["crs.json"]},
    "a digest that is none": {"files": {"crs.json": "abc"}},
    "a number as digest": {"files": {"crs.json": 5}},
    "digest in capitals": {"files": {"crs.json": "A" * 64}},
    "two spellings of a name": {"files": {"crs.json": "0" * 64, "CRS.json": "0" * 64}},
    "the manifest itself": {"files": {"crs.json": "0" * 64, "manifest.json": "0" * 64}},
    "the signature": {"files": {"crs.json": "0" * 64, "signature.json": "0" * 64}},
    "scales as text": {"scales": "crs"},
    "scales of numbers": {"scales": [1]},
    "a scale without file": {"scales": ["crs", "icans"]},
    "no scales": {"scales": None},
    "no reports": {"reports": None},
    "reports as text": {"reports": "x", "reports_sha256": "0" * 64},
    "a name in both lists": {"reports": {"crs.json": "0" * 64}},
    "unknown field": {"extra": 1},
    "another schema": {"schema_version": "2"},
    "schema as number": {"schema_version": 1},
    "format as text": {"format": "5"},
    "format as float": {"format": 5.0},
    "format true": {"format": True},
    "no format": {"format": None},
    "format 6": {"format": 6},
    "format 3": {"format": 3},
    "format 2": {"format": 2},
    "digest of another": {"bundle_sha256": "0" * 64},
    "reports digest of another": {"reports_sha256": "0" * 64},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_field_that_is_not_as_written_is_refused(case, folder):
    rewritten(folder, **WRONG[case])
    with pytest.raises(BundleError) as refused:
        read_manifest(folder)
    assert refused.value.exit_code == 5
    assert len(str(refused.value).replace(str(folder), "").split()) < 40


TEXTS = {
    "empty": b"",
    "no object": b"[]",
    "a number": b"4",
    "deep": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe",
    "big number": b'{"format": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_that_is_no_manifest_is_refused(case, folder):
    (folder / MANIFEST).write_bytes(TEXTS[case])
    with pytest.raises(BundleError):
        read_manifest(folder)


def test_a_field_stated_twice_and_other_spacing_are_refused(folder):
    text = (folder / MANIFEST).read_text()
    for changed in (text.replace("{", '{"format": 4,', 1), text + "\n", text.replace("\n", "\r\n")):
        (folder / MANIFEST).write_bytes(changed.encode())
        with pytest.raises(BundleError):
            read_manifest(folder)


@pytest.mark.parametrize("name", ["extra.json", "crs_state_1.ubj", "icans.json", "code.py", "a/b"])
def test_a_file_that_is_not_listed_is_refused(name, folder):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("{}")
    with pytest.raises(BundleError, match="does not list"):
        verify_bundle(folder)


def test_marker_and_signature_are_no_part(folder):
    before = verify_bundle(folder)["bundle_sha256"]
    for name in (".cytocast.json", SIGNATURE, ".DS_Store"):
        (folder / name).write_text("{}")
    assert verify_bundle(folder)["bundle_sha256"] == before


@pytest.mark.parametrize("name", ["crs.json", "prior/crs.json", "prior", MANIFEST])
def test_a_link_is_refused_though_its_end_has_the_right_bytes(name, folder, tmp_path):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="link"):
        verify_bundle(folder)


def test_a_link_to_the_whole_folder_is_followed(folder, tmp_path):
    (tmp_path / "current").symlink_to(folder)
    verify_bundle(tmp_path / "current")


def test_a_pipe_or_a_folder_is_no_file(folder):
    (folder / "crs.json").unlink()
    os.mkfifo(folder / "crs.json")
    with pytest.raises(BundleError, match="regular"):
        verify_bundle(folder)
    (folder / "crs.json").unlink()
    (folder / "crs.json").mkdir()
    with pytest.raises(BundleError, match="missing"):
        verify_bundle(folder)
