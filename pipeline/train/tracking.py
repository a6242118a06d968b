"""Logs a training to MLflow: aggregates, figures, bundle and model; no data of single patients."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

import pipeline
from pipeline import log
from pipeline.config import Config
from pipeline.errors import BundleError, UsageError
from pipeline.explain.prototype_contributions import PrototypeContributions, explain_prototypes
from pipeline.failure import Terminated
from pipeline.model.bundle import CARD_PAGE, REPORTS, Bundle
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.manifest import SCHEMA_VERSION
from pipeline.model.recalibration_report import RECALIBRATED_FROM
from pipeline.model.registered_model import BUNDLE_TAG
from pipeline.model.registry import connect, first_line, store_errors
from pipeline.model.store_creation import prepare_store, store_lock
from pipeline.model.tracking_store import one_attempt, shown_uri, store_problem, tracking_uri
from pipeline.train.figures import explanation_file, outcome_figures
from pipeline.train.fit import TrainingResult
from pipeline.train.gates import Candidate, check_gates, gate_tags, read_draws
from pipeline.train.logged_model import finish_model, start_model
from pipeline.train.tracked_metrics import (
    comparator_table,
    outcome_metrics,
    subgroup_table,
    training_metrics,
)
from pipeline.train.tracked_settings import outcome_params, run_params

CONFIG_TAG = "config_sha256"
INTENDED_USE = "research use only"
EXPERIMENT_KIND = "custom_model_development"  # the interface opens on the table of runs
EXPERIMENT_NOTE = (
    "Trainings of Cytocast, research use only. One run per training, with one child run per "
    "outcome. Compare the metrics `headline/<outcome>_auroc`, `_brier`, `_cal_slope`, "
    "`_minus_grade_and_day` and `_minus_negative_control`, with the ends `_lo` and `_hi` of their "
    "95% intervals. Tags `gate/...` are the promotion gates. `evaluation.html` is the full report."
)
DIGEST_LENGTH = 36  # of a dataset in MLflow
_NOTE_LENGTH = 7900  # a tag holds 8000 characters


@dataclass(frozen=True)
class TrackedTraining:
    """Parts of a finished training that are logged.

    Attributes
    ----------
    bundle : Bundle
    evaluation : EvaluationReport
    folder : Path
        The bundle on disk, with its reports.
    charts : mapping
        Outcome to path below the run's artifacts to SVG markup.
    commit : tuple of str
        Commit of the training code, and whether it had changes; ``unknown`` where not available.
    """

    bundle: Bundle
    evaluation: EvaluationReport
    folder: Path
    charts: Mapping[str, Mapping[str, str]]
    commit: tuple[str, str]


@contextmanager
def opened_run(config: Config, cohort_sha256: str, command: str) -> Iterator[str]:
    """Open the run of a training that starts now; if this block fails, mark it so.

    Parameters
    ----------
    config : Config
    cohort_sha256 : str
    command : str
        ``train`` or ``recalibrate``.

    Yields
    ------
    str
        Id of the run, for :func:`log_training`.
    """
    mlflow = connect()
    from mlflow.tracking.context.registry import resolve_tags

    uri = tracking_uri()
    with store_lock(uri):
        experiment = mlflow.set_experiment(config.tracking.experiment)
        _describe_experiment(mlflow, experiment)
        client = mlflow.MlflowClient()
        run = client.create_run(
            experiment.experiment_id,
            run_name=f"{command} {config.cohort.name}",
            tags=resolve_tags(
                {
                    "cohort_sha256": cohort_sha256,
                    CONFIG_TAG: config.sha256(),
                    "synthetic": str(config.cohort.synthetic).lower(),
                    "intended_use": INTENDED_USE,
                    "mlflow.source.name": f"cytocast {command}",
                }
            ),
        )
    run_id = str(run.info.run_id)
    try:
        yield run_id
    except BaseException as error:
        stopped = isinstance(error, (KeyboardInterrupt, Terminated))
        with suppress(*store_errors()), one_attempt(), store_lock(uri):
            client.set_terminated(run_id, "KILLED" if stopped else "FAILED")
        raise


def log_training(
    result: TrainingResult, folder: Path, charts: Mapping[str, Mapping[str, str]], run_id: str
) -> str:
    """Log a training that has just ended, with all figures; see :func:`log_tracked`.

    Parameters
    ----------
    result : TrainingResult
    folder : Path
        The bundle on disk, with its reports.
    charts : mapping
        Outcome to path below the run's artifacts to SVG markup.
    run_id : str
        From :func:`opened_run`.

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
    with logging_to_store(folder):
        return log_tracked(TrackedTraining(result.bundle, report, folder, charts, _git()), run_id)


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


