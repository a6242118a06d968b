"""Commands without a key refuse a second run into an output, whatever its options.

``predict`` reuses a finished result: ``test_result_key.py``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.folders.claim import Claim, claim
from tests.faults.test_protected_inputs import MAPPING, SHEET, content, writers

REUSES = {"predict"}  # a finished result
REPLACES = {"demo"}  # its own folder, without --force
FIXED = {"help", "out", "force"}
# another value of every option that is neither a switch nor a choice
ANOTHER = {
    "batch": "2",
    "cohort": "{batch}",
    "config": "{settings}",
    "input": "{input}",
    "jobs": "1",
    "keep": "site",
    "key": "{key}",
    "mapping": "{mapping}",
    "model": "{bundle}",
    "outcomes": "severe_crs",
    "panel": "research",
    "patients": "7",
    "prior": "{bundle}",
    "require_signature": "{key}",
    "seed": "5",
    "tz": "America/New_York",
}
COMMANDS = {name: parser for name, parser in writers().items() if name not in REUSES | REPLACES}


def options_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.dest not in FIXED]


def another(action: argparse.Action, place: dict[str, Path]) -> list[str]:
    """Arguments that give an option a value other than its default."""
    if action.nargs == 0:
        return [action.option_strings[0]]
    value = [*action.choices][-1] if action.choices else ANOTHER[action.dest].format(**place)
    return [action.option_strings[0], value]


CASES = [
    (name, action.dest, action)
    for name, parser in COMMANDS.items()
    for action in options_of(parser)
]


@pytest.fixture(scope="module")
def place(mini, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("second")
    (root / "sheet.csv").write_text(SHEET)
    (root / "other.csv").write_text(SHEET.replace("120", "121"))
    (root / "map.yaml").write_text(MAPPING)
    (root / "key").write_text("ab" * 40)
    (root / "key").chmod(0o600)
    (root / "settings.yaml").write_text("cohort: {decimal_comma: false}")
    return {
        "cohort": mini.cohort,
        "batch": mini.batch,
        "bundle": mini.bundle,
        "sheet": root / "sheet.csv",
        "other": root / "other.csv",
        "mapping": root / "map.yaml",
        "key": root / "key",
        "settings": root / "settings.yaml",
    }


def written_by(command: str, folder: Path) -> Path:
    """Write an output of this command."""
    out = folder / ("out.csv" if command == "grade" else "out")
    with claim(out, command=command, force=False) as output:
        made = output.files([out.name]) if command == "grade" else output.folder("key")
        with made as target:
            (target / out.name).write_text("earlier")
    return out


@pytest.fixture
def commands_with_key(monkeypatch) -> list[str]:
    """Commands that check whether their output is finished."""
    commands: list[str] = []
    finished = Claim.finished

    def recorded(self: Claim, key: str) -> bool:
        commands.append(self.command)
        return finished(self, key)

    monkeypatch.setattr(Claim, "finished", recorded)
    return commands


def test_every_writing_command_is_tried() -> None:
    assert set(writers()) - set(COMMANDS) == REUSES | REPLACES


@pytest.mark.parametrize(
    ("command", "name", "action"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_second_run_is_refused_whatever_the_option(
    command, name, action, place, tmp_path, commands_with_key, capsys, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    out = written_by(command, tmp_path)
    before = content(tmp_path)
    given = {"cohort": place["cohort"], "input": place["batch"], "model": place["bundle"]}
    if command == "import":
        given |= {"input": place["sheet"], "mapping": place["mapping"]}
    if command == "pseudonymise":
        given |= {"key": place["key"]}
    arguments = [command, "--out", str(out)]
    for each in options_of(COMMANDS[command]):
        if each.dest in given:
            arguments += [f"--{each.dest}", str(given[each.dest])]
    places = {**place, "input": place["other" if command == "import" else "cohort"]}
    assert main([*arguments, *another(action, places)]) == 2
    output = capsys.readouterr()
    assert "--force" in output.err
    assert output.out == ""
    assert content(tmp_path) == before
    assert commands_with_key == []
