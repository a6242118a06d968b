"""What cannot be served is refused before anything is started; answers: commands/test_train.py."""

import socket

import pytest

from pipeline.commands.serve import serve
from pipeline.errors import BundleError, UsageError
from pipeline.serve.scoring_server import HOST

REGISTERED = "models:/cytocast@champion"


@pytest.fixture
def no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    return tmp_path


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def test_a_folder_is_not_served(no_store, free_port):
    with pytest.raises(UsageError, match="registered model"):
        serve(str(no_store), free_port)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_number_that_is_no_port_is_refused(no_store, port):
    with pytest.raises(UsageError, match="from 1 to 65535"):
        serve(REGISTERED, port)


def test_a_port_that_is_taken_is_refused_and_stays_open(no_store):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)):
            serve(REGISTERED, port)
        with socket.create_connection((HOST, port), timeout=5):
            pass


def test_without_a_registry_nothing_is_started_and_no_store_is_made(no_store, free_port):
    with pytest.raises(BundleError, match="not in the registry"):
        serve(REGISTERED, free_port)
    assert list(no_store.iterdir()) == []
    with socket.socket() as still:
        still.bind((HOST, free_port))
