"""``cytocast recalibrate``: updates the risks of a bundle to the patients of another hospital."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from pipeline import log
from pipeline.audit.export_context import context_of
from pipeline.audit.runner import AuditReport
from pipeline.audit.runner import audit as run_checks
from pipeline.cohort.files import RawTable
from pipeline.commands.train import log_bundle, write_audit_page, write_bundle
from pipeline.config import Config, Settings, as_config
from pipeline.errors import UsageError
from pipeline.folders.claim import Claim, claim
from pipeline.model.bundle import Bundle, load_bundle, read_evaluation
from pipeline.model.registry import bundle_folder
from pipeline.model.signature import refuse_unsigned
from pipeline.model.tracking_store import store_files
from pipeline.pages.evaluation_summary import describe
from pipeline.pages.recalibration_table import change_lines
from pipeline.predict.loaded_bundle import Bundle as LoadedBundle
from pipeline.predict.loaded_bundle import as_loaded
from pipeline.predict.prepare import read_cohort_for
from pipeline.predict.reading_options import with_reading
from pipeline.reading.exported_cohort import Cohort, Source, export_tables, name_of
from pipeline.reading.read_result import ReadResult
from pipeline.simulate.export import is_simulated
from pipeline.train.fit import TrainingResult
from pipeline.train.intake import (
    audit_cohort,
    refuse_blocked,
    refuse_unusable,
    refuse_without_labs,
    report_reading,
    write_rows,
)
from pipeline.train.recalibrated_bundle import recalibrate, refuse_unsuitable
from pipeline.train.tracking import opened_run
from pipeline.train.tracking_checks import tracking_ready

SECTIONS = ("recalibration", "evaluation", "audit", "card", "tracking")


def recalibrate_command(
    model: str,
    cohort: Path,
    out: Path,
    config_files: Sequence[Path] = (),
    *,
    time_zone: str | None,
    jobs: int,
    force: bool,
    track: bool,
    signed_by: Path | None = None,
) -> tuple[int, str]:
    """Recalibrate a bundle on a local cohort; write the new bundle and register it as challenger.

    Parameters
    ----------
    model : str
        Bundle folder or ``models:/<name>@<alias>``.
    cohort : Path
        Folder of the export.
    out : Path
        Bundle to write.
    config_files : sequence of Path
        Reading settings of ``cohort``, and sections of ``SECTIONS``.
    time_zone : str or None
        Zone of times without offset.
    jobs : int
        Splits at a time.
    force : bool
        Replace the existing content of ``out``.
    track : bool
        Log to MLflow.
    signed_by : Path, optional
        Public key; a bundle without a signature of its private key is refused.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If a setting or path cannot be used, the bundle is recalibrated already, or it was trained
        on this cohort.
    InputError
        If the cohort cannot be used, or no outcome can be recalibrated.
    BundleError
        If the bundle is not intact, or the tracking store fails at the end.
    """
    if jobs < 1:
        raise UsageError(f"--jobs must be at least 1, got {jobs}", options=("jobs",))
    folder = bundle_folder(model)
    reads = [cohort, folder, *config_files, *store_files(), *([signed_by] if signed_by else [])]
    with ExitStack() as tracked:
        with claim(out, command="recalibrate", reads=reads, force=force, private=False) as output:
            output.refuse_occupied()
            refuse_unsigned(folder, signed_by)
            parent = load_bundle(folder)
            config = local_config(
                parent.config,
                config_files,
                time_zone,
                name=cohort.absolute().name,
                synthetic=is_simulated(cohort),
            )
            tables, remarks = export_tables(cohort, config)
            if track:
                tracking_ready()
            read = read_local(parent, config, tables, remarks)
            write_rows(read, output)
            refuse_unusable(read, config)
            audit = audit_cohort(cohort, config, read)
            refuse_blocked(audit, str(write_audit_page(audit, config, output)))
            run_id = ""
            if track:
                run_id = tracked.enter_context(opened_run(config, read.sha256, "recalibrate"))
            result = recalibrate_into(output, parent, read, audit, config, jobs=jobs)
        report = result.evaluation.report
        lines = [describe(report), *change_lines(report), f"Bundle: {out}"]
        lines.append(f"Page: {out / 'evaluation.html'}")
        if track:
            version = log_bundle(result, out, run_id)
            lines.append(
                f"MLflow: registered as {config.tracking.model_name} version {version}, challenger"
            )
    return 0, "\n".join(lines)


def recalibrate_bundle(
    bundle: LoadedBundle,
    source: Source | Cohort,
    config: Settings = None,
    *,
    out: str | Path | None = None,
    jobs: int = 1,
    force: bool = False,
) -> LoadedBundle:
    """Update the risks of a bundle to the patients of another hospital.

    Nothing is logged to MLflow; ``cytocast register OUT`` does so later.

    Parameters
    ----------
    bundle : Bundle
    source : path, mapping of str to DataFrame, or Cohort
        The local patients.
    config : Config, mapping or path, optional
        Reading settings in which the cohort differs from training, and ``recalibration``,
        ``evaluation``, ``audit``, ``card``.
    out : path, optional
        Folder for the new bundle with its reports.
    jobs : int
        Splits at a time.
    force : bool
        Replace a bundle that ``out`` holds.

    Returns
    -------
    Bundle
        ``evaluation.recalibration`` has the updates, and figures before and after.

    Raises
    ------
    InputError
        If the cohort cannot be used, or no outcome can be recalibrated.
    UsageError
        If a setting is not legal, the bundle is recalibrated already, or it was trained on the
        cohort.

    Examples
    --------
    >>> import cytocast
    >>> quick = {"outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    ...          "features": {"analytes": ["crp"]}, "landmarks": {"last_hours": 72},
    ...          "model": {"booster_rounds": 2, "inner_folds": 2, "horizons_hours": [72]},
    ...          "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20}}
    >>> bundle = cytocast.train(cytocast.simulate(24, seed=1), quick)  # doctest: +SKIP
    >>> local = cytocast.simulate(40, seed=2)  # doctest: +SKIP
    >>> updated = cytocast.recalibrate(bundle, local)  # doctest: +SKIP
    >>> updated.provenance["updates"]["icans"]["state"]  # doctest: +SKIP
    'intercept'
    """
    if not isinstance(bundle, LoadedBundle):
        raise UsageError(
            f"a bundle is needed, got {type(bundle).__name__}; give cytocast.load_bundle(folder)"
        )
    if not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs must be a whole number of at least 1, got {jobs!r}")
    parent = bundle.stored()
    name, synthetic = Path(name_of(source)).name, False
    if isinstance(source, Cohort):
        stated = source.config.cohort
        name, synthetic = stated.name, stated.synthetic
        config = source.reading_settings() if config is None else config
    elif isinstance(source, str | Path):
        synthetic = is_simulated(source)
    settings = local_config(parent.config, config, None, name=name, synthetic=synthetic)
    if isinstance(source, Cohort):
        tables, remarks = dict(source.raw), list[str]()
    else:
        tables, remarks = export_tables(source, settings)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "bundle" if out is None else Path(out)
        with claim(folder, command="recalibrate", force=force, private=False) as output:
            output.refuse_occupied()
            read = read_local(parent, settings, tables, remarks)
            write_rows(read, output)
            refuse_unusable(read, settings)
            report = run_checks(context_of(tables, settings, read))
            refuse_blocked(report, "cytocast.audit(cohort).to_frame()")
            recalibrate_into(output, parent, read, report, settings, jobs=jobs)
        return as_loaded(load_bundle(folder), evaluation=read_evaluation(folder))


def local_config(
    config: Config,
    settings: Settings,
    time_zone: str | None,
    *,
    name: str,
    synthetic: bool,
) -> Config:
    """Settings of the new bundle: those of the parent, with the local ones.

    Parameters
    ----------
    config : Config
        Of the parent.
    settings : Config, mapping, path, sequence of paths or None
        Of the local cohort.
    time_zone : str or None
        Overrides ``settings``.
    name : str
        Name of the cohort if ``settings`` state none.
    synthetic : bool
        Whether the patients are simulated.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If the settings state other outcomes or horizons than the parent has.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> stated = {"recalibration": {"alpha": 0.1}, "cohort": {"decimal_comma": True}}
    >>> config = local_config(load_config(), stated, None, name="ward", synthetic=False)
    >>> config.cohort.name, config.recalibration.alpha, config.cohort.decimal_comma
    ('ward', 0.1, True)
    """
    local = with_reading(
        config,
        settings,
        time_zone,
        command="recalibrate",
        sections=(*SECTIONS, "cohort.name", "cohort.synthetic", "outcomes", "model"),
    )
    unnamed = config.cohort.model_copy(update={"name": name, "synthetic": synthetic})
    base = config.model_copy(update={"cohort": unnamed})
    if isinstance(settings, Config):
        settings = settings.model_dump(mode="json", exclude_unset=True)
    stated = as_config(settings, base)
    _refuse_other_targets(config, stated)
    origin = {
        "name": stated.cohort.name,
        "synthetic": synthetic or stated.cohort.synthetic,
    }
    parts = {part: getattr(stated, part) for part in SECTIONS}
    return local.model_copy(update={**parts, "cohort": local.cohort.model_copy(update=origin)})


def read_local(
    parent: Bundle, config: Config, tables: Mapping[str, RawTable], remarks: Sequence[str]
) -> ReadResult:
    """Read a local cohort with the units and limits of a bundle.

    Parameters
    ----------
    parent : Bundle
    config : Config
        From :func:`local_config`.
    tables : mapping of str to RawTable
    remarks : sequence of str
        On the folder.

    Returns
    -------
    ReadResult

    Raises
    ------
    UsageError
        If the bundle is recalibrated already, or was trained on this cohort.
    InputError
        If there is no usable lab row.
    """
    read = read_cohort_for(replace(parent, config=config), tables, remarks)
    refuse_unsuitable(parent, read.sha256, synthetic=config.cohort.synthetic)
    report_reading(read)
    refuse_without_labs(read)
    return read


def recalibrate_into(
    output: Claim,
    parent: Bundle,
    read: ReadResult,
    audit: AuditReport,
    config: Config,
    *,
    jobs: int,
) -> TrainingResult:
    """Recalibrate, and write the complete bundle with its reports to the claimed output.

    Parameters
    ----------
    output : Claim
    parent : Bundle
    read : ReadResult
        From :func:`read_local`.
    audit : AuditReport
    config : Config
        From :func:`local_config`.
    jobs : int
        Splits at a time.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If no outcome can be recalibrated.
    """
    result = recalibrate(parent, read, audit, config, jobs=jobs)
    recalibration = result.evaluation.report.recalibration
    for name, reason in ({} if recalibration is None else recalibration.kept).items():
        log.warn(f"{name}: keeps the calibration of the parent, because {reason}")
    return write_bundle(output, result)


def _refuse_other_targets(config: Config, stated: Config) -> None:
    """Refuse outcomes or horizons that the parent does not predict."""
    ours, theirs = config.model.horizons_hours, stated.model.horizons_hours
    if ours != theirs:
        wanted, known = (", ".join(f"{hours:g}" for hours in each) for each in (theirs, ours))
        raise UsageError(
            f"the settings state the horizons {wanted} h, but the bundle has {known} h; remove "
            "model.horizons_hours, or train a new bundle",
            options=("config",),
        )
    targets = [
        {name: (item.scale, item.threshold) for name, item in each.outcomes.items()}
        for each in (config, stated)
    ]
    if targets[0] != targets[1]:
        raise UsageError(
            f"the settings state the outcomes {', '.join(targets[1])}, but the bundle predicts "
            f"{', '.join(targets[0])}; remove outcomes, or train a new bundle",
            options=("config",),
        )
