"""Tests the tracking store: killed and concurrent creation, truncation, concurrent promotion.

Prints counts. Run it from the repository::

    .venv/bin/python benchmarks/faults_store.py [--times 40] [--bundle OUT]

With ``--bundle``, two copies of that bundle are registered at once, then promoted at once.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pipeline.model.registry import connect
from pipeline.model.store_creation import prepare_store
from pipeline.model.store_schema import table_names
from pipeline.model.tracking_store import store_problem


def main() -> None:
    """Run every attack and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40, help="repetitions of each attack")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bundle", type=Path, help="bundle folder")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401  # import before forking

    connect()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        started = time.monotonic()
        prepare_store(_uri(place / "whole.db"))
        seconds = time.monotonic() - started
        print(f"a creation takes {seconds:.1f} s")
        attacks: dict[str, Callable[[], Counter[str]]] = {
            "kills of a creation": lambda: kills(place, options.times, seconds, draw),
            "kills of a creation by MLflow, in place": lambda: kills_in_place(
                place, options.times, seconds, draw
            ),
            "pairs of creations at once": lambda: pairs(place, options.times),
            "truncations": lambda: truncations(place, options.times, draw),
        }
        if options.bundle is not None:
            attacks["rival registrations and promotions"] = lambda: rivals(place, options.bundle)
        for name, attack in attacks.items():
            counts = ", ".join(f"{count} {kind}" for kind, count in sorted(attack().items()))
            print(f"{name}: {counts}", flush=True)


def kills(place: Path, times: int, seconds: float, draw: random.Random) -> Counter[str]:
    """Kill a creation at a random moment; the store is absent or whole, and reparable."""
    counts: Counter[str] = Counter()
    for number in range(times):
        file = _folder(place, "kill", number) / "mlflow.db"
        _killed(lambda file=file: prepare_store(_uri(file)), draw.uniform(0, 1.1 * seconds))
        if file.exists():
            counts["whole" if _whole(file) else "BROKEN"] += 1
        else:
            counts["absent"] += 1
        if number % 4 == 0:  # each repair takes as long as a creation
            prepare_store(_uri(file))
            clean = os.listdir(file.parent) == ["mlflow.db"] and _whole(file)
            counts["mended by the next start" if clean else "NOT MENDED"] += 1
    return counts


def kills_in_place(place: Path, times: int, seconds: float, draw: random.Random) -> Counter[str]:
    """Kill MLflow while it creates a store in place; partial stores must be recognised."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    counts: Counter[str] = Counter()
    for number in range(times):
        file = _folder(place, "in-place", number) / "mlflow.db"
        _killed(lambda file=file: SqlAlchemyStore(_uri(file), "./mlruns"), draw.uniform(0, seconds))
        if not file.exists():
            counts["absent"] += 1
        elif _whole(file):
            counts["whole"] += 1
        else:
            problem = store_problem(_uri(file), writes=False)
            known = "interrupted" in problem or "damaged" in problem
            counts["recognised" if known else f"MISSED ({problem})"] += 1
    return counts


def pairs(place: Path, times: int) -> Counter[str]:
    """Create the same store in two processes; both must succeed and leave one store."""
    counts: Counter[str] = Counter()
    for number in range(times):
        file = _folder(place, "pair", number) / "mlflow.db"
        children = [_forked(lambda file=file: prepare_store(_uri(file))) for _ in range(2)]
        ends = [os.waitpid(child, 0)[1] for child in children]
        good = ends == [0, 0] and os.listdir(file.parent) == ["mlflow.db"] and _whole(file)
        counts["well" if good else "BADLY"] += 1
    return counts


def truncations(place: Path, times: int, draw: random.Random) -> Counter[str]:
    """Truncate a store at a random byte; readers and writers must recognise it."""
    content = (place / "whole.db").read_bytes()
    file = place / "cut.db"
    counts: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(times):
        file.write_bytes(content[: draw.randrange(len(content))])
        for writes in (True, False):
            started = time.monotonic()
            problem = store_problem(_uri(file), writes=writes)
            slowest = max(slowest, time.monotonic() - started)
            counts["recognised" if problem else "MISSED"] += 1
    counts["ms at most"] = round(1000 * slowest)
    return counts


def rivals(place: Path, bundle: Path) -> Counter[str]:
    """Register two copies of a bundle at once in a new store, then promote twice at once."""
    folder = _folder(place, "rivals", 0)
    file = folder / "mlflow.db"
    copies = [shutil.copytree(bundle, folder / name) for name in ("one", "two")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": _uri(file)}

    def run(*commands: list[str]) -> list[int]:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", *command, "--quiet"],
                cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            for command in commands
        ]  # fmt: skip
        errors = [process.communicate()[1] for process in started]
        assert not any(b"Traceback" in text for text in errors), errors
        return [process.returncode for process in started]

    counts: Counter[str] = Counter()
    for code in run(*(["register", str(copy)] for copy in copies)):
        counts[f"registrations with exit {code}"] += 1
    for code in run(["promote", "--force"], ["promote", "--force"]):
        counts[f"promotions with exit {code}"] += 1
    with closing(sqlite3.connect(file)) as database:
        for what, query in {
            "versions": "SELECT count(*) FROM model_versions",
            "champions": "SELECT count(*) FROM registered_model_aliases WHERE alias = 'champion'",
            "runs that ended": "SELECT count(*) FROM runs WHERE status = 'FINISHED'",
            "runs that did not": "SELECT count(*) FROM runs WHERE status <> 'FINISHED'",
        }.items():
            counts[what] += database.execute(query).fetchone()[0]
    return counts


def _whole(file: Path) -> bool:
    if store_problem(_uri(file), writes=True):
        return False
    with closing(sqlite3.connect(file)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        return table_names() <= names


def _killed(work: Callable[[], object], after: float) -> None:
    child = _forked(work)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _forked(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _folder(place: Path, name: str, number: int) -> Path:
    folder = place / f"{name}-{number}"
    folder.mkdir()
    return folder


def _uri(file: Path) -> str:
    return f"sqlite:///{file}"


if __name__ == "__main__":
    main()
