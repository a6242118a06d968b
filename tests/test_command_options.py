"""Options that several commands share."""

from __future__ import annotations

import argparse

import pytest

from pipeline.command_options import add_command, parallel_option, seeded_option, signed_option


@pytest.mark.parametrize(("zone", "replace"), [(True, False), (False, True)])
def test_a_command_takes_what_is_asked_for(zone, replace):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    made = add_command(commands, "x", "does x", zone=zone, replace=replace)
    signed_option(made)
    parallel_option(made)
    shown = made.format_help()
    assert [option in shown for option in ("--tz", "--force")] == [zone, replace]
    assert all(name in shown for name in ("--quiet", "--debug", "--require-signature", "--jobs"))
    assert parser.parse_args(["x"]).require_signature is None


def test_a_seed_has_no_default_of_the_command():
    parser = argparse.ArgumentParser()
    seeded_option(parser)
    assert parser.parse_args([]).seed is None
    assert parser.parse_args([]).jobs >= 1
