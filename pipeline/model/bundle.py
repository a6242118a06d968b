"""Bundles on disk: JSON and booster files listed in a manifest of digests; loading runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.tables import Cohort, empty_cohort
from pipeline.config import Config, load_config, parse_config
from pipeline.config_model import PRIOR
from pipeline.errors import BundleError, UsageError, shown
from pipeline.features.build import build_features
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.model.borrowed_prior import with_prior
from pipeline.model.manifest import (
    MANIFEST,
    file_digests,
    parse_manifest,
    read_manifest,
    verified_files,
    write_manifest,
)
from pipeline.model.risk_model import RiskModel
from pipeline.model.risk_model_files import load_model, parsed, save_model, write_json
from pipeline.model.training_reference import TrainingReference, clip_ages, reference_from_dict

if TYPE_CHECKING:
    from pipeline.model.evaluation_report import EvaluationReport

EVALUATION = "evaluation.json"
REPORTS = ("audit.json", "evaluation.html", "model_card.md", "card.json", "tripod_ai.md")
CARD_PAGE = "model_card.html"  # absent from bundles of earlier versions


@dataclass(frozen=True, eq=False)
class Bundle:
    """RiskModels by scale with their TrainingReference and provenance.

    Attributes
    ----------
    provenance : dict
        ``cohort_name, cohort_sha256, config_sha256, synthetic, package_version, n_patients,
        outcomes`` (per outcome: event patients) and similar; nothing about a single patient.
    sha256 : str
        Digest of the files used in scoring, from the manifest; empty before saving.
    prior : Bundle or None
        Bundle of another cohort that the models borrow from.
    """

    config: Config
    reference: TrainingReference
    models: Mapping[str, RiskModel]
    provenance: Mapping[str, Any]
    sha256: str = ""
    prior: Bundle | None = None


def empty_bundle() -> Bundle:
    """Bundle of the default configuration without analytes and models, for examples and tests.

    Returns
    -------
    Bundle

    Examples
    --------
    >>> empty_bundle().models
    {}
    """
    config = load_config()
    spec = learn_spec(empty_cohort(["P1"]), config, {})
    reference = TrainingReference(spec, {}, {}, {}, {}, False, {}, n_patients=1)
    return Bundle(config, reference, {}, {"n_patients": 1})


def read_features(
    cohort: Cohort, landmarks: pd.DataFrame, bundle: Bundle, jobs: int = 1
) -> tuple[FeatureMatrix, FeatureMatrix]:
    """Build the features of a cohort, as measured and as the bundle's models use them.

    Parameters
    ----------
    cohort : Cohort
        As read, without inferred limits.
    landmarks : DataFrame
        ``patient`` and ``hours``.
    bundle : Bundle
    jobs : int
        Number of threads.

    Returns
    -------
    measured, used : FeatureMatrix
        See :func:`model_features` for the second.

    Examples
    --------
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [36.0]})
    >>> measured, used = read_features(empty_cohort(["P1"]), landmarks, empty_bundle())
    >>> used.frame().to_dict("list")
    {'time__hours': [36.0]}
    """
    seen = cohort.with_labs(apply_limits(cohort.labs, bundle.reference.limits))
    measured = build_features(seen, landmarks, bundle.reference.spec, jobs)
    return measured, model_features(measured, cohort, bundle, jobs)


def model_features(
    measured: FeatureMatrix, cohort: Cohort, bundle: Bundle, jobs: int = 1
) -> FeatureMatrix:
    """Clip ages to the training range and add the features of a prior.

    Parameters
    ----------
    measured : FeatureMatrix
        Features as measured.
    cohort : Cohort
        As read, without inferred limits.
    bundle : Bundle
    jobs : int
        Number of threads.

    Returns
    -------
    FeatureMatrix

    Examples
    --------
    >>> cohort, bundle = empty_cohort(["P1"]), empty_bundle()
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [36.0]})
    >>> measured = build_features(cohort, landmarks, bundle.reference.spec)
    >>> model_features(measured, cohort, bundle).names
    ['time__hours']
    """
    clipped = clip_ages(measured, bundle.reference)
    if bundle.prior is None:
        return clipped
    return add_prior_features(clipped, cohort, bundle.reference.spec, bundle.prior, jobs)


def add_prior_features(
    matrix: FeatureMatrix, cohort: Cohort, spec: FeatureSpec, prior: Bundle, jobs: int = 1
) -> FeatureMatrix:
    """Append the features of the prior's models; see ``borrowed_prior.with_prior``.

    Parameters
    ----------
    matrix : FeatureMatrix
        Features by the cohort's own spec.
    cohort : Cohort
        As read, without inferred limits.
    spec : FeatureSpec
        The cohort's own spec.
    prior : Bundle
    jobs : int
        Number of threads.

    Returns
    -------
    FeatureMatrix
        ``landmarks`` has the column ``prior_silent``: the prior's abstention code, or empty.

    Examples
    --------
    >>> cohort, prior = empty_cohort(["P1"]), empty_bundle()
    >>> landmarks = pd.DataFrame({"patient": [0], "hours": [36.0]})
    >>> matrix = build_features(cohort, landmarks, prior.reference.spec)
    >>> added = add_prior_features(matrix, cohort, prior.reference.spec, prior)
    >>> added.landmarks["prior_silent"].tolist()
    ['no_lab']
    """
    columns = {name for model in prior.models.values() for name in model.columns}
    return with_prior(matrix, cohort, spec, prior.reference, prior.config.predict, columns, jobs)


def as_prior(bundle: Bundle) -> Bundle:
    """Reduce a bundle to the part that a borrowing bundle contains.

    Prototypes and cohort profile are dropped; provenance gets the bundle's digest.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    Bundle

    Examples
    --------
    >>> as_prior(replace(empty_bundle(), sha256="1f2e")).provenance
    {'bundle_sha256': '1f2e', 'n_patients': 1}
    """
    reference = replace(bundle.reference, background={}, profile=None)
    provenance = {"bundle_sha256": bundle.sha256, **bundle.provenance}
    return replace(bundle, reference=reference, provenance=provenance)


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle into a new folder, or into a folder that contains only its reports.

    The digest of the files used in scoring identifies the bundle. The manifest lists reports
    (evaluation, cards, audit) separately, so rewording a report keeps the identity.

    Parameters
    ----------
    bundle : Bundle
    folder : Path

    Returns
    -------
    str
        SHA-256 of the files used in scoring.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     digest = save_bundle(empty_bundle(), Path(place, "bundle"))
    ...     load_bundle(Path(place, "bundle")).sha256 == digest
    True
    """
    folder.mkdir(parents=True, exist_ok=True)
    reports = file_digests(folder)
    # not sorted: outcomes are trained and reported in the order of the configuration
    write_json(folder / "config.json", bundle.config.model_dump(mode="json"), sort=False)
    write_json(folder / "reference.json", bundle.reference.to_dict())
    write_json(folder / "provenance.json", dict(bundle.provenance))
    for scale, model in bundle.models.items():
        save_model(model, folder, scale)
    if bundle.prior is not None:
        save_bundle(bundle.prior, folder / PRIOR)
    return write_manifest(folder, bundle.models, reports)


