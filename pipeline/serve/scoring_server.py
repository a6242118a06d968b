"""MLflow's scoring server over a registered model, on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from pipeline.errors import UsageError

HOST = "127.0.0.1"


def refuse_port(port: int) -> None:
    """Refuse a port that cannot be listened on.

    Raises
    ------
    UsageError
    """
    if not 0 < port < 65536:
        raise UsageError(f"--port is {port}; a port is a number from 1 to 65535", options=("port",))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with "
                "--port",
                options=("port",),
            ) from error


def run_server(model: str, port: int, store: str) -> None:
    """Answer requests until interrupted; the server's pages of documentation need a network.

    Parameters
    ----------
    model : str
        ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    store : str
        Address of the tracking store.

    Raises
    ------
    UsageError
        If the server fails.
    """
    # MLflow starts uvicorn by its name, so this interpreter's folder must be on the path
    scripts = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": store,
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
    }
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", model]
    command += ["--env-manager", "local", "--host", HOST, "--port", str(port)]
    try:
        code = subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return
    if code:
        raise UsageError(f"the server ended with code {code}; what it wrote stands above")
