"""What is asked of the tracking store before a training or a bundle is logged to it."""

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
    """Check in seconds that the tracking store can be used, before hours of work depend on it.

    An SQLite store is made where there is none.

    Parameters
    ----------
    remedy, option : str
        What else to do about a store that cannot be used, and the option that this names.

    Raises
    ------
    UsageError
    """
    uri = tracking_uri()

    def unusable(problem: str) -> UsageError:
        ways = f"set MLFLOW_TRACKING_URI, or {remedy}"
        return UsageError(
            f"the tracking store {shown_uri(uri)} {problem}"
            f"{', or' if has_remedy(problem) else ';'} {ways}",
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
    """Version under which a bundle is registered; "" where it is not.

    A version that is the newest of its model, and which an interruption left without the alias,
    becomes challenger.
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
