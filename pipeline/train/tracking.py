"""Logs a training to MLflow: aggregates, figures, bundle and model; nothing patient-level."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import yaml

import pipeline
from pipeline import log
from pipeline.cohort.schema import TableSchema
from pipeline.errors import UsageError
from pipeline.evaluate.decision_curve import net_benefit_at
from pipeline.explain.shap_values import attribute
from pipeline.model.bundle import REPORTS, SCHEMA_VERSION
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.outcomes import nearest_horizon
from pipeline.model.registry import BUNDLE_ARTIFACT, CHALLENGER, connect
from pipeline.model.tracking_store import one_attempt, shown_uri, store_problem, tracking_uri
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
MODEL_COLUMNS = ("patient_id", "analyte", "value", "unit", "collected_hours")
# the registered model takes hours, because its input has no infusion time
_NOT_TAKEN = ("collected_at", "collected_days", "resulted_at", "resulted_days")
_REQUIRED = ("mlflow", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn", "scipy")


def tracking_ready() -> None:
    """Check in seconds that the tracking store can be used, before a long training starts.

    Raises
    ------
    UsageError
    """
    uri = tracking_uri()
    problem = store_problem(uri, writes=True)
    if problem:
        raise _unusable(problem)
    with one_attempt():
        mlflow = connect()
        from mlflow.exceptions import MlflowException

        try:
            mlflow.MlflowClient().search_experiments(max_results=1)
        except (MlflowException, OSError, ImportError) as error:
            raise _unusable(f"cannot be used ({error})") from error


def _unusable(problem: str) -> UsageError:
    return UsageError(
        f"the tracking store {shown_uri(tracking_uri())} {problem}; set MLFLOW_TRACKING_URI, or "
        "train with --no-track",
        options=("no-track",),
    )


def log_training(
    result: TrainingResult, folder: Path, charts: Mapping[str, Mapping[str, str]]
) -> str:
    """Log one parent run and a child run per outcome, and register the model as challenger.

    Parameters
    ----------
    folder : Path
        The bundle on disk, with its reports.
    charts : mapping
        Outcome to path below the run's artifacts to SVG markup.

    Returns
    -------
    str
        The registered version.
    """
    mlflow = connect()
    log.info("logging to MLflow")
    config = result.bundle.config
    mlflow.set_experiment(config.tracking.experiment)
    evaluation = result.evaluation.report
    with mlflow.start_run(run_name=f"train {config.cohort.name}") as run:
        mlflow.set_tags(_tags(result, ", ".join(evaluation.outcomes)))
        mlflow.log_params(_params(config.model_dump(mode="json")))
        mlflow.log_text(yaml.safe_dump(config.model_dump(mode="json")), "config.yaml")
        mlflow.log_dict(evaluation.to_dict(), "evaluation.json")
        for name in REPORTS:
            mlflow.log_artifact(str(folder / name))
        card = (folder / "model_card.md").read_text(encoding="utf-8")
        mlflow.set_tag("mlflow.note.content", card[:_NOTE_LENGTH])
        for name, outcome in evaluation.outcomes.items():
            _log_outcome(mlflow, result, name, outcome, charts[name])
        model_version = _register(mlflow, result, folder, run.info.run_id)
    return model_version


def _log_outcome(
    mlflow: ModuleType,
    result: TrainingResult,
    name: str,
    outcome: OutcomeReport,
    charts: Mapping[str, str],
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
        mlflow.set_tags(_tags(result, name))
        mlflow.log_metrics(metrics)
        for path, markup in charts.items():
            mlflow.log_text(markup, path)
        with tempfile.TemporaryDirectory() as folder:
            for path, content in _pictures(result, name, outcome):
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            mlflow.log_artifacts(folder)


def _pictures(
    result: TrainingResult, name: str, outcome: OutcomeReport
) -> Iterator[tuple[str, bytes]]:
    """Figures of one outcome as PNG, by their path below the run's artifacts."""
    config = result.bundle.config
    asked = config.outcomes[name]
    part = result.scales[asked.scale]
    horizons = part.model.horizons
    near = nearest_horizon(horizons, config.gates.horizon_hours)
    return outcome_figures(
        asked.scale,
        outcome.label,
        attribute(part.model, part.matrix, part.targets, asked.threshold, near, seed=config.seed),
        {analyte.key: analyte for analyte in result.bundle.reference.spec.analytes},
        result.evaluation.curves[name],
        outcome.by_day,
        horizon_h=horizons[-1],
        synthetic=config.cohort.synthetic,
    )


def _tags(result: TrainingResult, outcome: str) -> dict[str, str]:
    commit, dirty = _git()
    return {
        "outcome": outcome,
        "cohort_sha256": result.bundle.provenance["cohort_sha256"],
        "bundle_sha256": result.bundle.sha256,
        "schema_version": SCHEMA_VERSION,
        "git_commit": commit,
        "git_dirty": dirty,
        "synthetic": str(result.bundle.config.cohort.synthetic).lower(),
        "intended_use": "research use only",
        "mlflow.source.name": "cytocast train",
    }


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


def _register(mlflow: ModuleType, result: TrainingResult, bundle_folder: Path, run_id: str) -> str:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    name = result.bundle.config.tracking.model_name
    # of any type: MLflow refuses whole hours and whole ids under double and string
    any_type = AnyType()  # type: ignore[no-untyped-call]
    columns: list[Any] = [ColSpec(any_type, column) for column in MODEL_COLUMNS]
    optional = [column for column in TableSchema.load("labs").fields if column not in _NOT_TAKEN]
    optional += [host.name for host in result.bundle.reference.spec.host]
    columns += [
        ColSpec(any_type, column, required=False)
        for column in dict.fromkeys(optional)
        if column not in MODEL_COLUMNS
    ]
    inputs = Schema(columns)
    params = ParamSchema([ParamSpec(name, "string", "") for name in ("as_of", "decimal_comma")])
    signature = ModelSignature(inputs, params=params)
    code = Path(pipeline.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model"
        # the artifact is stored under the name of the folder it comes from
        bundle = shutil.copytree(bundle_folder, Path(folder) / BUNDLE_ARTIFACT)
        mlflow.pyfunc.save_model(
            path=str(target),
            python_model=str(code / "predict" / "pyfunc.py"),
            artifacts={BUNDLE_ARTIFACT: str(bundle)},
            code_paths=[str(code), str(schema_path("")), str(config_path(""))],
            signature=signature,
            input_example=_example(),
            pip_requirements=_requirements(),
        )
        _forget_paths(target)
        mlflow.log_artifacts(str(target), "model")
    registered = mlflow.register_model(f"runs:/{run_id}/model", name)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, CHALLENGER, registered.version)
    client.set_model_version_tag(name, registered.version, "bundle_sha256", result.bundle.sha256)
    client.update_model_version(name, registered.version, description=_description(result))
    return str(registered.version)


def _description(result: TrainingResult) -> str:
    cohort = result.evaluation.report.cohort
    synthetic = "SYNTHETIC data. " if cohort.synthetic else ""
    outcomes = ", ".join(result.evaluation.report.outcomes)
    return (
        f"{synthetic}Research use only. Trained on {cohort.n_patients} patients of the cohort "
        f"'{cohort.name}' for {outcomes}; see evaluation.html."
    )


def _example() -> pd.DataFrame:
    """One invented patient with two results, which shows the expected columns."""
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


def _forget_paths(target: Path) -> None:
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
    """Commit of the code and whether it had changes; ``unknown`` outside a checkout."""
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
