"""MLflow as a store of bundles: where it is, how a bundle is fetched from it."""

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
_WAYS = (
    "Name the store of the training in MLFLOW_TRACKING_URI or work in its folder; train and "
    "promote a model first; or give the folder of a bundle with --model"
)


CHAMPION = "champion"
CHALLENGER = "challenger"


def connect() -> ModuleType:
    """Import MLflow with telemetry and unpickling off and point it at the tracking store.

    The store is ``MLFLOW_TRACKING_URI``, by default ``sqlite:///mlflow.db``.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import logging

    import mlflow

    # database migrations and artifact chatter say nothing to a user of this command line
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # it logs a traceback of errors that it raises as well
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    mlflow.set_tracking_uri(tracking_uri())
    return mlflow


def store_errors() -> tuple[type[Exception], ...]:
    """What a tracking store raises: errors of MLflow, its database and the system."""
    import sqlite3

    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, sqlite3.Error, OSError


def first_line(error: BaseException) -> str:
    r"""First line of an error's text, cut, or its type where it has none.

    Examples
    --------
    >>> first_line(OSError("disk full\nsee the log")), first_line(OSError())
    ('disk full', 'OSError')
    """
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def refuse_unusable_store(what: str) -> None:
    """Refuse a store that cannot be read or does not exist, because MLflow would create it.

    Parameters
    ----------
    what : str
        Requested item, for the message.

    Raises
    ------
    BundleError
    """
    uri = tracking_uri()
    problem = store_problem(uri, writes=False)
    if problem and has_remedy(problem):
        raise BundleError(f"{what} cannot be read: the store {shown_uri(uri)} {problem}")
    if problem:
        raise BundleError(
            f"{what} is not in the registry at {shown_uri(uri)}: the store {problem}. {_WAYS}",
            options=("model",),
        )


def fetch_bundle(address: str) -> tuple[Path, str]:
    """Local bundle folder and version of a registry address.

    Parameters
    ----------
    address : str
        ``models:/<name>@<alias>`` or ``models:/<name>/<version>``.

    Raises
    ------
    BundleError
        If the registry holds no such model, there is none, or it is not what was registered.
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
            f"({first_line(error)}). {_WAYS}",
            options=("model",),
        ) from error
    refuse_changed_model(Path(folder), version.tags, address)
    return Path(folder) / "artifacts" / BUNDLE_ARTIFACT, str(version.version)


def fetch_run_bundle(run_id: str) -> Path:
    """Local bundle folder of a training run.

    Raises
    ------
    BundleError
        If the tracking store holds no such run, it has no bundle, or not the one it logged.
    """
    refuse_unusable_store(f"run {run_id}")
    mlflow = connect()
    path = f"model/artifacts/{BUNDLE_ARTIFACT}"
    try:
        tags = mlflow.MlflowClient().get_run(run_id).data.tags
        folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path))
    except store_errors() as error:
        raise BundleError(
            f"run {run_id} has no bundle in the store {shown_uri(tracking_uri())} "
            f"({first_line(error)}); give the id of a training's parent run, or the folder of a "
            "bundle"
        ) from error
    refuse_changed_bundle(folder, tags, f"run {run_id}")
    return folder


def parse_address(address: str) -> tuple[str, str, str]:
    """Name, alias and version of a registry address; one of the last two is empty.

    Raises
    ------
    BundleError

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
    """Bundle folder of a path or of ``models:/<name>@<alias>``."""
    return fetch_bundle(address)[0] if address.startswith("models:/") else Path(address)


def resolve_model(model: str) -> tuple[Path, str]:
    """Bundle folder of a path or registry address, and the registered version ("" for a path)."""
    if not model.startswith("models:/"):
        return Path(model), ""

    log.info(f"fetching {model}")
    return fetch_bundle(model)
