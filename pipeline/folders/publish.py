"""Moves a finished folder or file into place, durably and atomically."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from pathlib import Path

from pipeline.folders.marker import NAME, read_marker

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP}


def seal(folder: Path, *, private: bool) -> None:
    """Flush a folder to disk and set its permissions.

    Parameters
    ----------
    folder : Path
    private : bool
        Whether group and others lose access: folders 0700 and files 0600, or stricter if the
        umask is. Otherwise the umask decides.
    """
    umask = os.umask(0)
    os.umask(umask)
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
        if path.is_symlink():
            continue
        full = 0o777 if path.is_dir() else 0o666
        wanted = full & ~umask & (0o700 if private else 0o777)
        special = path.stat().st_mode & 0o7000  # the group of a shared folder is inherited
        path.chmod(wanted | special)
    _sync_all(folder)


def publish_folder(temporary: Path, out: Path) -> Path | None:
    """Move a sealed folder to ``out``, and remove an earlier folder there.

    Parameters
    ----------
    temporary : Path
    out : Path

    Returns
    -------
    Path or None
        Path of the earlier folder, if it has foreign files and is therefore kept.

    Raises
    ------
    OSError
        If ``out`` is a file or, without a marker, a folder that is not empty.
    """
    if not out.exists() or not any(out.iterdir()):
        temporary.rename(out)  # fails if out has been filled since
        _sync(out.parent)
        return None
    if not _exchange(temporary, out):
        _rename_twice(temporary, out)
    _sync(out.parent)
    marker = read_marker(temporary)
    if marker is None or marker.foreign(temporary):
        kept = _unused(out.with_name(f"{out.name}.kept"))
        temporary.rename(kept)
        return kept
    shutil.rmtree(temporary)
    return None


def publish_file(temporary: Path, out: Path, *, replace: bool) -> None:
    """Move a sealed file to ``out``.

    Parameters
    ----------
    temporary : Path
    out : Path
    replace : bool
        Whether an existing file is replaced.

    Raises
    ------
    FileExistsError
        If ``out`` exists and ``replace`` is false.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     new, out = Path(folder, "new"), Path(folder, "out")
    ...     written = new.write_text("x")
    ...     publish_file(new, out, replace=False)
    ...     new.exists(), out.read_text()
    (False, 'x')
    """
    if replace:
        temporary.replace(out)
    else:
        os.link(temporary, out)
        temporary.unlink()
    _sync(out.parent)


def journal_of(out: Path) -> Path:
    """Path of the journal that records an unfinished exchange by renames."""
    return out.with_name(f".{out.name}.cytocast-journal")


def recover(out: Path) -> None:
    """Finish or undo an exchange that was interrupted between its two renames."""
    journal = journal_of(out)
    if not journal.exists():
        return
    try:
        names = json.loads(journal.read_text(encoding="utf-8"))
        new, old = (out.with_name(names[part]) for part in ("new", "old"))
    except (ValueError, KeyError, TypeError):
        new = old = journal  # an incomplete journal: no folder had been renamed yet
    if not out.exists():
        complete = new.is_dir() and (new / NAME).is_file()
        for candidate in (new, old) if complete else (old,):
            if candidate.is_dir():
                candidate.rename(out)
                break
    journal.unlink()


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically; False if the system does not support it."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _rename_twice(new: Path, out: Path) -> None:
    """Exchange two folders by renames that :func:`recover` can finish."""
    old = new.with_name(f"{new.name}-old")
    journal = journal_of(out)
    journal.write_text(json.dumps({"new": new.name, "old": old.name}), encoding="utf-8")
    _sync(journal)
    _sync(out.parent)
    out.rename(old)
    new.rename(out)
    old.rename(new)
    journal.unlink()


def _unused(path: Path) -> Path:
    candidate, number = path, 1
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _sync_all(folder: Path) -> None:
    """Flush everything below a folder to disk, in one call where the system has one."""
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle) != 0:
            os.sync()
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
