"""Output folders that are either complete or absent."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UsageError


def refuse_occupied(out: Path, *inputs: Path, force: bool) -> None:
    """Refuse an output path that holds something, unless told to replace it.

    Parameters
    ----------
    inputs : Path
        What the command reads; ``out`` may never be one of them or hold one, even with ``force``.

    Raises
    ------
    UsageError
    """
    place = out.resolve()
    for path in inputs:
        source = path.resolve()
        if place == source or place in source.parents:
            raise UsageError(
                f"--out {out} is, or holds, the input {path} and would replace it; choose another "
                "folder",
                options=("out",),
            )
    _refuse_unwritable(out)
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not force):
        raise UsageError(
            f"{out} already holds something else; choose another --out, or replace it with --force",
            options=("out", "force"),
        )


def _refuse_unwritable(out: Path) -> None:
    """Refuse a place where no folder can be made, before any work is done."""
    parent = out.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise UsageError(
            f"cannot write --out {out}: {parent} is a file, not a folder", options=("out",)
        )
    try:  # permissions do not tell of a full, read-only or virtual file system
        Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=parent)).rmdir()
    except OSError as error:
        raise UsageError(
            f"cannot write --out {out}: no folder can be made in {parent} ({error.strerror})",
            options=("out",),
        ) from error


@contextmanager
def complete_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """Give a temporary folder beside ``out`` and rename it to ``out`` when all went well.

    Raises
    ------
    UsageError
        If ``out`` holds something and ``force`` is false, or cannot be written.
    """
    refuse_occupied(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error}") from error
    try:
        temporary.chmod(0o755)
        yield temporary
        if out.is_dir():
            old = out.with_name(f".{out.name}-old")
            shutil.rmtree(old, ignore_errors=True)
            out.rename(old)
            temporary.rename(out)
            shutil.rmtree(old)
        else:
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
