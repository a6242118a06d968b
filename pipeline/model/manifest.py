"""The manifest of a bundle: digests of every file, and of the manifest itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.config_model import PRIOR
from pipeline.errors import BundleError, shown

FORMAT = 5
READABLE = (2, 3, 4, 5)
_WHOLE = 4  # from this format on, the digest covers the whole manifest
SCHEMA_VERSION = "1"
MANIFEST = "manifest.json"
SIGNATURE = "signature.json"
_AGAIN = "copy the whole bundle again"
_FIELDS = {
    2: {"format", "schema_version", "bundle_sha256", "scales", "files"},
    3: {
        *("format", "schema_version", "bundle_sha256", "scales", "files"),
        *("reports", "reports_sha256"),
    },
}
_FIELDS[4] = _FIELDS[5] = _FIELDS[3]
# JSON files of formats 2 and 3 that hold no model
_NO_SCALES = {"audit", "card", "config", "evaluation", "gate_draws", "provenance", "reference"}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SEPARATORS = re.compile(r'[/\\:*?"<>|]')
_LONGEST_NAME = 255


def read_manifest(root: Path) -> dict[str, Any]:
    """Read the manifest of a bundle folder; check format, types, names and its own digests.

    Parameters
    ----------
    root : Path

    Returns
    -------
    dict
        ``format, schema_version, scales, files, reports, bundle_sha256, reports_sha256``.

    Raises
    ------
    BundleError
        If the folder has no manifest, or it is damaged, changed or of an unknown format.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     written = Path(place, "crs.json").write_text("{}")
    ...     digest = write_manifest(Path(place), ["crs"], reports={})
    ...     manifest = read_manifest(Path(place))
    >>> manifest["scales"], list(manifest["files"]), manifest["bundle_sha256"] == digest
    (['crs'], ['crs.json'], True)
    """
    path = root / MANIFEST
    if path.is_symlink():
        raise BundleError(f"{path} is a link; a bundle has regular files only; {_AGAIN}")
    if not path.is_file():
        raise BundleError(
            f"{root} is not a bundle (no {MANIFEST}); give the folder that 'cytocast train' wrote, "
            "or models:/<name>@<alias>"
        )
    return parse_manifest(_read(path), path)


def parse_manifest(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the bytes of a manifest, with the checks of :func:`read_manifest`.

    Parameters
    ----------
    content : bytes
    path : Path
        File of the manifest, for messages.

    Returns
    -------
    dict

    Raises
    ------
    BundleError
        If the manifest is damaged, changed or of an unknown format.
    """
    try:
        manifest = json.loads(content.decode("utf-8"), object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({shown(str(error))}); {_AGAIN}") from error
    version = manifest.get("format") if isinstance(manifest, dict) else None
    if type(version) is not int:
        raise BundleError(f"{path} is damaged (no bundle format); {_AGAIN}")
    if version not in READABLE:
        known = f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}"
        raise BundleError(
            f"{path.parent} has bundle format {version}; this version reads {known}; retrain"
        )
    problem = _problem(manifest, version)
    if problem:
        raise BundleError(f"{path} is damaged ({problem}); {_AGAIN}")
    if version == 2:  # reports were listed among the files
        manifest |= {"reports": {}, "reports_sha256": digest_of({})}
    intact = manifest["bundle_sha256"] == _identity(manifest) and manifest[
        "reports_sha256"
    ] == digest_of(manifest["reports"])
    if not intact or (version >= _WHOLE and content != _text(manifest).encode("utf-8")):
        raise BundleError(f"{path} was changed: its digest does not match; {_AGAIN}")
    return dict(manifest)


