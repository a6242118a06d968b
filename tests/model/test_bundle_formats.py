"""The manifest: reports do not change the identity; bundles of format 2 score the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import BundleError
from pipeline.model.bundle import load_bundle, save_bundle
from pipeline.model.manifest import read_manifest
from tests.conftest import read_predictions

REPORTS = {
    "audit.json",
    "card.json",
    "evaluation.html",
    "evaluation.json",
    "gate_draws.json",
    "model_card.html",
    "model_card.md",
    "tripod_ai.md",
}


def sha256_of(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def as_format_2(bundle: Path, target: Path) -> Path:
    """The bundle as it was written before reports had digests of their own."""
    copy = shutil.copytree(bundle, target)
    manifest = read_manifest(bundle)
    files = dict(sorted({**manifest["files"], **manifest["reports"]}.items()))
    content = {
        "format": 2,
        "schema_version": manifest["schema_version"],
        "bundle_sha256": sha256_of(files),
        "scales": manifest["scales"],
        "files": files,
    }
    (copy / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return copy


def as_format_3(bundle: Path, target: Path) -> Path:
    """The bundle as it was written before its digest covered the whole manifest."""
    copy = shutil.copytree(bundle, target)
    manifest = read_manifest(bundle)
    content = {**manifest, "format": 3, "bundle_sha256": sha256_of(manifest["files"])}
    text = json.dumps(content, sort_keys=True, indent=1) + "\n"
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    return copy


def as_format_4(bundle: Path, target: Path) -> Path:
    """The bundle as it was written before slopes differed between horizons."""
    copy = shutil.copytree(bundle, target)
    identity = {key: read_manifest(bundle)[key] for key in ("schema_version", "scales", "files")}
    sha256 = sha256_of({**identity, "format": 4})
    content = {**read_manifest(bundle), "format": 4, "bundle_sha256": sha256}
    text = json.dumps(content, sort_keys=True, indent=1) + "\n"
    (copy / "manifest.json").write_text(text, encoding="utf-8")
    return copy


OLDER = {2: as_format_2, 3: as_format_3, 4: as_format_4}


def test_every_file_has_a_digest_either_as_scoring_or_as_report(mini) -> None:
    manifest = read_manifest(mini.bundle)
    listed = {*manifest["files"], *manifest["reports"]}
    present = {path.name for path in mini.bundle.iterdir()} - {"manifest.json", ".cytocast.json"}
    assert listed == present
    assert set(manifest["reports"]) == REPORTS
    assert manifest["format"] == 5
    identity = {key: manifest[key] for key in ("format", "schema_version", "scales", "files")}
    assert manifest["bundle_sha256"] == sha256_of(identity)


def test_the_wording_of_a_report_changes_no_identity(mini, tmp_path) -> None:
    bundle = load_bundle(mini.bundle)
    digests = set()
    for wording in ("old", "new"):
        folder = tmp_path / wording
        folder.mkdir()
        (folder / "evaluation.html").write_text(wording, encoding="utf-8")
        digests.add(save_bundle(bundle, folder))
        assert load_bundle(folder).sha256 in digests
    assert digests == {bundle.sha256}
    reports = {read_manifest(tmp_path / name)["reports_sha256"] for name in ("old", "new")}
    assert len(reports) == 2


@pytest.mark.parametrize("version", [2, 4])
def test_a_bundle_of_an_older_format_scores_bit_identically(
    mini, predict, tmp_path, version
) -> None:
    older = OLDER[version](mini.bundle, tmp_path / "older")
    assert load_bundle(older).sha256 != load_bundle(mini.bundle).sha256
    _, now = predict(mini.batch, "--no-pages", out=tmp_path / "now")
    _, then = predict(mini.batch, "--no-pages", "--model", str(older), out=tmp_path / "then")
    identity = ["model_version", "bundle_sha"]
    pd.testing.assert_frame_equal(
        read_predictions(now).drop(columns=identity),
        read_predictions(then).drop(columns=identity),
        check_exact=True,
    )
    ours, theirs = (folder / "explanations.parquet" for folder in (now, then))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize("name", ["card.json", "crs.json"])
def test_a_changed_file_of_an_older_format_is_noticed(
    mini, predict, tmp_path, name, version
) -> None:
    older = OLDER[version](mini.bundle, tmp_path / "older")
    path = older / name
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    code, out = predict(mini.batch, "--model", str(older))
    assert code == 5
    assert not out.exists()


def attacked(whole: bytes, other: bytes) -> dict[str, bytes | None]:
    """Content of a file after each kind of damage; None if it is removed."""
    middle = len(whole) // 2
    flipped = {
        name: whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        for name, place in (("first", 0), ("middle", middle), ("last", len(whole) - 1))
    }
    cut = {"longer": whole + b"\n", "shorter": whole[:-1], "empty": b"", "removed": None}
    return {**flipped, **cut, "exchanged": other}


@pytest.mark.parametrize("version", [3, 5])
def test_any_byte_of_any_file_counts(mini, tmp_path, version) -> None:
    folder = OLDER.get(version, shutil.copytree)(mini.bundle, tmp_path / "bundle")
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    contents = {name: (folder / name).read_bytes() for name in names}
    loaded = []
    for number, name in enumerate(names):
        for kind, content in attacked(contents[name], contents[names[number - 1]]).items():
            if content is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(content)
            try:
                load_bundle(folder)
            except BundleError:
                continue
            else:
                loaded.append((name, kind))
            finally:
                (folder / name).write_bytes(contents[name])
    load_bundle(folder)
    # before format 4 a blank after the manifest is no change
    blank = [("manifest.json", "longer"), ("manifest.json", "shorter")]
    assert [each for each in loaded if version >= 4 or each not in blank] == []


@pytest.mark.parametrize("version", [2, 4])
@pytest.mark.parametrize(
    "change",
    [
        {"scales": ["crs"]},
        {"scales": ["icans", "crs"]},
        {"scales": ["crs", "icans", "config"]},
        {"schema_version": "2"},
        {"format": 5},
        {"format": 6},
        {"extra": 1},
        {"files": {}},
    ],
    ids=str,
)
def test_every_field_of_an_older_manifest_counts_too(mini, tmp_path, version, change) -> None:
    folder = OLDER[version](mini.bundle, tmp_path / "older")
    path = folder / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["scales"] == ["crs", "icans"]
    path.write_text(json.dumps({**content, **change}), encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(folder)
