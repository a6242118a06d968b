"""``cytocast demo``: runs every step on simulated patients, in one folder with its own MLflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import log
from pipeline.commands.audit import audit_command
from pipeline.commands.predict import PARTIAL, predict
from pipeline.commands.promote import promote
from pipeline.commands.simulate import simulate
from pipeline.commands.train import train_command
from pipeline.config import load_config
from pipeline.config_model import HEADLINE_HOURS
from pipeline.errors import GateError, UsageError
from pipeline.folders.claim import Claim, claim
from pipeline.folders.marker import NAME, UNFINISHED, Marker, mark
from pipeline.format import counted, decimal, integer, percent, percent_interval
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluatedCohort, EvaluationReport
from pipeline.model.outcomes import headline_key
from pipeline.model.registry import CHALLENGER, CHAMPION, connect
from pipeline.model.status import ABSTAINED, EVENT_PRESENT, OK, REJECTED
from pipeline.model.store_creation import prepare_store
from pipeline.model.tracking_store import tracking_uri
from pipeline.pages.headline_sentences import headline
from pipeline.resources import config_path

_HIGHEST = 5
PANEL = "research"
SETTINGS = "cohorts/synthetic.yaml"
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
    "mlflow.db*",
    ".mlflow.db*",
)
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


def demo(
    out: Path,
    *,
    patients: int,
    batch: int,
    seed: int,
    config_files: Sequence[Path],
    jobs: int,
    force: bool = False,
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
        Settings that override those of the synthetic cohort.
    jobs : int
        Fits at a time.
    force : bool
        Replace the existing content of ``out``.

    Returns
    -------
    code : int
        0, even if a gate fails: the batch is then scored with the challenger.
    summary : str

    Raises
    ------
    UsageError
        If ``out`` holds files of something else, or a number is below 1.
    """
    files = [config_path(SETTINGS), *config_files]
    config = load_config(files, seed=seed)
    for option, number in (("patients", patients), ("batch", batch), ("jobs", jobs)):
        if number < 1:
            raise UsageError(f"--{option} must be at least 1, got {number}", options=(option,))
    reads = [Path(name) for name in config_files]
    with claim(out, command="demo", reads=reads, force=force, private=False) as output:
        _empty_own_folder(output)
        places, started = DemoFolder(out), time.perf_counter()
        _step(1, f"simulating {patients} patients")
        _log(simulate(patients, seed, places.cohort, panel=PANEL)[1])
        _step(2, "auditing the cohort")
        audited = audit_command(places.cohort, places.audit, files, time_zone=None, force=False)[1]
        _log(audited)
        with _own_store(out, config.tracking.experiment):
            _step(3, "training, evaluation and MLflow")
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
                )[1]
            )
            _step(4, "promotion gates")
            alias, verdict = _promoted(config.tracking.model_name)
            _step(5, f"simulating a batch of {batch} other patients in mid-course")
            _log(simulate(batch, seed + 1, places.batch, batch=True, panel=PANEL)[1])
            _step(6, f"predicting with the {alias}")
            model = f"models:/{config.tracking.model_name}@{alias}"
            code, predicted = predict(places.batch, places.results, model)
            _log(predicted)
        mark(output.out, "demo", "")
    seconds = time.perf_counter() - started
    return 0 if code == PARTIAL else code, summary(places.root, audited, verdict, seconds)


