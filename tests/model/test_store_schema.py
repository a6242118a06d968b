"""An incomplete, damaged, older, newer or foreign store is recognised, with a remedy."""

import sqlite3
import time
from contextlib import closing

import pytest

from pipeline.cli import main
from pipeline.model.store_schema import revisions, schema_problem, table_names
from pipeline.model.tracking_store import store_problem

KNOWN, NEWEST = revisions()
OLDER = min(KNOWN - {NEWEST})
ALL = sorted(table_names())


def make(file, *, tables=ALL, stated=(NEWEST,), experiments=1):
    """A store with the tables of MLflow, each of one column."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("BEGIN")
        for name in tables:
            database.execute(f"CREATE TABLE {name} (content)")
        if stated is not None:
            database.execute("CREATE TABLE alembic_version (version_num)")
            database.executemany("INSERT INTO alembic_version VALUES (?)", [(x,) for x in stated])
        if "experiments" in tables:
            database.executemany("INSERT INTO experiments VALUES (?)", [("x",)] * experiments)
        database.commit()
    return file


def without(*names):
    return [name for name in ALL if name not in names]


KINDS = {
    "no revision": ({"stated": ()}, "missing"),
    "no table of revisions": ({"stated": None}, "missing"),
    "two revisions": ({"stated": (NEWEST, OLDER)}, "older"),
    "newer": ({"stated": ("f" * 12,)}, "update MLflow"),
    "newer, empty": ({"stated": ("f" * 12,), "experiments": 0}, "update MLflow"),
    "older": ({"stated": (OLDER,), "tables": without("webhooks")}, "mlflow db upgrade"),
    "older, all tables": ({"stated": (OLDER,)}, "mlflow db upgrade"),
    "killed at first": ({"stated": None, "tables": ["experiments", "runs"], "experiments": 0},
                        "interrupted"),
    "killed midway": ({"stated": (OLDER,), "tables": without("webhooks"), "experiments": 0},
                      "interrupted"),
    "killed late": ({"tables": without("webhooks"), "experiments": 0}, "interrupted"),
    "a table lost": ({"tables": without("runs")}, "runs missing"),
    "aliases lost": ({"tables": without("registered_model_aliases")}, "aliases missing"),
    "another program": ({"tables": ["patients", "visits"], "stated": None}, "patients, visits"),
    "another program with revisions": ({"tables": ["orders"], "stated": ("f" * 12,)}, "orders"),
    "revisions alone": ({"tables": [], "stated": (OLDER,)}, "another program"),
    "nothing": ({"tables": [], "stated": None}, "remove"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_is_not_whole_is_recognised_with_its_remedy(tmp_path, kind):
    content, named = KINDS[kind]
    file = make(tmp_path / "mlflow.db", **content)
    before = file.read_bytes()
    for writes in (True, False):
        problem = store_problem(f"sqlite:///{file}", writes=writes)
        assert named in problem
        assert "; " in problem or file.stat().st_size == 0
    assert file.read_bytes() == before


@pytest.mark.parametrize("experiments", [0, 1])
def test_a_whole_store_is_usable(tmp_path, experiments):
    file = make(tmp_path / "mlflow.db", tables=[*ALL, "table_of_a_plugin"], experiments=experiments)
    assert store_problem(f"sqlite:///{file}", writes=True) == ""
    with closing(sqlite3.connect(file)) as database:
        assert schema_problem(database, file) == ""


def test_tables_and_schema_are_those_of_the_installed_mlflow():
    from mlflow.store.db.utils import Base, _get_latest_schema_revision

    assert table_names() == set(Base.metadata.tables)
    assert _get_latest_schema_revision() == NEWEST
    assert len(KNOWN) > 50


COMMANDS = {
    "predict": (5, ["--input", ".", "--out", "out"]),
    "evaluate": (5, ["--cohort", ".", "--out", "out", "--model", "models:/cytocast@champion"]),
    "monitor": (5, ["--input", ".", "--out", "out"]),
    "reproduce": (5, ["models:/cytocast@champion", "--cohort", "."]),
    "reproduce a run": (5, ["0" * 32, "--cohort", "."]),
    "promote": (5, []),
    "serve": (5, []),
    "train": (2, ["--cohort", "data", "--out", "out"]),
    "train with a prior": (5, ["--cohort", "data", "--out", "out", "--prior", "models:/c/1"]),
}
BROKEN = {
    "half-made": lambda file: make(file, **KINDS["killed midway"][0]),
    "newer": lambda file: make(file, **KINDS["newer"][0]),
    "empty": lambda file: file.touch(),
    "truncated": lambda file: file.write_bytes(make(file).read_bytes()[:9000]),
}


@pytest.mark.parametrize(
    ("command", "broken"),
    [*((command, "half-made") for command in COMMANDS), *(("promote", kind) for kind in BROKEN),
     *(("train", kind) for kind in BROKEN)],
)  # fmt: skip
def test_commands_end_in_seconds_with_one_sentence(tmp_path, monkeypatch, capsys, command, broken):
    file = tmp_path / "mlflow.db"
    BROKEN[broken](file)
    before = file.read_bytes()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}")
    code, arguments = COMMANDS[command]
    started = time.monotonic()
    assert main([command.split()[0], *arguments, "--quiet"]) == code
    assert time.monotonic() - started < 10
    message = capsys.readouterr().err
    assert str(file) in message
    assert len(message.splitlines()) == 1
    assert len(message.split()) <= 45
    assert file.read_bytes() == before
    assert not (tmp_path / "work" / "out").exists()
