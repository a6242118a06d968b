"""The port of the scoring server; its answers: commands/test_train.py."""

import socket

import pytest

from pipeline.errors import UsageError
from pipeline.serve.scoring_server import HOST, refuse_port, run_server


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


def test_a_server_that_fails_is_named_with_its_code(monkeypatch, tmp_path):
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\nexit 7\n")
    failing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(failing))
    with pytest.raises(UsageError, match="code 7"):
        run_server("models:/cytocast@champion", 5001, "sqlite:///none.db")
