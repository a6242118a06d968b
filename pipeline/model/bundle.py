"""The bundle on disk: JSON and booster files under a manifest of digests; loading runs no code."""

from __future__ import annotations

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
from pipeline.errors import BundleError, UsageError, shown
from pipeline.features.build import build_features
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model.booster import load_booster
from pipeline.model.borrowed_prior import reading_prior_columns, with_prior
from pipeline.model.calibration import calibration_from_dict
from pipeline.model.custom_member import load_custom
from pipeline.model.linear import linear_from_dict
from pipeline.model.manifest import (
    MANIFEST,
    file_digests,
    parse_manifest,
    read_manifest,
    verified_files,
    write_manifest,
)
from pipeline.model.risk_model import RiskModel, Variant
from pipeline.model.training_reference import TrainingReference, clip_ages, reference_from_dict

if TYPE_CHECKING:
    from pipeline.model.evaluation_report import EvaluationReport

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
        Digest of what scores, by the manifest; empty before saving.
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
    reports = file_digests(folder)
    # in the order of the configuration: outcomes are trained and reported in it
    _write_json(folder / "config.json", bundle.config.model_dump(mode="json"), sort=False)
    _write_json(folder / "reference.json", bundle.reference.to_dict())
    _write_json(folder / "provenance.json", dict(bundle.provenance))
    for scale, model in bundle.models.items():
        _save_model(model, folder, scale)
    if bundle.prior is not None:
        save_bundle(bundle.prior, folder / PRIOR)
    return write_manifest(folder, bundle.models, reports)


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and verify every file, reports included, against the manifest.

    What is verified is what is parsed: each file is read once, and only listed files are read.

    Raises
    ------
    BundleError
        If the folder is no bundle, a file is missing, truncated, changed, a link or not listed, or
        the format is not one that this version reads.
    """
    root = Path(folder)
    manifest = read_manifest(root)
    return _assemble(root, manifest, verified_files(root, manifest))


def _assemble(root: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """The bundle of verified files."""
    try:
        prior = None
        if f"{PRIOR}/{MANIFEST}" in manifest["files"]:
            prior = _assemble_prior(root / PRIOR, manifest["files"], files)
        models = {scale: _load_model(files, scale, prior) for scale in manifest["scales"]}
        return Bundle(
            parse_config(_parsed(files["config.json"]), source=str(root / "config.json")),
            reference_from_dict(_parsed(files["reference.json"])),
            models,
            _parsed(files["provenance.json"]),
            manifest["bundle_sha256"],
            prior,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, UsageError) as error:
        raise _unreadable(root, error) from error


def _assemble_prior(root: Path, listed: Mapping[str, str], files: Mapping[str, bytes]) -> Bundle:
    """The prior, whose own manifest lists what the outer one lists below its folder."""
    below = {
        name.removeprefix(f"{PRIOR}/"): name for name in listed if name.startswith(f"{PRIOR}/")
    }
    manifest = parse_manifest(files[below.pop(MANIFEST)], root / MANIFEST)
    own = {**manifest["files"], **manifest["reports"]}
    if own != {name: listed[outer] for name, outer in below.items()}:
        raise BundleError(f"{root} is not the prior of its bundle; copy the whole bundle again")
    return _assemble(root, manifest, {name: files[outer] for name, outer in below.items()})


def _unreadable(path: Path, error: Exception) -> BundleError:
    return BundleError(
        f"{path} cannot be read by this version ({shown(str(error))}); retrain, or use the version "
        "that wrote it"
    )


def read_config(root: Path) -> Config:
    """Settings of a bundle folder, with every file checked against the manifest.

    Raises
    ------
    BundleError
    """
    manifest = read_manifest(root)
    try:
        content = verified_files(root, manifest)["config.json"]
        return parse_config(_parsed(content), source=str(root / "config.json"))
    except (KeyError, ValueError, UsageError) as error:
        raise _unreadable(root / "config.json", error) from error


def read_evaluation(root: Path) -> EvaluationReport | None:
    """The evaluation that training stored with a bundle; None where there is none.

    Raises
    ------
    BundleError
        If the file was changed, is not listed, or holds something else.
    """
    # not needed to load or to score
    from pipeline.model.evaluation_report import EvaluationReport

    content = verified_files(root, read_manifest(root)).get(EVALUATION)
    if content is None:
        return None
    try:
        return EvaluationReport.from_json(content)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise BundleError(
            f"{root / EVALUATION} is damaged ({reason}); copy the bundle again"
        ) from error


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


def _load_model(files: Mapping[str, bytes], scale: str, prior: Bundle | None) -> RiskModel:
    content = _parsed(files[f"{scale}.json"])
    variants: dict[str, Variant | None] = {"no_state": None, "state": None}
    for name in variants:
        part = content[name]
        if part is None:
            continue
        variants[name] = Variant(
            tuple(linear_from_dict(item) for item in part["linear"]),
            tuple(
                load_booster(item, f"{scale}_{name}_{number}.ubj", files)
                for number, item in enumerate(part["boosters"])
            ),
            calibration_from_dict(part["calibration"]),
            tuple(calibration_from_dict(item) for item in part["redrawn"]),
            tuple(
                load_custom(item, f"{scale}_{name}_{item['name']}.skops", files)
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


def _write_json(path: Path, content: Any, *, sort: bool = True) -> None:
    path.write_text(
        json.dumps(content, sort_keys=sort, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )


def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8"))
