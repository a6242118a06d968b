"""The bundle on disk: JSON and booster files under a manifest of digests; loading runs no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort
from pipeline.config import Config, parse_config
from pipeline.config_model import PRIOR
from pipeline.errors import BundleError, UsageError
from pipeline.features.build import build_features
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model.booster import load_booster
from pipeline.model.borrowed_prior import reading_prior_columns, with_prior
from pipeline.model.calibration import calibration_from_dict
from pipeline.model.custom_member import load_custom
from pipeline.model.linear import linear_from_dict
from pipeline.model.risk_model import RiskModel, Variant
from pipeline.model.training_reference import TrainingReference, clip_ages, reference_from_dict

if TYPE_CHECKING:
    from pipeline.model.evaluation_report import EvaluationReport

FORMAT = 3
READABLE = (2, 3)
SCHEMA_VERSION = "1"
MANIFEST = "manifest.json"
EVALUATION = "evaluation.json"
REPORTS = ("audit.json", "evaluation.html", "model_card.md", "card.json", "tripod_ai.md")


@dataclass(frozen=True)
class Bundle:
    """RiskModels by scale, what was learned beside them, and where they come from.

    Attributes
    ----------
    provenance : dict
        ``cohort_name, cohort_sha256, config_sha256, synthetic, package_version, n_patients,
        outcomes`` (per outcome: event patients) and the like; never anything about one patient.
    sha256 : str
        Digest of the manifest's file list; empty before saving.
    """

    config: Config
    reference: TrainingReference
    models: Mapping[str, RiskModel]
    provenance: Mapping[str, Any]
    sha256: str = ""
    prior: Bundle | None = None


def read_features(
    cohort: Cohort, landmarks: pd.DataFrame, bundle: Bundle, jobs: int = 1
) -> tuple[FeatureMatrix, FeatureMatrix]:
    """Features as measured, and as the bundle's models read them.

    Parameters
    ----------
    cohort : Cohort
        As read, without silent limits.
    landmarks : DataFrame
        ``patient`` and ``hours``.
    """
    seen = cohort.with_labs(apply_limits(cohort.labs, bundle.reference.limits))
    measured = build_features(seen, landmarks, bundle.reference.spec, jobs)
    return measured, model_features(measured, cohort, bundle, jobs)


def model_features(
    measured: FeatureMatrix, cohort: Cohort, bundle: Bundle, jobs: int = 1
) -> FeatureMatrix:
    """Features as the bundle's models read them: ages clipped, and those of a prior added.

    Parameters
    ----------
    measured : FeatureMatrix
        Features as measured.
    cohort : Cohort
        As read, without silent limits.
    """
    clipped = clip_ages(measured, bundle.reference)
    if bundle.prior is None:
        return clipped
    return add_prior_features(clipped, cohort, bundle.reference.spec, bundle.prior, jobs)


def add_prior_features(
    matrix: FeatureMatrix, cohort: Cohort, spec: FeatureSpec, prior: Bundle, jobs: int = 1
) -> FeatureMatrix:
    """Put what the prior's models read beside the features of a cohort; see ``with_prior``."""
    columns = {name for model in prior.models.values() for name in model.columns}
    return with_prior(matrix, cohort, spec, prior.reference, prior.config.predict, columns, jobs)


