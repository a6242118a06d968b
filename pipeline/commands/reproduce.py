"""``cytocast reproduce``: trains a bundle again and compares every file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pipeline import log
from pipeline.commands.train import train_into
from pipeline.errors import GateError, UsageError
from pipeline.folders.claim import claim
from pipeline.model.bundle import EVALUATION, Bundle, load_bundle
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.manifest import read_manifest
from pipeline.model.recalibration_report import RECALIBRATED_FROM
from pipeline.model.registry import fetch_bundle, fetch_run_bundle
from pipeline.reading.reader import read_cohort
from pipeline.train.fit import versions

_RUN_ID = re.compile(r"^(runs:/)?[0-9a-f]{32}$")


def reproduce(source: str, cohort: Path, *, jobs: int) -> tuple[int, str]:
    """Train again and compare digests and metrics.

    Parameters
    ----------
    source : str
        Bundle folder, ``models:/<name>@<alias>``, ``runs:/<id>`` or the id of a run.
    cohort : Path
        Folder with the cohort of that training.
    jobs : int
        Fits at a time.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    BundleError
        If there is no bundle at ``source``.
    UsageError
        If the bundle was recalibrated.
    GateError
        If the cohort or a file differs; the message names the differences.
    """
    folder = _folder(source)
    bundle = load_bundle(folder)
    if RECALIBRATED_FROM in bundle.provenance:
        raise UsageError(
            f"{source} was recalibrated, not trained; run cytocast recalibrate with its parent "
            "again and compare bundle_sha256 of both manifest.json",
            options=("model",),
        )
    config = bundle.config
    digest = read_cohort(cohort, config.cohort, extra_scales=config.scales).sha256
    wanted = bundle.provenance["cohort_sha256"]
    if digest != wanted:
        raise GateError(
            f"{cohort} is not the cohort of this training: its digest is {digest[:12]}, not "
            f"{wanted[:12]}; give the original export"
        )
    log.info("training again")
    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / "again"
        with claim(again, command="train", reads=[folder, cohort], force=False) as output:
            train_into(output, cohort, config, jobs=jobs, prior=bundle.prior)
        changes = differences(folder, again)
    if not changes:
        count = len(_digests_of(folder))
        return 0, f"Reproduced: all {count} files of {bundle.sha256[:12]} have the same digest"
    lines = "\n".join(f"  {line}" for line in [*changes, *_other_versions(bundle)])
    raise GateError(f"{source} was not reproduced:\n{lines}")


def differences(first: Path, second: Path) -> list[str]:
    """Files that differ between two bundles, and the differences of metrics; empty if none."""
    ours, theirs = (_digests_of(folder) for folder in (first, second))
    lines = [f"{name} is missing after retraining" for name in sorted(ours.keys() - theirs.keys())]
    lines += [f"{name} is new after retraining" for name in sorted(theirs.keys() - ours.keys())]
    changed = [name for name in sorted(ours.keys() & theirs.keys()) if ours[name] != theirs[name]]
    lines += [f"{name} differs" for name in changed]
    return lines + (_metric_gaps(first, second) if lines else [])


def _digests_of(folder: Path) -> dict[str, str]:
    """Digest of every file of a bundle, reports included."""
    manifest = read_manifest(folder)
    return {**manifest["files"], **manifest["reports"]}


def _metric_gaps(first: Path, second: Path) -> list[str]:
    """Largest difference of AUROC and Brier score per outcome."""
    before, after = (_outcomes(folder) for folder in (first, second))
    lines = []
    for name in before.keys() & after.keys():
        for metric in ("auroc", "brier"):
            pairs = [
                (getattr(cell, metric), getattr(after[name].performance("model", key), metric))
                for key, cell in before[name].model.items()
            ]
            gaps = [abs(a - b) for a, b in pairs if a is not None and b is not None]
            if gaps:
                lines.append(f"{name}: {metric} differs by at most {max(gaps):.2g}")
    return sorted(lines)


def _outcomes(folder: Path) -> Mapping[str, OutcomeReport]:
    text = (folder / EVALUATION).read_text(encoding="utf-8")
    return EvaluationReport.from_json(text).outcomes


def _other_versions(bundle: Bundle) -> list[str]:
    then, now = bundle.provenance.get("versions", {}), versions()
    return [
        f"{name} was {then.get(name, 'absent')}, now {now.get(name, 'absent')}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]


def _folder(source: str) -> Path:
    if source.startswith("models:/"):
        return fetch_bundle(source)[0]
    if _RUN_ID.match(source) and not Path(source).exists():
        return fetch_run_bundle(source.removeprefix("runs:/"))
    return Path(source)
