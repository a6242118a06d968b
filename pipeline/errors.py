"""Errors with their documented exit codes, and helpers that make input text safe to print."""

from __future__ import annotations

import re
from collections.abc import Iterable

# printable for Python, but invisible or like a space: joiners, fillers, variation selectors
IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffd"
    "\U000e0100-\U000e01ef]"
)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Escape control characters, reordering marks and zero-width characters.

    Line feeds and tabs stay.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> visible("a\u202eb\rc\td")
    'a\\u{202e}b\\u{d}c\td'
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda sign: f"\\u{{{ord(sign[0]):x}}}", text)


def shown(text: str, longest: int = 60) -> str:
    r"""Shorten text of an input for a message and escape what does not print.

    Parameters
    ----------
    text : str
    longest : int
        Characters kept.

    Returns
    -------
    str

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
    """List names of an input for a message: each shortened, at most ``most`` of them.

    Parameters
    ----------
    names : iterable of str
    most : int

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shortened = [shown(name) for name in names]
    more = f" and {len(shortened) - most} more" if len(shortened) > most else ""
    return ", ".join(shortened[:most]) + more


class CytocastError(Exception):
    """Base of every error meant for the user; ``exit_code`` is the exit code of the command.

    Parameters
    ----------
    message : str
    options : tuple of str
        Command-line options named in the message, in order, without dashes.
    """

    exit_code = 1

    def __init__(self, message: str, *, options: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.options = options


class UsageError(CytocastError):
    """A command, option or configuration that cannot be used."""

    exit_code = 2


class SettingError(ValueError):
    """A setting that a configuration model refuses, with the options named in the message."""

    def __init__(self, message: str, *, options: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.options = options


class InputError(CytocastError):
    """An input from which nothing can be scored or trained."""

    exit_code = 3


class BundleError(CytocastError):
    """A bundle that is missing, incompatible, truncated or tampered with."""

    exit_code = 5


class GateError(CytocastError):
    """A promotion gate or monitor alarm that failed."""

    exit_code = 6
