"""Fetches bundles from the MLflow tracking store and model registry."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from pipeline import log
from pipeline.errors import BundleError
from pipeline.model.registered_model import refuse_changed_bundle, refuse_changed_model
from pipeline.model.tracking_store import (
    has_remedy,
    one_attempt,
    shown_uri,
    store_problem,
    tracking_uri,
)

BUNDLE_ARTIFACT = "bundle"
_REMEDY = (
    "Set MLFLOW_TRACKING_URI to the store of the training or work in its folder; train and "
    "promote a model first; or give the folder of a bundle with --model"
)


CHAMPION = "champion"
CHALLENGER = "challenger"


def connect() -> ModuleType:
    """Import MLflow, switch off telemetry and unpickling, and set the tracking store.

    The store is ``MLFLOW_TRACKING_URI``, by default ``sqlite:///mlflow.db``.

    Returns
    -------
    module
        ``mlflow``.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import logging

    import mlflow

    # messages on database migrations and artifacts are irrelevant to users of the command line
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # it also logs a traceback of errors that it raises
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    mlflow.set_tracking_uri(tracking_uri())
    return mlflow


def store_errors() -> tuple[type[Exception], ...]:
    """Exceptions that a tracking store raises: of MLflow, its database and the system.

    Returns
    -------
    tuple of type
        For an ``except`` clause; importing them takes a second.
    """
    import sqlite3

    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, sqlite3.Error, OSError


def first_line(error: BaseException) -> str:
    r"""First line of an error's text, at most 200 characters; its type if it has no text.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str

    Examples
    --------
    >>> first_line(OSError("disk full\nsee the log")), first_line(OSError())
    ('disk full', 'OSError')
    """
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def refuse_unusable_store(what: str) -> None:
    """Refuse a store that cannot be read or does not exist, as MLflow would create it.

    Parameters
    ----------
    what : str
        Requested item, for the message.

    Raises
    ------
    BundleError
        If the store of ``MLFLOW_TRACKING_URI`` cannot be used for reading.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, MLFLOW_TRACKING_URI="mlruns"):
    ...     refuse_unusable_store("run 1f2e")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.BundleError: run 1f2e cannot be read: the store mlruns names a folder...
    """
    uri = tracking_uri()
    problem = store_problem(uri, writes=False)
    if problem and has_remedy(problem):
        raise BundleError(f"{what} cannot be read: the store {shown_uri(uri)} {problem}")
    if problem:
        raise BundleError(
            f"{what} is not in the registry at {shown_uri(uri)}: the store {problem}. {_REMEDY}",
            options=("model",),
        )


def fetch_bundle(address: str) -> tuple[Path, str]:
    """Download the bundle of a registered model and compare it with its digests.

    Parameters
    ----------
    address : str
        ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.

    Returns
    -------
    folder : Path
        Local folder of the bundle.
    version : str
        Registered version.

    Raises
    ------
    BundleError
        If the address is malformed, the registry has no such model or cannot be read, or the
        bundle differs from the registered one.

    Examples
    --------
    >>> fetch_bundle("models:/cytocast")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.BundleError: 'models:/cytocast' is not a registry address; write ...
    """
    name, alias, number = parse_address(address)
    refuse_unusable_store(address)
    mlflow = connect()
    client = mlflow.MlflowClient()
    try:
        with one_attempt():
            version = (
                client.get_model_version_by_alias(name, alias)
                if alias
                else client.get_model_version(name, number)
            )
        source = f"models:/{name}/{version.version}"
        folder = mlflow.artifacts.download_artifacts(artifact_uri=source)
    except store_errors() as error:
        raise BundleError(
            f"{address} is not in the registry at {shown_uri(tracking_uri())} "
            f"({first_line(error)}). {_REMEDY}",
            options=("model",),
        ) from error
    refuse_changed_model(Path(folder), version.tags, address)
    return Path(folder) / "artifacts" / BUNDLE_ARTIFACT, str(version.version)


def fetch_run_bundle(run_id: str) -> Path:
    """Download the bundle of a training run and compare it with its digests.

    Parameters
    ----------
    run_id : str
        Parent run of a training.

    Returns
    -------
    Path
        Local folder of the bundle.

    Raises
    ------
    BundleError
        If the store cannot be read or has no such run, the run has no bundle, or the bundle
        differs from the logged one.

    Examples
    --------
    >>> from unittest.mock import patch
    >>> with patch.dict(os.environ, MLFLOW_TRACKING_URI="mlruns"):
    ...     fetch_run_bundle("1f2e")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.BundleError: run 1f2e cannot be read: the store mlruns names a folder...
    """
    refuse_unusable_store(f"run {run_id}")
    mlflow = connect()
    try:
        run = mlflow.MlflowClient().get_run(run_id)
        tags, models = run.data.tags, run.outputs.model_outputs if run.outputs else []
        # trainings before version 0.2 kept the model among the artifacts of the run
        model = f"models:/{models[0].model_id}" if models else f"runs:/{run_id}/model"
        folder = Path(
            mlflow.artifacts.download_artifacts(artifact_uri=f"{model}/artifacts/{BUNDLE_ARTIFACT}")
        )
    except store_errors() as error:
        raise BundleError(
            f"run {run_id} has no bundle in the store {shown_uri(tracking_uri())} "
            f"({first_line(error)}); give the id of a training's parent run, or the folder of a "
            "bundle"
        ) from error
    refuse_changed_bundle(folder, tags, f"run {run_id}")
    return folder


def parse_address(address: str) -> tuple[str, str, str]:
    """Name, alias and version of a registry address; alias or version is empty.

    Raises
    ------
    BundleError
        If it is not a registry address.

    Examples
    --------
    >>> parse_address("models:/cytocast@champion")
    ('cytocast', 'champion', '')
    """
    rest = address.removeprefix("models:/")
    name, at, alias = rest.partition("@")
    if at and name and alias:
        return name, alias, ""
    name, slash, number = rest.partition("/")
    if slash and name and number.isdigit():
        return name, "", number
    raise BundleError(
        f"'{address}' is not a registry address; write models:/<name>@<alias> or "
        "models:/<name>/<version>"
    )


def bundle_folder(address: str) -> Path:
    """Bundle folder of a path or registry address.

    Parameters
    ----------
    address : str
        Path, or an address as in :func:`fetch_bundle`.

    Returns
    -------
    Path

    Examples
    --------
    >>> bundle_folder("bundles/current").as_posix()
    'bundles/current'
    """
    return fetch_bundle(address)[0] if address.startswith("models:/") else Path(address)


def resolve_model(model: str) -> tuple[Path, str]:
    """Bundle folder and registered version of a path or registry address.

    Parameters
    ----------
    model : str
        Path, or an address as in :func:`fetch_bundle`.

    Returns
    -------
    folder : Path
    version : str
        Empty for a path.

    Examples
    --------
    >>> folder, version = resolve_model("bundles/current")
    >>> folder.as_posix(), version
    ('bundles/current', '')
    """
    if not model.startswith("models:/"):
        return Path(model), ""

    log.info(f"fetching {model}")
    return fetch_bundle(model)
