"""An MLflow server on PostgreSQL, with artifacts through its proxy, from training to prediction.

Skipped where PostgreSQL is absent, unless ``CYTOCAST_REQUIRE_POSTGRES`` is set, as ``.ci/run``
does.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.commands import train as train_module
from pipeline.model.bundle import load_bundle
from tests.conftest import Mini, read_predictions

REQUIRE = "CYTOCAST_REQUIRE_POSTGRES"
SECONDS = 120  # a server on a busy machine needs half a minute to start


def binary(name: str) -> str:
    """Path of a program of PostgreSQL, or skip."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(installed[-1]) if installed else "")
    if not found:
        if os.environ.get(REQUIRE):
            pytest.fail(f"{name} of PostgreSQL is missing")
        pytest.skip("PostgreSQL is not installed")
    return str(Path(found).resolve())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else [*command]


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Iterator[str]:
    """Address of an empty PostgreSQL database."""
    server, port = binary("postgres"), free_port()
    place = Path("/tmp" if os.geteuid() == 0 else tmp_path_factory.mktemp("pg")) / f"pg{port}"
    place.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(place, "postgres")
    make = as_postgres(binary("initdb"), "-D", str(place), "-U", "mlflow", "-A", "trust", "-N")
    subprocess.run(make, check=True, capture_output=True, cwd="/")
    options = ["-p", str(port), "-k", str(place), "-h", "127.0.0.1", "-F"]
    running = subprocess.Popen(
        as_postgres(server, "-D", str(place), *options),
        cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for_port(port)
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
    finally:
        os.killpg(running.pid, signal.SIGINT)
        running.wait(SECONDS)
        shutil.rmtree(place, ignore_errors=True)


def wait_for_port(port: int) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"nothing answers at port {port}")


class Server:
    """An MLflow server that can be stopped, and started again with moved artifacts."""

    def __init__(
        self, database: str, artifacts: Path | str, environment: dict[str, str] | None = None
    ) -> None:
        self.database, self.artifacts, self.port = database, artifacts, free_port()
        self.environment = environment or {}
        self.running: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host"]
        command += ["127.0.0.1", "--port", str(self.port), "--backend-store-uri", self.database]
        command += ["--artifacts-destination", str(self.artifacts), "--serve-artifacts"]
        self.running = subprocess.Popen(
            command,
            env={
                **os.environ,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_TRACKING_URI": "",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine processes less
                **self.environment,
            },
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.running.poll() is None:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
            else:
                return
        raise AssertionError("the MLflow server did not start")

    def stop(self) -> None:
        if self.running is not None and self.running.poll() is None:
            os.killpg(self.running.pid, signal.SIGTERM)
            self.running.wait(SECONDS)


@pytest.fixture(scope="module")
def server(database, tmp_path_factory) -> Iterator[Server]:
    artifacts = tmp_path_factory.mktemp("server") / "artifacts"
    artifacts.mkdir()
    result = Server(database, artifacts)
    result.start()
    try:
        yield result
    finally:
        result.stop()


@pytest.fixture
def store(server, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)


def train(mini: Mini, out: Path, *extra: str) -> int:
    source = ["--cohort", str(mini.cohort), "--config", str(mini.config), "--outcomes", "icans"]
    return main(["train", *source, "--out", str(out), "--quiet", *extra])


@pytest.fixture(scope="module")
def trained(mini, server, tmp_path_factory) -> Path:
    """Bundle of a training that the server knows and that is champion."""
    out = tmp_path_factory.mktemp("trained") / "b"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(out.parent)
        patch.setenv("MLFLOW_TRACKING_URI", server.uri)
        assert train(mini, out) == 0
        assert main(["promote", "--force", "--quiet"]) == 0
    return out


def predictions(mini: Mini, out: Path, model: str) -> pd.DataFrame:
    source = ["--input", str(mini.batch), "--out", str(out), "--model", model, "--quiet"]
    assert main(["predict", *source]) == 0
    return read_predictions(out).drop(columns="model_version")


def test_the_champion_on_a_server_predicts_as_its_bundle_and_reproduces(
    mini, store, trained, tmp_path
) -> None:
    by_alias = predictions(mini, tmp_path / "alias", "models:/cytocast@champion")
    by_path = predictions(mini, tmp_path / "path", str(trained))
    pd.testing.assert_frame_equal(by_alias, by_path)
    assert not (tmp_path / "mlruns").exists()
    again = ["models:/cytocast@champion", "--cohort", str(mini.cohort), "--quiet"]
    assert main(["reproduce", *again]) == 0


def test_a_server_that_goes_away_leaves_a_bundle_to_register_and_a_failed_run(
    mini, store, server, trained, tmp_path, monkeypatch, capsys
) -> None:
    import mlflow

    original = train_module.train_audited

    def then_stop(*arguments, **options):
        result = original(*arguments, **options)
        server.stop()
        return result

    out = tmp_path / "b"
    with monkeypatch.context() as broken:
        broken.setattr(train_module, "train_audited", then_stop)
        assert train(mini, out, "--seed", "5") == 5
    assert f"cytocast register {out}" in capsys.readouterr().err
    bundle = load_bundle(out)
    moved = server.artifacts.with_name("moved")
    server.artifacts = Path(shutil.move(server.artifacts, moved))
    server.port = free_port()
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    assert main(["register", str(out), "--quiet"]) == 0
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("cytocast", "challenger")
    assert version.tags["bundle_sha256"] == bundle.sha256
    run = client.get_run(version.run_id)
    query = f"tags.logged_in_run = '{version.run_id}'"
    failed = client.search_runs([run.info.experiment_id], query)
    assert [item.info.status for item in failed] == ["FAILED"]
    # the champion was logged before the artifacts were moved
    again = predictions(mini, tmp_path / "again", "models:/cytocast@champion")
    pd.testing.assert_frame_equal(again, predictions(mini, tmp_path / "path", str(trained)))


@pytest.fixture(scope="module")
def s3(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Environment of a client of an S3-compatible store with the bucket ``runs``.

    moto and boto3 are installed outside this environment, whose pins they contradict.
    """
    place, port = tmp_path_factory.mktemp("s3"), free_port()
    python = str(place / "venv" / "bin" / "python")
    pip = ["-m", "pip", "install", "--quiet"]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        subprocess.run([python, *pip, "moto[server]"], check=True, capture_output=True)
        subprocess.run(
            [python, *pip, "--target", str(place / "boto3"), "boto3"],
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"moto cannot be installed: {error.stderr.decode()[-200:]}")
    running = subprocess.Popen(
        [python, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_port(port)
        urllib.request.urlopen(urllib.request.Request(f"{address}/runs", method="PUT")).close()
        yield {
            "MLFLOW_S3_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(place / "boto3"),
        }
    finally:
        running.terminate()
        running.wait(SECONDS)


@pytest.mark.slow
def test_artifacts_in_an_s3_compatible_store(mini, s3, tmp_path, monkeypatch) -> None:
    server = Server(f"sqlite:///{tmp_path / 'server.db'}", "s3://runs/artifacts", s3)
    server.start()
    try:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        assert train(mini, tmp_path / "b") == 0
        assert main(["promote", "--force", "--quiet"]) == 0
        by_alias = predictions(mini, tmp_path / "alias", "models:/cytocast@champion")
        by_path = predictions(mini, tmp_path / "path", str(tmp_path / "b"))
        pd.testing.assert_frame_equal(by_alias, by_path)
        listed = urllib.request.urlopen(f"{s3['MLFLOW_S3_ENDPOINT_URL']}/runs").read()
        assert b"artifacts/bundle/manifest.json" in listed
    finally:
        server.stop()
