"""The secret key from which pseudonyms and shifts derive."""

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
_FEWEST_DISTINCT = 10  # 32 random bytes practically never have fewer
_MARK_HEX = 24  # 96 bits: two of a million patients collide with a chance of 1 in 10^17


@dataclass(frozen=True)
class Key:
    """Secret bytes that give pseudonyms and shifts.

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
        """Pseudonym of a patient; only the holder of the key can link it to the id."""
        return "P" + self._mac("patient", patient).hex()[:_MARK_HEX]

    def days(self, patient: str) -> int:
        """Days, 1 to ``MOST_DAYS``, by which all dates of a patient move back."""
        return 1 + int.from_bytes(self._mac("days", patient)[:16], "big") % MOST_DAYS

    def days_cut(self, patient: str, most: int) -> int:
        """Days, 1 to ``most``, by which a common end of follow-up is shortened."""
        return 1 + int.from_bytes(self._mac("cut", patient)[:16], "big") % most

    def _mac(self, use: str, patient: str) -> bytes:
        message = f"cytocast {use}\0{patient}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).digest()


def default_key_file() -> Path:
    """Path of the key by default, in the settings of the user.

    Returns
    -------
    Path

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, XDG_CONFIG_HOME="/settings"):
    ...     print(default_key_file())
    /settings/cytocast/pseudonym.key
    """
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "cytocast" / "pseudonym.key"


def refuse_key_place(path: Path, out: Path) -> None:
    """Refuse a key in the output folder or in the same parent folder.

    A copy of that parent would contain both the key and the release.

    Parameters
    ----------
    path : Path
        Key file.
    out : Path
        Output folder.

    Raises
    ------
    UsageError
        If the key is at one of these places.

    Examples
    --------
    >>> refuse_key_place(Path("/safe/key"), Path("/data/out"))
    >>> refuse_key_place(Path("/data/key"), Path("/data/out"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.UsageError: --key /data/key is in or next to --out /data/out; ...
    """
    try:
        key, place = path.resolve(), out.resolve()
    except (OSError, RuntimeError, ValueError):  # refused when they are read and written
        return
    if place == key or place in key.parents or place.parent == key.parent:
        raise UsageError(
            f"--key {path} is in or next to --out {out}; a copy of both would reveal the patients. "
            f"Keep the key in another folder, or omit --key for {default_key_file()}",
            options=("key", "out"),
        )


def new_key() -> Key:
    """Create a key of random bytes; it is not written.

    Returns
    -------
    Key

    Examples
    --------
    >>> len(new_key().secret)
    32
    """
    return Key(secrets.token_bytes(KEY_BYTES))


def read_key(path: Path) -> Key:
    """Read a key: 64 or more hexadecimal digits, or 32 or more bytes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Key

    Raises
    ------
    UsageError
        If it cannot be read, is too short, is not random, or other users may read it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path, key = Path(folder, "key"), new_key()
    ...     write_key(key, path)
    ...     read_key(path) == key
    True
    """
    remedy = "Name a new file to create a key, or restore the key of earlier batches"
    try:
        content = read_file(path, error=UsageError, most=_MOST_KEY_BYTES)
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(
            f"the key {path} cannot be read: {error.strerror}; correct its permissions"
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the key {path} is readable by other users (mode {mode & 0o777:o}; accepted is 600). "
            f"If no other user has read it, run: chmod 600 {path}"
        )
    text = content.strip()
    if re.fullmatch(rb"(?:[0-9a-fA-F]{2})+", text):
        content = bytes.fromhex(text.decode("ascii"))
    if len(content) < KEY_BYTES:
        raise UsageError(
            f"the key {path} is too short: {len(content)} bytes; at least {KEY_BYTES} random bytes "
            f"({2 * KEY_BYTES} hexadecimal digits) are needed. {remedy}"
        )
    if len(set(content)) < _FEWEST_DISTINCT:
        raise UsageError(
            f"the key {path} is not random: its {len(content)} bytes have {len(set(content))} "
            f"different values. {remedy}"
        )
    return Key(content)


def write_key(key: Key, path: Path) -> None:
    """Write a new key that only its owner can read; an existing file is never replaced.

    Parameters
    ----------
    key : Key
    path : Path

    Raises
    ------
    UsageError
        If the file exists or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "keys", "key")
    ...     write_key(Key(bytes(range(32))), path)
    ...     path.read_text()[:8], oct(path.stat().st_mode & 0o777)
    ('00010203', '0o600')
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key.secret.hex() + "\n")
    except OSError as error:
        raise UsageError(
            f"the key cannot be written to {path} ({error.strerror}); choose another path with "
            "--key",
            options=("key",),
        ) from error
