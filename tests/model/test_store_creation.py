"""A store is created completely or not at all, by one process, and never replaces another."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.model import store_creation
from pipeline.model.store_creation import prepare_store, store_lock
from pipeline.model.tracking_store import store_problem


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A newly created store."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare_store(f"sqlite:///{file}")
    return file


@pytest.fixture
def made(whole, monkeypatch):
    """Paths of filled files; copying a store replaces the slow creation."""
    files = []

    def fill(file):
        shutil.copyfile(whole, file)
        files.append(file)

    monkeypatch.setattr(store_creation, "_fill", fill)
    return files


def test_a_store_is_made_whole_and_leaves_nothing_beside_it(whole):
    assert os.listdir(whole.parent) == ["mlflow.db"]
    assert store_problem(f"sqlite:///{whole}", writes=True) == ""
    before = whole.stat()
    prepare_store(f"sqlite:///{whole}")
    assert whole.stat() == before


def test_a_store_that_exists_is_never_replaced(tmp_path, made):
    file = tmp_path / "mlflow.db"
    file.write_text("mine")
    prepare_store(f"sqlite:///{file}")
    assert file.read_text() == "mine"
    assert made == []


def test_a_store_that_another_program_makes_meanwhile_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "mlflow.db"

    def fill(temporary):
        temporary.write_text("ours")
        file.write_text("theirs")

    monkeypatch.setattr(store_creation, "_fill", fill)
    prepare_store(f"sqlite:///{file}")
    assert file.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["mlflow.db"]


def test_a_creation_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fill(temporary):
        temporary.write_text("half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store_creation, "_fill", fill)
    with pytest.raises(sqlite3.OperationalError):
        prepare_store(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("there", [True, False])
def test_leftovers_of_killed_creations_are_removed(tmp_path, made, whole, there):
    file = tmp_path / "mlflow.db"
    other = tmp_path / ".other.db.abc.cytocast-partial"
    for folder in (tmp_path / ".mlflow.db.abc.cytocast-partial", other):
        folder.mkdir()
        (folder / "mlflow.db-journal").write_text("half")
    if there:
        shutil.copyfile(whole, file)
    prepare_store(f"sqlite:///{file}")
    assert sorted(os.listdir(tmp_path)) == [other.name, "mlflow.db"]
    assert len(made) == (not there)


def test_a_link_is_followed(tmp_path, made):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "mlflow.db"
    link.symlink_to(tmp_path / "disk" / "store.db")
    prepare_store(f"sqlite:///{link}")
    assert link.is_symlink()
    assert store_problem(f"sqlite:///{link}", writes=False) == ""
    assert os.listdir(tmp_path / "disk") == ["store.db"]


def test_one_of_several_makes_the_store_and_the_others_wait(tmp_path, made):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    together = threading.Barrier(6)

    def start():
        together.wait()
        prepare_store(uri)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert os.listdir(tmp_path) == ["mlflow.db"]
    assert store_problem(uri, writes=True) == ""


def test_the_wait_for_an_owner_ends(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with (
        store_lock(uri),
        pytest.raises(UsageError, match=str(os.getpid())),
        store_lock(uri, wait_seconds=0.2),
    ):
        pass
    with store_lock("http://127.0.0.1:9"), store_lock("http://127.0.0.1:9", wait_seconds=0):
        pass
    assert os.listdir(tmp_path) == []


def test_a_killed_creation_leaves_no_store_and_the_next_one_makes_it(tmp_path, made):
    file = tmp_path / "mlflow.db"
    code = (
        "import sys, time; from pipeline.model import store_creation\n"
        "def fill(file):\n"
        "    file.write_text('half'); print('halfway', flush=True); time.sleep(60)\n"
        "store_creation._fill = fill\n"
        "store_creation.prepare_store(sys.argv[1])"
    )
    uri = f"sqlite:///{file}"
    creator = subprocess.Popen(
        [sys.executable, "-c", code, uri], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert creator.stdout.readline() == b"halfway\n"
    creator.kill()
    creator.communicate()
    assert not file.exists()
    prepare_store(uri)
    assert os.listdir(tmp_path) == ["mlflow.db"]
    assert store_problem(uri, writes=True) == ""


@pytest.mark.parametrize("part", [0.0, 0.00005, 0.0005, 0.01, 0.3, 0.5, 0.9, 0.99999])
def test_a_truncated_store_is_recognised(whole, tmp_path, part):
    file = tmp_path / "mlflow.db"
    content = whole.read_bytes()
    file.write_bytes(content[: int(len(content) * part)])
    for writes in (True, False):
        assert store_problem(f"sqlite:///{file}", writes=writes)


@pytest.mark.parametrize("at", [20, 5000, 300_000])
def test_a_store_with_a_page_overwritten_is_recognised(whole, tmp_path, at):
    file = tmp_path / "mlflow.db"
    content = bytearray(whole.read_bytes())
    content[at : at + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    assert "damaged" in store_problem(f"sqlite:///{file}", writes=False)


def test_what_a_killed_writer_left_is_rolled_back(whole, tmp_path):
    file = tmp_path / "mlflow.db"
    shutil.copyfile(whole, tmp_path / "live.db")
    with closing(sqlite3.connect(tmp_path / "live.db")) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("CREATE TABLE more AS SELECT randomblob(4000) FROM sqlite_master")
        writer.execute("UPDATE experiments SET name = 'half'")
        for suffix in ("", "-journal"):
            shutil.copyfile(tmp_path / f"live.db{suffix}", f"{file}{suffix}")
    assert store_problem(f"sqlite:///{file}", writes=False) == ""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM experiments").fetchone() == ("Default",)
