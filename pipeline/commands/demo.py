"""``cytocast demo``: runs every step on simulated patients, in one folder with its own MLflow."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipeline import log
from pipeline.audit.runner import AuditReport
from pipeline.commands.audit import audit_summary, write_audit
from pipeline.commands.demo_summary import DemoFolder, summary
from pipeline.commands.predict import PARTIAL, predict
from pipeline.commands.promote import promote
from pipeline.commands.simulate import simulate
from pipeline.commands.train import train_command
from pipeline.config import Config, load_config
from pipeline.errors import GateError, UsageError
from pipeline.evaluate.shared_inner_fits import steps_of
from pipeline.folders.claim import Claim, claim
from pipeline.folders.marker import NAME, UNFINISHED, Marker, mark
from pipeline.model.registry import CHALLENGER, CHAMPION, connect
from pipeline.model.store_creation import prepare_store
from pipeline.model.tracking_store import tracking_uri
from pipeline.reading.read_result import ReadResult
from pipeline.resources import config_path
from pipeline.train.intake import audit_cohort, read_training

PANEL = "research"
SETTINGS = ("cohorts/synthetic.yaml", "cohorts/demo.yaml")
MARK = "SYNTHETIC.txt"
_MARKED = (
    "Written by `cytocast demo` from simulated patients; no file describes a real person.\n"
    "The next `cytocast demo` replaces the whole folder.\n"
)
# files of an unfinished demo; an SQLite store may have further files
_DEMO_FILES = (
    MARK,
    "cohort",
    "audit",
    "model*",
    ".model*",
    "batch",
    "results",
    "artifacts",
    "demo.log",
    "mlflow.db*",
    ".mlflow.db*",
)
_SECONDS = (5, 10, 120, 5, 5, 15)  # expected of each step on two quiet cores
_FINAL_FIT = 2  # in folds: the fit on all patients of a scale
_STORE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def demo(
    out: Path,
    *,
    patients: int,
    batch: int,
    seed: int,
    config_files: Sequence[Path],
    jobs: int,
    force: bool = False,
    now: str | None = None,
) -> tuple[int, str]:
    """Run every step on simulated patients and summarise the results.

    The folder of an earlier demo is replaced. Nothing outside ``out`` changes, and the user's own
    tracking store is not used.

    Parameters
    ----------
    out : Path
        Folder to write.
    patients, batch : int
        Number of simulated patients to train on, and to score.
    seed : int
    config_files : sequence of Path
        Settings that override those of the demo.
    jobs : int
        Fits at a time.
    force : bool
        Replace the existing content of ``out``.
    now : str, optional
        ISO 8601 time with offset at which the batch ends; default: the present.

    Returns
    -------
    code : int
        0, even if a gate fails: the batch is then scored with the challenger.
    summary : str

    Raises
    ------
    UsageError
        If ``out`` holds files of something else, a number is below 1, or ``now`` cannot be used.
    """
    files = [*(config_path(name) for name in SETTINGS), *config_files]
    config = load_config(files, seed=seed)
    for option, number in (("patients", patients), ("batch", batch), ("jobs", jobs)):
        if number < 1:
            raise UsageError(f"--{option} must be at least 1, got {number}", options=(option,))
    moment = demo_moment(now)
    reads = [Path(name) for name in config_files]
    with claim(out, command="demo", reads=reads, force=force, private=False) as output:
        _empty_own_folder(output)
        places, started = DemoFolder(out), time.perf_counter()
        with log.details_in(places.log, _SECONDS):
            _step(1, f"simulating {patients} patients")
            _log(simulate(patients, seed, places.cohort, panel=PANEL, truth=False)[1])
            _step(2, "reading and auditing the cohort")
            audited = _audited(places, config)
            with _own_store(out, config.tracking.experiment):
                _step(3, "training and evaluation", items=_fits(config))
                _log(
                    train_command(
                        places.cohort,
                        places.bundle,
                        files,
                        outcomes="",
                        seed=seed,
                        time_zone=None,
                        jobs=jobs,
                        force=False,
                        track=True,
                        audited=audited,
                    )[1]
                )
                _step(4, "promotion gates")
                alias, verdict = _promoted(config.tracking.model_name)
                _step(5, f"simulating a ward of {batch} other patients")
                drawn = simulate(batch, seed + 1, places.batch, batch=True, panel=PANEL, now=moment)
                _log(drawn[1])
                _step(6, f"predicting with the {alias}")
                model = f"models:/{config.tracking.model_name}@{alias}"
                code, predicted = predict(places.batch, places.results, model, made=moment)
                _log(predicted)
            mark(output.out, "demo", "")
    seconds = time.perf_counter() - started
    return 0 if code == PARTIAL else code, summary(places, audited[1], verdict, seconds)


def demo_moment(now: str | None) -> datetime:
    """Return the moment at which the batch ends, to the minute.

    Raises
    ------
    UsageError
        If the time cannot be read, has no offset, or lies in the future.

    Examples
    --------
    >>> demo_moment("2026-11-22T06:30:20Z").isoformat()
    '2026-11-22T06:30:00+00:00'
    """
    present = datetime.now(UTC)
    wanted = "give a past time with offset, such as 2026-11-22T06:30Z"
    try:
        moment = present if now is None else datetime.fromisoformat(now)
    except ValueError:
        raise UsageError(f"--now {now} is not a time; {wanted}", options=("now",)) from None
    if moment.tzinfo is None or moment > present:
        problem = "has no offset" if moment.tzinfo is None else "lies in the future"
        raise UsageError(f"--now {now} {problem}; {wanted}", options=("now",))
    return moment.replace(second=0, microsecond=0)


def _audited(places: DemoFolder, config: Config) -> tuple[ReadResult, AuditReport]:
    """Read the cohort and audit it once, for the page and for the training."""
    read = read_training(places.cohort, config)
    report = audit_cohort(places.cohort, config, read)
    with claim(places.audit, command="audit", reads=[places.cohort], force=False) as output:
        write_audit(report, output, title="Audit of the demo cohort", config=config)
    _log(audit_summary(report, places.audit))
    return read, report


def _fits(config: Config) -> int:
    """Number of fits that the training reports as progress."""
    rounds = config.evaluation.repeats + config.evaluation.control_permutations
    return len(config.scales) * (steps_of(config.evaluation.folds) * rounds + _FINAL_FIT)


def _empty_own_folder(output: Claim) -> None:
    """Empty the folder of an earlier demo; refuse any other non-empty folder."""
    if (output.out / MARK).is_file() and not (output.out / NAME).is_file():  # before markers
        text = Marker("demo", UNFINISHED, {}).to_json()
        (output.out / NAME).write_text(text, encoding="utf-8")
    output.refuse_foreign(unfinished=_DEMO_FILES)
    if output.out.is_dir():
        for path in output.out.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    output.out.mkdir(exist_ok=True)
    (output.out / MARK).write_text(_MARKED, encoding="utf-8")
    mark(output.out, "demo", UNFINISHED)


@contextmanager
def _own_store(out: Path, experiment: str) -> Iterator[None]:
    """Keep runs, artifacts and registered models of the demo inside its folder."""
    before = {name: os.environ.get(name) for name in _STORE}
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(out / 'mlflow.db').resolve()}"
    os.environ.pop("MLFLOW_REGISTRY_URI", None)
    try:
        client = connect().MlflowClient()
        prepare_store(tracking_uri())
        artifacts = (out / "artifacts").resolve().as_uri()
        client.create_experiment(experiment, artifact_location=artifacts)
        yield
    finally:
        _restore(before)


def _restore(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _promoted(name: str) -> tuple[str, str]:
    """Alias to predict with, and the summary of the gates."""
    try:
        verdict = promote(name, force=False)[1]
    except GateError as error:
        _log(str(error))
        return CHALLENGER, str(error)
    _log(verdict)
    return CHAMPION, verdict


def _step(number: int, what: str, items: int = 0) -> None:
    log.step(f"{number} of {len(_SECONDS)}: {what} (SYNTHETIC)", items)


def _log(text: str) -> None:
    for line in text.splitlines():
        log.info(f"   {line}")
