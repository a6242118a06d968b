"""Answers lab rows over HTTP on this machine: MLflow's scoring server over a registered model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from pipeline import log
from pipeline.errors import UsageError
from pipeline.model.bundle import load_bundle
from pipeline.model.registry import connect, fetch_bundle

HOST = "127.0.0.1"


def serve(model: str, port: int) -> tuple[int, str]:
    """Serve a registered model until interrupted; its pages of documentation need a network.

    Parameters
    ----------
    model : str
        ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    port : int
        From 1 to 65535, on 127.0.0.1 only.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If the model is a folder, or the port is none or taken.
    BundleError
        If the registry holds no such model, or its bundle was changed.
    """
    if not model.startswith("models:/"):
        raise UsageError(
            f"{model} is not in the registry; serving takes a registered model. Give --model as "
            "models:/<name>@<alias> or models:/<name>/<version>; training registers one",
            options=("model",),
        )
    _free(port)
    folder, version = fetch_bundle(model)
    load_bundle(folder)
    store = connect().get_tracking_uri()
    # MLflow starts uvicorn by its name, so this interpreter's folder must be on the path
    scripts = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": store,
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
    }
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--host", HOST, "--port", str(port)]
    log.info(f"{model} (version {version}) at http://{HOST}:{port}/invocations; Ctrl-C ends it")
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        code = 0
    if code:
        raise UsageError(f"the server ended with code {code}; what it wrote stands above")
    return 0, f"served {model}"


def _free(port: int) -> None:
    """Refuse a port that cannot be listened on."""
    if not 0 < port < 65536:
        raise UsageError(f"--port is {port}; a port is a number from 1 to 65535", options=("port",))
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with "
                "--port",
                options=("port",),
            ) from error
