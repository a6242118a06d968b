"""Errors that carry the documented exit code of the command line, and how make names options."""

from __future__ import annotations

import re
from collections.abc import Iterable

# what one types with make instead of an option
_MAKE = {
    "out": "OUT=",
    "force": "FORCE=1",
    "tz": "TZ_NAME=",
    "as-of": "AS_OF=",
    "config": "CONFIG=",
    "model": "MODEL=",
    "cohort": "COHORT=",
    "input": "INPUT=",
    "outcomes": "OUTCOMES=",
    "prior": "PRIOR=",
    "mapping": "MAPPING=",
    "against": "AGAINST=",
    "key": "KEY=",
    "keep": "KEEP=",
    "times": "TIMES=",
    "format": "FORMAT=",
    "strict": "STRICT=1",
    "seed": "SEED=",
    "jobs": "JOBS=",
    "port": "PORT=",
}
_OPTION = re.compile(rf"(?<![\w-])--({'|'.join(_MAKE)})(?![\w-])")
_TOLD = re.compile(r"\(make: ([^()]*)\)")


def with_make(message: str) -> str:
    """A message that names options, with what the user of ``make`` types instead.

    Examples
    --------
    >>> with_make("Choose another --out, or replace it with --force.")
    'Choose another --out, or replace it with --force (make: OUT=, FORCE=1).'
    >>> with_make("Give hours.")
    'Give hours.'
    >>> with_make("State --tz (make: TZ_NAME=). Choose another --out.")
    'State --tz (make: TZ_NAME=). Choose another --out (make: OUT=).'
    """
    told = {name for names in _TOLD.findall(message) for name in names.split(", ")}
    named = dict.fromkeys(
        _MAKE[option] for option in _OPTION.findall(message) if _MAKE[option] not in told
    )
    if not named:
        return message
    end = "." if message.endswith(".") else ""
    return f"{message.removesuffix('.')} (make: {', '.join(named)}){end}"


def shown(text: str, longest: int = 60) -> str:
    r"""Text of an input as a message may show it: cut, with what does not print escaped.

    Examples
    --------
    >>> shown("µg"), shown("a\x00b"), shown("x" * 99, longest=4)
    ('µg', 'a\\x00b', 'xxx…')
    """
    plain = "".join(
        sign if sign.isprintable() and sign != "\ufffd" else ascii(sign)[1:-1]
        for sign in text[: longest + 1]
    )
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names of an input for a message, each cut, of many only the first.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    told = [shown(name) for name in names]
    more = f" and {len(told) - most} more" if len(told) > most else ""
    return ", ".join(told[:most]) + more


class CytocastError(Exception):
    """Base of every error meant for the user; ``exit_code`` is what the CLI returns."""

    exit_code = 1


class UsageError(CytocastError):
    """A command, option or configuration that cannot be used."""

    exit_code = 2


class InputError(CytocastError):
    """An input from which nothing can be scored or trained."""

    exit_code = 3


class BundleError(CytocastError):
    """A bundle that is missing, incompatible, truncated or tampered with."""

    exit_code = 5


class GateError(CytocastError):
    """A promotion gate or monitor alarm that failed."""

    exit_code = 6