def log_tracked(training: TrackedTraining, run_id: str = "") -> str:
    """Log one parent run and a child run per outcome, and register the model as challenger.

    Parameters
    ----------
    training : TrackedTraining
    run_id : str
        Run that was opened before the training; "" opens one, and marks earlier unfinished runs
        of the same cohort and settings as failed.

    Returns
    -------
    str
        The registered version.
    """
    mlflow = connect()
    log.info("logging to MLflow")
    config, evaluation = training.bundle.config, training.evaluation
    experiment = mlflow.set_experiment(config.tracking.experiment)
    _describe_experiment(mlflow, experiment)
    name = f"{_command(training)} {config.cohort.name}"
    with mlflow.start_run(run_id=run_id or None, run_name=None if run_id else name) as run:
        if not run_id:
            _close_unfinished(mlflow, experiment.experiment_id, training, run.info.run_id)
        model_id = start_model(mlflow, experiment.experiment_id, run.info.run_id, training.bundle)
        dataset = _log_dataset(mlflow, run.info.run_id, evaluation)
        gates = _gate_tags(training)
        mlflow.set_tags({**_tags(training, ", ".join(evaluation.outcomes)), **gates})
        mlflow.log_params(run_params(config))
        mlflow.log_metrics(
            training_metrics(evaluation, config.gates.horizon_hours),
            model_id=model_id,
            dataset=dataset,
        )
        _log_reports(mlflow, training)
        explained = explain_prototypes(training.bundle, config.evaluation.explained_prototypes)
        for outcome, report in evaluation.outcomes.items():
            _log_outcome(mlflow, training, outcome, report, explained.get(outcome, {}))
        return finish_model(
            mlflow,
            model_id,
            run.info.run_id,
            training.bundle,
            training.folder,
            tags=gates,
            description=_description(training),
        )


def _describe_experiment(mlflow: ModuleType, experiment: Any) -> None:
    tags = {"mlflow.experimentKind": EXPERIMENT_KIND, "mlflow.note.content": EXPERIMENT_NOTE}
    missing = {name: text for name, text in tags.items() if experiment.tags.get(name) != text}
    if missing:
        mlflow.set_experiment_tags(missing)


def _close_unfinished(
    mlflow: ModuleType, experiment_id: str, training: TrackedTraining, run_id: str
) -> None:
    """Mark unfinished runs of the same cohort and settings as failed, and name this run there."""
    provenance, client = training.bundle.provenance, mlflow.MlflowClient()
    query = (
        f"tags.cohort_sha256 = '{provenance['cohort_sha256']}' and "
        f"tags.{CONFIG_TAG} = '{provenance['config_sha256']}' and attributes.status != 'FINISHED'"
    )
    for run in client.search_runs([experiment_id], query):
        if run.info.run_id != run_id:
            client.set_tag(run.info.run_id, "logged_in_run", run_id)
            client.set_terminated(run.info.run_id, "FAILED")


