"""The secret key: pseudonyms and shifts derive from it, and nothing else can make them again."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.input_files import read_file

KEY_BYTES = 32
MOST_DAYS = 3652  # ten years
_MOST_KEY_BYTES = 1_000_000
_FEWEST_DISTINCT = 10  # of 32 random bytes, fewer than this never happens
_MARK_HEX = 24  # 96 bits: two of a million patients agree with a chance of 1 in 10^17


@dataclass(frozen=True)
class Key:
    """Secret bytes that turn ids into pseudonyms and shifts.

    Examples
    --------
    >>> key = Key(bytes(range(32)))
    >>> key.pseudonym("P1"), key.days("P1")
    ('P157488b616cb3933e2516889', 1561)
    >>> key
    Key()
    """

    secret: bytes = field(repr=False)

    def pseudonym(self, patient: str) -> str:
        """Name of a patient to whom only the holder of the key can lead back."""
        return "P" + self._mac("patient", patient).hex()[:_MARK_HEX]

    def days(self, patient: str) -> int:
        """Whole days, 1 to ``MOST_DAYS``, by which all dates of a patient move back."""
        return 1 + int.from_bytes(self._mac("days", patient)[:16], "big") % MOST_DAYS

    def days_cut(self, patient: str, most: int) -> int:
        """Whole days, 1 to ``most``, by which a common end of follow-up is shortened."""
        return 1 + int.from_bytes(self._mac("cut", patient)[:16], "big") % most

    def _mac(self, use: str, patient: str) -> bytes:
        message = f"cytocast {use}\0{patient}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).digest()


def default_key_file() -> Path:
    """Where the key lies unless another place is named: the user's own settings."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "cytocast" / "pseudonym.key"


def refuse_key_place(path: Path, out: Path) -> None:
    """Refuse a key in the output folder or beside it, where copying one takes the other along.

    Raises
    ------
    UsageError
    """
    try:
        key, place = path.resolve(), out.resolve()
    except (OSError, RuntimeError, ValueError):  # refused when they are read and written
        return
    if place == key or place in key.parents or place.parent == key.parent:
        raise UsageError(
            f"--key {path} lies in or beside --out {out}; a copy of both undoes the result. Keep "
            f"the key in a folder of its own, or leave --key out for {default_key_file()}",
            options=("key", "out"),
        )


def new_key() -> Key:
    """A key of random bytes, not yet written anywhere."""
    return Key(secrets.token_bytes(KEY_BYTES))


def read_key(path: Path) -> Key:
    """Read a key: 64 or more hexadecimal digits, or 32 or more bytes.

    Raises
    ------
    UsageError
        If it cannot be read, is too short, is not random, or others may read it.
    """
    way_out = (
        "Name a file that does not exist yet and a key is made there, or restore the one that "
        "earlier batches were written with"
    )
    try:
        content = read_file(path, error=UsageError, most=_MOST_KEY_BYTES)
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the key {path} may be read by others than its owner (mode {mode & 0o777:o}, legal is "
            f"600); if nobody else had it, run: chmod 600 {path}"
        )
    text = content.strip()
    if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", text):
        content = bytes.fromhex(text.decode("ascii"))
    if len(content) < KEY_BYTES:
        raise UsageError(
            f"the key {path} is too short: {len(content)} bytes where at least {KEY_BYTES} random "
            f"ones are needed ({2 * KEY_BYTES} hexadecimal digits). {way_out}"
        )
    if len(set(content)) < _FEWEST_DISTINCT:
        raise UsageError(
            f"the key {path} is not random: its {len(content)} bytes have {len(set(content))} "
            f"different values. {way_out}"
        )
    return Key(content)


def write_key(key: Key, path: Path) -> None:
    """Write a new key that its owner alone can read; an existing file is never replaced.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.secret.hex() + "\n")
    except OSError as error:
        raise UsageError(
            f"the key cannot be written to {path} ({error.strerror}); name another place with "
            "--key",
            options=("key",),
        ) from error
