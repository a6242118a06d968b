"""The public Python API; ``import cytocast`` offers these names."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from pipeline.audit.export_context import context_of
from pipeline.audit.runner import AuditReport, audit_folder
from pipeline.audit.runner import audit as run_checks
from pipeline.commands.evaluate import audited_evaluation
from pipeline.commands.recalibrate import recalibrate_bundle as recalibrate
from pipeline.commands.train import refuse_missing_prior, train_audited
from pipeline.config import Settings, as_config
from pipeline.errors import (
    BundleError,
    CytocastError,
    GateError,
    InputError,
    UsageError,
)
from pipeline.features.transformer import LabFeatures
from pipeline.folders.claim import claim
from pipeline.model.bundle import load_bundle as load_stored
from pipeline.model.bundle import read_evaluation
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.labelled_landmarks import landmarks
from pipeline.model.registry import resolve_model
from pipeline.predict.loaded_bundle import Batch, Bundle, as_loaded
from pipeline.predict.prepare import read_cohort_for
from pipeline.predict.reading_options import reading_options, with_reading
from pipeline.reading.exported_cohort import Cohort, Source, export_tables, name_of, read_export
from pipeline.resources import config_path
from pipeline.simulate.export import is_simulated
from pipeline.simulate.simulated_cohort import draw_cohort
from pipeline.train.intake import (
    audit_evaluated_cohort,
    refuse_blocked,
    refuse_unusable,
    write_rows,
)
from pipeline.train.risk_estimator import RiskEstimator

__all__ = [
    "Bundle",
    "BundleError",
    "Cohort",
    "CytocastError",
    "GateError",
    "InputError",
    "LabFeatures",
    "RiskEstimator",
    "UsageError",
    "audit",
    "evaluate",
    "landmarks",
    "load_bundle",
    "read_batch",
    "read_cohort",
    "recalibrate",
    "simulate",
    "train",
]


def read_cohort(source: Source, config: Settings = None) -> Cohort:
    """Read a training export into five clean tables.

    Parameters
    ----------
    source : path or mapping of str to DataFrame
        Folder with ``patients``, ``labs`` and ``assessments`` (CSV or Parquet), and optionally
        ``treatments`` and ``observations``. Or DataFrames by table name; only ``labs`` is required.
    config : Config, mapping, path, sequence of paths or None
        Settings that differ from the defaults, as in ``configs/*.yaml``.

    Returns
    -------
    Cohort
        With ``rejects`` (what is not used, and why) and ``flags`` (used although odd).

    Raises
    ------
    InputError
        If a required table or column is missing, or no lab row can be used.
    UsageError
        If a setting is not legal.

    Examples
    --------
    >>> import pandas as pd
    >>> labs = pd.DataFrame({"patient_id": ["A", "A"], "analyte": "CRP", "value": ["12", "<5"],
    ...                      "unit": ["mg/L", "furlong"], "collected_hours": [20, 30]})
    >>> cohort = read_cohort({"labs": labs})
    >>> cohort.labs["value"].tolist(), cohort.rejects["code"].tolist()
    ([12.0], ['unit_refused'])
    """
    return read_export(source, as_config(config))


def read_batch(
    source: Batch, bundle: Bundle, as_of: str | None = None, config: Settings = None
) -> Cohort:
    """Read a batch as the training cohort of a bundle was read, to see its rejects.

    :meth:`Bundle.predict` does this itself; reading first is optional.

    Parameters
    ----------
    source : path, DataFrame, mapping of str to DataFrame, or Cohort
        Folder or labs file, lab rows, or tables by name; ``labs`` is required.
    bundle : Bundle
    as_of : str, optional
        Hours since infusion or an ISO 8601 time; rows from then on are rejected.
    config : Config, mapping or path, optional
        Reading settings in which the batch differs from training.

    Returns
    -------
    Cohort

    Raises
    ------
    InputError
        If there is no labs table, or a required column is missing.
    UsageError
        If ``as_of`` or a setting cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.model.bundle import empty_bundle
    >>> rows = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "12", "unit": "mg/L",
    ...                      "collected_hours": [20]})
    >>> read_batch(rows, as_loaded(empty_bundle())).labs["value"].tolist()
    [12.0]
    """
    _refuse_other_bundle(bundle)
    return bundle.read(source, as_of, config)


def audit(source: Source | Cohort, config: Settings = None) -> AuditReport:
    """Check an export for the faults that have misled published studies.

    Parameters
    ----------
    source : path, mapping of str to DataFrame, or Cohort
        A folder that cannot be read as a cohort is still judged.
    config : Config, mapping, path or None
        Settings that differ from those of the cohort, or from the defaults.

    Returns
    -------
    AuditReport
        ``findings``, errors first; ``to_frame()`` lists them as a DataFrame.

    Raises
    ------
    InputError
        If there is no table at all.
    UsageError
        If a setting is not legal.

    Examples
    --------
    >>> report = audit(simulate(8, seed=1))
    >>> report.to_frame().columns.tolist()
    ['severity', 'code', 'title', 'table', 'summary', 'effect', 'remedy']
    """
    if isinstance(source, str | Path):
        return audit_folder(source, as_config(config))
    if isinstance(source, Cohort):
        settings = as_config(config, source.config)
        cohort = source if config is None else read_export(source, settings)
    else:
        cohort = read_export(source, as_config(config))
    return run_checks(context_of(cohort.raw, cohort.config, cohort.read))


def train(
    cohort: Cohort,
    config: Settings = None,
    *,
    out: str | Path | None = None,
    prior: Bundle | None = None,
    jobs: int = 1,
    force: bool = False,
) -> Bundle:
    """Train and evaluate every configured outcome.

    Nothing is logged to MLflow; ``cytocast register OUT`` does so later.

    Parameters
    ----------
    cohort : Cohort
        From :func:`read_cohort`.
    config : Config, mapping, path or None
        Settings that differ from those of the cohort.
    out : path, optional
        Folder for the bundle with its reports; rejected rows go to ``<out>.rejects.csv``.
    prior : Bundle, optional
        Bundle of another cohort; its risks become one more member of the model.
    jobs : int
        Number of fits run in parallel.
    force : bool
        Replace a bundle that ``out`` holds.

    Returns
    -------
    Bundle
        With ``evaluation``, cross-validated by patient.

    Raises
    ------
    InputError
        If the cohort cannot be used, an outcome cannot be learned, or an error of the audit
        blocks.
    UsageError
        If a setting is not legal, or ``out`` holds something else.

    Examples
    --------
    A real training keeps the default settings; these make the example fast:

    >>> quick = {"outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    ...          "features": {"analytes": ["crp"]}, "landmarks": {"last_hours": 72},
    ...          "model": {"booster_rounds": 2, "inner_folds": 2, "horizons_hours": [72]},
    ...          "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20}}
    >>> bundle = train(simulate(24, seed=1), quick)
    >>> bundle.outcomes, bundle.evaluation.kind
    (['icans'], 'cross-validated')
    """
    if not isinstance(cohort, Cohort):
        raise UsageError(
            f"train needs a whole cohort from cytocast.read_cohort, got {type(cohort).__name__}. "
            "To train on some patients, choose them in the tables before these are read"
        )
    if prior is not None and not isinstance(prior, Bundle):
        raise UsageError("prior must be a bundle: give cytocast.load_bundle(folder)")
    if not isinstance(jobs, int) or jobs < 1:
        raise UsageError(f"jobs must be a whole number of at least 1, got {jobs!r}")
    settings = as_config(config, cohort.config)
    read_anew = (settings.cohort, settings.scales) != (cohort.config.cohort, cohort.config.scales)
    cohort = read_export(cohort, settings) if read_anew else replace(cohort, config=settings)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "bundle" if out is None else Path(out)
        with claim(folder, command="train", force=force, private=False) as output:
            output.refuse_occupied()
            stored = None if prior is None else prior.stored()
            refuse_missing_prior(settings, stored)
            write_rows(cohort.read, output)
            refuse_unusable(cohort.read, settings)
            report = audit(cohort)
            refuse_blocked(report, "cytocast.audit(cohort).to_frame()")
            train_audited(output, cohort.read, report, settings, jobs=jobs, prior=stored)
        return load_bundle(folder)


def evaluate(bundle: Bundle, source: Source | Cohort, config: Settings = None) -> EvaluationReport:
    """Score a bundle on another cohort; nothing is learned from it.

    Parameters
    ----------
    bundle : Bundle
    source : path, mapping of str to DataFrame, or Cohort
    config : Config, mapping or path, optional
        Reading settings in which the cohort differs from training.

    Returns
    -------
    EvaluationReport
        ``to_frame()`` lists discrimination and calibration by outcome, horizon and predictor.

    Raises
    ------
    InputError
        If none of the bundle's outcomes can be scored on the cohort.
    UsageError
        If a setting is not legal.

    Examples
    --------
    >>> quick = {"outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    ...          "features": {"analytes": ["crp"]}, "landmarks": {"last_hours": 72},
    ...          "model": {"booster_rounds": 2, "inner_folds": 2, "horizons_hours": [72]},
    ...          "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20}}
    >>> bundle = train(simulate(24, seed=1), quick)
    >>> evaluate(bundle, simulate(20, seed=2)).to_frame()["predictor"].iloc[0]
    'model'
    """
    _refuse_other_bundle(bundle)
    if isinstance(source, Cohort):
        tables, remarks = dict(source.raw), list[str]()
        config = source.reading_settings() if config is None else config
        synthetic = source.config.cohort.synthetic
    else:
        tables, remarks = export_tables(source, bundle.config)
        synthetic = isinstance(source, str | Path) and is_simulated(source)
    settings = with_reading(bundle.config, config, None, command="evaluate")
    stored = replace(bundle.stored(), config=settings)
    read = read_cohort_for(stored, tables, remarks)
    errors = audit_evaluated_cohort(tables, settings, read)
    return audited_evaluation(
        stored,
        read,
        errors,
        bundle.evaluation,
        cohort_name=Path(name_of(source)).name,
        synthetic=synthetic,
        read_with=reading_options(bundle.config.cohort, settings.cohort).differing(),
    ).report


def load_bundle(model: str | Path) -> Bundle:
    """Load a bundle; every file is checked against the manifest and no code is run.

    Parameters
    ----------
    model : path or str
        Folder, or ``models:/<name>@<alias>`` in the MLflow registry.

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If it is missing, incomplete, changed, or of a format that this version does not read.

    Examples
    --------
    >>> load_bundle("no/such/folder")
    Traceback (most recent call last):
        ...
    pipeline.errors.BundleError: ...
    """
    folder, version = resolve_model(str(model))
    return as_loaded(load_stored(folder), version=version, evaluation=read_evaluation(folder))


def simulate(
    patients: int = 200, seed: int = 1, *, batch: bool = False, panel: str | None = None
) -> Cohort:
    """Draw synthetic patients, none of whom is a real person.

    Parameters
    ----------
    patients : int
        How many.
    seed : int
        The same seed gives the same patients.
    batch : bool
        Patients in mid-course to predict, rather than complete courses to train on.
    panel : str, optional
        ``research``: every patient has NfL, IL-1RA, GM-CSF and CSF/serum albumin on fixed days.

    Returns
    -------
    Cohort
        Read with ``configs/cohorts/synthetic.yaml``. Some rows are wrong on purpose.

    Raises
    ------
    UsageError
        If ``patients`` or ``seed`` is out of range, or there is no such panel.

    Examples
    --------
    >>> simulate(5, seed=1).n_patients
    5
    """
    tables = draw_cohort(patients, seed, batch=batch, panel=panel).exports
    return read_export(tables, as_config(config_path("cohorts/synthetic.yaml")))


def _refuse_other_bundle(bundle: object) -> None:
    if not isinstance(bundle, Bundle):
        raise UsageError(
            f"a bundle is needed, got {type(bundle).__name__}; give cytocast.load_bundle(folder)"
        )
