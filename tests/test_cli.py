"""The command line and make offer the same, and take no option that does nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.remedy import MAKE_VARIABLES

MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
COMMANDS = re.findall(r"\$\(BIN\)/cytocast ([a-z]+)", MAKEFILE)


def offered(capsys, *command: str) -> str:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_every_command_has_a_target_of_its_name(capsys) -> None:
    shown = offered(capsys)
    listed = re.findall(r"^    ([a-z]+)(?:  |$)", shown, flags=re.MULTILINE)
    assert len(listed) > 10
    assert sorted(listed) == sorted(COMMANDS)
    targets = re.findall(r"^([a-z]+):.* ## ", MAKEFILE, flags=re.MULTILINE)
    assert set(listed) <= set(targets)


@pytest.mark.parametrize("command", COMMANDS)
def test_make_passes_options_that_the_command_has(capsys, command) -> None:
    recipe = re.search(rf"\$\(BIN\)/cytocast {command} (.*)", MAKEFILE)[1]
    named = {"force": "--force", "zone": "--tz", "configs": "--config", "as_of": "--as-of"}
    named |= {"shown": "--show-values"}
    passed = set(re.findall(r"--[a-z-]+", recipe))
    passed |= {option for name, option in named.items() if f"$({name})" in recipe}
    shown = offered(capsys, command)
    assert passed <= set(re.findall(r"--[a-z-]+", shown))
    # what is taken does something, so make has it; the demo replaces its own folder anyway
    for option in ("--tz", "--force"):
        assert (option in shown) == (option in passed) or command == "demo"
    # every command that reads tables of patients has cells to show
    assert ("--show-values" in passed) == bool({"--cohort", "--input"} & passed)


def test_messages_name_variables_that_make_has() -> None:
    declared = set(re.findall(r"^([A-Z_]+) \?=", MAKEFILE, flags=re.MULTILINE))
    assert {value.split("=")[0] for value in MAKE_VARIABLES.values()} <= declared
