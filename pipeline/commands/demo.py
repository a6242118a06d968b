"""``cytocast demo``: runs every step on simulated patients, in one folder with its own MLflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import log
from pipeline.audit.runner import AuditReport, describe
from pipeline.commands.audit import audit_summary, write_audit
from pipeline.commands.predict import PARTIAL, predict
from pipeline.commands.promote import promote
from pipeline.commands.simulate import simulate
from pipeline.commands.train import train_command
from pipeline.config import Config, load_config
from pipeline.config_model import HEADLINE_HOURS
from pipeline.errors import GateError, UsageError
from pipeline.folders.claim import Claim, claim
from pipeline.folders.marker import NAME, UNFINISHED, Marker, mark
from pipeline.format import counted, decimal, integer, percent, percent_interval
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.model.registry import CHALLENGER, CHAMPION, connect
from pipeline.model.status import EVENT_PRESENT, OK
from pipeline.model.store_creation import prepare_store
from pipeline.model.tracking_store import tracking_uri
from pipeline.pages.batch_pages import page_names
from pipeline.pages.headline_sentences import headline
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
_REASONS = 4  # lines of a refused promotion
_STORE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@dataclass(frozen=True)
class DemoFolder:
    """Paths in the folder of the demo."""

    root: Path

    @property
    def cohort(self) -> Path:
        """Simulated patients to train on."""
        return self.root / "cohort"

    @property
    def audit(self) -> Path:
        """Audit of the cohort."""
        return self.root / "audit"

    @property
    def bundle(self) -> Path:
        """Trained bundle with its evaluation."""
        return self.root / "model"

    @property
    def batch(self) -> Path:
        """Simulated patients in mid-course."""
        return self.root / "batch"

    @property
    def results(self) -> Path:
        """Predictions for the batch."""
        return self.root / "results"

    @property
    def log(self) -> Path:
        """Details of every step."""
        return self.root / "demo.log"


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
    """Number of folds that the training reports as progress."""
    folds = config.evaluation.folds
    rounds = config.evaluation.repeats + config.evaluation.control_permutations
    return len(config.scales) * (folds * rounds + _FINAL_FIT)


def summary(places: DemoFolder, audit: AuditReport, verdict: str, seconds: float) -> str:
    """Lines for stdout about a finished demo.

    Parameters
    ----------
    places : DemoFolder
    audit : AuditReport
    verdict : str
        Summary of the promotion gates.
    seconds : float
        Duration of the demo.
    """
    text = (places.bundle / "evaluation.json").read_text(encoding="utf-8")
    report = EvaluationReport.from_json(text)
    run = json.loads((places.results / "run_summary.json").read_text(encoding="utf-8"))
    table = pd.read_csv(places.results / "predictions.csv", dtype={"patient_id": str})
    lines = [
        "SYNTHETIC demo: all patients are simulated; the figures do not describe real care.",
        f"Cohort (SYNTHETIC): {_cohort(report.cohort)}",
        f"Audit: {describe(audit).splitlines()[0]}",
        "Performance on held-out patients (SYNTHETIC, cross-validated):",
    ]
    for outcome in report.outcomes.values():
        lines += [f"  {headline(outcome.label, outcome)}", f"    {calibration(outcome)}"]
    lines += [f"Promotion: {line}" for line in verdict.splitlines()[:1]]
    lines += [f"  {line.strip()}" for line in verdict.splitlines()[1:_REASONS]]
    lines += [f"Ward (SYNTHETIC): {_ward(run, table)}", "Open first:"]
    lines += [f"  {line}" for line in _pages(places, table, report.outcomes)]
    lines += ["Further files:", *(f"  {line}" for line in _files(places))]
    return "\n".join([*lines, f"Finished in {seconds:.0f} s. Research use only."])


def calibration(outcome: OutcomeReport) -> str:
    """Sentence on calibration at the headline horizon.

    Examples
    --------
    >>> cell = {"cal_slope": 0.96, "cal_slope_lo": 0.8, "cal_slope_hi": 1.15, "brier": 0.02}
    >>> calibration(OutcomeReport.model_validate({"model": {"72": cell}}))
    'Calibration slope 0.96 (95 % interval 0.80 to 1.15; 1 is ideal), Brier score 0.0200.'
    """
    hours = headline_key(outcome.model)
    cell = outcome.model[hours]
    if cell.cal_slope is None:
        return "Calibration cannot be estimated: too few events."
    slope, low, high = (decimal(part) for part in cell.slope)
    return (
        f"Calibration slope {slope} (95 % interval {low} to {high}; "
        f"1 is ideal), Brier score {decimal(cell.brier, 4)}."
    )


def highest(table: pd.DataFrame) -> dict[str, Any] | None:
    """Row of the highest severe risk of a batch; None without an estimate.

    Parameters
    ----------
    table : DataFrame
        ``predictions.csv``.
    """
    rows = table.loc[(table["status"] == OK) & (table["horizon_h"] == HEADLINE_HOURS)]
    severe = rows.loc[rows["outcome"].str.startswith("severe")]
    rows = (severe if len(severe) else rows).sort_values(
        ["risk", "patient_id"], ascending=[False, True]
    )
    return {str(key): value for key, value in rows.iloc[0].items()} if len(rows) else None


def _cohort(cohort: EvaluatedCohort) -> str:
    events = ", ".join(f"{count} {name}" for name, count in cohort.event_patients.items())
    return (
        f"{counted(int(cohort.n_patients or 0), 'patient')}, {integer(cohort.n_lab_rows)} lab "
        f"results, {integer(cohort.n_landmarks)} landmarks; later events: {events}"
    )


def _ward(run: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Patients by status; a patient may have an estimate of one outcome and another present."""
    by_patient = table.groupby("patient_id")["status"].agg(set)
    texts = {
        "with an estimate": sum(OK in each for each in by_patient),
        "with an outcome present": sum(EVENT_PRESENT in each for each in by_patient),
        "without an estimate": sum(not each & {OK, EVENT_PRESENT} for each in by_patient),
    }
    rejected = sum(part["rejected"] for part in run["files"].values())
    parts = [counted(run["patients"], "patient"), *(f"{n} {name}" for name, n in texts.items())]
    return f"{', '.join(parts)}; {counted(rejected, 'row')} or cells rejected (planted errors)"


def _pages(
    places: DemoFolder, table: pd.DataFrame, outcomes: Mapping[str, OutcomeReport]
) -> Iterator[str]:
    """Three pages worth opening, with what they show."""
    report = places.results / "report"
    yield f"{report / 'index.html'}: ward list"
    row = highest(table)
    if row is not None:
        page = page_names(sorted(table["patient_id"].unique()))[row["patient_id"]]
        label = outcomes[row["outcome"]].label if row["outcome"] in outcomes else row["outcome"]
        risk, average = percent(row["risk"]), percent(row["base_rate"])
        interval = percent_interval(row["risk_lo"], row["risk_hi"])
        shown = f"{label} {risk} ({interval}; day average {average})"
        yield f"{report / page}.html: highest risk, {shown}"
    yield f"{places.bundle / 'evaluation.html'}: evaluation of the model"


def _files(places: DemoFolder) -> Iterator[str]:
    yield f"{places.results / 'predictions.csv'}: every patient, outcome and horizon"
    yield f"{places.results / 'rejects.csv'}: rejected rows, with reasons and remedies"
    yield f"{places.audit / 'audit.html'}: audit of the cohort"
    yield f"{places.log}: log of every step"
    yield f"mlflow ui --backend-store-uri sqlite:///{places.root / 'mlflow.db'}: runs and figures"


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