def as_prior(bundle: Bundle) -> Bundle:
    """Return what of a bundle is kept inside another one that borrows from it.

    Prototypes and profile of its patients are left out; its own digest is noted.
    """
    reference = replace(bundle.reference, background={}, profile=None)
    provenance = {"bundle_sha256": bundle.sha256, **bundle.provenance}
    return replace(bundle, reference=reference, provenance=provenance)


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle into a new folder, or into one that holds its reports and nothing else.

    The manifest lists the files that score, whose digest is the bundle's identity, apart from the
    reports (evaluation, cards, audit), so that the wording of a report changes no identity.

    Returns
    -------
    str
        SHA-256 over the files that score.
    """
    folder.mkdir(parents=True, exist_ok=True)
    reports = _digests(folder)
    # in the order of the configuration: outcomes are trained and reported in it
    _write_json(folder / "config.json", bundle.config.model_dump(mode="json"), sort=False)
    _write_json(folder / "reference.json", bundle.reference.to_dict())
    _write_json(folder / "provenance.json", dict(bundle.provenance))
    for scale, model in bundle.models.items():
        _save_model(model, folder, scale)
    if bundle.prior is not None:
        save_bundle(bundle.prior, folder / PRIOR)
    files = {name: sha256 for name, sha256 in _digests(folder).items() if name not in reports}
    digest = _digest(files)
    _write_json(
        folder / MANIFEST,
        {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "bundle_sha256": digest,
            "scales": sorted(bundle.models),
            "files": files,
            "reports": reports,
            "reports_sha256": _digest(reports),
        },
    )
    return digest


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and verify every file, reports included, against the manifest.

    Raises
    ------
    BundleError
        If the folder is no bundle, a file is missing, truncated or changed, or the format is not
        one that this version reads.
    """
    root = Path(folder)
    manifest = read_manifest(root)
    for name, expected in {**manifest["files"], **manifest["reports"]}.items():
        path = root / name
        if not path.is_file():
            raise BundleError(
                f"{root} is incomplete: {name} is missing; copy the whole folder again"
            )
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise BundleError(
                f"{root} is damaged or was changed: {name} does not match the manifest; copy the "
                "bundle again or retrain"
            )
    try:
        prior = load_bundle(root / PRIOR) if f"{PRIOR}/{MANIFEST}" in manifest["files"] else None
        models = {scale: _load_model(root, scale, prior) for scale in manifest["scales"]}
        return Bundle(
            parse_config(_read_json(root / "config.json"), source=str(root / "config.json")),
            reference_from_dict(_read_json(root / "reference.json")),
            models,
            _read_json(root / "provenance.json"),
            manifest["bundle_sha256"],
            prior,
        )
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise BundleError(
            f"{root} cannot be read by this version ({error}); retrain, or use the version that "
            "wrote it"
        ) from error


def read_config(root: Path) -> Config:
    """Settings of a bundle folder, read alone and checked against the manifest.

    Raises
    ------
    BundleError
    """
    expected = read_manifest(root)["files"].get("config.json")
    path = root / "config.json"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise BundleError(
            f"{root} is damaged or was changed: config.json does not match the manifest; copy the "
            "bundle again or retrain"
        )
    try:
        return parse_config(_read_json(path), source=str(path))
    except (ValueError, UsageError) as error:
        raise BundleError(
            f"{path} cannot be read by this version ({error}); retrain, or use the version that "
            "wrote it"
        ) from error


