"""One writer at a time: an advisory lock beside an output, released when its owner ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UsageError

_PAUSE_SECONDS = 0.1


@contextmanager
def locked(
    path: Path,
    what: str,
    *,
    wait_seconds: float = 0.0,
    remedy: str = "wait until it ends, or choose another --out",
    options: tuple[str, ...] = ("out",),
) -> Iterator[None]:
    """Hold the lock file ``path`` for this block; the system releases it if the process dies.

    Parameters
    ----------
    path : Path
        Made where missing, and removed at the end.
    what : str
        What is locked, for the message.
    wait_seconds : float
        How long to wait for another owner.
    remedy : str
        What to do where another process holds it.
    options : tuple of str
        Command-line options that the remedy names.

    Raises
    ------
    UsageError
        If another process holds it, and did not release it in time.
    """
    handle = _acquire(path, what, wait_seconds, remedy, options)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _acquire(
    path: Path, what: str, wait_seconds: float, remedy: str, options: tuple[str, ...]
) -> int:
    until = time.monotonic() + wait_seconds
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            if time.monotonic() < until:
                time.sleep(_PAUSE_SECONDS)
                continue
            raise UsageError(
                f"{what} is being written by another cytocast (process {owner or 'unknown'}); "
                f"{remedy}",
                options=options,
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