def summary(root: Path, audited: str, verdict: str, seconds: float) -> str:
    """Lines for stdout about a finished demo in ``root``.

    Parameters
    ----------
    audited, verdict : str
        Summaries of the audit and of the promotion gates.
    """
    text = (root / "model" / "evaluation.json").read_text(encoding="utf-8")
    report = EvaluationReport.from_json(text)
    run = json.loads((root / "results" / "run_summary.json").read_text(encoding="utf-8"))
    table = pd.read_csv(root / "results" / "predictions.csv", dtype={"patient_id": str})
    lines = ["SYNTHETIC demo: all patients are simulated; the figures do not describe real care."]
    lines += _cohort(report.cohort)
    lines += [f"  audit: {line.strip()}" for line in audited.splitlines()[:1]]
    lines += ["", "Performance on held-out patients (SYNTHETIC, cross-validated)"]
    for outcome in report.outcomes.values():
        lines += [f"  {headline(outcome.label, outcome)}", f"    {calibration(outcome)}"]
    lines += ["", "Promotion", *(f"  {line.strip()}" for line in verdict.splitlines())]
    lines += ["", f"The batch (SYNTHETIC): {counted(run['patients'], 'patient')} in mid-course"]
    lines += [f"  {line}" for line in _statuses(run, report.outcomes)]
    lines += [f"  Highest risks within {HEADLINE_HOURS} h:"]
    lines += [f"    {line}" for line in highest(table, report.outcomes)]
    lines += ["", "Results", *(f"  {line}" for line in _files(root))]
    return "\n".join([*lines, "", f"Finished in {seconds:.0f} s. Research use only."])


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


def highest(table: pd.DataFrame, outcomes: Mapping[str, OutcomeReport]) -> list[str]:
    """The highest risks of a batch, one line each; at most five.

    Parameters
    ----------
    table : DataFrame
        ``predictions.csv``.
    outcomes : mapping
        Outcome name to its evaluation, for the label.
    """
    rows = table.loc[(table["status"] == OK) & (table["horizon_h"] == HEADLINE_HOURS)]
    rows = rows.sort_values(["risk", "patient_id"], ascending=[False, True]).head(_HIGHEST)
    lines = []
    for row in rows.to_dict("records"):
        name = str(row["outcome"])
        average = percent(row["base_rate"])
        lines.append(
            f"{row['patient_id']}, day {integer(row['infusion_day'])}: {percent(row['risk'])} "
            f"({percent_interval(row['risk_lo'], row['risk_hi'])}; day average {average}) "
            f"{outcomes[name].label if name in outcomes else name}"
        )
    return lines or ["no patient has an estimate"]


def _cohort(cohort: EvaluatedCohort) -> Iterator[str]:
    events = ", ".join(f"{name} {count}" for name, count in cohort.event_patients.items())
    yield ""
    yield (
        f"The cohort (SYNTHETIC): {counted(int(cohort.n_patients or 0), 'patient')}, "
        f"{integer(cohort.n_lab_rows)} lab results, {integer(cohort.n_landmarks)} landmarks"
    )
    yield f"  patients with an event after a landmark: {events}"


def _statuses(run: Mapping[str, Any], outcomes: Mapping[str, OutcomeReport]) -> Iterator[str]:
    rejected = sum(part["rejected"] for part in run["files"].values())
    yield f"rejected: {counted(rejected, 'row')} or cells (planted errors)"
    for name, counts in run["statuses"].items():
        label = outcomes[name].label if name in outcomes else name
        yield f"{label}: {', '.join(_counts(counts))}"


def _counts(counts: Mapping[str, int]) -> Iterator[str]:
    texts = {
        OK: "scored",
        EVENT_PRESENT: "with the event already present",
        ABSTAINED: "without an estimate (too few or too unusual results)",
        REJECTED: "without a usable result",
    }
    for status, text in texts.items():
        if counts.get(status):
            yield f"{counts[status]} {text}"


def _files(root: Path) -> Iterator[str]:
    yield f"{root / 'results' / 'report' / 'index.html'}: ward list, with a page per patient"
    yield f"{root / 'results' / 'predictions.csv'}: every patient, outcome and horizon"
    yield f"{root / 'results' / 'rejects.csv'}: rejected rows of the batch, with reasons"
    yield f"{root / 'model' / 'evaluation.html'}: evaluation of the model"
    yield f"{root / 'audit' / 'audit.html'}: audit of the cohort"
    yield f"{root / 'cohort' / 'report.md'}: simulated figures compared with published ones"
    yield f"mlflow ui --backend-store-uri sqlite:///{root / 'mlflow.db'}: runs and figures"


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


def _step(number: int, what: str) -> None:
    log.info(f"== demo {number} of 6: {what} (SYNTHETIC)")


def _log(text: str) -> None:
    for line in text.splitlines():
        log.info(f"   {line}")
