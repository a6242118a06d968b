"""Reads input files; refuses a file that is not regular, not readable or too large."""

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
    """Why an existing path is not a regular file; "" for a regular or missing file.

    A pipe is not opened, so the call cannot block.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

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
    return "is " + next((kind for is_kind, kind in _KINDS if is_kind(mode)), "of an unknown kind")


def refuse_irregular(path: Path, error: type[CytocastError] = InputError) -> None:
    """Refuse a path that exists and is not a regular file.

    Parameters
    ----------
    path : Path
    error : type of CytocastError
        Class of the error raised.

    Raises
    ------
    CytocastError
        Of the given class.

    Examples
    --------
    >>> refuse_irregular(Path(os.devnull))
    Traceback (most recent call last):
    pipeline.errors.InputError: /dev/null is a device, not a file. Mount the share, correct the \
link, or put the file itself there
    """
    problem = irregular(path)
    if problem:
        raise error(
            f"{path} {problem}, not a file. Mount the share, correct the link, or put the file "
            "itself there"
        )


def listing(folder: Path) -> list[Path]:
    """Entries of a folder, sorted by name.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        If the folder cannot be listed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "labs.csv").write_text("")
    ...     [path.name for path in listing(Path(folder))]
    ['labs.csv']
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{folder} cannot be listed: {_why(error)}. Give a folder that you have permission to "
            "read"
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
        Class of the error raised for a file that cannot be used.
    most : int
        Largest accepted size in bytes.

    Returns
    -------
    bytes

    Raises
    ------
    CytocastError
        If the file is not regular, cannot be read, or is larger.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labs.csv"
    ...     _ = path.write_bytes(b"patient_id")
    ...     read_file(path)
    b'patient_id'
    """
    refuse_irregular(path, error)
    try:
        size = path.stat().st_size
        if size > most:
            raise error(
                f"{path} has {_size(size)}; at most {_size(most)} are accepted. Split the file"
            )
        return path.read_bytes()
    except OSError as problem:
        raise error(f"{path} cannot be read: {_why(problem)}") from problem


def read_settings(path: Path) -> str:
    """Text of a YAML file of settings or of a mapping.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str

    Raises
    ------
    UsageError
        If the file cannot be read, is too large, or is not UTF-8.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.yaml"
    ...     _ = path.write_text("seed: 1")
    ...     read_settings(path)
    'seed: 1'
    """
    try:
        return read_file(path, error=UsageError, most=limits.YAML_BYTES).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UsageError(f"cannot read {path}: {problem}; save it as UTF-8") from problem


def decompressed(content: bytes, path: Path, *, most: int = limits.JSON_BYTES) -> bytes:
    """Content of a gzip file, decompressed in pieces so that a gzip bomb stops early.

    Parameters
    ----------
    content : bytes
        Compressed.
    path : Path
        Named in the message.
    most : int
        Largest accepted size in bytes after decompression.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If the file is damaged or expands too much.

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
                        f"{path} expands to more than {_size(legal)}, the limit for a compressed "
                        "file of this size. Export it in smaller files, or uncompressed"
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}; export it again") from error
    return b"".join(parts)


def _size(count: int) -> str:
    return f"{count / limits.MEBIBYTE:,.0f} MB"


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
