"""``cytocast promote``: makes the challenger champion if every gate passes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import GateError, UsageError
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.registry import (
    CHALLENGER,
    CHAMPION,
    connect,
    fetch_bundle,
    refuse_unusable_store,
)
from pipeline.model.signature import refuse_unsigned
from pipeline.model.store_creation import store_lock
from pipeline.model.tracking_store import tracking_uri
from pipeline.train.gates import SAME_COHORT, Candidate, Gate, check_gates, gate_tags, read_draws
from pipeline.train.recalibrated_bundle import PARENT_DRAWS

if TYPE_CHECKING:
    from mlflow import MlflowClient

_FORCED = "forced"


def promote(
    name: str, *, force: bool, against: Path | None = None, signed_by: Path | None = None
) -> tuple[int, str]:
    """Promote the challenger of a registered model.

    The results of the gates are stored with the model version: as tags, and in full as
    ``gates.json`` of its run. An SQLite store is locked during the promotion.

    Parameters
    ----------
    name : str
        Registered model.
    force : bool
        Promote even if a gate fails.
    against : Path, optional
        Bundle compared in place of a champion of another cohort: trained with the champion's
        settings on the challenger's cohort.
    signed_by : Path, optional
        Public key; a challenger without a signature of its private key is refused.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    GateError
        If a gate fails and ``force`` is false, with one sentence per failed gate; or if another
        promotion changes the champion at the same time.
    BundleError
        If there is no challenger, or ``against`` is not a bundle.
    UsageError
        If ``against`` was not trained with the champion's settings.
    """
    refuse_unusable_store(f"models:/{name}@{CHALLENGER}")
    with store_lock(tracking_uri()):
        return _promote(name, force=force, against=against, signed_by=signed_by)


def _promote(
    name: str, *, force: bool, against: Path | None, signed_by: Path | None
) -> tuple[int, str]:
    folder, version = fetch_bundle(f"models:/{name}@{CHALLENGER}")
    refuse_unsigned(folder, signed_by)
    config = load_bundle(folder).config
    client = connect().MlflowClient()
    before = _champion(client, name)
    if before == version:
        return 0, f"{name} version {version} is champion already"
    champion = fetch_bundle(f"models:/{name}/{before}")[0] if before else None
    rival = champion if against is None else _checked_substitute(against, champion)
    compared = None if rival is None else _candidate(rival)
    if champion is not None and against is None:
        compared = _as_parent(_candidate(folder), load_bundle(champion).sha256) or compared
    gates = check_gates(_candidate(folder), config.gates, compared)
    failed = [gate for gate in gates if not gate.passed]
    for tag, verdict in gate_tags(gates).items():
        client.set_model_version_tag(name, version, tag, verdict)
    client.set_model_version_tag(name, version, "gates", _table(gates))
    client.set_model_version_tag(name, version, "gates_passed", str(not failed).lower())
    run_id = client.get_model_version(name, version).run_id
    client.log_dict(run_id, {"gates": [asdict(gate) for gate in gates]}, "gates.json")
    if failed and not force:
        reasons = "\n".join(f"  {gate.sentence}" for gate in failed)
        raise GateError(
            f"{name} version {version} is not promoted: {len(failed)} of {len(gates)} gates "
            f"failed:\n{reasons}",
            options=("config", "against") if SAME_COHORT in {gate.name for gate in failed} else (),
        )
    _set_champion(client, name, version, before=before, forced=bool(failed))
    verdict = "all passed" if not failed else f"FORCED although {len(failed)} failed"
    return 0, f"{name} version {version} is champion now ({len(gates)} gates, {verdict})"


def _champion(client: MlflowClient, name: str) -> str:
    """Version of the champion; "" if there is none."""
    return str(client.get_registered_model(name).aliases.get(CHAMPION, ""))


def _set_champion(
    client: MlflowClient, name: str, version: str, *, before: str, forced: bool
) -> None:
    """Set the alias and read it back, because a server has no atomic compare-and-set.

    Raises
    ------
    GateError
        If the champion differs from the one of the gates, or changes afterwards.
    """
    _refuse_conflict(_champion(client, name), before, version)
    client.set_model_version_tag(name, version, _FORCED, str(forced).lower())
    client.set_registered_model_alias(name, CHAMPION, version)
    after = _champion(client, name)
    if after != version:
        client.delete_model_version_tag(name, version, _FORCED)
    _refuse_conflict(after, version, version)


def _refuse_conflict(champion: str, expected: str, version: str) -> None:
    if champion != expected:
        raise GateError(
            f"version {version} is not promoted: another promotion meanwhile made "
            f"{f'version {champion}' if champion else 'no version'} champion; promote again"
        )


def _candidate(folder: Path) -> Candidate:
    text = (folder / "evaluation.json").read_text(encoding="utf-8")
    return Candidate(EvaluationReport.from_json(text), read_draws(folder))


def _as_parent(challenger: Candidate, champion_sha256: str) -> Candidate | None:
    """The champion on the challenger's cohort, if the challenger was recalibrated from it."""
    draws = challenger.draws.get(PARENT_DRAWS)
    if draws is None or draws["bundle_sha256"] != champion_sha256:
        return None
    return Candidate(challenger.evaluation, draws)


def _checked_substitute(against: Path, champion: Path | None) -> Path:
    """Return ``against`` if it has the champion's settings."""
    settings = load_bundle(against).provenance["config_sha256"]
    if champion is not None and settings != load_bundle(champion).provenance["config_sha256"]:
        raise UsageError(
            f"{against} was not trained with the champion's settings; train it with --config "
            "<champion's bundle>/config.json",
            options=("config",),
        )
    return against


def _table(gates: list[Gate]) -> str:
    """Gates for a tag, failed ones first, cut to the length of a tag."""
    ordered = sorted(gates, key=lambda gate: gate.passed)
    rows = [f"{'pass' if gate.passed else 'FAIL'} {gate.sentence}" for gate in ordered]
    return "\n".join(rows)[:4900]
