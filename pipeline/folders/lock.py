"""Advisory lock file of an output: one writer at a time, released when its process ends."""

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
        Lock file, created if missing and removed at the end.
    what : str
        Name of the output, for the message.
    wait_seconds : float
        Longest wait for another process, in seconds.
    remedy : str
        Advice in the message when another process holds the lock.
    options : tuple of str
        Command-line options that the remedy names.

    Raises
    ------
    UsageError
        If another process holds the lock and does not release it in time.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     lock = Path(folder, "out.lock")
    ...     with locked(lock, "out"):
    ...         held = lock.exists()
    ...     held, lock.exists()
    (True, False)
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
    deadline = time.monotonic() + wait_seconds
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            if time.monotonic() < deadline:
                time.sleep(_PAUSE_SECONDS)
                continue
            raise UsageError(
                f"{what} is being written by another cytocast (process {owner or 'unknown'}); "
                f"{remedy}",
                options=options,
            ) from error
        if _is_still(path, handle):  # else its owner has just removed the file
            os.truncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            return handle
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        on_disk = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(handle)
    return (on_disk.st_dev, on_disk.st_ino) == (opened.st_dev, opened.st_ino)
