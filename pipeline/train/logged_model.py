"""Logs a bundle as an MLflow model with its code, and registers it as challenger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

import pipeline
from pipeline.model.bundle import Bundle
from pipeline.model.lab_row_columns import REQUIRED, optional_columns
from pipeline.model.registered_model import BUNDLE_TAG, seal_model
from pipeline.model.registry import BUNDLE_ARTIFACT, CHALLENGER
from pipeline.resources import config_path, schema_json, schema_path

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

MODEL_NAME, MODEL_TYPE = "model", "severity risk"
_REQUIRED = ("mlflow", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn", "scipy")
_TYPES = {
    "string": "string",
    "datetime": "string",
    "number": "double",
    "integer": "double",  # blank where there is none
    "boolean": "boolean",
}


def start_model(mlflow: ModuleType, experiment_id: str, run_id: str, bundle: Bundle) -> str:
    """Create the logged model of a run, to which metrics can be linked; its files come later.

    Parameters
    ----------
    mlflow : module
    experiment_id, run_id : str
    bundle : Bundle

    Returns
    -------
    str
        Id of the model.
    """
    from mlflow.entities import LoggedModelOutput

    client = mlflow.MlflowClient()
    model = client.create_logged_model(
        experiment_id,
        name=MODEL_NAME,
        source_run_id=run_id,
        tags={BUNDLE_TAG: bundle.sha256, "intended_use": "research use only"},
        params={"outcomes": ", ".join(bundle.config.outcomes), "seed": str(bundle.config.seed)},
        model_type=MODEL_TYPE,
    )
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def finish_model(
    mlflow: ModuleType,
    model_id: str,
    run_id: str,
    bundle: Bundle,
    folder: Path,
    *,
    tags: Mapping[str, str],
    description: str,
) -> str:
    """Log the files of a model and register it as challenger.

    :func:`mlflow.pyfunc.log_model` would do the same, but uploads the files before this machine's
    paths are removed and digests are taken. The version is registered last, with the bundle's
    digest, so an interrupted run has no version.

    Parameters
    ----------
    mlflow : module
    model_id : str
        From :func:`start_model`.
    run_id : str
    bundle : Bundle
    folder : Path
        The bundle on disk, with its reports.
    tags : mapping of str to str
        Further tags of the version.
    description : str
        Of the registered model and its version.

    Returns
    -------
    str
        The registered version.
    """
    name = bundle.config.tracking.model_name
    client = mlflow.MlflowClient()
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / MODEL_NAME
        digests = _save(mlflow, target, model_id, run_id, bundle, folder)
        client.log_model_artifacts(model_id, str(target))
    client.finalize_logged_model(model_id, "READY")
    registered = mlflow.register_model(
        f"models:/{model_id}",
        name,
        tags={
            **digests,
            BUNDLE_TAG: bundle.sha256,
            "cohort_sha256": bundle.provenance["cohort_sha256"],
            **tags,
        },
    )
    client.set_registered_model_alias(name, CHALLENGER, registered.version)
    client.update_registered_model(name, description=description)
    client.update_model_version(name, registered.version, description=description)
    return str(registered.version)


def _save(
    mlflow: ModuleType, target: Path, model_id: str, run_id: str, bundle: Bundle, folder: Path
) -> dict[str, str]:
    from mlflow.models import Model

    code = Path(pipeline.__file__).parent
    # MLflow names the artifact after its source folder
    source = shutil.copytree(folder, target.parent / BUNDLE_ARTIFACT)
    mlflow.pyfunc.save_model(
        path=str(target),
        python_model=str(code / "predict" / "pyfunc.py"),
        artifacts={BUNDLE_ARTIFACT: str(source)},
        code_paths=[str(code), str(schema_path("")), str(config_path(""))],
        signature=signature_of(bundle),
        input_example=_example(),
        pip_requirements=_requirements(),
        mlflow_model=Model(run_id=run_id, model_id=model_id),
    )
    _remove_paths(target)
    return seal_model(target)


def signature_of(bundle: Bundle) -> ModelSignature:
    """Inputs, outputs and parameters of the model.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    mlflow.models.ModelSignature

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> signature_of(empty_bundle()).outputs.input_names()[:2]
    ['patient_id', 'landmark_hours']
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    # any type: MLflow refuses integer hours in a double column and integer ids in a string column
    any_type = AnyType()  # type: ignore[no-untyped-call]
    columns: list[Any] = [ColSpec(any_type, column) for column in REQUIRED]
    columns += [ColSpec(any_type, column, required=False) for column in optional_columns(bundle)]
    outputs: list[Any] = [
        ColSpec(_TYPES[field["type"]], field["name"], required=_is_required(field))
        for field in schema_json("predictions.json")["fields"]
    ]
    params = ParamSchema([ParamSpec(name, "string", "") for name in ("as_of", "decimal_comma")])
    return ModelSignature(Schema(columns), Schema(outputs), params)


def _is_required(field: Mapping[str, Any]) -> bool:
    return bool(field.get("constraints", {}).get("required", False))


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
    pins = [f"{name}=={version(name)}" for name in _REQUIRED]
    for name in ("xgboost-cpu", "xgboost"):
        try:
            return [*pins, f"{name}=={version(name)}"]
        except PackageNotFoundError:
            continue
    return pins
