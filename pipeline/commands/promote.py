"""``cytocast promote``: the challenger becomes champion when every gate holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pipeline.errors import GateError, UsageError
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.registry import CHALLENGER, CHAMPION, connect, fetch_bundle
from pipeline.model.signature import refuse_unsigned
from pipeline.train.gates import SAME_COHORT, Candidate, Gate, check_gates, read_draws


def promote(
    name: str, *, force: bool, against: Path | None = None, signed_by: Path | None = None
) -> tuple[int, str]:
    """Promote the challenger of a registered model.

    The gate table is stored with the model version, passed or not: as tags, and whole as
    ``gates.json`` of its run.

    Parameters
    ----------
    against : Path, optional
        Bundle that stands in for the champion: trained with the champion's settings on the
        challenger's cohort, for when the champion knew another cohort.
    signed_by : Path, optional
        Public key; a challenger that its owner has not signed is refused.

    Raises
    ------
    GateError
        If a gate fails and ``force`` is false; the message has one sentence per failed gate.
    BundleError
        If there is no challenger, or ``against`` is no bundle.
    UsageError
        If ``against`` was not trained with the champion's settings.
    """
    folder, version = fetch_bundle(f"models:/{name}@{CHALLENGER}")
    refuse_unsigned(folder, signed_by)
    config = load_bundle(folder).config
    mlflow = connect()
    client = mlflow.MlflowClient()
    aliases = client.get_registered_model(name).aliases
    if str(aliases.get(CHAMPION, "")) == version:
        return 0, f"{name} version {version} is champion already"
    champion = None
    if CHAMPION in aliases:
        champion = fetch_bundle(f"models:/{name}@{CHAMPION}")[0]
    bar = champion if against is None else _stand_in(against, champion)
    gates = check_gates(_candidate(folder), config.gates, None if bar is None else _candidate(bar))
    failed = [gate for gate in gates if not gate.passed]
    client.set_model_version_tag(name, version, "gates", _table(gates))
    client.set_model_version_tag(name, version, "gates_passed", str(not failed).lower())
    run_id = client.get_model_version(name, version).run_id
    client.log_dict(run_id, {"gates": [asdict(gate) for gate in gates]}, "gates.json")
    if failed and not force:
        reasons = "\n".join(f"  {gate.sentence}" for gate in failed)
        raise GateError(
            f"{name} version {version} is not promoted, {len(failed)} of {len(gates)} gates "
            f"failed:\n{reasons}",
            options=("config", "against") if SAME_COHORT in {gate.name for gate in failed} else (),
        )
    client.set_registered_model_alias(name, CHAMPION, version)
    client.set_model_version_tag(name, version, "forced", str(bool(failed)).lower())
    said = "all gates passed" if not failed else f"FORCED past {len(failed)} failed gates"
    return 0, f"{name} version {version} is champion now ({len(gates)} gates, {said})"


def _candidate(folder: Path) -> Candidate:
    text = (folder / "evaluation.json").read_text(encoding="utf-8")
    return Candidate(EvaluationReport.from_json(text), read_draws(folder))


def _stand_in(against: Path, champion: Path | None) -> Path:
    """Bundle with the champion's settings, checked."""
    settings = load_bundle(against).provenance["config_sha256"]
    if champion is not None and settings != load_bundle(champion).provenance["config_sha256"]:
        raise UsageError(
            f"{against} was not trained with the champion's settings; train it with --config "
            "<champion's bundle>/config.json",
            options=("config",),
        )
    return against


def _table(gates: list[Gate]) -> str:
    """Failed gates first, within what a tag can hold."""
    ordered = sorted(gates, key=lambda gate: gate.passed)
    rows = [f"{'pass' if gate.passed else 'FAIL'} {gate.sentence}" for gate in ordered]
    return "\n".join(rows)[:4900]
