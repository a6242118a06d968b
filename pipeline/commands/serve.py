"""``cytocast serve``: scores lab rows over HTTP with a registered model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline import log
from pipeline.errors import UsageError
from pipeline.model.bundle import load_bundle
from pipeline.model.registry import fetch_bundle
from pipeline.model.signature import refuse_unsigned
from pipeline.predict.predictions_table import ModelName
from pipeline.serve.lab_answer import answer_with
from pipeline.serve.scoring_app import ScoringApp
from pipeline.serve.scoring_server import HOST, refuse_port, run_server
from pipeline.serve.service_limits import ServiceLimits


def serve(
    model: str, port: int, host_names: Sequence[str] = (), *, signed_by: Path | None = None
) -> tuple[int, str]:
    """Serve a registered model until interrupted.

    Only the verified bundle of the registered model is used; no code of the registry is run.

    Parameters
    ----------
    model : str
        ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.
    port : int
        From 1 to 65535, on 127.0.0.1 only.
    host_names : sequence of str
        Accepted Host headers in addition to those of this machine.
    signed_by : Path, optional
        Public key; a bundle without a signature of its private key is refused.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If the model is a folder, or the port is invalid or in use.
    BundleError
        If the model is not in the registry, its bundle or code was changed, or it is not signed.
    """
    if not model.startswith("models:/"):
        raise UsageError(
            f"--model {model} is not a registered model, which serving needs. Give "
            "models:/<name>@<alias> or models:/<name>/<version>; training registers a model",
            options=("model",),
        )
    refuse_port(port)
    folder, version = fetch_bundle(model)
    refuse_unsigned(folder, signed_by)
    bundle, limits = load_bundle(folder), ServiceLimits()
    answer = answer_with(bundle, ModelName(bundle.config.tracking.model_name, version), limits)
    log.info(f"{model} (version {version}) at http://{HOST}:{port}/invocations; stop with Ctrl-C")
    run_server(ScoringApp(answer, host_names, limits), port, limits)
    return 0, f"served {model}"
