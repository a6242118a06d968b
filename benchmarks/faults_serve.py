"""Tests `cytocast serve`: bursts, disconnects, hostile bodies, hosts and signals.

    MLFLOW_TRACKING_URI=sqlite:///out/demo/mlflow.db python benchmarks/faults_serve.py \
        [--model models:/cytocast@champion] [--clients 200] [--rounds 3] [--bodies 2000] [--ends 3]

`cytocast demo` creates a suitable store. Every answer is compared with the output of `cytocast
predict` for the same rows. Prints counts; returns 1 if a requirement is not met.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path

HOST = "127.0.0.1"
JSON = {"content-type": "application/json"}
COLUMNS = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"]
ANALYTES = (("crp", "mg/L", 40), ("ferritin", "ng/mL", 600), ("il6", "pg/mL", 20))
ANALYTES += (("d_dimer", "mg/L{FEU}", 0.8), ("platelets", "10*9/L", 120))
MARK = "Ward7Secret"
TEXTS = ("status", "top_1", "top_2", "analytes_present")
NUMBERS = ("risk", "risk_lo", "risk_hi", "landmark_hours")
UNUSUAL_IDS = ("NA", "007", "=1+1", "'A", "A,B", 'A"B', "A;B", "Ä ö", "1e5", "true", "a", "A")
UNUSUAL_IDS += ("nan", "-")
UP_WITHIN, MIB = 300, 1024 * 1024


def invented_rows(patient: str, seed: int) -> list[list[str]]:
    """Three days of synthetic results of one patient."""
    dice = random.Random(seed)
    rows = []
    for day in range(3):
        for analyte, unit, median in ANALYTES:
            value, hour = median * dice.lognormvariate(0, 0.8), day * 24 + 6 + dice.random()
            cells = [patient, analyte, f"{value:.3g}", unit, f"{hour:.2f}", f"{hour + 2:.2f}"]
            rows.append(cells)
    return rows


def body_of(rows: list[list[object]]) -> bytes:
    """Request body for some rows."""
    return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": rows}}).encode()


def predicted(rows: list[list[str]], model: str, folder: Path) -> dict[str, list[dict[str, str]]]:
    """Rows of predictions.csv by patient, from `cytocast predict`."""
    (folder / "in").mkdir()
    with (folder / "in" / "labs.csv").open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([COLUMNS, *rows])
    command = [sys.executable, "-m", "pipeline.cli", "predict", "--quiet", "--no-pages"]
    command += ["--model", model, "--input", str(folder / "in"), "--out", str(folder / "out")]
    if subprocess.run(command, check=False).returncode not in (0, 4):
        sys.exit("cytocast predict failed")
    patients: dict[str, list[dict[str, str]]] = {}
    with (folder / "out" / "predictions.csv").open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            patients.setdefault(row["patient_id"], []).append(row)
    return patients


def is_right(patient: str, answer: bytes, expected: list[dict[str, str]]) -> bool:
    """Whether an answer equals the output of predict for this patient only."""
    rows = json.loads(answer)["predictions"]
    if len(rows) != len(expected) or {row["patient_id"] for row in rows} != {patient}:
        return False
    for row, other in zip(rows, expected, strict=True):
        same = all((row[key] or "") == other[key] for key in TEXTS)
        for key in NUMBERS:
            blank = row[key] is None or other[key] == ""
            same &= (
                (row[key] is None and other[key] == "")
                if blank
                else (abs(row[key] - float(other[key])) < 6e-5)
            )
        if not same:
            return False
    return True


class Service:
    """One running `cytocast serve`."""

    def __init__(self, model: str) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "pipeline.cli", "serve", "--model", model]
        command += ["--port", str(self.port), "--quiet"]
        self.log = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(command, start_new_session=True, stderr=self.log)
        until = time.monotonic() + UP_WITHIN
        while self.ask("GET", "/ready")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit(f"the service did not start: {self.logged()}")
            time.sleep(0.2)

    def ask(
        self, method: str, path: str, body: object = None, *, wait: float = 120, **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of an answer; status 0 if there is none."""
        fields = JSON | {key.replace("_", "-"): value for key, value in headers.items()}
        connection = http.client.HTTPConnection(HOST, self.port, timeout=wait)
        with closing(connection):
            try:
                connection.request(method, path, body, fields)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                return 0, b""

    def score(self, body: bytes, wait: float = 120) -> tuple[int, bytes]:
        """Request predictions; returns status and body."""
        return self.ask("POST", "/invocations", body, wait=wait)

    def logged(self) -> str:
        """Output on stderr."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def alive(self) -> bool:
        """Whether any process of its group is alive."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> tuple[int, float]:
        """Send SIGTERM; returns the exit code and the seconds until exit."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        return code, time.monotonic() - began


class Ledger:
    """Prints requirements with their counts, and counts failures."""

    def __init__(self) -> None:
        self.failed = 0

    def note(self, requirement: str, counts: str, *, kept: bool) -> None:
        """Print one line."""
        self.failed += not kept
        print(f"{'PASS' if kept else 'FAIL'}: {requirement}: {counts}", flush=True)


@contextmanager
def pinging(service: Service) -> Iterator[tuple[Counter[int], list[float]]]:
    """Request /ping repeatedly in a thread; yields statuses and seconds."""
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.2):
            began = time.monotonic()
            statuses[service.ask("GET", "/ping", wait=30)[0]] += 1
            seconds.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses, seconds
    finally:
        over.set()
        thread.join()


def attack_with_bursts(
    service: Service,
    bodies: dict[str, bytes],
    expected: dict[str, list[dict[str, str]]],
    clients: int,
    rounds: int,
    ledger: Ledger,
) -> None:
    """Send requests of all clients at once, for some rounds; then disconnect early."""
    patients = [*bodies]
    chosen = [patients[number % len(patients)] for number in range(clients)]
    statuses: Counter[int] = Counter()
    right = 0
    with pinging(service) as (pings, seconds), ThreadPoolExecutor(clients) as pool:
        for _ in range(rounds):
            answers = list(pool.map(lambda name: service.score(bodies[name]), chosen))
            statuses.update(status for status, _ in answers)
            right += sum(
                status == 200 and is_right(name, body, expected[name])
                for name, (status, body) in zip(chosen, answers, strict=True)
            )
    counts = f"{clients} clients x {rounds}: {statuses[200]} answered, {right} as predict, "
    counts += f"{statuses[503]} busy, {statuses[0]} lost, {statuses[504]} too slow"
    kept = right == statuses[200] > 0 and statuses[200] + statuses[503] == clients * rounds
    ledger.note("burst", counts, kept=kept)
    counts = f"{pings[200]} of {pings.total()} alive, slowest {max(seconds):.2f} s"
    ledger.note("/ping meanwhile", counts, kept=set(pings) == {200} and max(seconds) < 10)
    with ThreadPoolExecutor(clients) as pool:
        left = Counter(pool.map(lambda name: service.score(bodies[name], wait=1)[0], chosen))
    began = time.monotonic()
    status, body = service.score(bodies[patients[0]])
    took = time.monotonic() - began
    kept = status == 200 and is_right(patients[0], body, expected[patients[0]]) and took < 20
    counts = f"{left[0]} left after 1 s, {left[503]} busy; the next answer after {took:.1f} s"
    ledger.note("clients that leave", counts, kept=kept)
    answered = 0
    for name in patients:  # sequentially, with unusual ids
        status, body = service.score(bodies[name])
        answered += status == 200 and is_right(name, body, expected[name])
    seconds = []
    for size in (1, 200):
        rows = [row for number in range(size) for row in invented_rows(f"L{number}", number)]
        began = time.monotonic()
        answered -= service.score(body_of(rows))[0] != 200
        seconds.append(f"{size} patients at once {time.monotonic() - began:.1f} s")
    print(", ".join(seconds), flush=True)
    counts = f"{answered} of {len(patients)} patients, as predict, each for its own id"
    ledger.note("one by one", counts, kept=answered == len(patients))


def hostile_bodies(count: int) -> Iterator[bytes]:
    """Yield requests with damaged bytes or unusual cells; each contains the mark."""
    dice = random.Random(15)
    rows = invented_rows(MARK, 1)
    good = body_of(rows)
    cells = [None, True, [MARK], {MARK: 1}, 10**40, 1e308, "\r\n", "\x00", "\u202e"]
    cells += ["<" * 9, "=1+1"]
    cells += ["\ud800", -0.5, "1e999", "9" * 300, "<script>", "../../etc/passwd", "%n%s", "' OR 1"]
    for number in range(count):
        if number % 2:
            damaged = bytearray(good)
            for _ in range(dice.randint(1, 8)):
                place = dice.randrange(len(damaged))
                damaged[place : place + dice.randint(0, 3)] = bytes([dice.randrange(256)])
            yield bytes(damaged)
            continue
        spoiled: list[list[object]] = [list(row) for row in rows]
        row, column = dice.randrange(len(rows)), dice.randrange(len(COLUMNS))
        spoiled[row][column] = dice.choice(cells)
        content = json.loads(body_of(spoiled))
        if dice.random() < 0.3:
            content["params"] = {"as_of": dice.choice(cells)}
        yield json.dumps(content).encode()


def attack_with_bodies(service: Service, count: int, ledger: Ledger) -> None:
    """Send hostile bodies; refusals must have a code and no traceback, path or data."""
    statuses: Counter[int] = Counter()
    leaks = shapeless = 0
    for body in hostile_bodies(count):
        status, answer = service.score(body)
        statuses[status] += 1
        if status == 200:
            names = {row["patient_id"] for row in json.loads(answer)["predictions"]}
            sent = {str(row[0]) for row in json.loads(body)["dataframe_split"]["data"]}
            shapeless += names != sent
            continue
        text = answer.decode()
        leaks += any(sign in text for sign in (MARK, "Traceback", ".py", os.sep + "home"))
        shapeless += set(json.loads(text or "{}")) != {"error_code", "message"}
    counts = ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items()))
    counts += f"; {leaks} leaks, {shapeless} of another shape or for another id"
    kept = not leaks and not shapeless and set(statuses) <= {200, 400}
    ledger.note(f"{count} hostile bodies", counts, kept=kept)
    log = service.logged()
    ledger.note("log", f"{len(log.splitlines())} lines", kept=MARK not in log)


def attack_with_sizes(service: Service, ledger: Ledger) -> None:
    """Send bodies of 300 MB, foreign hosts, wrong types and methods, and hanging connections."""

    def endless() -> Iterator[bytes]:
        for _ in range(300):
            yield b" " * MIB

    large = b" " * 300 * MIB
    counted = [service.score(large)[0] for _ in range(2)]
    counted += [service.ask("POST", "/invocations", endless())[0]]
    counts = f"{counted.count(413)} of {len(counted)} refused with 413"
    ledger.note("bodies of 300 MB", counts, kept=set(counted) == {413})
    hosts = ("evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "", "[::1].evil")
    statuses = Counter(
        service.ask(method, path, b"{}", host=host)[0]
        for host in hosts
        for method, path in (("GET", "/ping"), ("GET", "/ready"), ("POST", "/invocations"))
    )
    ledger.note(
        "hosts", f"{statuses[403]} of {statuses.total()} refused", kept=set(statuses) == {403}
    )
    kinds = ("text/csv", "text/plain", "multipart/form-data", "application/x-parquet")
    wrong = [service.ask("POST", "/invocations", b"{}", content_type=kind)[0] for kind in kinds]
    wrong += [service.ask(verb, "/invocations")[0] for verb in ("GET", "PUT", "DELETE", "OPTIONS")]
    counts = f"{wrong.count(415)} types, {wrong.count(405)} methods refused"
    ledger.note("types and methods", counts, kept=wrong == [415] * 4 + [405] * 4)
    hanging = [socket.create_connection((HOST, service.port), timeout=30) for _ in range(300)]
    for number, connection in enumerate(hanging):
        connection.sendall((b"", b"POST /inv", b"GET / HTTP/1.1\r\nHost: x\r\n")[number % 3])
    status = service.ask("GET", "/ping")[0]
    began = time.monotonic()
    closed = sum(connection.recv(1) == b"" for connection in hanging)
    for connection in hanging:
        connection.close()
    counts = f"/ping {status} with {len(hanging)} open; {closed} closed after "
    counts += f"{time.monotonic() - began:.0f} s"
    ledger.note("connections that hang", counts, kept=status == 200 and closed == len(hanging))


def attack_with_signals(model: str, ends: int, ledger: Ledger) -> None:
    """Send SIGTERM while requests are pending; all must be answered, no process may remain."""
    statuses: Counter[int] = Counter()
    codes: Counter[int] = Counter()
    alive = 0
    slowest = 0.0
    body = body_of(invented_rows("A", 1))
    for number in range(ends):
        service = Service(model)
        with ThreadPoolExecutor(30) as pool:
            asked = [pool.submit(service.score, body) for _ in range(30)]
            time.sleep(0.5 + number)
            code, seconds = service.end()
            statuses.update(each.result()[0] for each in asked)
        codes[code] += 1
        slowest = max(slowest, seconds)
        time.sleep(0.2)
        alive += service.alive() or service.ask("GET", "/ping")[0] != 0
    counts = f"{ends} x 30 requests: {statuses[200]} answered, {statuses[503]} with 503, "
    counts += f"{statuses[0]} lost; exit codes {dict(codes)}, at most {slowest:.1f} s, "
    counts += f"{alive} processes left"
    kept = not alive and set(statuses) <= {200, 503} and set(codes) == {0} and slowest < 15
    ledger.note("SIGTERM", counts, kept=kept)


def main() -> int:
    """Run every attack, print the counts and return 0 if every requirement is met."""
    parser = argparse.ArgumentParser(description="Attacks on cytocast serve")
    parser.add_argument(
        "--model", default="models:/cytocast@champion", help="bundle or registry URI"
    )
    for name, count in (("clients", 200), ("rounds", 3), ("bodies", 2000), ("ends", 3)):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N")
    options = parser.parse_args()
    ledger = Ledger()
    names = [*UNUSUAL_IDS, *(f"P{number:03d}" for number in range(16))]
    rows = {name: invented_rows(name, seed) for seed, name in enumerate(names)}
    bodies = {name: body_of(each) for name, each in rows.items()}
    with tempfile.TemporaryDirectory() as folder:
        expected = predicted([*chain(*rows.values())], options.model, Path(folder))
    service = Service(options.model)
    try:
        attack_with_bursts(service, bodies, expected, options.clients, options.rounds, ledger)
        attack_with_bodies(service, options.bodies, ledger)
        attack_with_sizes(service, ledger)
        code, seconds = service.end()
        ledger.note("end when idle", f"exit {code} after {seconds:.1f} s", kept=code == 0)
    finally:
        if service.alive():
            os.killpg(service.process.pid, signal.SIGKILL)
    attack_with_signals(options.model, options.ends, ledger)
    print(f"{ledger.failed} requirements failed")
    return 1 if ledger.failed else 0


if __name__ == "__main__":
    sys.exit(main())
