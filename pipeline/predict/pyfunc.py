"""The MLflow model as code over the bundle: raw lab rows in, rows of predictions.csv out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException

from pipeline.cohort.files import RawTable, raw_from_frame
from pipeline.errors import InputError
from pipeline.model.bundle import Bundle, load_bundle
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import prepare_batch, read_for
from pipeline.predict.score import score_batch

_COMMA = {"true": True, "false": False}


class CytocastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Scores raw lab rows exactly as ``cytocast predict`` does."""

    bundle: Bundle

    def load_context(self, context: Any) -> None:
        """Load and verify the bundle."""
        self.bundle = load_bundle(context.artifacts["bundle"])

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predictions for every patient of the given lab rows.

        Parameters
        ----------
        model_input : DataFrame
            ``patient_id, analyte, value, unit`` and ``collected_hours`` since time zero; optionally
            ``resulted_hours`` and the other columns of ``labs``, and the patient columns that the
            model uses (``product``, ``age_years``, ...), on some or every row of a patient. Text
            or numbers of any type; a whole number and its text are the same id.
        params : dict, optional
            ``as_of``: hour from which rows are dropped. ``decimal_comma``: ``true`` where 12,5 is
            12.5, ``false`` where 1,234 is 1234; blank reads values as in training.

        Returns
        -------
        DataFrame
            The columns of ``predictions.csv``; None where a cell is empty.

        Raises
        ------
        MlflowException
            If the table cannot be read; a server answers 400 with the reason.
        """
        as_of = (params or {}).get("as_of") or None
        bundle = reading_commas(self.bundle, (params or {}).get("decimal_comma") or "")
        try:
            read = read_for(bundle, lab_tables(model_input, bundle), as_of=as_of)
        except InputError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        name = ModelName(self.bundle.config.tracking.model_name, self.bundle.sha256[:12])
        prepared = prepare_batch(read, bundle, as_of=as_of is not None)
        scored = score_batch(prepared, name).predictions
        # None rather than NaN, which a server would write as it stands and JSON does not know
        return scored.astype({key: object for key in scored if scored[key].isna().any()}).where(
            scored.notna(), None
        )


def reading_commas(bundle: Bundle, stated: str) -> Bundle:
    """The bundle with ``cohort.decimal_comma`` of a request; blank keeps that of training.

    Raises
    ------
    MlflowException
        If it is neither ``true`` nor ``false`` nor blank.
    """
    if not stated:
        return bundle
    if stated not in _COMMA:
        raise MlflowException.invalid_parameter_value(
            f"decimal_comma is {stated!r}; give true, false or nothing"
        )
    cohort = bundle.config.cohort.model_copy(update={"decimal_comma": _COMMA[stated]})
    return replace(bundle, config=bundle.config.model_copy(update={"cohort": cohort}))


def lab_tables(rows: pd.DataFrame, bundle: Bundle) -> dict[str, RawTable]:
    """The tables ``labs`` and ``patients`` of lab rows, as tables in memory."""
    host = [column.name for column in bundle.reference.spec.host if column.name in rows]
    patients = rows[["patient_id", *host]].copy()
    # a host value on one row applies to all rows of the patient; reading rejects contradictions
    for name in host:
        filled = patients.groupby("patient_id", sort=False)[name].ffill()
        patients[name] = filled.groupby(patients["patient_id"], sort=False).bfill()
    tables = {"patients": patients.drop_duplicates(), "labs": rows.drop(columns=host)}
    return {name: raw_from_frame(table, name) for name, table in tables.items()}


mlflow.models.set_model(CytocastModel())
