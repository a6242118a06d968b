"""Checks without MLflow whether an SQLite file is a complete store of the installed MLflow."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_REVISION = re.compile(r'^(down_)?revision(?:: [^=]+)? = ["\'](\w+)["\']', re.MULTILINE)
_TABLE = re.compile(r'^ +__tablename__ = ["\'](\w+)["\']', re.MULTILINE)
_ROOMS = ("tracking", "model_registry", "workspace")
_REVISION_TABLE = "alembic_version"
_FIRST_TABLE = "experiments"
_SHOWN = 3


def schema_problem(database: sqlite3.Connection, path: Path) -> str:
    """Return why a database is not a complete store of this MLflow, with a remedy; "" if it is.

    MLflow adds missing tables to any database in place, so this check precedes its access.

    Examples
    --------
    >>> schema_problem(sqlite3.connect(":memory:"), Path("mlflow.db"))
    'holds no table: its creation was interrupted; remove mlflow.db'
    """
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return f"holds no table: its creation was interrupted; remove {path}"
    if _FIRST_TABLE not in tables:
        others = sorted(tables - {_REVISION_TABLE})
        return f"holds tables of another program ({', '.join(others[:_SHOWN])}); name another file"
    known, newest = revisions()
    stated = _stated_revisions(database) if _REVISION_TABLE in tables else []
    unknown = [revision for revision in stated if revision not in known]
    if unknown:
        return f"has the unknown schema {unknown[0]}, perhaps of a newer MLflow; update MLflow"
    if stated == [newest] and table_names() <= tables:
        return ""
    if not _holds_experiments(database):
        return f"is incomplete: its creation was interrupted; remove {path}"
    if stated and stated != [newest]:
        return (
            f"has the schema {stated[0]} of an older MLflow; make a copy of {path}, then run "
            f"'mlflow db upgrade sqlite:///{path}'"
        )
    lost = sorted(({_REVISION_TABLE} | table_names()) - tables) or [_REVISION_TABLE]
    return f"is damaged: {', '.join(lost[:_SHOWN])} missing; restore a copy of {path}"


@cache
def revisions() -> tuple[frozenset[str], str]:
    """Schemas known to the installed MLflow, and the one that it uses."""
    texts = [path.read_text(encoding="utf-8") for path in _sources("db_migrations/versions")]
    pairs = [match for text in texts for match in _REVISION.findall(text)]
    known = frozenset(name for down, name in pairs if not down)
    (newest,) = known - {name for down, name in pairs if down}
    return known, newest


@cache
def table_names() -> frozenset[str]:
    """Tables that the installed MLflow uses."""
    texts = [
        path.read_text(encoding="utf-8") for room in _ROOMS for path in _sources(f"{room}/dbmodels")
    ]
    return frozenset(name for text in texts for name in _TABLE.findall(text))


def _sources(folder: str) -> Iterator[Path]:
    """Python files of a folder of MLflow's stores, located without importing it (seconds)."""
    package = find_spec("mlflow")
    if package is not None and package.origin is not None:
        yield from sorted((Path(package.origin).parent / "store" / folder).glob("*.py"))


def _stated_revisions(database: sqlite3.Connection) -> list[str]:
    rows = database.execute(f"SELECT version_num FROM {_REVISION_TABLE}")
    return [str(revision) for (revision,) in rows]


def _holds_experiments(database: sqlite3.Connection) -> bool:
    """Whether the creation was complete: MLflow adds an experiment as its last step."""
    return bool(database.execute(f"SELECT count(*) FROM {_FIRST_TABLE}").fetchone()[0])