def verified_files(root: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Read every file that a manifest lists, reports included, and compare its digest.

    Hidden files, for example ``.cytocast.json``, and a signature need not be listed: loading a
    bundle does not read them.

    Parameters
    ----------
    root : Path
    manifest : mapping
        From :func:`read_manifest`.

    Returns
    -------
    dict of str to bytes
        Content by file name.

    Raises
    ------
    BundleError
        If a file is missing, changed or a link, or the folder has a file that is not listed.
    """
    listed = {**manifest["files"], **manifest["reports"]}
    present, links = _present(root)
    if links:
        raise BundleError(
            f"{root} has the link {shown(links[0])}; a bundle has regular files only; {_AGAIN}"
        )
    for name in sorted(listed):
        if name not in present:
            raise BundleError(f"{root} is incomplete: {name} is missing; {_AGAIN}")
    extra = sorted(present - set(listed) - {MANIFEST, SIGNATURE})
    if extra:
        raise BundleError(
            f"{root} has {shown(extra[0])}, which its manifest does not list; remove it, or "
            f"{_AGAIN}"
        )
    contents = {name: _read(root / name) for name in listed}
    for name, expected in listed.items():
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise BundleError(
                f"{root} is damaged or was changed: {name} does not match the manifest; {_AGAIN}, "
                "or retrain"
            )
    return contents


def verify_bundle(root: Path) -> dict[str, Any]:
    """Check every file of a bundle folder against its manifest.

    Parameters
    ----------
    root : Path

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    BundleError
        If the manifest or a file is missing, damaged or changed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     written = Path(place, "crs.json").write_text("{}")
    ...     digest = write_manifest(Path(place), ["crs"], reports={})
    ...     verify_bundle(Path(place))["bundle_sha256"] == digest
    True
    """
    manifest = read_manifest(root)
    verified_files(root, manifest)
    return manifest


def write_manifest(folder: Path, scales: Iterable[str], reports: Mapping[str, str]) -> str:
    """Write the manifest of a finished folder.

    Parameters
    ----------
    folder : Path
    scales : iterable of str
        Scales that have a model.
    reports : mapping of str to str
        Digest of each file that is not used in scoring.

    Returns
    -------
    str
        SHA-256 of the files used in scoring.
    """
    scoring = {name: each for name, each in file_digests(folder).items() if name not in reports}
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "scales": sorted(scales),
        "files": scoring,
        "reports": dict(reports),
        "reports_sha256": digest_of(reports),
    }
    manifest["bundle_sha256"] = _identity(manifest)
    (folder / MANIFEST).write_text(_text(manifest), encoding="utf-8", newline="\n")
    return str(manifest["bundle_sha256"])


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file except manifest and signature, by path below the folder."""
    present, _ = _present(folder)
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in sorted(present - {MANIFEST, SIGNATURE})
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """SHA-256 of a mapping; the order of its keys does not matter.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(dict(content), sort_keys=True).encode()).hexdigest()


def name_problem(name: str) -> str:
    r"""Return why a file name is not plain; "" if it is plain.

    A plain name has one part, or one part below the folder of the prior.

    Examples
    --------
    >>> [name_problem(name) for name in ("crs.json", "prior/crs_state_0.ubj")]
    ['', '']
    >>> [bool(name_problem(name)) for name in ("../crs.json", "/etc/passwd", "a/b.json", "a\n")]
    [True, True, True, True]
    """
    part = name.removeprefix(f"{PRIOR}/")
    plain = (
        part != ""
        and part.isprintable()
        and not _SEPARATORS.search(part)
        and not part.startswith((".", " "))
        and not part.endswith((".", " "))
        and len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_NAME
        and unicodedata.normalize("NFC", part) == part
    )
    return "" if plain else f"file name {shown(ascii(name))} is not plain"


def _identity(manifest: Mapping[str, Any]) -> str:
    """Digest of the files used in scoring; in formats 2 and 3, of the list of files only."""
    if manifest["format"] < _WHOLE:
        return digest_of(manifest["files"])
    return digest_of(
        {key: manifest[key] for key in ("format", "schema_version", "scales", "files")}
    )


def _text(manifest: Mapping[str, Any]) -> str:
    return json.dumps(dict(manifest), sort_keys=True, indent=1, allow_nan=False) + "\n"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name occurs twice")
    return content


def _problem(manifest: Mapping[str, Any], version: int) -> str:
    """Return what is wrong with the fields of a manifest, digests not compared; or ""."""
    missing, unknown = _FIELDS[version] - set(manifest), set(manifest) - _FIELDS[version]
    if missing or unknown:
        kind = "no" if missing else "unknown"
        return f"{kind} field {shown(min(missing or unknown))}"
    if manifest["schema_version"] != SCHEMA_VERSION:
        return "unknown schema version"
    parts = [manifest[key] for key in ("files", "reports") if key in manifest]
    if not all(isinstance(part, dict) for part in parts) or not manifest["files"]:
        return "no list of files"
    digests = [manifest[key] for key in ("bundle_sha256", "reports_sha256") if key in manifest]
    digests += [each for part in parts for each in part.values()]
    if not all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in digests):
        return "a digest is not a SHA-256"
    names = [name for part in parts for name in part]
    problems = list(filter(None, map(name_problem, names)))
    if problems:
        return problems[0]
    if len({name.casefold() for name in names}) != len(names):
        return "a file name occurs twice"
    if {MANIFEST, SIGNATURE} & set(names):
        return "it lists itself or its signature"
    scales = manifest["scales"]
    if not isinstance(scales, list) or not all(isinstance(each, str) for each in scales):
        return "no list of scales"
    if not {f"{scale}.json" for scale in scales} <= set(manifest["files"]):
        return "a scale without its file"
    if version < _WHOLE and scales != _scales_of(manifest["files"]):
        return "scales do not match the files"
    return ""


def _scales_of(files: Iterable[str]) -> list[str]:
    """Scales of a list of files, for old formats, whose digest does not cover the scales."""
    paths = map(PurePosixPath, files)
    stems = {path.stem for path in paths if len(path.parts) == 1 and path.suffix == ".json"}
    return sorted(stems - _NO_SCALES)


def _present(root: Path) -> tuple[set[str], list[str]]:
    """Paths of the visible files below a folder, and of the links."""
    files: set[str] = set()
    links: list[str] = []
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in [*folders, *names]:
            path = Path(place) / name
            shown_path = path.relative_to(root).as_posix()
            if name.startswith("."):
                continue
            if path.is_symlink():
                links.append(shown_path)
            elif path.is_file() or not path.is_dir():
                files.add(shown_path)
    return files, sorted(links)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise BundleError(f"{path} is not a regular file; {_AGAIN}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); {_AGAIN}") from error
