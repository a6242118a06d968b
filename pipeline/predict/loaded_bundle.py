"""The bundle of the Python API: predicts and explains batches."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipeline.config import Settings
from pipeline.errors import InputError, UsageError
from pipeline.explain.shap_explanation import shap_explanation
from pipeline.format import counted
from pipeline.model.bundle import Bundle as StoredBundle
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.model.labelled_landmarks import refuse_other_hours
from pipeline.model.outcomes import nearest_horizon
from pipeline.predict.outcome_scores import outcome_contributions, score_outcome
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import PreparedBatch, prepare_batch, read_for
from pipeline.predict.reading_options import with_reading
from pipeline.predict.score import score_batch
from pipeline.reading.exported_cohort import (
    Cohort,
    Source,
    batch_tables,
    name_of,
    with_tables,
)

if TYPE_CHECKING:
    import shap

Batch = Source | pd.DataFrame | Cohort


@dataclass(frozen=True, repr=False, eq=False)
class Bundle(StoredBundle):
    """A trained model with its limits, ranges and base rates; loading runs no code.

    Made by :func:`cytocast.load_bundle` and :func:`cytocast.train`.

    Attributes
    ----------
    config : Config
        Settings of the training.
    models : mapping
        Scale to its RiskModel.
    reference : TrainingReference
        Limits, ranges and base rates of the training cohort.
    provenance : mapping
        Name and digest of the training cohort, counts, versions.
    sha256 : str
        Identity of the bundle.
    version : str
        Version in the MLflow registry; empty for a folder.
    evaluation : EvaluationReport or None
        Cross-validated evaluation from training; None if missing.

    Examples
    --------
    >>> import cytocast
    >>> quick = {"outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    ...          "landmarks": {"last_hours": 96},
    ...          "features": {"analytes": ["crp", "ferritin"], "windows_hours": [72]},
    ...          "model": {"booster_rounds": 4, "inner_folds": 2, "bootstrap_members": 2,
    ...                    "horizons_hours": [72]},
    ...          "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20,
    ...                         "control_permutations": 0, "analyte_importance": False}}
    >>> bundle = cytocast.train(cytocast.simulate(30, seed=1), quick)
    >>> batch = cytocast.simulate(3, seed=2, batch=True)
    >>> bundle.predict(batch)["horizon_h"].unique().tolist()
    [72.0]
    >>> why = bundle.explain(batch, "icans", horizon_hours=72)
    >>> why.values.shape == (len(why.base_values), len(why.feature_names))
    True
    """

    version: str = field(kw_only=True, default="")
    evaluation: EvaluationReport | None = field(kw_only=True, default=None)

    @property
    def outcomes(self) -> list[str]:
        """Names of the outcomes."""
        return list(self.config.outcomes)

    @property
    def horizons_hours(self) -> list[float]:
        """Fitted horizons, hours ahead."""
        return [float(hours) for hours in self.config.model.horizons_hours]

    def read(self, batch: Batch, as_of: str | None = None, config: Settings = None) -> Cohort:
        """Read a batch as the training cohort was read; see :func:`cytocast.read_batch`.

        Parameters
        ----------
        batch : path, DataFrame, mapping of str to DataFrame, or Cohort
            Folder or labs file, lab rows, tables by name, or a cohort to be read again.
        as_of : str, optional
            Hours since infusion or an ISO 8601 time; rows from then on are rejected.
        config : Config, mapping or path, optional
            Reading settings in which the batch differs from training.

        Returns
        -------
        Cohort
        """
        if isinstance(batch, Cohort):
            as_of = batch.as_of if as_of is None else as_of
            tables, remarks = dict(batch.raw), list[str]()
            config = batch.reading_settings() if config is None else config
        else:
            tables, remarks = batch_tables(batch)
        settings = with_reading(self.config, config, None, command="predict")
        stored = replace(self.stored(), config=settings)
        read = read_for(stored, tables, as_of=as_of, remarks=remarks)
        return with_tables(read, tables, settings, name_of(batch), as_of)

    def predict(
        self, batch: Batch, as_of: str | None = None, config: Settings = None
    ) -> pd.DataFrame:
        """Risk of every patient, outcome and horizon, as ``cytocast predict`` writes it.

        Parameters
        ----------
        batch : path, DataFrame, mapping of str to DataFrame, or Cohort
            Folder or labs file, lab rows, tables by name, or a batch that was read.
        as_of : str, optional
            Hours since infusion or an ISO 8601 time; rows from then on are not used.
        config : Config, mapping or path, optional
            Reading settings in which the batch differs from training, for example
            ``{"cohort": {"date_order": "day_first"}}``.

        Returns
        -------
        DataFrame
            The columns of ``predictions.csv``, numbers not rounded. ``status`` is ``ok``,
            ``event_present``, ``abstained`` or ``rejected``; ``risk`` is a probability where it is
            ``ok``.

        Raises
        ------
        InputError
            If there is no labs table, or a required column is missing.
        UsageError
            If ``as_of`` or a setting cannot be used.
        """
        prepared = self._prepared(batch, as_of, config)
        name = ModelName(self.config.tracking.model_name, self.version or self.sha256[:12])
        return score_batch(prepared, name).predictions

    def explain(
        self,
        batch: Batch,
        outcome: str | None = None,
        horizon_hours: float | None = None,
        as_of: str | None = None,
        config: Settings = None,
    ) -> shap.Explanation:
        """What each analyte and group adds to a risk, for ``shap.plots``.

        Shapley values of the displayed, calibrated risk (not of one member's log-odds). They
        describe the model, not causes.

        Parameters
        ----------
        batch : path, DataFrame, mapping of str to DataFrame, or Cohort
            As in :meth:`predict`.
        outcome : str, optional
            By default the first outcome.
        horizon_hours : float, optional
            A fitted horizon; by default the one nearest to ``predict.headline_hours``.
        as_of : str, optional
            As in :meth:`predict`.
        config : Config, mapping or path, optional
            As in :meth:`predict`.

        Returns
        -------
        shap.Explanation
            One row per patient with an estimate, named in ``instance_names``. ``values`` are
            percentage points; with ``base_values`` (percent: the average of the patient's day)
            they sum to the displayed risk in percent. ``data`` holds the newest results, see
            :func:`pipeline.explain.shap_explanation.shap_explanation`.

        Raises
        ------
        InputError
            If no patient has an estimate.
        UsageError
            If the outcome or the horizon is not one of the bundle's.
        """
        name = outcome if outcome is not None else self.outcomes[0]
        hours = self._horizon(name, horizon_hours)
        prepared = self._prepared(batch, as_of, config)
        scores = score_outcome(prepared, name)
        landmarks = scores.landmarks[scores.statuses.estimated()]
        if not len(landmarks):
            statuses = ", ".join(sorted(set(scores.statuses.status))) or "none"
            raise InputError(
                f"no patient of the batch has an estimate of {name} (statuses: {statuses}); see "
                "status_reason of Bundle.predict"
            )
        result = outcome_contributions(prepared, name, landmarks, (hours,))
        label = self.config.outcomes[name].label
        return shap_explanation(
            result,
            prepared.measured.take(landmarks),
            prepared.newest_results(landmarks),
            prepared.patient_ids.iloc[landmarks],
            self.reference.spec,
            f"{label} within {hours:g} h, %",
        )

    def stored(self) -> StoredBundle:
        """The bundle as the command line uses it.

        Returns
        -------
        pipeline.model.bundle.Bundle
        """
        own = {item.name: getattr(self, item.name) for item in fields(StoredBundle)}
        return StoredBundle(**own)

    def __repr__(self) -> str:
        kind = "synthetic cohort" if self.config.cohort.synthetic else "cohort"
        trained = f"{kind} {self.provenance['cohort_name']}"
        patients = counted(int(self.provenance["n_patients"]), "patient")
        return f"Bundle {self.sha256[:12]}: {', '.join(self.outcomes)}; {trained}, {patients}"

    def _repr_html_(self) -> str:
        table = pd.DataFrame(
            {
                "label": {name: item.label for name, item in self.config.outcomes.items()},
                "patients with the event": self.provenance.get("event_patients", {}),
            }
        )
        note = "Research use only; not for clinical decisions."
        return f"<p>{escape(repr(self))}</p>{table.to_html()}<p>{note}</p>"

    def _prepared(self, batch: Batch, as_of: str | None, config: Settings) -> PreparedBatch:
        cohort = self.read(batch, as_of, config)
        stored = replace(self.stored(), config=cohort.config)
        return prepare_batch(cohort.read, stored, as_of=cohort.as_of is not None)

    def _horizon(self, outcome: str, hours: float | None) -> float:
        if outcome not in self.config.outcomes:
            known = ", ".join(self.outcomes)
            raise UsageError(
                f"unknown outcome '{outcome}'; the bundle has {known}; choose one of these"
            )
        horizons = self.models[self.config.outcomes[outcome].scale].horizons
        if hours is None:
            return nearest_horizon(horizons, self.config.predict.headline_hours)
        refuse_other_hours(hours)
        if not np.isclose(horizons, hours).any():
            fitted = ", ".join(f"{each:g}" for each in horizons)
            raise UsageError(
                f"horizon_hours is {hours:g}; the bundle has {fitted}; choose one of these"
            )
        return float(hours)


def as_loaded(
    bundle: StoredBundle, *, version: str = "", evaluation: EvaluationReport | None = None
) -> Bundle:
    """Bundle of the API from a stored one.

    Parameters
    ----------
    bundle : Bundle
        From :func:`pipeline.model.bundle.load_bundle`.
    version : str
        Version in the registry.
    evaluation : EvaluationReport, optional

    Returns
    -------
    Bundle

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> as_loaded(empty_bundle(), version="3").version
    '3'
    """
    own: dict[str, Any] = {item.name: getattr(bundle, item.name) for item in fields(StoredBundle)}
    return Bundle(**own, version=version, evaluation=evaluation)
