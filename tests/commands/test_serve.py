"""What cannot be served is refused before anything is started; answers: commands/test_train.py."""

import asyncio
import json
import shutil
import socket

import pytest

from pipeline.commands.serve import serve
from pipeline.errors import BundleError, UsageError
from pipeline.serve.scoring_server import HOST
from tests.serve.asgi import Client

REGISTERED = "models:/cytocast@champion"


@pytest.fixture
def no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    return tmp_path


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


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


def test_the_bundle_of_the_registered_model_is_served_under_its_version(
    mini, no_store, free_port, monkeypatch
):
    served = {}

    def run(app, port, limits):
        served.update(app=app, port=port)

    monkeypatch.setattr("pipeline.commands.serve.fetch_bundle", lambda model: (mini.bundle, "7"))
    monkeypatch.setattr("pipeline.commands.serve.run_server", run)
    assert serve(REGISTERED, free_port, ["ward.example"]) == (0, f"served {REGISTERED}")
    assert served["port"] == free_port
    columns = ["patient_id", "analyte", "value", "unit", "collected_hours"]
    table = {"columns": columns, "data": [["A", "CRP", "12", "mg/L", 30]]}
    body = json.dumps({"dataframe_split": table}).encode()
    reply = asyncio.run(Client(body).ask(served["app"], host="ward.example"))
    rows = json.loads(reply.body)["predictions"]
    assert {(row["patient_id"], row["model_version"]) for row in rows} == {("A", "7")}


def test_a_changed_bundle_is_not_served(mini, no_store, free_port, monkeypatch, tmp_path):
    changed = shutil.copytree(mini.bundle, tmp_path / "changed")
    (changed / "crs.json").write_text("{}")
    monkeypatch.setattr("pipeline.commands.serve.fetch_bundle", lambda model: (changed, "7"))
    with pytest.raises(BundleError):
        serve(REGISTERED, free_port)
