"""Turns unexpected failures into an exit code and one sentence, without a traceback."""

from __future__ import annotations

import errno
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

BUG, USAGE, INPUT, STORE, INTERRUPTED, TERMINATED = 1, 2, 3, 5, 130, 143
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_STORES = ("mlflow", "sqlalchemy", "alembic", "sqlite3")


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Raise :class:`Terminated` on SIGTERM within this block, so that unfinished files are removed.

    Examples
    --------
    >>> import os
    >>> try:
    ...     with ended_by_sigterm():
    ...         os.kill(os.getpid(), signal.SIGTERM)
    ... except Terminated:
    ...     "terminated"
    'terminated'
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def describe_failure(error: BaseException) -> tuple[int, str]:
    """Exit code and message for an exception that is not a :class:`CytocastError`.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    code : int
    message : str

    Examples
    --------
    >>> describe_failure(MemoryError())[0], describe_failure(KeyboardInterrupt())
    (3, (130, 'interrupted; no output was changed'))
    >>> describe_failure(OSError(28, "No space left on device", "/srv/out"))
    (2, 'no space left for /srv/out; free some, or choose another folder')
    """
    if isinstance(error, Terminated):
        return TERMINATED, "terminated; no output was changed"
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; no output was changed"
    if isinstance(error, MemoryError):
        return INPUT, "not enough memory; give fewer patients at once, or use a larger machine"
    if isinstance(error, RecursionError):
        return INPUT, "the input is nested too deeply; export it again with flatter content"
    kinds = {each.__module__.partition(".")[0] for each in type(error).__mro__}
    if kinds & set(_STORES):
        return STORE, f"the tracking store failed ({_first_line(error)}); check MLFLOW_TRACKING_URI"
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeError):
        return INPUT, f"text cannot be read or written ({error}); save the files as UTF-8"
    place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    where = f" at {Path(place.filename).name}:{place.lineno}" if place else ""
    return BUG, (
        f"unexpected {type(error).__name__}{where}: this is a bug. Please report the output of "
        "--debug, without patient data"
    )


def _of_system(error: OSError) -> tuple[int, str]:
    name = error.filename if isinstance(error.filename, str) else ""
    place = f" {name}" if name else ""
    if error.errno in _FULL:
        return (
            USAGE,
            f"no space left{f' for{place}' * bool(name)}; free some, or choose another folder",
        )
    if error.errno in _DENIED:
        return USAGE, (
            f"no permission to read or write{place or ' a file'} ({error.strerror}); "
            "change the permission or choose another folder"
        )
    return INPUT, f"the system cannot read or write{place or ' a file'} ({_first_line(error)})"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
