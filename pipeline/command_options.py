"""Options that several commands of the command line share, and how a command is added."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    words: str,
    *,
    zone: bool = True,
    replace: bool = True,
) -> argparse.ArgumentParser:
    """Add a command with the options that every command has.

    Parameters
    ----------
    words : str
        What it does, for the help.
    zone, replace : bool
        Whether it takes ``--tz`` and ``--force``.
    """
    parser = commands.add_parser(name, help=words, description=words)
    if zone:
        parser.add_argument("--tz", metavar="ZONE", help="time zone of times without offset")
    if replace:
        forced = (
            "promote even where a gate fails" if name == "promote" else "replace what --out holds"
        )
        parser.add_argument("--force", action="store_true", help=forced)
    logged_option(parser, default=argparse.SUPPRESS)  # keeps what stands before the command
    return parser


def logged_option(parser: argparse.ArgumentParser, *, default: object) -> None:
    """Add the options of logs and messages."""
    quiet, lines = "warnings only, no progress", "one JSON object per log line"
    parser.add_argument("--quiet", action="store_true", default=default, help=quiet)
    parser.add_argument("--json-logs", action="store_true", default=default, help=lines)
    cells = "quote cells of the input in messages; keep such output as the input"
    parser.add_argument("--show-values", action="store_true", default=default, help=cells)
    trace = "print the traceback of an unexpected failure"
    parser.add_argument("--debug", action="store_true", default=default, help=trace)


def configured_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument(
        "--config", type=Path, action="append", default=[], metavar="FILE", help="repeatable"
    )


def signed_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--require-signature``."""
    parser.add_argument(
        "--require-signature",
        type=Path,
        metavar="KEY",
        help="refuse a bundle that the owner of this public key has not signed",
    )


def seeded_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed`` and ``--jobs``."""
    parser.add_argument("--seed", type=int, help="default: the config's seed")
    parallel_option(parser)


def parallel_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``."""
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="default: all cores")
