"""The commands ``train`` and ``evaluate``: settings in, bundle or evaluation and words out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.cohort.timestamps import zone
from pipeline.config import Config, load_config
from pipeline.errors import UsageError
from pipeline.evaluate.abstention_rates import abstention_line
from pipeline.folders import refuse_occupied
from pipeline.model.bundle import load_bundle
from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import Metric
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.registry import fetch_bundle
from pipeline.pages.evaluation_titles import banner_words
from pipeline.train.fit import train
from pipeline.train.tracking import log_training, tracking_ready

_ROW = "{:7} {:21} {:21} {:21} {:7} {:6} {:10} {}"
_HEADINGS = (
    "within",
    "model",
    "without state",
    "grade and day",
    "Brier",
    "slope",
    "intercept",
    "landmarks with event",
)


def train_command(
    cohort: Path,
    out: Path,
    config_files: Sequence[Path],
    *,
    outcomes: str,
    seed: int | None,
    time_zone: str | None,
    jobs: int,
    force: bool,
    track: bool,
    prior: str = "",
) -> tuple[int, str]:
    """Train, write the bundle, log it to MLflow and register it as challenger."""
    config = _settings(config_files, outcomes, seed, time_zone)
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}")
    source = _bundle_folder(prior) if prior else None
    refuse_occupied(out, cohort, *([source] if source else []), force=force)
    borrowed = None if source is None else load_bundle(source)
    if track:
        tracking_ready()
    result = train(cohort, out, config, jobs=jobs, force=force, prior=borrowed)
    lines = [describe(result.evaluation.report), f"Bundle: {out}"]
    lines.append(f"Page: {out / 'evaluation.html'}")
    if track:
        version = log_training(result, config_files)
        lines.append(
            f"MLflow: registered as {config.tracking.model_name} version {version}, challenger"
        )
    return 0, "\n".join(lines)


def _bundle_folder(address: str) -> Path:
    return fetch_bundle(address)[0] if address.startswith("models:/") else Path(address)


def describe(report: EvaluationReport) -> str:
    """The evaluation in a few lines for stdout."""
    lines = []
    if simulated := banner_words(report.cohort):
        lines.append(f"SYNTHETIC data. {simulated}")
    lines.append(f"{report.kind}, {report.cohort.n_patients} patients; AUROC [95 % interval]")
    for name, outcome in report.outcomes.items():
        lines.append(f"  {outcome.label} ({name})")
        lines.append("    " + _ROW.format(*_HEADINGS))
        lines += ["    " + _ROW.format(*_cells(outcome, key)) for key in outcome.model]
        lines.append(f"    {outcome.labs_answer}")
    for key, cell in report.contrast.items():
        if cell.auroc is not None:
            lines.append(f"  Which syndrome comes first within {key} h: AUROC {_area(cell.area)}")
    lines += [
        f"  {abstention_line(name, abstained)}" for name, abstained in report.abstention.items()
    ]
    lines += [f"  note: {sentence}" for sentence in report.warnings]
    lines.append(f"  constant predictor: {_plain(report.canary_auroc, 2)}")
    return "\n".join(lines)


def _cells(outcome: OutcomeReport, key: str) -> list[str]:
    cell = outcome.model[key]
    return [
        f"{key} h",
        _area(cell.area),
        _area(outcome.model_no_state[key].area),
        _area(outcome.compared("grade_and_day", key).area),
        _plain(cell.brier, 4),
        _plain(cell.cal_slope, 2),
        _plain(cell.cal_intercept, 2),
        f"{cell.n_events} of {cell.n} ({cell.n_event_patients} patients)",
    ]


def _settings(
    files: Sequence[Path], outcomes: str, seed: int | None, time_zone: str | None
) -> Config:
    config = load_config(files, seed=seed)
    names = [name.strip() for name in outcomes.split(",") if name.strip()]
    if names:
        config = config.select_outcomes(names)
    if time_zone is not None:
        zone(time_zone)
        cohort = config.cohort.model_copy(update={"time_zone": time_zone})
        config = config.model_copy(update={"cohort": cohort})
    return config


def _area(area: Metric) -> str:
    if area.value is None:
        return "not estimable"
    return f"{area.value:.3f} [{_plain(area.low, 3)}, {_plain(area.high, 3)}]"


def _plain(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
