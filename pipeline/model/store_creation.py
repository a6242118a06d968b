"""Creates an SQLite store in a temporary folder, under a lock, and links it into place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import log
from pipeline.folders.lock import locked
from pipeline.folders.publish import publish_file
from pipeline.model.tracking_store import SQLITE, sqlite_path

_PARTIAL = ".cytocast-partial"
_LOCK = ".cytocast-lock"
WAIT_SECONDS = 600.0  # a training logs for a minute, on a busy machine for some
_ARTIFACTS = "./mlruns"  # MLflow's own place for experiments without one


@contextmanager
def store_lock(uri: str, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of an SQLite store for this block; wait while another process holds it.

    Other stores have no lock, because a server has its own transactions.

    Parameters
    ----------
    uri : str
        As in ``MLFLOW_TRACKING_URI``.
    wait_seconds : float

    Raises
    ------
    UsageError
        If another process still holds it after ``wait_seconds``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     with store_lock(f"sqlite:///{place}/mlflow.db"):
    ...         [path.name for path in Path(place).iterdir()]
    ['.mlflow.db.cytocast-lock']
    """
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    place = path.resolve()
    with locked(
        place.with_name(f".{place.name}{_LOCK}"),
        f"the tracking store {path}",
        wait_seconds=wait_seconds,
        remedy="try again when it has ended",
        options=(),
    ):
        yield


def prepare_store(uri: str) -> None:
    """Create an SQLite store if there is none, and remove leftovers of interrupted creations.

    The store is created in a temporary folder under the lock and then linked into place, so it is
    always complete or absent. An existing store is never replaced.

    Parameters
    ----------
    uri : str
        As in ``MLFLOW_TRACKING_URI``; nothing is done for other stores.

    Raises
    ------
    UsageError
        If another process holds the lock for too long.

    Examples
    --------
    >>> prepare_store("http://127.0.0.1:5000")  # a server creates its own store
    """
    path = sqlite_path(uri)
    if path is None:
        return
    place = path.resolve()
    if place.exists() and not _leftovers(place):
        return
    with store_lock(uri):
        for leftover in _leftovers(place):
            shutil.rmtree(leftover, ignore_errors=True)
        if not place.exists():
            log.info(f"creating the tracking store {path}")
            _make(place)


def _make(place: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=_PARTIAL, dir=place.parent))
    try:
        _fill(temporary / place.name)
        publish_file(temporary / place.name, place, replace=False)
    except FileExistsError:  # created by another program meanwhile; it is checked before use
        log.warn(f"{place} was created by another program meanwhile")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(file: Path) -> None:
    """Let MLflow create all tables and the first experiment in a file, and close it."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store: SqlAlchemyStore = SqlAlchemyStore(f"{SQLITE}{file}", _ARTIFACTS)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _leftovers(place: Path) -> list[Path]:
    """Temporary folders of creations; under the lock, only of interrupted ones."""
    return sorted(place.parent.glob(f".{place.name}.*{_PARTIAL}"))
