"""One writer at a time: an advisory lock beside an output, released when its owner ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UsageError


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for this block; the system releases it if the process dies.

    Parameters
    ----------
    path : Path
        Made where missing, and removed at the end.
    what : str
        What is locked, for the message.

    Raises
    ------
    UsageError
        If another process holds it.
    """
    handle = _acquire(path, what)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(path: Path, what: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise UsageError(
                f"{what} is being written by another cytocast (process {owner or 'unknown'}); "
                "wait until it ends, or choose another --out",
                options=("out",),
            ) from error
        if _is_still(path, handle):  # not the file of an owner who has just removed it
            os.truncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            return handle
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
