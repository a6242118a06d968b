"""Every writing command refuses an unusable path with one sentence, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.folders.claim import claim
from tests.faults.test_protected_inputs import CASES, MAPPING, SHEET, content, writers

BAD = {
    "circle of links": "circle",
    "below a circle of links": "circle/out",
    "name too long": "x" * 300,
    "no room for the temporary names": "x" * 240,
    "folder name too long": f"{'x' * 300}/out",
    "path too long": "/".join(["x" * 200] * 30),
    "NUL": "a\0b",
    "below a file": "map.yaml/out",
    "current folder": ".",
    "root": "/",
}


@pytest.fixture(scope="module")
def given(mini, tmp_path_factory) -> dict[str, Path]:
    """A usable path for every option that names one."""
    root = tmp_path_factory.mktemp("given")
    (root / "sheet.csv").write_text(SHEET)
    (root / "map.yaml").write_text(MAPPING)
    (root / "key").write_text(bytes(range(64)).hex())
    (root / "key").chmod(0o600)
    (root / "settings.yaml").write_text("cohort: {decimal_comma: false}")
    return {
        "cohort": mini.cohort,
        "input": mini.batch,
        "model": mini.bundle,
        "config": root / "settings.yaml",
        "mapping": root / "map.yaml",
        "key": root / "key",
        "sheet": root / "sheet.csv",
    }


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.yaml").write_text(MAPPING)
    for name in ("circle", "circle.csv"):
        (tmp_path / name).symlink_to(name)
    return tmp_path


def arguments(command: str, given: dict[str, Path], out: str, **other: str) -> list[str]:
    """Arguments of a command with usable inputs, except those in ``other``."""
    paths = {**given, **({"input": given["sheet"]} if command == "import" else {}), **other}
    names = {action.dest for action in writers()[command]._actions}
    taken = [name for name in paths if name in names]
    options = [part for name in taken for part in (f"--{name.replace('_', '-')}", str(paths[name]))]
    if command == "grade" and Path(out).name:
        out += ".csv"
    untracked = ["--no-track"] if command == "train" else []
    return [command, "--out", out, "--quiet", *options, *untracked]


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("command", writers())
def test_an_output_that_cannot_be_made_exits_2(command, kind, given, place, capsys) -> None:
    before = content(place)
    assert main(arguments(command, given, BAD[kind])) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "--out" in sentence
    assert len(sentence.replace("x" * 200, "x").split()) < 40
    assert content(place) == before


@pytest.mark.parametrize(("command", "option"), CASES)
def test_an_input_that_is_a_circle_of_links_ends_with_a_sentence(
    command, option, given, place, capsys
) -> None:
    """Exit code 1 would be a bug."""
    before = content(place)
    assert main(arguments(command, given, "out", **{option: "circle"})) in (2, 3, 5)
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "circle" in sentence
    assert content(place) == before


@pytest.mark.parametrize("out", ["closed/out", "closed/deep/out"])
def test_a_folder_without_permission_is_refused(tmp_path, out) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    user = os.geteuid()
    if user == 0:  # the superuser may enter every folder
        os.seteuid(65534)
    try:
        with (
            pytest.raises(UsageError, match="Permission denied"),
            claim(tmp_path / out, command="audit", force=False),
        ):
            pass
    finally:
        os.seteuid(user)
        (tmp_path / "closed").chmod(0o700)
