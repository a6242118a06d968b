"""``cytocast train``: trains on a cohort; writes bundle, evaluation, pages and MLflow run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from pipeline.audit.runner import AuditReport, as_json
from pipeline.cohort.timestamps import zone
from pipeline.config import Config, load_config
from pipeline.config_model import PRIOR
from pipeline.errors import UsageError
from pipeline.explain.prototype_contributions import at_headline, explain_prototypes
from pipeline.folders.claim import Claim, claim
from pipeline.model.bundle import Bundle, load_bundle, save_bundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.registry import bundle_folder
from pipeline.model.tracking_store import store_files
from pipeline.pages.audit_page import render_audit
from pipeline.pages.evaluation_charts import standalone_charts
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.evaluation_summary import describe
from pipeline.pages.evaluation_titles import page_title
from pipeline.pages.model_card import write_card
from pipeline.reading.read_result import ReadResult
from pipeline.train.fit import TrainingResult, train
from pipeline.train.gates import write_draws
from pipeline.train.intake import (
    audit_cohort,
    read_training,
    refuse_blocked,
    refuse_unusable,
    refuse_without_labs,
    write_rows,
)
from pipeline.train.tracking import log_training, opened_run
from pipeline.train.tracking_checks import tracking_ready


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
    audited: tuple[ReadResult, AuditReport] | None = None,
) -> tuple[int, str]:
    """Train, write the bundle, log it to MLflow and register it as challenger.

    Parameters
    ----------
    cohort : Path
        Folder of the export.
    out : Path
        Bundle to write.
    config_files : sequence of Path
    outcomes : str
        Names separated by commas; "" for all configured outcomes.
    seed : int or None
        Overrides the seed of the configuration.
    time_zone : str or None
        Zone of times without offset.
    jobs : int
        Fits at a time.
    force : bool
        Replace the existing content of ``out``.
    track : bool
        Log to MLflow.
    prior : str
        Bundle of another cohort to borrow from, "" for none.
    audited : (ReadResult, AuditReport), optional
        The cohort as read and audited with these settings, which saves doing it again; rejected
        rows and the audit page are then not written next to the bundle.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If a setting, a path or the tracking store cannot be used.
    InputError
        If the cohort cannot be used.
    BundleError
        If the tracking store fails at the end.
    """
    config = _settings(config_files, outcomes, seed, time_zone)
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}", options=("jobs",))
    source = bundle_folder(prior) if prior else None
    reads = [cohort, *config_files, *([source] if source else []), *store_files()]
    with ExitStack() as tracked:
        with claim(out, command="train", reads=reads, force=force, private=False) as output:
            output.refuse_occupied()
            borrowed = None if source is None else load_bundle(source)
            if track:
                tracking_ready()
            refuse_missing_prior(config, borrowed)
            read, audit = _read_audited(output, cohort, config) if audited is None else audited
            refuse_without_labs(read)
            run_id = ""
            if track:
                run_id = tracked.enter_context(opened_run(config, read.sha256, "train"))
            result = train_audited(output, read, audit, config, jobs=jobs, prior=borrowed)
        lines = [describe(result.evaluation.report), f"Bundle: {out}"]
        lines.append(f"Page: {out / 'evaluation.html'}")
        if track:
            version = log_bundle(result, out, run_id)
            lines.append(
                f"MLflow: registered as {config.tracking.model_name} version {version}, challenger"
            )
    return 0, "\n".join(lines)


def train_into(
    output: Claim,
    cohort: Path,
    config: Config,
    *,
    jobs: int,
    prior: Bundle | None = None,
) -> TrainingResult:
    """Read, audit and train; write the complete bundle with its reports to the claimed output.

    Rejected rows go to ``<out>.rejects.csv`` and the audit page to ``<out>.audit.html`` next to
    the bundle, because a bundle holds no data of single patients.

    Parameters
    ----------
    output : Claim
    cohort : Path
        Folder of the export.
    config : Config
    jobs : int
        Fits at a time.
    prior : Bundle, optional
        Of another cohort; its log-odds become an additional member.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If the cohort cannot be used, or an error of the audit blocks.
    UsageError
        If the output holds other files, or the prior does not match the cohort.
    """
    refuse_missing_prior(config, prior)
    read, audit = _read_audited(output, cohort, config)
    return train_audited(output, read, audit, config, jobs=jobs, prior=prior)


def _read_audited(output: Claim, cohort: Path, config: Config) -> tuple[ReadResult, AuditReport]:
    read = read_training(cohort, config)
    write_rows(read, output)
    refuse_unusable(read, config)
    audit = audit_cohort(cohort, config, read)
    refuse_blocked(audit, str(write_audit_page(audit, config, output)))
    return read, audit


def train_audited(
    output: Claim,
    read: ReadResult,
    audit: AuditReport,
    config: Config,
    *,
    jobs: int,
    prior: Bundle | None = None,
) -> TrainingResult:
    """Train on a cohort that the audit does not block; write the bundle with its reports.

    Parameters
    ----------
    output : Claim
    read : ReadResult
    audit : AuditReport
    config : Config
    jobs : int
        Fits at a time.
    prior : Bundle, optional
        Of another cohort; its log-odds become an additional member.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If there is no lab row, or an outcome cannot be learned.
    UsageError
        If the output holds other files, or the prior does not match the cohort.
    """
    refuse_without_labs(read)
    return write_bundle(output, train(read, audit, config, jobs=jobs, prior=prior))


def write_bundle(output: Claim, result: TrainingResult) -> TrainingResult:
    """Write a bundle with its reports to the claimed output.

    Parameters
    ----------
    output : Claim
    result : TrainingResult

    Returns
    -------
    TrainingResult
        With the digest of the bundle.
    """
    with output.folder() as folder:
        _write_reports(result, folder)
        digest = save_bundle(result.bundle, folder)
    return replace(result, bundle=replace(result.bundle, sha256=digest))


def refuse_missing_prior(config: Config, prior: Bundle | None) -> None:
    """Refuse settings that weight a prior where none is given.

    Parameters
    ----------
    config : Config
    prior : Bundle or None

    Raises
    ------
    UsageError

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> refuse_missing_prior(load_config(), None)
    """
    if prior is None and PRIOR in config.model.weights:
        raise UsageError(
            "model.weights names prior, but no bundle is given with --prior; give one, or remove "
            "the weight",
            options=("prior",),
        )


def write_audit_page(audit: AuditReport, config: Config, output: Claim) -> Path:
    """Write ``<out>.audit.html``, even if the command fails later.

    Parameters
    ----------
    audit : AuditReport
    config : Config
    output : Claim
        Of the bundle ``<out>``.

    Returns
    -------
    Path
        The page, as the user gave the output.
    """
    name = f"{output.out.name}.audit.html"
    title = f"Audit of {config.cohort.name}"
    page = render_audit(audit, title=title, synthetic=config.cohort.synthetic)
    with output.files([name], always=True) as folder:
        (folder / name).write_text(page, encoding="utf-8")
    return output.stated.with_name(f"{output.stated.name}.audit.html")


def _write_reports(result: TrainingResult, folder: Path) -> None:
    """Evaluation, model card and audit, as files of a bundle folder."""
    config, evaluation = result.bundle.config, result.evaluation
    (folder / "evaluation.json").write_text(evaluation.report.to_json(), encoding="utf-8")
    write_card(folder, config, evaluation.report, result.bundle.reference.spec, result.read)
    write_draws(result.gate_draws, folder)
    page = render_evaluation(
        evaluation.report,
        title=page_title(evaluation.report),
        synthetic=config.cohort.synthetic,
        explained=at_headline(
            explain_prototypes(result.bundle, config.evaluation.explained_prototypes)
        ),
    )
    (folder / "evaluation.html").write_text(page, encoding="utf-8")
    (folder / "audit.json").write_text(as_json(result.audit, examples=False), encoding="utf-8")


def log_bundle(result: TrainingResult, folder: Path, run_id: str) -> str:
    """Log a written bundle with its charts to MLflow; return the registered version.

    Parameters
    ----------
    result : TrainingResult
    folder : Path
        The bundle on disk.
    run_id : str
        Run that was opened before the training.

    Returns
    -------
    str
    """
    return log_training(result, folder, training_charts(result.evaluation.report), run_id)


def training_charts(report: EvaluationReport) -> dict[str, dict[str, str]]:
    """SVG charts of every outcome and horizon, by path below the run's artifacts.

    Parameters
    ----------
    report : EvaluationReport

    Returns
    -------
    dict

    Examples
    --------
    >>> training_charts(EvaluationReport())
    {}
    """
    return {
        name: {
            f"figures/h{hours}_{kind}.svg": markup
            for hours, curves in outcome.curves.items()
            for kind, markup in standalone_charts(curves, f"{outcome.label}, within {hours} h")
        }
        for name, outcome in report.outcomes.items()
    }


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
