"""The MLflow model as code over the bundle: scores raw lab rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException

from pipeline.errors import InputError, UsageError
from pipeline.model.bundle import Bundle, load_bundle
from pipeline.model.registered_model import refuse_unsealed_model
from pipeline.predict.lab_rows import score_lab_rows
from pipeline.predict.predictions_table import ModelName


class CytocastModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Scores raw lab rows exactly as ``cytocast predict`` does."""

    bundle: Bundle

    def load_context(self, context: Any) -> None:
        """Load the bundle after verifying the code of this model."""
        folder = Path(context.artifacts["bundle"])
        refuse_unsealed_model(folder.parents[1])
        self.bundle = load_bundle(folder)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predictions for every patient of the given lab rows.

        Parameters
        ----------
        model_input : DataFrame
            ``patient_id, analyte, value, unit`` and ``collected_hours`` since time zero; optionally
            ``resulted_hours`` and the other columns of ``labs``, and the patient columns that the
            model uses (``product``, ``age_years``, ...), on at least one row of a patient. Text or
            numbers of any type; an integer and its text are the same id.
        params : dict, optional
            ``as_of``: cut-off in hours; rows from then on are rejected. ``decimal_comma``:
            ``true`` if 12,5 is 12.5, ``false`` if 1,234 is 1234; blank as in training.

        Returns
        -------
        DataFrame
            The columns of ``predictions.csv``; None where a cell is empty.

        Raises
        ------
        MlflowException
            If the table or a parameter cannot be read.
        """
        stated = params or {}
        name = ModelName(self.bundle.config.tracking.model_name, self.bundle.sha256[:12])
        try:
            return score_lab_rows(
                model_input,
                self.bundle,
                name,
                as_of=stated.get("as_of") or None,
                decimal_comma=stated.get("decimal_comma") or "",
            )
        except (InputError, UsageError) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


mlflow.models.set_model(CytocastModel())
