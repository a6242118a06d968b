"""``cytocast register``: logs and registers a finished bundle."""

from __future__ import annotations

from pathlib import Path

from pipeline.commands.train import training_charts
from pipeline.errors import BundleError
from pipeline.model.bundle import EVALUATION, REPORTS, load_bundle, read_evaluation
from pipeline.train.tracking import TrackedTraining, log_tracked, logging_to_store
from pipeline.train.tracking_checks import registered_version, tracking_ready

_COMMIT = ("unknown", "unknown")  # a bundle does not hold the commit of its training code


def register(folder: Path) -> tuple[int, str]:
    """Log a bundle to MLflow and register it as challenger, unless it is registered already.

    For a bundle trained without tracking, or after a failure of the store.

    Parameters
    ----------
    folder : Path
        Bundle with its reports, as written by ``cytocast train``.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    BundleError
        If the bundle is not intact or lacks a report, or the store fails.
    UsageError
        If the tracking store cannot be used.
    """
    bundle = load_bundle(folder)
    evaluation = read_evaluation(folder)
    missing = [name for name in (EVALUATION, *REPORTS) if not (folder / name).is_file()]
    if evaluation is None or missing:
        raise BundleError(
            f"{folder} lacks {', '.join(missing)}; give a complete bundle as written by 'cytocast "
            "train'"
        )
    outcomes = {
        name: evaluation.outcomes[name]
        for name in bundle.config.outcomes
        if name in evaluation.outcomes  # a recalibration may not score all
    }
    report = evaluation.model_copy(update={"outcomes": outcomes})  # in the order of the training
    tracking_ready("repair the store", "")
    name = bundle.config.tracking.model_name
    with logging_to_store(folder):
        known = registered_version(name, bundle.sha256)
        if known:
            return 0, f"{folder} is already registered as {name} version {known}; nothing changed"
        charts = training_charts(report)
        version = log_tracked(TrackedTraining(bundle, report, folder, charts, _COMMIT))
    return 0, f"MLflow: registered as {name} version {version}, challenger"