def load_bundle(folder: str | Path) -> Bundle:
    """Read a bundle and verify every file, reports included, against the manifest.

    Only listed files are read, each once, so the verified bytes are those that are parsed.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If the folder is not a bundle, a file is missing, truncated, changed, a link or not listed,
        or this version cannot read the format.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     digest = save_bundle(empty_bundle(), Path(place, "bundle"))
    ...     load_bundle(Path(place, "bundle")).provenance
    {'n_patients': 1}
    """
    root = Path(folder)
    manifest = read_manifest(root)
    return _assemble(root, manifest, verified_files(root, manifest))


def _assemble(root: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Build a bundle from verified files."""
    try:
        prior = None
        if f"{PRIOR}/{MANIFEST}" in manifest["files"]:
            prior = _assemble_prior(root / PRIOR, manifest["files"], files)
        models = {
            scale: load_model(files, scale, None if prior is None else prior.models[scale])
            for scale in manifest["scales"]
        }
        return Bundle(
            parse_config(parsed(files["config.json"]), source=str(root / "config.json")),
            reference_from_dict(parsed(files["reference.json"])),
            models,
            parsed(files["provenance.json"]),
            manifest["bundle_sha256"],
            prior,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, UsageError) as error:
        raise _unreadable(root, error) from error


def _assemble_prior(root: Path, listed: Mapping[str, str], files: Mapping[str, bytes]) -> Bundle:
    """Build the prior; its own manifest must agree with the outer one."""
    below = {
        name.removeprefix(f"{PRIOR}/"): name for name in listed if name.startswith(f"{PRIOR}/")
    }
    manifest = parse_manifest(files[below.pop(MANIFEST)], root / MANIFEST)
    own = {**manifest["files"], **manifest["reports"]}
    if own != {name: listed[outer] for name, outer in below.items()}:
        raise BundleError(
            f"{root} does not match the manifest of its bundle; copy the whole bundle again"
        )
    return _assemble(root, manifest, {name: files[outer] for name, outer in below.items()})


def _unreadable(path: Path, error: Exception) -> BundleError:
    return BundleError(
        f"{path} cannot be read by this version ({shown(str(error))}); retrain, or use the version "
        "that wrote it"
    )


def read_config(root: Path) -> Config:
    """Read the configuration of a bundle folder and verify every file.

    Parameters
    ----------
    root : Path

    Returns
    -------
    Config

    Raises
    ------
    BundleError
        If the folder is not an intact bundle of this version.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     digest = save_bundle(empty_bundle(), Path(place, "bundle"))
    ...     read_config(Path(place, "bundle")).features.windows_hours
    (24.0, 72.0, 168.0)
    """
    manifest = read_manifest(root)
    try:
        content = verified_files(root, manifest)["config.json"]
        return parse_config(parsed(content), source=str(root / "config.json"))
    except (KeyError, ValueError, UsageError) as error:
        raise _unreadable(root / "config.json", error) from error


def read_evaluation(root: Path) -> EvaluationReport | None:
    """Read the evaluation that training stored in a bundle.

    Parameters
    ----------
    root : Path

    Returns
    -------
    EvaluationReport or None
        None if the bundle has no evaluation.

    Raises
    ------
    BundleError
        If the file was changed, is not listed, or is not an evaluation report.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     root = Path(place)
    ...     written = (root / "evaluation.json").write_text('{"kind": "external"}')
    ...     digest = save_bundle(empty_bundle(), root)
    ...     read_evaluation(root).kind
    'external'
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
