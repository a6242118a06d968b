"""Signs and checks bundles by Ed25519 over the manifest, which has a digest of every file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import BundleError, UsageError
from pipeline.model.manifest import MANIFEST, SIGNATURE, verify_bundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "ed25519"
_PURPOSE = b"cytocast bundle 1\n"  # a signature made for another purpose is not accepted
_NEW_KEY = "create a key pair with cytocast sign --new-key FILE"


def write_key_pair(path: Path) -> Path:
    """Write a new private key, readable by its owner only, and its public key.

    Parameters
    ----------
    path : Path
        File of the private key; the public key is written to ``<path>.pub``.

    Returns
    -------
    Path
        File of the public key.

    Raises
    ------
    UsageError
        If either file exists or cannot be written; existing files are never replaced.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     public = write_key_pair(Path(place, "ward.key"))
    ...     public.name, public.read_text().splitlines()[0]
    ('ward.key.pub', '-----BEGIN PUBLIC KEY-----')
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    public = path.parent / f"{path.name}.pub"
    for each in (path, public):
        if os.path.lexists(each):
            raise UsageError(
                f"{each} exists; a key is never replaced; choose another file with --new-key",
                options=("new-key",),
            )
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shared = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for each, content, mode in ((path, secret, 0o600), (public, shared, 0o644)):
        try:
            each.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(each, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
        except (OSError, ValueError) as error:
            if each == public:
                path.unlink()
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(
                f"the key cannot be written to {each} ({reason}); choose another file with "
                "--new-key",
                options=("new-key",),
            ) from error
    return public


def signature_text(folder: Path, key: Path) -> str:
    """Sign an intact bundle.

    Parameters
    ----------
    folder : Path
        Folder of the bundle.
    key : Path
        Private key in PEM, as written by :func:`write_key_pair`.

    Returns
    -------
    str
        Content of ``signature.json``.

    Raises
    ------
    BundleError
        If the folder is not an intact bundle.
    UsageError
        If the key cannot be used.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.model.bundle import empty_bundle, save_bundle
    >>> with TemporaryDirectory() as place:
    ...     folder, key = Path(place, "bundle"), Path(place, "ward.key")
    ...     digest, public = save_bundle(empty_bundle(), folder), write_key_pair(key)
    ...     text = signature_text(folder, key)
    >>> json.loads(text)["algorithm"]
    'ed25519'
    """
    private = _private_key(key)
    verify_bundle(folder)
    digest = _manifest_digest(folder)
    return _text(digest, private.public_key().public_bytes_raw(), private.sign(_message(digest)))


def refuse_unsigned(folder: Path, key: Path | None) -> None:
    """Refuse a bundle without a valid signature by the given key.

    Parameters
    ----------
    folder : Path
        Folder of the bundle.
    key : Path or None
        Public key in PEM; None if no signature is required.

    Raises
    ------
    BundleError
        If the bundle is not signed, is signed with another key, or was changed after signing.
    UsageError
        If the key cannot be used.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.model.bundle import empty_bundle, save_bundle
    >>> with TemporaryDirectory() as place:
    ...     folder, key = Path(place, "bundle"), Path(place, "ward.key")
    ...     digest, public = save_bundle(empty_bundle(), folder), write_key_pair(key)
    ...     length = Path(folder, SIGNATURE).write_text(signature_text(folder, key))
    ...     refuse_unsigned(folder, public)
    """
    if key is None:
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = _public_bytes(key)
    path = folder / SIGNATURE
    verify_bundle(folder)
    if path.is_symlink() or not path.is_file():
        raise BundleError(
            f"{folder} is not signed, but --require-signature is given; sign it with cytocast "
            "sign, or omit the option",
            options=("require-signature",),
        )
    digest = _manifest_digest(folder)
    try:
        written = path.read_text(encoding="utf-8")
        content: dict[str, Any] = json.loads(written)
        signature = base64.b64decode(content["signature"], validate=True)
        signer = base64.b64decode(content["public_key"], validate=True)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged; sign the bundle again") from error
    if signer != public:
        raise BundleError(
            f"{folder} is signed with another key than {key}; check --require-signature, or have "
            "the bundle signed with this key",
            options=("require-signature",),
        )
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _message(digest))
    except InvalidSignature as error:
        raise BundleError(
            f"{path} does not match: the bundle or the signature was changed after signing; copy "
            "the whole bundle again, or sign it again"
        ) from error
    if written != _text(digest, signer, signature):
        raise BundleError(f"{path} is damaged; sign the bundle again")


def _message(digest: str) -> bytes:
    return _PURPOSE + digest.encode("ascii")


def _manifest_digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _text(digest: str, public: bytes, signature: bytes) -> str:
    content = {
        "algorithm": ALGORITHM,
        "manifest_sha256": digest,
        "public_key": base64.b64encode(public).decode("ascii"),
        "signature": base64.b64encode(signature).decode("ascii"),
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _content(path, "--key")
    mode = path.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the key {path} can be read by other users (mode {mode & 0o777:o}); if it was not "
            f"copied, run: chmod 600 {path}",
            options=("key",),
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "--key", "an unencrypted private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "--key", "an unencrypted private")
    return key


def _public_bytes(path: Path) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_content(path, "--require-signature"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "--require-signature", "a public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "--require-signature", "a public")
    return key.public_bytes_raw()


def _content(path: Path, option: str) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(
                f"{option} {path} is not a file; {_NEW_KEY}", options=(option.removeprefix("--"),)
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{option} {path} cannot be read ({error.strerror}); {_NEW_KEY}",
            options=(option.removeprefix("--"),),
        ) from error


def _no_key(path: Path, option: str, kind: str) -> UsageError:
    return UsageError(
        f"{option} {path} is not {kind} Ed25519 key in PEM; {_NEW_KEY}",
        options=(option.removeprefix("--"),),
    )
