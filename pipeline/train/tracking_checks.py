"""Checks the tracking store before a training or a bundle is logged to it."""

from __future__ import annotations

from pipeline.errors import UsageError
from pipeline.model.registry import CHALLENGER, connect, first_line, store_errors
from pipeline.model.store_creation import prepare_store
from pipeline.model.tracking_store import (
    has_remedy,
    one_attempt,
    shown_uri,
    store_problem,
    tracking_uri,
)


def tracking_ready(remedy: str = "train with --no-track", option: str = "no-track") -> None:
    """Check that the tracking store can be used, before a long training starts.

    An SQLite store is created if there is none.

    Parameters
    ----------
    remedy, option : str
        Alternative named in the message, and its command-line option.

    Raises
    ------
    UsageError
        If the store cannot be used.
    """
    uri = tracking_uri()

    def unusable(problem: str) -> UsageError:
        remedies = f"set MLFLOW_TRACKING_URI, or {remedy}"
        return UsageError(
            f"the tracking store {shown_uri(uri)} {problem}"
            f"{', or' if has_remedy(problem) else ';'} {remedies}",
            options=(option,) if option else (),
        )

    problem = store_problem(uri, writes=True)
    if problem:
        raise unusable(problem)
    with one_attempt():
        mlflow = connect()
        failures: tuple[type[Exception], ...] = (*store_errors(), ImportError)
        try:
            prepare_store(uri)
            mlflow.MlflowClient().search_experiments(max_results=1)
        except failures as error:
            raise unusable(f"cannot be used ({first_line(error)})") from error


def registered_version(model_name: str, bundle_sha256: str) -> str:
    """Version under which a bundle is registered.

    The newest version of the model becomes challenger if an interruption left it without the
    alias.

    Parameters
    ----------
    model_name : str
    bundle_sha256 : str

    Returns
    -------
    str
        "" if the bundle is not registered.
    """
    client = connect().MlflowClient()
    versions = client.search_model_versions(f"name = '{model_name}'")
    newest = max((int(version.version) for version in versions), default=0)
    ours = [
        int(version.version)
        for version in versions
        if version.tags.get("bundle_sha256") == bundle_sha256
    ]
    if not ours:
        return ""
    if max(ours) == newest:
        aliases = client.get_registered_model(model_name).aliases
        if str(aliases.get(CHALLENGER, "")) != str(newest):
            client.set_registered_model_alias(model_name, CHALLENGER, str(newest))
    return str(max(ours))
