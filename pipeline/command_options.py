"""Options that several commands share, and how a command is added to the parser."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    *,
    zone: bool = True,
    replace: bool = True,
) -> argparse.ArgumentParser:
    """Add a command with the options that every command has.

    Parameters
    ----------
    commands : argparse subparsers
    name : str
    summary : str
        What the command does, for the help.
    zone, replace : bool
        Whether it takes ``--tz`` and ``--force``.

    Returns
    -------
    ArgumentParser
        Of the command.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> audit = add_command(parser.add_subparsers(), "audit", "check an export")
    >>> parser.parse_args(["audit", "--tz", "UTC"]).tz
    'UTC'
    """
    parser = commands.add_parser(name, help=summary, description=summary)
    if zone:
        parser.add_argument("--tz", metavar="ZONE", help="time zone of times without offset")
    if replace:
        forced = (
            "promote even if a gate fails"
            if name == "promote"
            else "replace the existing content of --out"
        )
        parser.add_argument("--force", action="store_true", help=forced)
    logged_option(parser, default=argparse.SUPPRESS)  # keeps options given before the command
    return parser


def logged_option(parser: argparse.ArgumentParser, *, default: object) -> None:
    """Add the options of logs and messages.

    Parameters
    ----------
    parser : ArgumentParser
    default : object
        Value of an option that is not given.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> logged_option(parser, default=False)
    >>> parser.parse_args(["--quiet"]).quiet
    True
    """
    quiet, lines = "show warnings only, no progress", "write one JSON object per log line"
    parser.add_argument("--quiet", action="store_true", default=default, help=quiet)
    parser.add_argument("--json-logs", action="store_true", default=default, help=lines)
    cells = "show input cells in messages; protect this output like the input"
    parser.add_argument("--show-values", action="store_true", default=default, help=cells)
    trace = "print the traceback of an unexpected failure"
    parser.add_argument("--debug", action="store_true", default=default, help=trace)


def configured_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``.

    Parameters
    ----------
    parser : ArgumentParser

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> configured_option(parser)
    >>> [path.name for path in parser.parse_args(["--config", "mine.yaml"]).config]
    ['mine.yaml']
    """
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="settings that override the defaults; repeatable, later files override earlier ones",
    )


def signed_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--require-signature``.

    Parameters
    ----------
    parser : ArgumentParser

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> signed_option(parser)
    >>> parser.parse_args(["--require-signature", "key.pub"]).require_signature.name
    'key.pub'
    """
    parser.add_argument(
        "--require-signature",
        type=Path,
        metavar="KEY",
        help="accept only a bundle signed with the private key of this public key",
    )


def seeded_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed`` and ``--jobs``.

    Parameters
    ----------
    parser : ArgumentParser

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> seeded_option(parser)
    >>> parser.parse_args(["--seed", "3", "--jobs", "2"])
    Namespace(seed=3, jobs=2)
    """
    parser.add_argument("--seed", type=int, help="random seed; default: seed of the config")
    parallel_option(parser)


def parallel_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``.

    Parameters
    ----------
    parser : ArgumentParser

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> parallel_option(parser)
    >>> parser.parse_args(["--jobs", "2"]).jobs
    2
    """
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="fits at a time; default: all cores"
    )