def _log_dataset(mlflow: ModuleType, run_id: str, evaluation: EvaluationReport) -> Any:
    """Log the training cohort as a dataset: name, digest and counts, no rows."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    cohort = evaluation.cohort
    digest = str(cohort.sha256 or "")
    counts = {
        "patients": cohort.n_patients,
        "landmarks": cohort.n_landmarks,
        "lab rows": cohort.n_lab_rows,
        **{f"patients with {name}": count for name, count in cohort.event_patients.items()},
    }
    dataset = Dataset(
        name=str(cohort.name),
        digest=digest[:DIGEST_LENGTH],
        source_type="cohort",
        source=json.dumps({"cohort_sha256": digest, "synthetic": cohort.synthetic}),
        profile=json.dumps(counts),
    )
    used = DatasetInput(dataset, [InputTag("mlflow.data.context", "training and evaluation")])
    mlflow.MlflowClient().log_inputs(run_id, [used])
    return dataset


def _log_reports(mlflow: ModuleType, training: TrackedTraining) -> None:
    config, evaluation = training.bundle.config, training.evaluation
    mlflow.log_text(yaml.safe_dump(config.model_dump(mode="json")), "config.yaml")
    mlflow.log_dict(evaluation.to_dict(), "evaluation.json")
    for name in (*REPORTS, CARD_PAGE):
        if name in REPORTS or (training.folder / name).is_file():
            mlflow.log_artifact(str(training.folder / name))
    card = (training.folder / "model_card.md").read_text(encoding="utf-8")
    mlflow.set_tag("mlflow.note.content", card[:_NOTE_LENGTH])
    tables = {"comparators": comparator_table(evaluation), "subgroups": subgroup_table(evaluation)}
    for name, table in tables.items():
        if len(table):
            mlflow.log_table(table, f"tables/{name}.json")


def _log_outcome(
    mlflow: ModuleType,
    training: TrackedTraining,
    name: str,
    outcome: OutcomeReport,
    explained: Mapping[float, PrototypeContributions],
) -> None:
    with mlflow.start_run(run_name=name, nested=True):
        mlflow.set_tags({**_tags(training, name), "mlflow.note.content": outcome.label})
        mlflow.log_params(outcome_params(training.bundle.config, name))
        gaps = {
            f"h{hours:g}/shap_largest_gap": part.largest_gap for hours, part in explained.items()
        }
        mlflow.log_metrics({**outcome_metrics(outcome), **gaps})
        with tempfile.TemporaryDirectory() as folder:
            for path, content in _files(training, name, outcome, explained):
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            mlflow.log_artifacts(folder)


def _gate_tags(training: TrackedTraining) -> dict[str, str]:
    """One tag per gate that needs no champion; promotion compares with the champion too."""
    candidate = Candidate(training.evaluation, read_draws(training.folder))
    gates = check_gates(candidate, training.bundle.config.gates, None)
    return {**gate_tags(gates), "gates_passed": str(all(gate.passed for gate in gates)).lower()}


def _files(
    training: TrackedTraining,
    name: str,
    outcome: OutcomeReport,
    explained: Mapping[float, PrototypeContributions],
) -> Iterator[tuple[str, bytes]]:
    """Charts (SVG), figures (PNG) and contributions (JSON), by path below the run's artifacts."""
    yield from ((path, markup.encode()) for path, markup in training.charts.get(name, {}).items())
    config = training.bundle.config
    for hours, part in explained.items():
        yield f"shap/h{hours:g}/explanation.json", explanation_file(part, outcome.label)
    yield from outcome_figures(
        outcome.label,
        explained,
        {analyte.key: analyte for analyte in training.bundle.reference.spec.analytes},
        outcome.curves,
        outcome.by_day,
        horizon_h=float(config.model.horizons_hours[-1]),
        synthetic=config.cohort.synthetic,
    )


def _tags(training: TrackedTraining, outcome: str) -> dict[str, str]:
    bundle, (commit, dirty) = training.bundle, training.commit
    return {
        "outcome": outcome,
        "cohort_sha256": bundle.provenance["cohort_sha256"],
        CONFIG_TAG: bundle.provenance["config_sha256"],
        BUNDLE_TAG: bundle.sha256,
        "schema_version": SCHEMA_VERSION,
        "git_commit": commit,
        "git_dirty": dirty,
        "synthetic": str(bundle.config.cohort.synthetic).lower(),
        "intended_use": INTENDED_USE,
        "mlflow.source.name": f"cytocast {_command(training)}",
    }


def _command(training: TrackedTraining) -> str:
    return "recalibrate" if RECALIBRATED_FROM in training.bundle.provenance else "train"


def _description(training: TrackedTraining) -> str:
    cohort = training.evaluation.cohort
    synthetic = "SYNTHETIC data. " if cohort.synthetic else ""
    outcomes = ", ".join(training.evaluation.outcomes)
    return (
        f"{synthetic}Research use only. Trained on {cohort.n_patients} patients of the cohort "
        f"'{cohort.name}' for {outcomes}; see evaluation.html. Loaded from the registry it scores "
        "lab rows without grades; the metrics no_state are of this variant."
    )


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
