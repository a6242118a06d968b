"""Marker file of an output: the command that wrote it, its key, and the digest of every file."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline import __version__

NAME = ".cytocast.json"
UNFINISHED = "unfinished"  # key of a folder that a command fills step by step
# outputs of predict from versions without markers
_LEGACY = "run_summary.json"
_LEGACY_FILES = {
    _LEGACY,
    "predictions.csv",
    "explanations.parquet",
    "rejects.csv",
    "flags.csv",
    "riskassessments.ndjson",
}
_LEGACY_FOLDER = "report"


@dataclass(frozen=True)
class Marker:
    """Files that a command wrote, with their digests.

    Attributes
    ----------
    command : str
        For example ``predict``.
    key : str
        Digest of everything that can change a byte of the result; "" if not given.
    files : mapping of str to str
        SHA-256 in hex by path below the folder, with ``/`` between parts; "" if unknown.
    version : str
        Version of the package.
    """

    command: str
    key: str
    files: Mapping[str, str]
    version: str = __version__

    def changed(self, folder: Path) -> list[str]:
        """Files that are missing or no longer have their original bytes."""
        return [
            name
            for name, digest in self.files.items()
            if not (folder / name).is_file() or sha256(folder / name) != digest
        ]

    def intact(self, folder: Path) -> bool:
        """Whether every file exists and has its original bytes."""
        return not self.changed(folder)

    def foreign(self, folder: Path, unfinished: Collection[str] = ()) -> list[str]:
        """Files below a folder that the command did not write, sorted.

        Parameters
        ----------
        unfinished : collection of str
            Patterns of top-level names that also count as written if the key is ``UNFINISHED``.

        Returns
        -------
        list of str
            Paths below the folder.
        """
        foreign_files = sorted(name for name in _names(folder) if name not in {*self.files, NAME})
        if self.key != UNFINISHED:
            return foreign_files
        tops = {name: name.partition("/")[0] for name in foreign_files}
        return [
            name
            for name, top in tops.items()
            if not any(fnmatchcase(top, pattern) for pattern in unfinished)
        ]

    def to_json(self) -> str:
        """Return the content of the marker file."""
        return json.dumps({**asdict(self), "files": dict(self.files)}, indent=1, sort_keys=True)


def mark(folder: Path, command: str, key: str) -> None:
    """Write the marker of a finished folder.

    Parameters
    ----------
    folder : Path
    command : str
        Name of the command that wrote the folder.
    key : str
        Digest of everything that can change a byte of the result; "" if not known.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.csv").write_text("x")
    ...     mark(Path(folder), "audit", "")
    ...     read_marker(Path(folder)).files.keys()
    dict_keys(['a.csv'])
    """
    files = {name: sha256(folder / name) for name in sorted(_names(folder)) if name != NAME}
    text = Marker(command, key, files).to_json()
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def add_to_marker(folder: Path, names: Collection[str]) -> None:
    """Add files to the marker of a folder, so that ``--force`` replaces them too.

    A folder without a marker stays unchanged.

    Parameters
    ----------
    folder : Path
    names : collection of str
        Paths of existing files below the folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     folder = Path(place)
    ...     mark(folder, "train", "")
    ...     written = (folder / "card.html").write_text("x")
    ...     add_to_marker(folder, ["card.html"])
    ...     list(read_marker(folder).files)
    ['card.html']
    """
    marker = marker_of(folder / NAME) if (folder / NAME).is_file() else None
    if marker is None:
        return
    files = {**marker.files, **{name: sha256(folder / name) for name in names}}
    temporary = folder / f"{NAME}.new"
    temporary.write_text(replace(marker, files=files).to_json() + "\n", encoding="utf-8")
    shutil.copymode(folder / NAME, temporary)
    temporary.replace(folder / NAME)


def read_marker(folder: Path) -> Marker | None:
    """Read the marker of a folder; None if missing or unreadable.

    A folder with ``run_summary.json`` and no marker counts as an output of ``predict``.
    """
    if (folder / NAME).is_file():
        return marker_of(folder / NAME)
    if not (folder / _LEGACY).is_file():
        return None
    names = [
        name
        for name in _names(folder)
        if name in _LEGACY_FILES or name.startswith(f"{_LEGACY_FOLDER}/")
    ]
    return Marker("predict", "", dict.fromkeys(names, ""), "")


def marker_of(path: Path) -> Marker | None:
    """Read a marker file; None if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        marker = Marker(**content)
        plain = all(isinstance(part, str) for part in (marker.command, marker.key, *marker.files))
    except (OSError, ValueError, TypeError):
        return None
    return marker if plain and isinstance(marker.files, dict) else None


def key_of(content: Mapping[str, Any]) -> str:
    """Digest of the inputs and options of a result, whatever the order of its keys.

    Parameters
    ----------
    content : mapping
        Values that JSON can represent.

    Returns
    -------
    str
        SHA-256 in hex.

    Examples
    --------
    >>> key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of the bytes of a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        64 hex digits.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     sha256(Path(file.name))[:16]
    'e3b0c44298fc1c14'
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> Iterator[str]:
    """Files and links below a folder, with ``/`` between parts."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder).as_posix()
