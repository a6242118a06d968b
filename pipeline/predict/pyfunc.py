"""The MLflow model as code over the bundle: raw lab rows in, rows of predictions.csv out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException

from pipeline.errors import InputError
from pipeline.model.bundle import Bundle, load_bundle
from pipeline.predict.score import ModelName, score_batch
from pipeline.reading.reader import read_batch


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
            ``patient_id, analyte, value, unit`` as text, ``collected_hours`` and optionally
            ``resulted_hours`` since time zero; host columns the model uses (``product``,
            ``age_years``, ...) may stand on some or every row of a patient.
        params : dict, optional
            ``as_of``: hour from which rows are dropped.

        Returns
        -------
        DataFrame
            The columns of ``predictions.csv``; None where a cell is empty.

        Raises
        ------
        MlflowException
            If no row can be used; a server answers 400 with the reason.
        """
        as_of = (params or {}).get("as_of") or None
        config = self.bundle.config.cohort
        scales = tuple(item.scale for item in self.bundle.config.outcomes.values())
        with tempfile.TemporaryDirectory() as folder:
            self._write_tables(model_input, Path(folder))
            known = self.bundle.reference
            try:
                read = read_batch(
                    folder,
                    config,
                    known.local,
                    limits=known.limits,
                    products=known.products,
                    as_of=as_of,
                    extra_scales=scales,
                )
            except InputError as error:
                reason = str(error).replace(f"{folder}{os.sep}", "")
                raise MlflowException.invalid_parameter_value(reason) from error
        name = ModelName(self.bundle.config.tracking.model_name, self.bundle.sha256[:12])
        scored = score_batch(read, self.bundle, name, as_of=as_of is not None).predictions
        # None rather than NaN, which a server would write as it stands and JSON does not know
        return scored.astype({key: object for key in scored if scored[key].isna().any()}).where(
            scored.notna(), None
        )

    def _write_tables(self, rows: pd.DataFrame, folder: Path) -> None:
        host = [column.name for column in self.bundle.reference.spec.host if column.name in rows]
        rows.drop(columns=host).to_csv(folder / "labs.csv", index=False)
        patients = rows[["patient_id", *host]].copy()
        # one row may tell for all of a patient; what contradicts itself is refused further on
        for name in host:
            told = patients.groupby("patient_id", sort=False)[name]
            patients[name] = told.ffill().groupby(patients["patient_id"], sort=False).bfill()
        patients.drop_duplicates().to_csv(folder / "patients.csv", index=False)


mlflow.models.set_model(CytocastModel())
