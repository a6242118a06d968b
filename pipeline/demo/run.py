"""``cytocast demo``: every step on simulated patients, in one folder with its own MLflow store."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import log
from pipeline.cohort.audit.command import audit_command
from pipeline.cohort.simulate.command import simulate
from pipeline.config import load_config
from pipeline.demo.words import summary
from pipeline.errors import GateError, UsageError
from pipeline.model.registry import connect
from pipeline.predict.run import PARTIAL, predict
from pipeline.resources import config_path
from pipeline.train.command import train_command
from pipeline.train.promotion import CHAMPION, promote
from pipeline.train.tracking import CHALLENGER

SETTINGS = "cohorts/synthetic.yaml"
MARK = "SYNTHETIC.txt"
_MARKED = (
    "Made by `cytocast demo` from simulated patients; nothing in this folder describes a real "
    "person.\n`cytocast demo` replaces it as a whole when run again.\n"
)
_STORE = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@dataclass(frozen=True)
class Places:
    """Where everything stands below the folder of the demo."""

    root: Path

    @property
    def cohort(self) -> Path:
        """Simulated patients to train on."""
        return self.root / "cohort"

    @property
    def audit(self) -> Path:
        """What the audit found in the cohort."""
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
        """What predict says about the batch."""
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
    """Show every step on simulated patients and say in words what came out.

    A folder that an earlier demo made is replaced; nothing outside ``out`` is touched, and the
    user's own tracking store is not used.

    Parameters
    ----------
    patients, batch : int
        Simulated patients to train on, and in the batch to score.
    config_files : sequence of Path
        Settings on top of those of the synthetic cohort.

    Returns
    -------
    code, summary
        0, also when a gate refuses the model: the summary then says why, and the batch is scored
        with the challenger.

    Raises
    ------
    UsageError
        If ``out`` holds something that no demo made.
    """
    files = [config_path(SETTINGS), *config_files]
    config = load_config(files, seed=seed)
    for option, number in (("--patients", patients), ("--batch", batch), ("--jobs", jobs)):
        if number < 1:
            raise UsageError(f"{option} must be at least 1, got {number}")
    _own_folder(out, force=force)
    places, started = Places(out), time.perf_counter()
    _step(1, f"simulating {patients} patients")
    _say(simulate(patients, seed, places.cohort)[1])
    _step(2, "auditing the cohort")
    audited = audit_command(places.cohort, places.audit, files, time_zone=None, force=False)[1]
    _say(audited)
    with _own_store(out, config.tracking.experiment):
        _step(3, "training, evaluation and MLflow")
        _say(
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
        _say(simulate(batch, seed + 1, places.batch, batch=True)[1])
        _step(6, f"predicting with the {alias}")
        model = f"models:/{config.tracking.model_name}@{alias}"
        code, said = predict(places.batch, places.results, model)
        _say(said)
    seconds = time.perf_counter() - started
    return 0 if code == PARTIAL else code, summary(places.root, audited, verdict, seconds)


def _own_folder(out: Path, *, force: bool) -> None:
    """Empty a folder that an earlier demo made; refuse any other that holds something."""
    occupied = out.is_file() or (out.is_dir() and any(out.iterdir()))
    if occupied and not (out / MARK).is_file():
        hint = "; --force replaces only what an earlier demo made" if force else ""
        raise UsageError(f"{out} holds something that no demo made{hint}; choose another --out")
    if occupied:
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text(_MARKED, encoding="utf-8")


@contextmanager
def _own_store(out: Path, experiment: str) -> Iterator[None]:
    """Keep runs, artifacts and registered models of the demo inside its folder."""
    before = {name: os.environ.get(name) for name in _STORE}
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{(out / 'mlflow.db').resolve()}"
    os.environ.pop("MLFLOW_REGISTRY_URI", None)
    try:
        client = connect().MlflowClient()
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
    """Alias to predict with, and what the gates said."""
    try:
        verdict = promote(name, force=False)[1]
    except GateError as error:
        _say(str(error))
        return CHALLENGER, str(error)
    _say(verdict)
    return CHAMPION, verdict


def _step(number: int, what: str) -> None:
    log.info(f"== demo {number} of 6: {what} (SYNTHETIC)")


def _say(text: str) -> None:
    for line in text.splitlines():
        log.info(f"   {line}")
