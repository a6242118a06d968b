"""The parser names every command that the command line runs."""

import argparse

import pytest

from pipeline.cli import RUNNERS
from pipeline.command_parser import build_parser


def test_every_command_has_a_runner() -> None:
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    assert set(commands.choices) == set(RUNNERS)


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["predict"], ["serve", "--port", "x"]])
def test_what_cannot_be_parsed_ends_with_2(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(arguments)
    assert end.value.code == 2
