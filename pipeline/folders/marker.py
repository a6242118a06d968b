"""The marker of an output: which command wrote it, from what, and the digest of every file."""

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
# folders of predict before there were markers
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
    """What a command wrote.

    Attributes
    ----------
    command : str
        Such as ``predict``.
    key : str
        Digest of everything that can change a byte of the result; "" where none was stated.
    files : mapping of str to str
        SHA-256 in hex by path below the folder, with ``/`` between parts; "" where not known.
    version : str
        Of the package.
    """

    command: str
    key: str
    files: Mapping[str, str]
    version: str = __version__

    def intact(self, folder: Path) -> bool:
        """Whether every file is there with the bytes that were written."""
        return all(
            (folder / name).is_file() and sha256(folder / name) == digest
            for name, digest in self.files.items()
        )

    def foreign(self, folder: Path, unfinished: Collection[str] = ()) -> list[str]:
        """Files below a folder that the command did not write, sorted.

        Parameters
        ----------
        unfinished : collection of str
            Patterns of names at the top of the folder that count as written where the marker is
            ``UNFINISHED``.
        """
        strangers = sorted(name for name in _names(folder) if name not in {*self.files, NAME})
        if self.key != UNFINISHED:
            return strangers
        tops = {name: name.partition("/")[0] for name in strangers}
        return [
            name
            for name, top in tops.items()
            if not any(fnmatchcase(top, pattern) for pattern in unfinished)
        ]

    def to_json(self) -> str:
        """Content of the marker's file."""
        return json.dumps({**asdict(self), "files": dict(self.files)}, indent=1, sort_keys=True)


def mark(folder: Path, command: str, key: str) -> None:
    """Write the marker of a finished folder.

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
    """Add files to the marker of a folder, so that its command may replace them with the rest.

    Nothing is done where the folder has no marker.
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
    """Marker of a folder; None where there is none that can be read.

    A folder with ``run_summary.json`` and no marker is one of ``predict``, by its file names.
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
    """Marker in a file; None where it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        marker = Marker(**content)
        plain = all(isinstance(part, str) for part in (marker.command, marker.key, *marker.files))
    except (OSError, ValueError, TypeError):
        return None
    return marker if plain and isinstance(marker.files, dict) else None


def key_of(content: Mapping[str, Any]) -> str:
    """Digest of what decides a result; the order of the keys does not matter.

    Examples
    --------
    >>> key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> Iterator[str]:
    """Files and links below a folder, with ``/`` between parts."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder).as_posix()
