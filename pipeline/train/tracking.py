"""Logs a training to MLflow: aggregates, figures, bundle and model; no data of single patients."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import yaml

import pipeline
from pipeline import log
from pipeline.errors import BundleError, UsageError
from pipeline.evaluate.decision_curve import net_benefit_at
from pipeline.explain.shap_values import attribute
from pipeline.model.bundle import CARD_PAGE, REPORTS, Bundle
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.lab_row_columns import REQUIRED, optional_columns
from pipeline.model.manifest import SCHEMA_VERSION
from pipeline.model.outcomes import nearest_horizon
from pipeline.model.recalibration_report import RECALIBRATED_FROM
from pipeline.model.registered_model import seal_model
from pipeline.model.registry import (
    BUNDLE_ARTIFACT,
    CHALLENGER,
    connect,
    first_line,
    store_errors,
)
from pipeline.model.store_creation import prepare_store, store_lock
from pipeline.model.tracking_store import shown_uri, store_problem, tracking_uri
from pipeline.resources import config_path, schema_path
from pipeline.train.figures import outcome_figures
from pipeline.train.fit import TrainingResult

_NOTE_LENGTH = 7900  # a tag holds 8000 characters
_METRICS = (
    "auroc",
    "auroc_lo",
    "auroc_hi",
    "auprc",
    "brier",
    "ipa",
    "cal_slope",
    "cal_slope_lo",
    "cal_slope_hi",
    "cal_intercept",
    "n_events",
)
_REQUIRED = ("mlflow", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn", "scipy")


@dataclass(frozen=True)
class TrackedTraining:
    """Parts of a finished training that are logged.

    Attributes
    ----------
    bundle : Bundle
    evaluation : EvaluationReport
    folder : Path
        The bundle on disk, with its reports.
    figures : mapping
        Outcome to its figures, by path below the run's artifacts.
    commit : tuple of str
        Commit of the training code, and whether it had changes; ``unknown`` where not available.
    """

    bundle: Bundle
    evaluation: EvaluationReport
    folder: Path
    figures: Mapping[str, Iterable[tuple[str, bytes]]]
    commit: tuple[str, str]


def log_training(
    result: TrainingResult, folder: Path, charts: Mapping[str, Mapping[str, str]]
) -> str:
    """Log a training that has just ended, with all figures; see :func:`log_tracked`.

    Parameters
    ----------
    result : TrainingResult
    folder : Path
        The bundle on disk, with its reports.
    charts : mapping
        Outcome to path below the run's artifacts to SVG markup.

    Returns
    -------
    str
        The registered version.

    Raises
    ------
    BundleError
        If the store fails; see :func:`logging_to_store`.
    """
    report = result.evaluation.report
    figures = {
        name: _figures(result, name, outcome, charts[name])
        for name, outcome in report.outcomes.items()
    }
    with logging_to_store(folder):
        return log_tracked(TrackedTraining(result.bundle, report, folder, figures, _git()))


@contextmanager
def logging_to_store(folder: Path) -> Iterator[None]:
    """Lock the tracking store for this block: one process at a time writes to SQLite.

    Parameters
    ----------
    folder : Path
        The bundle on disk, named in the message.

    Raises
    ------
    BundleError
        If the store fails; the message names the command that registers the bundle.
    """
    uri = tracking_uri()
    failures: tuple[type[Exception], ...] = (*store_errors(), UsageError)
    try:
        problem = store_problem(uri, writes=True)
        if problem:  # damaged or lost while the model was trained
            raise UsageError(f"it {problem}")
        prepare_store(uri)
        with store_lock(uri):
            yield
    except failures as error:
        raise BundleError(
            f"the bundle {folder} is complete, but the tracking store {shown_uri(uri)} failed "
            f"({first_line(error)}). Repair the store, then run cytocast register {folder}"
        ) from error


def log_tracked(training: TrackedTraining) -> str:
    """Log one parent run and a child run per outcome, and register the model as challenger.

    The version is registered last, with the bundle's digest, so an interrupted run has no version.

    Parameters
    ----------
    training : TrackedTraining

    Returns
    -------
    str
        The registered version.
    """
    mlflow = connect()
    log.info("logging to MLflow")
    config, evaluation = training.bundle.config, training.evaluation
    mlflow.set_experiment(config.tracking.experiment)
    with mlflow.start_run(run_name=f"{_command(training)} {config.cohort.name}") as run:
        mlflow.set_tags(_tags(training, ", ".join(evaluation.outcomes)))
        mlflow.log_params(_params(config.model_dump(mode="json")))
        mlflow.log_text(yaml.safe_dump(config.model_dump(mode="json")), "config.yaml")
        mlflow.log_dict(evaluation.to_dict(), "evaluation.json")
        for name in (*REPORTS, CARD_PAGE):
            if name in REPORTS or (training.folder / name).is_file():
                mlflow.log_artifact(str(training.folder / name))
        card = (training.folder / "model_card.md").read_text(encoding="utf-8")
        mlflow.set_tag("mlflow.note.content", card[:_NOTE_LENGTH])
        for name, outcome in evaluation.outcomes.items():
            _log_outcome(mlflow, training, name, outcome)
        return _register(mlflow, training, run.info.run_id)


def _log_outcome(
    mlflow: ModuleType, training: TrackedTraining, name: str, outcome: OutcomeReport
) -> None:
    metrics = {
        f"{name}/h{hours}/{metric}": value
        for hours, cell in outcome.model.items()
        for metric in _METRICS
        if (value := getattr(cell, metric)) is not None
    }
    metrics |= {
        f"{name}/h{hours}/no_state/{metric}": value
        for hours, cell in outcome.model_no_state.items()
        for metric in ("auroc", "brier", "cal_slope")
        if (value := getattr(cell, metric)) is not None
    }
    metrics |= {
        f"{name}/h{hours}/net_benefit_p10": value
        for hours, cell in outcome.net_benefit.items()
        if (value := net_benefit_at(cell, 0.1)) is not None
    }
    mlflow.log_metrics(metrics)
    with mlflow.start_run(run_name=name, nested=True):
        mlflow.set_tags(_tags(training, name))
        mlflow.log_metrics(metrics)
        with tempfile.TemporaryDirectory() as folder:
            for path, content in training.figures.get(name, ()):
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            mlflow.log_artifacts(folder)


def _figures(
    result: TrainingResult, name: str, outcome: OutcomeReport, charts: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Charts (SVG) and figures (PNG) of one outcome, by path below the run's artifacts."""
    yield from ((path, markup.encode()) for path, markup in charts.items())
    config = result.bundle.config
    definition = config.outcomes[name]
    part = result.scales[definition.scale]
    horizons = part.model.horizons
    near = nearest_horizon(horizons, config.gates.horizon_hours)
    yield from outcome_figures(
        definition.scale,
        outcome.label,
        attribute(
            part.model, part.matrix, part.targets, definition.threshold, near, seed=config.seed
        ),
        {analyte.key: analyte for analyte in result.bundle.reference.spec.analytes},
        outcome.curves,
        outcome.by_day,
        horizon_h=horizons[-1],
        synthetic=config.cohort.synthetic,
    )


