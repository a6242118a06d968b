"""``cytocast sign`` and ``--require-signature``."""

from __future__ import annotations

import shutil

import pytest

from pipeline.cli import main
from pipeline.folders.marker import read_marker
from pipeline.model.bundle import load_bundle


@pytest.fixture
def keys(tmp_path):
    names = [tmp_path / name for name in ("own", "other")]
    assert [main(["sign", "--new-key", str(name), "--quiet"]) for name in names] == [0, 0]
    return names


@pytest.fixture
def bundle(mini, tmp_path):
    return shutil.copytree(mini.bundle, tmp_path / "bundle")


def sign(bundle, key, *extra):
    return main(["sign", str(bundle), "--key", str(key), "--quiet", *extra])


def test_a_signature_changes_no_identity_and_lets_the_bundle_be_replaced(mini, bundle, keys):
    assert sign(bundle, keys[0]) == 0
    assert load_bundle(bundle).sha256 == load_bundle(mini.bundle).sha256
    signature = (bundle / "signature.json").read_bytes()
    assert sign(bundle, keys[0]) == 0
    assert sign(bundle, keys[1]) == 2
    assert (bundle / "signature.json").read_bytes() == signature
    assert sign(bundle, keys[1], "--force") == 0
    assert (bundle / "signature.json").read_bytes() != signature
    marker = read_marker(bundle)
    assert marker.foreign(bundle) == []
    assert marker.intact(bundle)
    manifest, signed = (bundle / name for name in ("manifest.json", "signature.json"))
    assert manifest.stat().st_mode == signed.stat().st_mode


def test_prediction_asks_for_the_signature_of_a_key(mini, predict, bundle, keys, tmp_path):
    model = ["--model", str(bundle), "--no-pages"]
    own = [*model, "--require-signature", f"{keys[0]}.pub"]
    assert predict(mini.batch, *own)[0] == 5
    assert sign(bundle, keys[0]) == 0
    code, signed = predict(mini.batch, *own, out=tmp_path / "signed")
    _, free = predict(mini.batch, *model, out=tmp_path / "free")
    assert code in (0, 4)
    for name in ("predictions.csv", "explanations.parquet"):
        assert (signed / name).read_bytes() == (free / name).read_bytes()
    other = [*model, "--require-signature", f"{keys[1]}.pub"]
    assert predict(mini.batch, *other, out=tmp_path / "signed")[0] == 5
    assert predict(mini.batch, *model, "--require-signature", str(keys[0]))[0] == 2
    with (bundle / "crs.json").open("a") as file:
        file.write("\n")
    # a finished result is no way around the signature
    assert predict(mini.batch, *own, out=tmp_path / "signed")[0] == 5


@pytest.mark.parametrize("command", ["evaluate", "monitor"])
def test_other_commands_ask_for_it_too(mini, bundle, keys, tmp_path, command):
    source = {"evaluate": "--cohort", "monitor": "--input"}[command]
    code = main(
        [
            *(command, source, str(mini.cohort), "--model", str(bundle), "--quiet"),
            *("--out", str(tmp_path / "out"), "--require-signature", f"{keys[0]}.pub"),
        ]
    )
    assert code == 5
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--key", "own"],
        ["bundle"],
        ["bundle", "--key", "own", "--new-key", "new"],
        ["bundle", "--key", "nowhere"],
        ["models:/cytocast@champion", "--key", "own"],
        ["--new-key", "own"],
        ["--new-key", "."],
        ["--new-key", "/"],
        ["--new-key", "a\0b"],
        ["--new-key", "x" * 300],
        ["--new-key", "x" * 253],
        ["--new-key", "own/new"],
    ],
)
def test_what_cannot_be_done_exits_2(bundle, keys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["sign", *arguments, "--quiet"]) == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_bundle_is_not_signed_and_makes_no_key(bundle, keys, tmp_path):
    (bundle / "crs.json").unlink()
    assert sign(bundle, keys[0]) == 5
    assert main(["sign", str(bundle), "--new-key", str(tmp_path / "new"), "--quiet"]) == 5
    assert not (tmp_path / "new").exists()
