"""Every command that writes an output protects every path that it reads."""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.command_parser import build_parser

# options that name a path to read, although their type is text
_PLACES = {"model", "prior"}
SHEET = "Patient ID,hours,CRP (mg/L)\nA,5,12\nA,29,120\n"
MAPPING = """confirmed: true
patient_id: Patient ID
collected: {column: hours, reads: hours}
labs: {CRP (mg/L): {analyte: crp, unit: mg/L}}
"""


def writers() -> dict[str, argparse.ArgumentParser]:
    """Commands with ``--out``, by name."""
    (commands,) = (
        action.choices
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return {
        name: parser
        for name, parser in commands.items()
        if any(action.dest == "out" for action in parser._actions)
    }


def read_options(parser: argparse.ArgumentParser) -> list[str]:
    """Options that name a path the command reads."""
    return [
        action.dest
        for action in parser._actions
        if action.dest != "out" and (action.type is Path or action.dest in _PLACES)
    ]


CASES = [(name, option) for name, parser in writers().items() for option in read_options(parser)]


@pytest.fixture
def place(mini, tmp_path):
    """Private copies of everything that a command may read."""
    for name, source in (("cohort", mini.cohort), ("batch", mini.batch), ("bundle", mini.bundle)):
        shutil.copytree(source, tmp_path / name / name)
    for name, text in (("sheet.csv", SHEET), ("map.yaml", MAPPING), ("key.txt", "ab" * 40)):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (tmp_path / "settings").mkdir()
    shutil.copy(mini.config, tmp_path / "settings" / "settings.yaml")
    return tmp_path


def inputs_of(command: str, place: Path) -> dict[str, Path]:
    """A usable path for every option that names one."""
    cohort, batch = place / "cohort" / "cohort", place / "batch" / "batch"
    bundle = place / "bundle" / "bundle"
    source = {"import": place / "sheet" / "sheet.csv", "pseudonymise": cohort}.get(command, batch)
    return {
        "cohort": cohort,
        "input": source,
        "model": bundle,
        "prior": bundle,
        "config": place / "settings" / "settings.yaml",
        "mapping": place / "map" / "map.yaml",
        "key": place / "key" / "key.txt",
        "require_signature": place / "key" / "key.txt",
    }


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_writing_commands_are_tried() -> None:
    known = {"import", "pseudonymise", "audit", "grade", "train", "evaluate", "predict", "monitor"}
    assert known <= {name for name, _ in CASES}


@pytest.mark.parametrize("where", ["equal", "above", "below"])
@pytest.mark.parametrize(("command", "option"), CASES)
def test_an_output_is_never_equal_to_above_or_below_what_is_read(
    command, option, where, place, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place / 'mlflow.db'}")
    known = inputs_of(command, place)
    source = known[option]
    if where == "below" and source.is_file():
        pytest.skip("nothing is below a file")
    out = {"equal": source, "above": source.parent, "below": source / "out"}[where]
    if command == "grade":
        out = out.with_name(f"{out.name}.csv") if where == "below" else out
    arguments = [command, "--out", str(out), "--force", "--quiet"]
    for name in read_options(writers()[command]):
        if name != "require_signature" or option == name:
            arguments += [f"--{name.replace('_', '-')}", str(known[name])]
    before = content(place)
    assert main(arguments) == 2
    assert content(place) == before


def test_force_on_a_folder_of_exports_keeps_everything(place) -> None:
    exports = place / "exports"
    exports.mkdir()
    (exports / "sheet.csv").write_text(SHEET)
    (exports / "thesis.txt").write_text("precious")
    before = content(place)
    arguments = ["--input", str(exports / "sheet.csv"), "--out", str(exports)]
    mapping = ["--mapping", str(place / "map" / "map.yaml")]
    assert main(["import", *arguments, *mapping, "--force", "--quiet"]) == 2
    assert content(place) == before