def read_manifest(root: Path) -> dict[str, Any]:
    """Manifest of a bundle folder, checked for format and for its own digest.

    Raises
    ------
    BundleError
    """
    path = root / MANIFEST
    if not path.is_file():
        raise BundleError(
            f"{root} is not a bundle (no {MANIFEST}); give the folder that 'cytocast train' wrote, "
            "or models:/<name>@<alias>"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["format"]
        if version not in READABLE:
            raise BundleError(
                f"{root} has bundle format {version}, this version reads "
                f"{' and '.join(map(str, READABLE))}; retrain"
            )
        files = manifest["files"]
        scales, digest = manifest["scales"], manifest["bundle_sha256"]
        if version == 2:  # reports were listed among the files
            manifest |= {"reports": {}, "reports_sha256": _digest({})}
        reports, reports_digest = manifest["reports"], manifest["reports_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged ({error}); copy the bundle again") from error
    intact = digest == _digest(files) and reports_digest == _digest(reports)
    if not intact or not isinstance(scales, list):
        raise BundleError(f"{path} was changed: its digest does not match; copy the bundle again")
    return dict(manifest)


def read_evaluation(root: Path) -> EvaluationReport | None:
    """The evaluation that training stored with a bundle; None where there is none.

    Raises
    ------
    BundleError
        If the file holds something else.
    """
    # not needed to load or to score
    from pipeline.model.evaluation_report import EvaluationReport

    path = root / EVALUATION
    if not path.is_file():
        return None
    try:
        return EvaluationReport.from_json(path.read_bytes())
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise BundleError(f"{path} is damaged ({reason}); copy the bundle again") from error


def _save_model(model: RiskModel, folder: Path, scale: str) -> None:
    content: dict[str, Any] = {
        "scale": model.scale,
        "thresholds": list(model.thresholds),
        "horizons": list(model.horizons),
        "grade": model.grade,
        "reference": model.reference.to_dict(),
        "tuned": dict(model.tuned),
        "show_state": model.show_state,
    }
    for name in ("no_state", "state"):
        variant: Variant | None = getattr(model, name)
        content[name] = None
        if variant is None:
            continue
        content[name] = {
            "linear": [member.to_dict() for member in variant.linear],
            "boosters": [member.to_dict() for member in variant.boosters],
            **_calibrations(variant),
            "custom": [member.to_dict() for member in variant.custom],
            "weights": dict(variant.weights),
        }
        for member in variant.custom:
            member.save(folder / f"{scale}_{name}_{member.name}.skops")
        for number, booster in enumerate(variant.boosters):
            booster.save(folder / f"{scale}_{name}_{number}.ubj")
        if model.alone is not None:
            alone: Variant = getattr(model.alone, name)
            content[name]["alone"] = _calibrations(alone)
    _write_json(folder / f"{scale}.json", content)


def _calibrations(variant: Variant) -> dict[str, Any]:
    return {
        "calibration": variant.calibration.to_dict(),
        "redrawn": [item.to_dict() for item in variant.redrawn],
    }


def _load_model(root: Path, scale: str, prior: Bundle | None) -> RiskModel:
    content = _read_json(root / f"{scale}.json")
    variants: dict[str, Variant | None] = {"no_state": None, "state": None}
    for name in variants:
        part = content[name]
        if part is None:
            continue
        variants[name] = Variant(
            tuple(linear_from_dict(item) for item in part["linear"]),
            tuple(
                load_booster(item, root / f"{scale}_{name}_{number}.ubj")
                for number, item in enumerate(part["boosters"])
            ),
            calibration_from_dict(part["calibration"]),
            tuple(calibration_from_dict(item) for item in part["redrawn"]),
            tuple(
                load_custom(item, root / f"{scale}_{name}_{item['name']}.skops")
                for item in part["custom"]
            ),
            dict(part["weights"]),
        )
    no_state = variants["no_state"]
    if no_state is None:
        raise ValueError(f"{scale}.json has no variant without clinical state")
    model = RiskModel(
        content["scale"],
        tuple(content["thresholds"]),
        tuple(content["horizons"]),
        content["grade"],
        linear_from_dict(content["reference"]),
        no_state,
        variants["state"],
        tuned=dict(content["tuned"]),
        show_state=content["show_state"],
    )
    if prior is None:
        return model
    theirs = reading_prior_columns(prior.models[scale])
    return replace(
        model,
        no_state=replace(no_state, prior=theirs.no_state),
        state=model.state and replace(model.state, prior=theirs.variant_of(True)),
        prior=theirs,
        alone=replace(
            model,
            no_state=_recalibrated(no_state, content["no_state"]["alone"]),
            state=model.state and _recalibrated(model.state, content["state"]["alone"]),
        ),
    )


def _recalibrated(variant: Variant, content: Mapping[str, Any]) -> Variant:
    return replace(
        variant,
        calibration=calibration_from_dict(content["calibration"]),
        redrawn=tuple(calibration_from_dict(item) for item in content["redrawn"]),
    )


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder but its manifest, by path below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def _digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def _write_json(path: Path, content: Any, *, sort: bool = True) -> None:
    path.write_text(
        json.dumps(content, sort_keys=sort, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
