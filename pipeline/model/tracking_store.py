"""Checks in seconds whether a tracking store can be used: files, databases, servers."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.model.store_schema import schema_problem

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Dialect

DEFAULT_URI = "sqlite:///mlflow.db"
SQLITE = "sqlite:///"
TIMEOUT_SECONDS = 5.0
_CHECKED_BYTES = 200_000_000  # the pages of a larger file take longer than seconds to check
_REMEDY = "; "  # stands before the remedy in the text of a problem
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
_SERVERS = ("http", "https")
# stores that MLflow reaches through its own client
_HOSTED = ("databricks", "databricks-uc", "uc")
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# argument of a driver's connect that limits its seconds
_LOGIN_LIMITS = {
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "pg8000": "timeout",
    "pyodbc": "timeout",
}
_FOLDER = (
    f"names a folder, a kind of store that MLflow no longer maintains; give {SQLITE}PATH/mlflow.db"
)


def tracking_uri() -> str:
    """Address of the tracking store: ``MLFLOW_TRACKING_URI``, by default a file in this folder.

    Returns
    -------
    str

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, MLFLOW_TRACKING_URI="http://127.0.0.1:5000"):
    ...     tracking_uri()
    'http://127.0.0.1:5000'
    """
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def sqlite_path(uri: str) -> Path | None:
    """File of an SQLite store; None for any other store, and for one in memory.

    Examples
    --------
    >>> sqlite_path("sqlite:///mlflow.db"), sqlite_path("http://127.0.0.1:5000")
    (PosixPath('mlflow.db'), None)
    """
    if not uri.startswith(SQLITE):
        return None
    name = uri.removeprefix(SQLITE).split("?", 1)[0]
    return None if name in ("", ":memory:") else Path(name)


def store_problem(uri: str, *, writes: bool) -> str:
    """Return why a store cannot be used; "" for a usable store.

    Parameters
    ----------
    uri : str
        As in ``MLFLOW_TRACKING_URI``.
    writes : bool
        Whether the command writes: then a missing file is allowed, but a read-only one is not.

    Returns
    -------
    str

    Examples
    --------
    >>> store_problem("mlruns", writes=True).startswith("names a folder")
    True
    >>> store_problem("sqlite:////no/such/folder/mlflow.db", writes=True)
    'is in the folder /no/such/folder, which does not exist'
    """
    scheme = urlsplit(uri).scheme.lower()
    path = sqlite_path(uri)
    if path is not None:
        return _file_problem(path, writes=writes)
    if scheme in _SERVERS:
        return _server_problem(uri)
    if scheme in _HOSTED or uri.lower() in _HOSTED:
        return ""
    if scheme in ("", "file") or len(scheme) == 1:
        return _FOLDER
    return _database_problem(uri)


def has_remedy(problem: str) -> bool:
    """Whether the text of a problem includes a remedy.

    Parameters
    ----------
    problem : str
        From :func:`store_problem`.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_remedy("is an empty file; remove it"), has_remedy("does not exist")
    (True, False)
    """
    return _REMEDY in problem


def store_files() -> list[Path]:
    """Files of the tracking store, which no output may replace.

    Returns
    -------
    list of Path
        Empty if the store is not a file.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, MLFLOW_TRACKING_URI="sqlite:///runs.db"):
    ...     [path.name for path in store_files()]
    ['runs.db']
    """
    path = sqlite_path(tracking_uri())
    return [] if path is None else [path]


def shown_uri(uri: str) -> str:
    """Address of a store with its password hidden.

    Parameters
    ----------
    uri : str

    Returns
    -------
    str

    Examples
    --------
    >>> shown_uri("postgresql://ward:secret@db/mlflow")
    'postgresql://ward:***@db/mlflow'
    """
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", uri)


@contextmanager
def one_attempt() -> Iterator[None]:
    """Limit MLflow to one request to a server in this block, instead of minutes of retries.

    Examples
    --------
    >>> with one_attempt():
    ...     os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    '0'
    """
    stated = {name: os.environ.get(name) for name in _PATIENCE}
    os.environ.update({name: text for name, text in _PATIENCE.items() if stated[name] is None})
    try:
        yield
    finally:
        for name, text in stated.items():
            if text is None:
                os.environ.pop(name, None)


def _file_problem(path: Path, *, writes: bool) -> str:
    """Why an SQLite file cannot be read, or made or changed."""
    folder = path.resolve().parent
    if path.is_dir():
        return "is a folder, not a file"
    if path.exists():
        if not path.is_file():
            return "is no regular file; name another"
        problem = _content_problem(path, writes=writes)
        if problem:
            return problem
    elif not writes:
        return f"does not exist: there is no file {path.absolute()}"
    elif not folder.is_dir():
        return f"is in the folder {folder}, which does not exist"
    for place in (folder, Path.cwd()) if writes else ():  # MLflow keeps artifacts in the latter
        if not _can_write(place):
            return f"cannot be used: the folder {place} cannot be written by this user"
    return ""


def _content_problem(path: Path, *, writes: bool) -> str:
    """Reason why a file is not a usable MLflow store: wrong format, unreadable or locked."""
    if path.stat().st_size == 0:
        return f"is an empty file: its creation was interrupted; remove {path}"
    # opening the file rolls back an interrupted write, so it may modify the file
    writable = writes or Path(f"{path}-journal").exists()
    address = f"{path.absolute().as_uri()}?mode={'rw' if writable else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_SECONDS)) as database:
            if path.stat().st_size <= _CHECKED_BYTES:
                result = database.execute("PRAGMA quick_check(1)").fetchone()[0]
                if result != "ok":
                    return _damaged(result, path)
            database.execute("BEGIN")  # blocks writers during the next queries
            problem = schema_problem(database, path)
            if _cut_short(database, path):
                problem = _damaged("its end is missing", path)
            database.rollback()
            if not problem and writes:
                database.execute("BEGIN IMMEDIATE")
                database.rollback()
    except sqlite3.OperationalError as error:  # locked, unreadable
        return f"cannot be used ({error})"
    except sqlite3.Error as error:
        return _damaged(str(error), path)
    return problem


def _cut_short(database: sqlite3.Connection, path: Path) -> bool:
    """Whether the last page is incomplete, which SQLite does not notice."""
    if Path(f"{path}-wal").exists():  # pages may be there
        return False
    pages, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
    )
    return path.stat().st_size < int(pages) * int(size)


def _damaged(reason: str, path: Path) -> str:
    first = next(iter(reason.splitlines()), "unknown")[:80]
    return f"is damaged ({first}); restore a copy of {path}, or move it away"


def _can_write(folder: Path) -> bool:
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _database_problem(uri: str) -> str:
    """Why a database cannot be used: unknown kind, missing driver, no answer, login refused."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        address = make_url(uri)
        kind = address.get_dialect()
        driver = kind.import_dbapi()
    except (ArgumentError, NoSuchModuleError):
        return "is not an address of a store; give sqlite:///FILE, a database or http://HOST:PORT"
    except ModuleNotFoundError as error:
        return f"needs the Python package {error.name}: install it"
    port = address.port or _PORTS.get(address.get_backend_name())
    silent = _connection_problem(address.host, port) if address.host and port else ""
    if silent or address.get_backend_name() == "sqlite":
        return silent
    return _login_problem(address, kind(dbapi=driver))  # type: ignore[call-arg]


def _login_problem(address: URL, dialect: Dialect) -> str:
    """Why a database refuses one login; MLflow would try again for minutes."""
    assert dialect.dbapi is not None
    positional, named = dialect.create_connect_args(address)
    limit = _LOGIN_LIMITS.get(dialect.driver)
    if limit:
        named[limit] = int(TIMEOUT_SECONDS)
    try:
        dialect.connect(*positional, **named).close()
    except (dialect.dbapi.Error, OSError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        if address.password:
            reason = re.sub(rf"(?<!\w){re.escape(str(address.password))}(?!\w)", "***", reason)
        return (
            f"cannot be connected to ({reason}); check user, password and database in its address"
        )
    return ""


def _connection_problem(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=TIMEOUT_SECONDS).close()
    except OSError as error:
        return f"does not answer: {host}:{port} ({error.strerror or error})"
    return ""


def _server_problem(uri: str) -> str:
    """Why a tracking server cannot be used, from its health endpoint."""
    import requests

    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        return f"does not answer ({type(error).__name__})"
    if answer.status_code >= 500:
        return f"answers with an error ({answer.status_code})"
    return ""
