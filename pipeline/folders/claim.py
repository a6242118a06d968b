"""Checks that a command may write its output, and writes it completely or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import log
from pipeline.errors import UsageError
from pipeline.folders.lock import locked
from pipeline.folders.marker import Marker, mark, marker_of, read_marker, sha256
from pipeline.folders.publish import publish_file, publish_folder, recover, seal

_PARTIAL = ".cytocast-partial"
_SIDECAR = ".cytocast.json"
_SHOWN = 3


@dataclass(frozen=True)
class Claim:
    """An output locked for one command, while the block of :func:`claim` runs.

    Attributes
    ----------
    out : Path
        The output, links resolved.
    stated : Path
        The output as the user gave it, for messages.
    command : str
    force : bool
        Whether an earlier output of the same command is replaced.
    private : bool
        Whether the output is readable by its owner only.
    """

    out: Path
    stated: Path
    command: str
    force: bool
    private: bool = True

    def finished(self, key: str) -> bool:
        """Whether the output is an unchanged result of this command with the same key."""
        earlier = read_marker(self.out) if self.out.is_dir() else None
        return (
            earlier is not None
            and (earlier.command, earlier.key) == (self.command, key)
            and key != ""
            and earlier.intact(self.out)
        )

    def refuse_occupied(self) -> None:
        """Refuse a folder that is not empty, unless ``force`` may replace its content.

        Raises
        ------
        UsageError
            If the folder may not be replaced.
        """
        if self.out.exists() and not self.out.is_dir():
            raise UsageError(
                f"--out {self.stated} is a file; choose a folder",
                options=("out",),
            )
        if not self.out.is_dir() or not any(self.out.iterdir()):
            return
        self.refuse_foreign()
        if not self.force:
            earlier = read_marker(self.out)
            edited = [] if earlier is None else earlier.changed(self.out)
            content = "holds another result (other input, options or version)"
            if edited:
                more = f" and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else ""
                content = f"holds files changed after writing: {', '.join(edited[:_SHOWN])}{more}"
            raise UsageError(
                f"{self.stated} already {content}; choose another --out, or replace it with "
                "--force",
                options=("out", "force"),
            )

    def refuse_foreign(self, unfinished: Collection[str] = ()) -> None:
        """Refuse a folder with files that this command did not write.

        Parameters
        ----------
        unfinished : collection of str
            Patterns of top-level names that an interrupted run may have made.

        Raises
        ------
        UsageError
            If there is one.
        """
        if not self.out.is_dir():
            return
        earlier = read_marker(self.out)
        if earlier is None or earlier.command != self.command:
            if any(self.out.iterdir()):
                owner = "" if earlier is None else f" (written by cytocast {earlier.command})"
                raise UsageError(
                    f"{self.stated} already holds something else{owner}. --force replaces only "
                    f"what cytocast {self.command} wrote; choose another --out",
                    options=("force", "out"),
                )
            return
        foreign_files = earlier.foreign(self.out, unfinished)
        if foreign_files:
            more = f" and {len(foreign_files) - _SHOWN} more" if len(foreign_files) > _SHOWN else ""
            raise UsageError(
                f"{self.stated} contains files not written by cytocast {self.command}: "
                f"{', '.join(foreign_files[:_SHOWN])}{more}; move them, or choose another --out",
                options=("out",),
            )

    @contextmanager
    def folder(self, key: str = "") -> Iterator[Path]:
        """Yield a temporary folder that becomes the output if the block succeeds.

        Parameters
        ----------
        key : str
            Digest of everything that can change a byte; see :meth:`finished`.

        Raises
        ------
        UsageError
            If the output is occupied, or cannot be written.
        """
        self.refuse_occupied()
        with self._partial() as temporary:
            yield temporary
            mark(temporary, self.command, key)
            seal(temporary, private=self.private)
            try:
                kept = publish_folder(temporary, self.out)
            except OSError as error:
                raise UsageError(
                    f"cannot write --out {self.stated}: {error.strerror}", options=("out",)
                ) from error
            if kept is not None:
                log.warn(
                    f"files were added to {self.stated} during the run; they are kept in {kept}"
                )

    @contextmanager
    def files(self, names: Iterable[str], *, always: bool = False) -> Iterator[Path]:
        """Yield a temporary folder whose files move to the folder of ``out`` on success.

        Parameters
        ----------
        names : iterable of str
            Files that may be written. An existing file is replaced only if the sidecar of ``out``
            lists it, and removed if it is not written again.
        always : bool
            Replace files of this command even without ``force``.

        Raises
        ------
        UsageError
            If an existing file may not be replaced.
        """
        wanted = list(names)
        self.refuse_files(wanted, always=always)
        owned = self._owned()
        with self._partial() as temporary:
            yield temporary
            made = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
            kept = {name: digest for name, digest in owned.items() if name not in wanted}
            sidecar = Marker(self.command, "", {**kept, **made})
            (temporary / self._sidecar.name).write_text(sidecar.to_json() + "\n", encoding="utf-8")
            seal(temporary, private=True)
            # sidecar first: after a kill, the next run recognises the files as this command's
            for name in [self._sidecar.name, *sorted(made, key=lambda name: name == self.out.name)]:
                replace = name in owned or name == self._sidecar.name
                try:
                    publish_file(temporary / name, self.out.with_name(name), replace=replace)
                except OSError as error:
                    raise UsageError(
                        f"cannot write {self.stated.with_name(name)}: {error.strerror}"
                    ) from error
            for name in set(wanted) & set(owned) - set(made):
                self.out.with_name(name).unlink(missing_ok=True)

    @property
    def _sidecar(self) -> Path:
        return self.out.with_name(f".{self.out.name}{_SIDECAR}")

    def _owned(self) -> dict[str, str]:
        """Digests of the files that this command wrote, from the sidecar."""
        earlier = marker_of(self._sidecar) if self._sidecar.is_file() else None
        if earlier is None or earlier.command != self.command:
            return {}
        return {name: each for name, each in earlier.files.items() if Path(name).name == name}

    def refuse_files(self, names: Iterable[str], *, always: bool = False) -> None:
        """Refuse existing files, except those that may be replaced; see :meth:`files`.

        Raises
        ------
        UsageError
            If a file may not be replaced.
        """
        owned = self._owned()
        for name in names:
            path = self.out.with_name(name)
            if path.is_dir():
                raise UsageError(f"{path} is a folder; choose another --out", options=("out",))
            if not path.exists():
                continue
            if name not in owned:
                raise UsageError(
                    f"{path} exists; --force replaces only what cytocast {self.command} wrote; "
                    "choose another --out",
                    options=("force", "out"),
                )
            if not self.force and not always:
                raise UsageError(
                    f"{path} exists; choose another --out, or replace it with --force",
                    options=("out", "force"),
                )

    @contextmanager
    def _partial(self) -> Iterator[Path]:
        temporary = _make_partial(self.out, self.stated)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def claim(
    out: Path, *, command: str, reads: Iterable[Path] = (), force: bool, private: bool = True
) -> Iterator[Claim]:
    """Check that an output may be written, and lock it for one command.

    Links are followed. Leftovers of killed runs are removed, and an interrupted exchange of
    folders is finished.

    Parameters
    ----------
    out : Path
        Folder or file that the command writes.
    command : str
        Name of the command.
    reads : iterable of Path
        Every path that the command reads: inputs, mapping, configuration, key, bundle, store.
    force : bool
        Whether an earlier output of the same command is replaced.
    private : bool
        Whether only the owner may read the output.

    Yields
    ------
    Claim

    Raises
    ------
    UsageError
        If the output is the current folder or above it, a mount point, equal to, above or below
        an input, in use by another process, or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     with claim(Path(place) / "out", command="audit", force=False) as output:
    ...         with output.folder() as folder:
    ...             _ = (folder / "audit.json").write_text("[]")
    ...     sorted(path.name for path in (Path(place) / "out").iterdir())
    ['.cytocast.json', 'audit.json']
    """
    with ExitStack() as locks:
        with _refused(out):
            place = out.resolve()
            if place.is_symlink():  # Python 3.13 leaves a circle of links as it is
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            _refuse_inputs(place, out, reads)
            _refuse_special(place, out)
            _refuse_unwritable(place, out)
            place.parent.mkdir(parents=True, exist_ok=True)
            locks.enter_context(locked(place.with_name(f".{place.name}.cytocast-lock"), str(out)))
            recover(place)
            _remove_leftovers(place)
        yield Claim(place, out, command, force, private)


@contextmanager
def _refused(out: Path) -> Iterator[None]:
    """Raise UsageError where the operating system refuses the path of the output."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a circle of links
        reason = os.strerror(errno.ELOOP) if isinstance(error, RuntimeError) else str(error)
        if isinstance(error, OSError):
            reason = error.strerror or reason
        raise UsageError(
            f"cannot write --out {out}: {reason}; choose another path", options=("out",)
        ) from error


