"""Exchange of two folders, atomic or by renames, and recovery after a kill."""

import contextlib
import os

import pytest

from pipeline.folders import publish
from pipeline.folders.claim import claim
from pipeline.folders.marker import read_marker
from tests.folders.test_claim import content, write


class Killed(BaseException):
    """Simulates a kill: the run cannot clean up."""


@pytest.fixture(params=["exchange", "renames"])
def exchange_method(request, monkeypatch):
    if request.param == "renames":
        monkeypatch.setattr(publish, "_exchange", lambda one, other: False)
    return request.param


def test_an_earlier_folder_is_exchanged(tmp_path, exchange_method):
    out = write(tmp_path / "out")
    write(out, "2", force=True)
    assert content(out) == {"sub/a.txt": "2"}
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_the_next_run_recovers_from_a_kill_between_renames(tmp_path, monkeypatch, after):
    monkeypatch.setattr(publish, "_exchange", lambda one, other: False)
    out = write(tmp_path / "out")
    real, done = os.rename, []

    def rename(source, target, **_):
        if len(done) == after:
            raise Killed
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    monkeypatch.setattr("pipeline.folders.claim.shutil.rmtree", lambda *_, **__: None)
    with contextlib.suppress(Killed):
        write(out, "2", force=True)
    monkeypatch.undo()
    with claim(out, command="audit", force=False):
        pass
    assert content(out) in ({"sub/a.txt": "1"}, {"sub/a.txt": "2"})
    assert read_marker(out).intact(out)
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("journal", ["", "{", "[]", '{"new": "x", "old": "y"}'])
def test_a_broken_journal_changes_nothing(tmp_path, journal):
    out = write(tmp_path / "out")
    publish.journal_of(out).write_text(journal)
    with claim(out, command="audit", force=False):
        pass
    assert content(out) == {"sub/a.txt": "1"}
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_that_appeared_in_the_meantime_is_not_replaced(tmp_path, monkeypatch):
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    real = os.rename

    def late(source, target, **_):
        out.mkdir()
        (out / "precious.txt").write_text("x")
        real(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(OSError, match="not empty"):
        publish.publish_folder(made, out)
    assert content(out) == {"precious.txt": "x"}


def test_a_file_is_put_where_there_is_none_or_replaced(tmp_path):
    new, out = tmp_path / "new", tmp_path / "out"
    new.write_text("1")
    publish.publish_file(new, out, replace=False)
    new.write_text("2")
    with pytest.raises(FileExistsError):
        publish.publish_file(new, out, replace=False)
    publish.publish_file(new, out, replace=True)
    assert out.read_text() == "2"
    assert os.listdir(tmp_path) == ["out"]
