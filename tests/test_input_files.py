"""Files that are no files, cannot be read, or are larger than what is read."""

from __future__ import annotations

import gzip
import os
import socket

import pytest

from pipeline import input_limits
from pipeline.errors import InputError, UsageError
from pipeline.input_files import decompressed, irregular, listing, read_file, read_settings


def _link(path):
    path.symlink_to(path.parent / "not-mounted" / "labs.csv")


def _loop(path):
    path.symlink_to(path)


def _socket(path):
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


KINDS = {
    "dangling link": _link,
    "loop of links": _loop,
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link to a folder": lambda path: path.symlink_to(path.parent),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused_by_name_and_never_opened(kind, tmp_path):
    path = tmp_path / "labs.csv"
    KINDS[kind](path)
    assert irregular(path)
    for error in (InputError, UsageError):
        with pytest.raises(error, match=r"labs\.csv"):
            read_file(path, error=error)


def test_a_file_and_a_link_to_one_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert (irregular(tmp_path / "b"), read_file(tmp_path / "b")) == ("", b"x")


def test_what_is_absent_unreadable_or_too_large_is_named(tmp_path, monkeypatch):
    path = tmp_path / "labs.csv"
    with pytest.raises(InputError, match=r"labs\.csv"):
        read_file(path)
    path.write_bytes(b"123")
    with pytest.raises(InputError, match=r"labs\.csv"):
        read_file(path, most=2)

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    monkeypatch.setattr("pathlib.Path.iterdir", denied)
    with pytest.raises(InputError, match="Permission denied"):
        read_file(path)
    with pytest.raises(InputError, match="Permission denied"):
        listing(tmp_path)


def test_settings_are_text_of_a_legal_size(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1")
    assert read_settings(path) == "a: 1"
    with path.open("wb") as file:
        file.truncate(input_limits.YAML_BYTES + 1)
    with pytest.raises(UsageError):
        read_settings(path)


def test_a_file_made_to_fill_the_memory_is_found_before_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(input_limits, "GZIP_FREE_BYTES", 1_000_000)
    bomb = gzip.compress(b"0" * 5_000_000)
    with pytest.raises(InputError, match="expands"):
        decompressed(bomb, tmp_path / "a.json.gz")
    assert decompressed(gzip.compress(b"a") * 3, tmp_path / "a.json.gz") == b"aaa"
    for damaged in (gzip.compress(b"abc" * 99)[:-9], b"\x1f\x8bxyz", gzip.compress(b"a") + b"z"):
        with pytest.raises(InputError, match="cannot be read"):
            decompressed(damaged, tmp_path / "a.json.gz")
