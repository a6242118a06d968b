"""Port, signals and exit codes of the service; its answers: commands/test_train.py."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.errors import UsageError
from pipeline.serve.scoring_app import ScoringApp
from pipeline.serve.scoring_server import HOST, refuse_port, run_server
from pipeline.serve.service_limits import ServiceLimits


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_number_that_is_no_port_is_refused(port):
    with pytest.raises(UsageError, match="from 1 to 65535"):
        refuse_port(port)


def test_a_taken_port_is_refused_and_a_free_one_stays_free():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)):
            refuse_port(port)
    refuse_port(port)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((HOST, port))


@pytest.fixture
def start():
    """Start a service with a given time per answer and grace time."""
    started = []

    def begin(
        seconds: float, grace: float, before: Callable[[], object] | None = None
    ) -> tuple[subprocess.Popen, int]:
        with socket.socket() as free:
            free.bind((HOST, 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "tests.serve.slow_service", f"{port}", f"{seconds}"]
        process = subprocess.Popen(
            [*command, f"{grace}"], stderr=subprocess.PIPE, preexec_fn=before
        )
        started.append(process)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5):
                return process, port
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.05)
        raise AssertionError("the service did not start")

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def request_status(port: int) -> tuple[int, str]:
    """Status of a request and the code of its refusal."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.request("POST", "/invocations", b"{}", {"content-type": "application/json"})
    with contextlib.closing(connection), connection.getresponse() as answer:
        return answer.status, json.loads(answer.read()).get("error_code", "")


@pytest.mark.parametrize(
    ("seconds", "grace", "sent", "answers", "code"),
    [
        (3, 10, signal.SIGTERM, [(200, ""), (503, "stopping"), (503, "stopping")], 0),
        (3, 10, signal.SIGINT, [(200, ""), (503, "stopping"), (503, "stopping")], 0),
        (60, 1, signal.SIGTERM, [(503, "stopping")] * 3, 143),
        (60, 1, signal.SIGINT, [(503, "stopping")] * 3, 130),
        (60, 1, signal.SIGTERM, [], 0),
    ],
)
def test_a_signal_ends_the_service_and_every_client_is_answered(
    start, seconds, grace, sent, answers, code
):
    process, port = start(seconds, grace)
    with ThreadPoolExecutor(3) as clients:
        waiting = [clients.submit(request_status, port) for _ in answers]
        time.sleep(1.0)
        began = time.monotonic()
        process.send_signal(sent)
        assert sorted(each.result() for each in waiting) == answers
    _, log = process.communicate(timeout=20)
    assert process.returncode == code
    assert time.monotonic() - began < 15
    assert b"Traceback" not in log or code
    with pytest.raises(OSError, match=r".*"):
        socket.create_connection((HOST, port), timeout=5)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_parent_that_ignores_ctrl_c_does_not_change_the_code(start, sent, code):
    """A shell starts background commands with ctrl-C ignored."""
    process, port = start(60, 1, lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    with ThreadPoolExecutor(1) as clients:
        waiting = clients.submit(request_status, port)
        time.sleep(1.0)
        process.send_signal(sent)
        assert waiting.result() == (503, "stopping")
    process.communicate(timeout=20)
    assert process.returncode == code


def test_ctrl_c_before_the_service_has_started_is_not_taken_for_its_end(monkeypatch):
    def interrupted(self, sockets):
        raise KeyboardInterrupt

    monkeypatch.setattr("uvicorn.Server.run", interrupted)
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    limits = ServiceLimits()
    with pytest.raises(KeyboardInterrupt):
        run_server(ScoringApp(bytes, limits=limits), port, limits)


def test_a_port_taken_meanwhile_is_refused():
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        limits = ServiceLimits()
        with pytest.raises(UsageError):
            run_server(ScoringApp(bytes, limits=limits), taken.getsockname()[1], limits)
