"""``cytocast sign``: signs a bundle, or writes a new key pair."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.folders.claim import claim
from pipeline.folders.marker import add_to_marker
from pipeline.model.manifest import MANIFEST, SIGNATURE, verify_bundle
from pipeline.model.signature import signature_text, write_key_pair


def sign(
    bundle: Path | None, key: Path | None, *, new_key: Path | None, force: bool = False
) -> tuple[int, str]:
    """Sign a bundle, make a key, or both in one step.

    Parameters
    ----------
    bundle : Path, optional
        Bundle folder; its digest does not change.
    key : Path, optional
        Private key.
    new_key : Path, optional
        File for a new private key; the public key is written next to it.
    force : bool
        Replace a signature of another key.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If no key is given, a key cannot be used or exists, or the bundle is signed already.
    BundleError
        If the folder is not an intact bundle.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = sign(None, None, new_key=Path(place) / "site.key")
    ...     sorted(path.name for path in Path(place).glob("site*"))
    ['site.key', 'site.key.pub']
    """
    if (key is None) == (new_key is None) or (bundle is None and key is not None):
        raise UsageError(
            "give a bundle with --key FILE, or --new-key FILE to make a key",
            options=("model", "key", "new-key"),
        )
    if bundle is not None and str(bundle).startswith("models:"):
        raise UsageError(
            f"{bundle} is in the registry, where bundles cannot change; sign the bundle folder, "
            "then register it",
            options=("model",),
        )
    lines = []
    if bundle is not None:
        verify_bundle(bundle)
    if new_key is not None:
        public = write_key_pair(new_key)
        lines.append(f"Private key: {new_key} (keep it secret). Public key: {public}")
    if bundle is not None:
        lines.append(_sign_bundle(bundle, key or new_key, force=force))
    return 0, "\n".join(lines)


def _sign_bundle(bundle: Path, key: Path | None, *, force: bool) -> str:
    assert key is not None
    text, path = signature_text(bundle, key), bundle / SIGNATURE
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        return f"{bundle} is already signed with this key; nothing was rewritten"
    if path.exists() and not force:
        raise UsageError(
            f"{bundle} has another signature; replace it with --force",
            options=("force",),
        )
    with claim(path, command="sign", reads=[key], force=force) as output:
        with output.files([SIGNATURE]) as folder:
            (folder / SIGNATURE).write_text(text, encoding="utf-8")
        made = [SIGNATURE, f".{SIGNATURE}.cytocast.json"]
        for name in made:  # same permissions as the bundle
            shutil.copymode(bundle / MANIFEST, bundle / name)
        add_to_marker(bundle, made)
    return f"Signed: {path}"