def _tags(training: TrackedTraining, outcome: str) -> dict[str, str]:
    bundle, (commit, dirty) = training.bundle, training.commit
    return {
        "outcome": outcome,
        "cohort_sha256": bundle.provenance["cohort_sha256"],
        "bundle_sha256": bundle.sha256,
        "schema_version": SCHEMA_VERSION,
        "git_commit": commit,
        "git_dirty": dirty,
        "synthetic": str(bundle.config.cohort.synthetic).lower(),
        "intended_use": "research use only",
        "mlflow.source.name": f"cytocast {_command(training)}",
    }


def _command(training: TrackedTraining) -> str:
    return "recalibrate" if RECALIBRATED_FROM in training.bundle.provenance else "train"


def _params(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as flat parameters; nested keys joined by dots."""
    flat: dict[str, str] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            flat[prefix] = json.dumps(value, ensure_ascii=False)[:500]

    walk("", settings)
    allowed = str.maketrans(dict.fromkeys("@[]<>(),'\"", "_"))
    return {key.translate(allowed): value for key, value in flat.items()}


def _register(mlflow: ModuleType, training: TrackedTraining, run_id: str) -> str:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    name = training.bundle.config.tracking.model_name
    # any type: MLflow refuses integer hours in a double column and integer ids in a string column
    any_type = AnyType()  # type: ignore[no-untyped-call]
    columns: list[Any] = [ColSpec(any_type, column) for column in REQUIRED]
    columns += [
        ColSpec(any_type, column, required=False) for column in optional_columns(training.bundle)
    ]
    inputs = Schema(columns)
    params = ParamSchema([ParamSpec(name, "string", "") for name in ("as_of", "decimal_comma")])
    signature = ModelSignature(inputs, params=params)
    code = Path(pipeline.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model"
        # MLflow names the artifact after its source folder
        bundle = shutil.copytree(training.folder, Path(folder) / BUNDLE_ARTIFACT)
        mlflow.pyfunc.save_model(
            path=str(target),
            python_model=str(code / "predict" / "pyfunc.py"),
            artifacts={BUNDLE_ARTIFACT: str(bundle)},
            code_paths=[str(code), str(schema_path("")), str(config_path(""))],
            signature=signature,
            input_example=_example(),
            pip_requirements=_requirements(),
        )
        _remove_paths(target)
        digests = seal_model(target)
        mlflow.log_artifacts(str(target), "model")
    tags = {**digests, "bundle_sha256": training.bundle.sha256}
    registered = mlflow.register_model(f"runs:/{run_id}/model", name, tags=tags)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, CHALLENGER, registered.version)
    client.update_model_version(name, registered.version, description=_description(training))
    return str(registered.version)


def _description(training: TrackedTraining) -> str:
    cohort = training.evaluation.cohort
    synthetic = "SYNTHETIC data. " if cohort.synthetic else ""
    outcomes = ", ".join(training.evaluation.outcomes)
    return (
        f"{synthetic}Research use only. Trained on {cohort.n_patients} patients of the cohort "
        f"'{cohort.name}' for {outcomes}; see evaluation.html."
    )


def _example() -> pd.DataFrame:
    """Two results of an invented patient, as an example of the columns."""
    return pd.DataFrame(
        {
            "patient_id": ["example-1", "example-1"],
            "analyte": ["crp", "crp"],
            "value": ["12.5", "<0.3"],
            "unit": ["mg/L", "mg/L"],
            "collected_hours": [30.0, 6.0],
            "resulted_hours": [32.0, 8.0],
        }
    )


def _remove_paths(target: Path) -> None:
    """Remove this machine's paths and caches from the saved model."""
    path = target / "MLmodel"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    flavor = content["flavors"]["python_function"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor.get("artifacts", {}).values():
        artifact["uri"] = artifact["path"]
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for cache in sorted(target.rglob("__pycache__"), reverse=True):
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()


def _requirements() -> list[str]:
    from importlib.metadata import PackageNotFoundError

    pins = [f"{name}=={version(name)}" for name in _REQUIRED]
    for name in ("xgboost-cpu", "xgboost"):
        try:
            return [*pins, f"{name}=={version(name)}"]
        except PackageNotFoundError:
            continue
    return pins


def _git() -> tuple[str, str]:
    """Commit of the code, and whether it had changes; ``unknown`` outside a checkout."""
    root = Path(pipeline.__file__).parent.parent
    try:
        commit = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        changes = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown", "unknown"
    return commit, str(bool(changes)).lower()
