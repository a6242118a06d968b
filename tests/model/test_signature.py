"""Signatures: accepted only from the right key over the unchanged bundle."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import BundleError, UsageError
from pipeline.model.manifest import MANIFEST, SIGNATURE, write_manifest
from pipeline.model.signature import refuse_unsigned, signature_text, write_key_pair


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "bundle"
    root.mkdir()
    (root / "crs.json").write_text("{}")
    write_manifest(root, ["crs"], {})
    return root


@pytest.fixture
def key(tmp_path):
    write_key_pair(tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def signed(folder, key):
    (folder / SIGNATURE).write_text(signature_text(folder, key))
    return folder


@pytest.fixture
def public(key):
    return key.with_name("own.pub")


def test_a_signed_bundle_is_accepted_and_without_key_any(signed, public, folder):
    refuse_unsigned(signed, public)
    (folder / SIGNATURE).unlink()
    refuse_unsigned(folder, None)
    with pytest.raises(BundleError, match="not signed"):
        refuse_unsigned(folder, public)


def test_the_private_key_is_its_owners_alone_and_no_key_is_replaced(key, public, tmp_path):
    assert (key.stat().st_mode & 0o777, public.stat().st_mode & 0o077) == (0o600, 0o044)
    before = key.read_bytes(), public.read_bytes()
    with pytest.raises(UsageError):
        write_key_pair(key)
    (tmp_path / "other.pub").write_text("")
    with pytest.raises(UsageError):
        write_key_pair(tmp_path / "other")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError):
        write_key_pair(tmp_path / "dangling")
    assert not (tmp_path / "other").exists()
    assert (key.read_bytes(), public.read_bytes()) == before


def test_another_key_is_refused(signed, tmp_path):
    with pytest.raises(BundleError, match="another key"):
        refuse_unsigned(signed, write_key_pair(tmp_path / "other"))


def test_a_changed_file_or_a_new_manifest_is_refused(signed, public):
    (signed / "crs.json").write_text("[]")
    with pytest.raises(BundleError):
        refuse_unsigned(signed, public)
    write_manifest(signed, ["crs"], {})
    with pytest.raises(BundleError, match="does not match"):
        refuse_unsigned(signed, public)


def test_any_byte_of_a_signature_counts(signed, public):
    path = signed / SIGNATURE
    whole = path.read_bytes()
    spoiled = [
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        for place in range(0, len(whole), 7)
    ]
    for content in [*spoiled, whole + b"\n", whole[:-1], b"", b"[]", b"{}", b"[" * 99_999]:
        path.write_bytes(content)
        with pytest.raises(BundleError):
            refuse_unsigned(signed, public)


def test_a_signature_of_another_bundle_is_refused(signed, public, key, tmp_path):
    other = tmp_path / "other_bundle"
    other.mkdir()
    (other / "crs.json").write_text("{ }")
    write_manifest(other, ["crs"], {})
    (signed / SIGNATURE).write_text(signature_text(other, key))
    with pytest.raises(BundleError):
        refuse_unsigned(signed, public)
    content = json.loads((signed / SIGNATURE).read_text())
    (other / SIGNATURE).write_text(json.dumps(content))  # spaced in another way
    with pytest.raises(BundleError):
        refuse_unsigned(other, public)
    (signed / SIGNATURE).unlink()
    (signed / SIGNATURE).symlink_to(other / SIGNATURE)
    with pytest.raises(BundleError):
        refuse_unsigned(signed, public)


def test_a_damaged_bundle_is_not_signed(folder, key):
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(BundleError):
        signature_text(folder, key)


def test_files_that_are_no_key_are_refused(signed, key, public, tmp_path):
    (tmp_path / "text").write_text("no key")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "text", key):
        with pytest.raises(UsageError):
            refuse_unsigned(signed, path)
    (tmp_path / "text").chmod(0o600)
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "text", public):
        with pytest.raises(UsageError):
            signature_text(signed, path)


def test_keys_of_other_kinds_and_keys_open_to_others_are_refused(signed, key, tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )

    other = generate_private_key(SECP256R1())
    own = load_pem_private_key(key.read_bytes(), None)
    secret = (Encoding.PEM, PrivateFormat.PKCS8)
    contents = {
        "curve": other.private_bytes(*secret, NoEncryption()),
        "locked": own.private_bytes(*secret, BestAvailableEncryption(b"word")),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        with pytest.raises(UsageError):
            signature_text(signed, tmp_path / name)
    curve = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "curve.pub").write_bytes(curve)
    with pytest.raises(UsageError):
        refuse_unsigned(signed, tmp_path / "curve.pub")
    key.chmod(0o640)
    with pytest.raises(UsageError, match="600"):
        signature_text(signed, key)
