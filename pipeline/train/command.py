"""The commands ``train`` and ``evaluate``: settings in, bundle or evaluation and words out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import log
from pipeline.cohort.reader import read_cohort
from pipeline.cohort.simulate.mark import is_simulated
from pipeline.cohort.timestamps import zone
from pipeline.config import READING, CohortConfig, Config, load_config, reading_settings
from pipeline.errors import UsageError
from pipeline.evaluate.abstentions import abstention_line
from pipeline.evaluate.external import evaluate_bundle
from pipeline.evaluate.page import render_evaluation
from pipeline.evaluate.subjects import banner_words, page_title
from pipeline.folders import complete_folder, refuse_occupied
from pipeline.model.bundle import load_bundle
from pipeline.model.registry import fetch_bundle
from pipeline.report.format import joined
from pipeline.train.audit import error_sentences, errors_line, errors_of_other
from pipeline.train.run import train
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
    lines = [describe(result.evaluation.content), f"Bundle: {out}"]
    lines.append(f"Page: {out / 'evaluation.html'}")
    if track:
        version = log_training(result, config_files)
        lines.append(
            f"MLflow: registered as {config.tracking.model_name} version {version}, challenger"
        )
    return 0, "\n".join(lines)


def evaluate_command(
    model: str,
    cohort: Path,
    out: Path,
    config_files: Sequence[Path] = (),
    *,
    time_zone: str | None,
    force: bool,
) -> tuple[int, str]:
    """Score a bundle on a cohort and write ``evaluation.json`` and ``evaluation.html``.

    Parameters
    ----------
    config_files : sequence of Path
        How this cohort is read where that differs from training: settings of ``cohort`` only.
    """
    folder = _bundle_folder(model)
    refuse_occupied(out, cohort, folder, force=force)
    trained = load_bundle(folder)
    bundle = replace(trained, config=_read_by(trained.config, config_files, time_zone))
    config = bundle.config.cohort
    scales = tuple(item.scale for item in bundle.config.outcomes.values())
    log.info("reading the cohort")
    known = bundle.reference
    read = read_cohort(
        cohort,
        config,
        extra_scales=scales,
        local=known.local,
        limits=known.limits,
        products=known.products,
    )
    read.report_refusals()
    audit = errors_of_other(cohort, bundle.config, read)
    result = evaluate_bundle(
        bundle,
        read,
        _training_evaluation(folder),
        cohort_name=cohort.resolve().name,
        synthetic=is_simulated(cohort),
    )
    result.content["audit"] = audit.summary()
    result.content["warnings"] = [*error_sentences(audit), *result.content["warnings"]]
    result.content["read_with"] = reading = _otherwise(trained.config.cohort, config)
    with complete_folder(out, force=force) as target:
        text = json.dumps(result.content, indent=1, sort_keys=True, allow_nan=False) + "\n"
        (target / "evaluation.json").write_text(text, encoding="utf-8")
        page = render_evaluation(
            result.content,
            result.curves,
            title=page_title(result.content),
        )
        (target / "evaluation.html").write_text(page, encoding="utf-8")
        read.rejects.to_csv(target / "rejects.csv", index=False, lineterminator="\n")
        read.notes.to_csv(target / "flags.csv", index=False, lineterminator="\n")
    lines = [describe(result.content), f"Page: {out / 'evaluation.html'}"]
    if reading:
        told = ", ".join(f"{name}: {json.dumps(value)}" for name, value in reading.items())
        lines.insert(0, f"Read with other settings than in training: {told}")
    if audit.blocking:
        lines.insert(0, f"{errors_line(audit)}")
    return 0, "\n".join(lines)


def _read_by(config: Config, files: Sequence[Path], time_zone: str | None) -> Config:
    """Settings of a bundle with those of the files, and the zone, for reading another cohort."""
    cohort, unused = reading_settings(config, files)
    if unused:
        log.warn(
            f"{joined([str(path) for path in files])}: {joined(list(unused))} not used; of a "
            f"configuration, evaluate takes only how the cohort is read (cohort: "
            f"{', '.join(READING)}). The rest was settled when the bundle was trained"
        )
    if time_zone is not None:
        zone(time_zone)
        cohort = cohort.model_copy(update={"time_zone": time_zone})
    return config.model_copy(update={"cohort": cohort})


def _otherwise(trained: CohortConfig, now: CohortConfig) -> dict[str, Any]:
    """Settings of reading that differ from those of training."""
    before, after = trained.model_dump(mode="json"), now.model_dump(mode="json")
    return {name: after[name] for name in READING if after[name] != before[name]}


def _bundle_folder(address: str) -> Path:
    return fetch_bundle(address)[0] if address.startswith("models:/") else Path(address)


def _training_evaluation(bundle: Path) -> Mapping[str, Any] | None:
    path = bundle / "evaluation.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def describe(evaluation: Mapping[str, Any]) -> str:
    """The evaluation in a few lines for stdout."""
    lines = []
    if simulated := banner_words(evaluation["cohort"]):
        lines.append(f"SYNTHETIC data. {simulated}")
    lines.append(
        f"{evaluation['kind']}, {evaluation['cohort']['n_patients']} patients; "
        "AUROC [95 % interval]"
    )
    for name, outcome in evaluation["outcomes"].items():
        lines.append(f"  {outcome['label']} ({name})")
        lines.append("    " + _ROW.format(*_HEADINGS))
        lines += ["    " + _ROW.format(*_cells(outcome, key)) for key in outcome["model"]]
        lines.append(f"    {outcome['labs_answer']}")
    for key, cell in evaluation["contrast"].items():
        if cell["auroc"] is not None:
            lines.append(f"  Which syndrome comes first within {key} h: AUROC {_area(cell)}")
    lines += [
        f"  {abstention_line(name, report)}"
        for name, report in evaluation.get("abstention", {}).items()
    ]
    lines += [f"  note: {sentence}" for sentence in evaluation["warnings"]]
    lines.append(f"  constant predictor: {_plain(evaluation['canary_auroc'], 2)}")
    return "\n".join(lines)


def _cells(outcome: Mapping[str, Any], key: str) -> list[str]:
    cell = outcome["model"][key]
    return [
        f"{key} h",
        _area(cell),
        _area(outcome["model_no_state"][key]),
        _area(outcome["comparators"]["grade_and_day"][key]),
        _plain(cell["brier"], 4),
        _plain(cell["cal_slope"], 2),
        _plain(cell["cal_intercept"], 2),
        f"{cell['n_events']} of {cell['n']} ({cell['n_event_patients']} patients)",
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


def _area(cell: Mapping[str, Any]) -> str:
    if cell["auroc"] is None:
        return "not estimable"
    return f"{cell['auroc']:.3f} [{_plain(cell['auroc_lo'], 3)}, {_plain(cell['auroc_hi'], 3)}]"


def _plain(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
