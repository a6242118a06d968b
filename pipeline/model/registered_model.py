"""Checks the model folder of the registry: digests of bundle and code, compared with tags."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import log
from pipeline.errors import BundleError, shown
from pipeline.model.manifest import digest_of, verify_bundle

SEAL = "integrity.json"
BUNDLE_FOLDER = Path("artifacts") / "bundle"
BUNDLE_TAG, REPORTS_TAG, CODE_TAG = "bundle_sha256", "reports_sha256", "code_sha256"
_TAGS = (BUNDLE_TAG, REPORTS_TAG, CODE_TAG)
# MLflow writes the first when it fetches a model
_NOT_CODE = {"registered_model_meta", SEAL}
_CACHE = "__pycache__"
_REGISTER = "register the bundle again, or restore the artifact"


def seal_model(model: Path) -> dict[str, str]:
    """Write the digests of a saved model into its folder.

    They cover the bundle, its reports, and every file that determines what a scoring server runs:
    code, ``MLmodel`` and requirements.

    Parameters
    ----------
    model : Path
        Folder of the model, with ``artifacts/bundle``.

    Returns
    -------
    dict of str to str
        Tags for the model version: ``bundle_sha256, reports_sha256, code_sha256``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.model.bundle import empty_bundle, save_bundle
    >>> with TemporaryDirectory() as place:
    ...     digest = save_bundle(empty_bundle(), Path(place, BUNDLE_FOLDER))
    ...     tags = seal_model(Path(place))
    >>> tags["bundle_sha256"] == digest, sorted(tags)
    (True, ['bundle_sha256', 'code_sha256', 'reports_sha256'])
    """
    manifest = verify_bundle(model / BUNDLE_FOLDER)
    code = _code_digests(model)
    tags = {
        BUNDLE_TAG: str(manifest[BUNDLE_TAG]),
        REPORTS_TAG: str(manifest[REPORTS_TAG]),
        CODE_TAG: digest_of(code),
    }
    text = json.dumps({**tags, "code": code}, indent=1, sort_keys=True)
    (model / SEAL).write_text(text + "\n", encoding="utf-8")
    return tags


def refuse_changed_model(model: Path, tags: Mapping[str, str], address: str) -> None:
    """Compare a fetched model with the tags of its version in the registry.

    Parameters
    ----------
    model : Path
        Folder of the model.
    tags : mapping of str to str
        Tags of the model version. Versions registered by earlier releases lack some digests;
        these are not compared, and a warning names them.
    address : str
        Address of the model, for messages.

    Raises
    ------
    BundleError
        If the bundle, a report or the code differs from the registered one.
    """
    refuse_changed_bundle(model / BUNDLE_FOLDER, tags, address)
    if CODE_TAG in tags:
        _refuse_other(CODE_TAG, digest_of(_code_digests(model)), tags[CODE_TAG], address)
    absent = [name for name in _TAGS if name not in tags]
    if absent:
        log.warn(
            f"{address} has no {', '.join(absent)} in the registry (registered by an earlier "
            "release), so this part of the artifact is not checked; register the bundle again"
        )


def refuse_changed_bundle(bundle: Path, tags: Mapping[str, str], address: str) -> None:
    """Compare a fetched bundle with the digests in the tags of its run or version.

    Parameters
    ----------
    bundle : Path
        Folder of the bundle.
    tags : mapping of str to str
    address : str
        Address of the model or run, for messages.

    Raises
    ------
    BundleError
        If the bundle is not intact or differs from the registered one.
    """
    manifest = verify_bundle(bundle)
    for name in (BUNDLE_TAG, REPORTS_TAG):
        if name in tags:
            _refuse_other(name, str(manifest[name]), tags[name], address)


def _refuse_other(name: str, actual: str, wanted: str, address: str) -> None:
    if actual != wanted:
        raise BundleError(
            f"the artifact of {address} differs from the registered one: its {name} is "
            f"{actual[:12]}, the registry has {shown(wanted, 13)}; {_REGISTER}"
        )


def refuse_unsealed_model(model: Path) -> None:
    """Compare a model folder with the digests that :func:`seal_model` wrote.

    Parameters
    ----------
    model : Path
        Folder of the model.

    Raises
    ------
    BundleError
        If there are no digests, or the bundle or the code was changed.

    Examples
    --------
    >>> refuse_unsealed_model(Path("/no/such/model"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.BundleError: /no/such/model/integrity.json is missing or damaged, so ...
    """
    path = model / SEAL
    try:
        sealed: dict[str, Any] = json.loads(path.read_bytes())
        code, tags = sealed["code"], {name: sealed[name] for name in _TAGS}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(
            f"{path} is missing or damaged, so the code cannot be checked; {_REGISTER}"
        ) from error
    present = _code_digests(model)
    changed = sorted(
        name for name in {*code, *present} if dict(code).get(name) != present.get(name)
    )
    if changed:
        raise BundleError(f"{model / changed[0]} differs from the registered file; {_REGISTER}")
    refuse_changed_model(model, tags, str(model))


def _code_digests(model: Path) -> dict[str, str]:
    """SHA-256 of every file of a model except its bundle; for a link, its target."""
    digests = {}
    for place, folders, names in os.walk(model):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = [
            name for name in folders if name != _CACHE and here / name != model / BUNDLE_FOLDER
        ]
        for name in [*names, *links]:
            path = here / name
            shown_path = path.relative_to(model).as_posix()
            if shown_path not in _NOT_CODE:
                digests[shown_path] = _digest(path)
    return digests


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}); {_REGISTER}") from error
