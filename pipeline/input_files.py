"""Files that commands read: regular, readable and of a legal size, or refused by their name."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from pathlib import Path

from pipeline import input_limits as limits
from pipeline.errors import CytocastError, InputError, UsageError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def irregular(path: Path) -> str:
    """Why a path that exists is no file to be read; "" for a regular file and for nothing at all.

    A pipe is not opened, so it cannot block.

    Examples
    --------
    >>> irregular(Path(os.curdir)), irregular(Path("nothing-of-this-name"))
    ('is a folder', '')
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if not path.is_symlink():
            return "" if isinstance(error, FileNotFoundError) else f"cannot be read: {_why(error)}"
        return f"is a link to {os.readlink(path)}, which cannot be reached ({_why(error)})"
    if stat.S_ISREG(mode):
        return ""
    return "is " + next((words for is_kind, words in _KINDS if is_kind(mode)), "no file")


def refuse_irregular(path: Path, error: type[CytocastError] = InputError) -> None:
    """Refuse a path that exists and is no regular file.

    Raises
    ------
    CytocastError
        Of the given class.
    """
    problem = irregular(path)
    if problem:
        raise error(
            f"{path} {problem}, not a file. Mount the share, correct the link, or put the file "
            "itself there"
        )


def listing(folder: Path) -> list[Path]:
    """Entries of a folder by name.

    Raises
    ------
    InputError
        If the folder cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be listed: {_why(error)}. Give a folder that this user may read"
        ) from error


def read_file(
    path: Path,
    *,
    error: type[CytocastError] = InputError,
    most: int = limits.TABLE_BYTES,
) -> bytes:
    """Bytes of a regular file.

    Parameters
    ----------
    path : Path
    error : type of CytocastError
        Raised for a file that cannot be used.
    most : int
        Largest legal size in bytes.

    Raises
    ------
    CytocastError
        If it is no regular file, cannot be read, or is larger.
    """
    refuse_irregular(path, error)
    try:
        size = path.stat().st_size
        if size > most:
            raise error(f"{path} has {_size(size)}, more than the {_size(most)} read; split it")
        return path.read_bytes()
    except OSError as problem:
        raise error(f"{path} cannot be read: {_why(problem)}") from problem


def read_settings(path: Path) -> str:
    """Text of a YAML file of settings or of a mapping.

    Raises
    ------
    UsageError
        If it cannot be read, is too large, or is not UTF-8.
    """
    try:
        return read_file(path, error=UsageError, most=limits.YAML_BYTES).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UsageError(f"cannot read {path}: {problem}; save it as UTF-8") from problem


def decompressed(content: bytes, path: Path, *, most: int = limits.JSON_BYTES) -> bytes:
    """Content of a gzip file, in pieces, so that a file made to fill the memory is found in time.

    Raises
    ------
    InputError
        If it is damaged, or expands beyond what is legal.

    Examples
    --------
    >>> import gzip
    >>> decompressed(gzip.compress(b"[1]"), Path("a.json.gz"))
    b'[1]'
    """
    legal = min(most, max(limits.GZIP_FREE_BYTES, limits.GZIP_RATIO * len(content)))
    parts, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while part := file.read(limits.MEBIBYTE):
                parts.append(part)
                size += len(part)
                if size > legal:
                    raise InputError(
                        f"{path} expands to more than {_size(legal)}, the most that is read of a "
                        "file of its size. Export it in smaller files, or uncompressed"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}; export it again") from error
    return b"".join(parts)


def _size(count: int) -> str:
    return f"{count / limits.MEBIBYTE:,.0f} MB"


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