def _refuse_inputs(place: Path, out: Path, reads: Iterable[Path]) -> None:
    for path in reads:
        try:
            source = path.resolve()
        except (OSError, RuntimeError, ValueError):  # refused when it is read
            continue
        if place == source or place in source.parents:
            raise UsageError(
                f"--out {out} is or contains the input {path} and would replace it; choose another "
                "folder",
                options=("out",),
            )
        if source in place.parents:
            raise UsageError(
                f"--out {out} is inside the input {path}; choose a folder outside it",
                options=("out",),
            )


def _refuse_special(place: Path, out: Path) -> None:
    """Refuse the current folder, folders above it, and mount points."""
    here = Path.cwd().resolve()
    if place == here or place in here.parents:
        raise UsageError(
            f"--out {out} is or contains the current folder; choose a folder inside it",
            options=("out",),
        )
    if os.path.ismount(place):
        raise UsageError(
            f"--out {out} is a mount point; choose a folder inside it", options=("out",)
        )


def _refuse_unwritable(place: Path, out: Path) -> None:
    """Refuse a path where no folder can be created, before any work is done."""
    parent = place.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise UsageError(
            f"cannot write --out {out}: {parent} is a file; choose a path below a folder",
            options=("out",),
        )
    try:  # try it: permissions do not show a full, read-only or virtual file system
        longest = f"{_PARTIAL}-old"  # longest suffix of the temporary names
        trial = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=longest, dir=parent))
        with suppress(FileNotFoundError):  # another process removed it as a leftover
            trial.rmdir()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise
        raise UsageError(
            f"cannot write --out {out}: {parent} allows no new folder ({error.strerror}); "
            "choose another path",
            options=("out",),
        ) from error


def _make_partial(place: Path, out: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=_PARTIAL, dir=place.parent))
    except OSError as error:
        raise UsageError(f"cannot write --out {out}: {error.strerror}", options=("out",)) from error


def _remove_leftovers(place: Path) -> None:
    """Remove temporary folders of killed runs; the lock excludes a running writer."""
    if not place.parent.is_dir():
        return
    # no dot in the random part: "a" must not match the folders of an output "a.b"
    leftover = re.compile(rf"\.{re.escape(place.name)}\.[^.]+{re.escape(_PARTIAL)}(-old)?")
    for path in place.parent.iterdir():
        if leftover.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)
