"""Every kind of unusable tracking store is detected in seconds."""

import os
import socket
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pipeline.errors import BundleError, UsageError
from pipeline.model.registry import refuse_unusable_store
from pipeline.model.tracking_store import has_remedy, one_attempt, shown_uri, store_problem
from pipeline.train.tracking_checks import tracking_ready
from tests.model.test_store_schema import make


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mlflow.db"


@pytest.fixture
def server():
    """Address of a server that answers its health page with the status in its path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(self.path.split("/")[1]))
            self.end_headers()

        def log_message(self, *_):
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def test_a_file_is_made_for_a_writer_only(file):
    uri = f"sqlite:///{file}"
    assert store_problem(uri, writes=True) == ""
    assert str(file) in store_problem(uri, writes=False)
    assert not file.exists()
    make(file)
    before = file.read_bytes()
    assert store_problem(uri, writes=True) == store_problem(uri, writes=False) == ""
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_refused(file, content):
    file.write_bytes(content)
    for writes in (True, False):
        assert store_problem(f"sqlite:///{file}", writes=writes)


def test_a_locked_file_is_refused_for_a_writer(file, monkeypatch):
    monkeypatch.setattr("pipeline.model.tracking_store.TIMEOUT_SECONDS", 0.1)
    owner = sqlite3.connect(make(file))
    owner.execute("BEGIN IMMEDIATE")
    assert "locked" in store_problem(f"sqlite:///{file}", writes=True)
    assert store_problem(f"sqlite:///{file}", writes=False) == ""
    owner.close()


def test_what_is_no_regular_file_is_refused(file):
    os.mkfifo(file)
    for writes in (True, False):
        assert "no regular file" in store_problem(f"sqlite:///{file}", writes=writes)
    file.unlink()
    file.symlink_to(file.parent / "unmounted" / "mlflow.db")
    assert "unmounted, which does not exist" in store_problem(f"sqlite:///{file}", writes=True)
    assert "does not exist" in store_problem(f"sqlite:///{file}", writes=False)


@pytest.mark.parametrize("place", ["folder", "here"])
def test_a_folder_that_cannot_be_written_is_refused(file, monkeypatch, place):
    folder = file.parent / "sealed"
    folder.mkdir()
    refused = folder if place == "folder" else file.parent
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr("pipeline.model.tracking_store._can_write", lambda path: path != refused)
    assert str(refused) in store_problem(f"sqlite:///{folder / 'mlflow.db'}", writes=True)


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("mlruns", "folder"),
        ("./mlruns", "folder"),
        ("file:///srv/mlruns", "folder"),
        ("C:/mlruns", "folder"),
        ("sqlite:////no/such/place/mlflow.db", "/no/such/place"),
        ("nonsense://host/db", "not an address"),
        ("http://", "does not answer"),
        ("http://127.0.0.1:9", "does not answer"),
        ("mysql+nodriver://u:p@h/db", "not an address"),
        ("oracle://u:p@h/db", "oracledb"),
        ("mssql+pyodbc://u:p@h/db", "pyodbc"),
    ],
)
def test_other_stores_name_what_is_wrong(uri, named):
    started = time.monotonic()
    assert named in store_problem(uri, writes=True)
    assert time.monotonic() - started < 6


class Driver:
    """In the place of psycopg2: refuses, or connects."""

    paramstyle = "pyformat"

    class Error(Exception):
        pass

    def __init__(self, refusal: str = "") -> None:
        self.refusal, self.asked = refusal, []

    def connect(self, *_, **options):
        self.asked.append(options)
        if self.refusal:
            raise self.Error(self.refusal)
        return self

    def close(self) -> None:
        self.asked.append("closed")


@pytest.fixture
def database(monkeypatch):
    """Address of a database behind an open port, and a way to state its driver."""

    def driven(driver):
        place = "sqlalchemy.dialects.postgresql.psycopg2.PGDialect_psycopg2.import_dbapi"
        monkeypatch.setattr(place, classmethod(lambda cls: driver))
        return driver

    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        address = f"127.0.0.1:{port.getsockname()[1]}"
        yield f"postgresql+psycopg2://ward:s3cret@{address}/db", driven


def test_a_database_that_does_not_answer_is_refused(database, monkeypatch):
    uri, driven = database
    driver = driven(Driver())
    assert store_problem(uri, writes=True) == ""
    assert driver.asked[0]["connect_timeout"] == 5
    assert driver.asked[1:] == ["closed"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        silent = f"postgresql+psycopg2://u:p@127.0.0.1:{taken.getsockname()[1]}/db"
        assert "does not answer" in store_problem(silent, writes=True)
    assert len(driver.asked) == 2


@pytest.mark.parametrize("writes", [True, False])
def test_a_database_that_refuses_the_login_is_asked_once(database, writes):
    uri, driven = database
    driver = driven(Driver('FATAL: password authentication failed for "ward" (s3cret)\nDETAIL: -'))
    problem = store_problem(uri, writes=writes)
    assert 'authentication failed for "ward" (***)); check user' in problem
    assert "s3cret" not in problem
    assert "DETAIL" not in problem
    assert has_remedy(problem)
    assert len(driver.asked) == 1


def test_a_training_ends_at_once_where_the_login_is_refused(database, monkeypatch):
    uri, driven = database
    driver = driven(Driver("FATAL: no such role"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UsageError, match=r"ward:\*\*\*@.*no such role.*or set MLFLOW_TRACKING_URI"):
        tracking_ready()
    with pytest.raises(BundleError, match="no such role"):
        refuse_unusable_store("models:/cytocast@champion")
    assert len(driver.asked) == 2


@pytest.mark.parametrize(
    ("status", "usable"), [(200, True), (404, True), (401, True), (503, False)]
)
def test_a_server_is_judged_by_its_answer(server, status, usable):
    assert (store_problem(f"{server}/{status}", writes=True) == "") == usable


def test_a_password_is_not_shown():
    assert "secret" not in shown_uri("https://ward:secret@host:5000")
    assert shown_uri("sqlite:///mlflow.db") == "sqlite:///mlflow.db"


def test_patience_is_the_users_again_after_one_attempt(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    with one_attempt():
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
