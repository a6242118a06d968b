"""Moves the alias ``champion`` to the challenger when every gate holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.errors import GateError
from pipeline.model.bundle import load_bundle
from pipeline.model.registry import connect, fetch_bundle
from pipeline.train.gates import Gate, check_gates
from pipeline.train.tracking import CHALLENGER

CHAMPION = "champion"


def promote(name: str, *, force: bool) -> tuple[int, str]:
    """Promote the challenger of a registered model.

    The gate table is stored as tags of the model version, passed or not.

    Raises
    ------
    GateError
        If a gate fails and ``force`` is false; the message has one sentence per failed gate.
    BundleError
        If there is no challenger.
    """
    folder, version = fetch_bundle(f"models:/{name}@{CHALLENGER}")
    config = load_bundle(folder).config
    mlflow = connect()
    client = mlflow.MlflowClient()
    aliases = client.get_registered_model(name).aliases
    if str(aliases.get(CHAMPION, "")) == version:
        return 0, f"{name} version {version} is champion already"
    champion = None
    if CHAMPION in aliases:
        champion = _evaluation(fetch_bundle(f"models:/{name}@{CHAMPION}")[0])
    gates = check_gates(_evaluation(folder), config.gates, champion)
    failed = [gate for gate in gates if not gate.passed]
    client.set_model_version_tag(name, version, "gates", _table(gates))
    client.set_model_version_tag(name, version, "gates_passed", str(not failed).lower())
    if failed and not force:
        reasons = "\n".join(f"  {gate.sentence}" for gate in failed)
        raise GateError(
            f"{name} version {version} is not promoted, {len(failed)} of {len(gates)} gates "
            f"failed:\n{reasons}"
        )
    client.set_registered_model_alias(name, CHAMPION, version)
    client.set_model_version_tag(name, version, "forced", str(bool(failed)).lower())
    said = "all gates passed" if not failed else f"FORCED past {len(failed)} failed gates"
    return 0, f"{name} version {version} is champion now ({len(gates)} gates, {said})"


def _evaluation(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    return content


def _table(gates: list[Gate]) -> str:
    rows = [f"{'pass' if gate.passed else 'FAIL'} {gate.sentence}" for gate in gates]
    return "\n".join(rows)[:4900]
