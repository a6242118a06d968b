"""Content of a patient's page: record, inputs, estimates, rejects and later events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pipeline.cohort.patient_links import UNKNOWN_PATIENT
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_inputs import EstimateInputs, inputs_of
from pipeline.explain.estimates import Estimate, estimates
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import (
    PatientRecord,
    clock_of,
    doses_of,
    grades_of,
    records,
)
from pipeline.explain.subsequent_events import SubsequentEvents
from pipeline.model.status import REJECTED
from pipeline.predict.earlier_estimates import past_risks
from pipeline.predict.measuring_effects import MeasuringEffect, measuring_effects
from pipeline.predict.prepare import PreparedBatch
from pipeline.predict.score import BatchResult

_UNKNOWN = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Patient:
    """Content of the page of one patient.

    Attributes
    ----------
    record : PatientRecord
    inputs : EstimateInputs or None
        None if there is no landmark.
    estimates : sequence of Estimate
        One per outcome, in the order of the config.
    refused : PatientRejects
        Rejected rows and cells of this patient.
    later : sequence of SubsequentEvents
        Events charted after the landmark.
    measuring : MeasuringEffect or None
        The missing analyte whose measurement could change an estimate most.
    """

    record: PatientRecord
    inputs: EstimateInputs | None
    estimates: Sequence[Estimate]
    refused: PatientRejects = field(default_factory=PatientRejects)
    later: Sequence[SubsequentEvents] = ()
    measuring: MeasuringEffect | None = None

    @property
    def unknown(self) -> bool:
        """Whether the id is in a table but not in that of patients, so that no row is used."""
        return bool(self.estimates) and all(
            item.status == REJECTED and item.reason == UNKNOWN_PATIENT for item in self.estimates
        )


def patient_results(
    prepared: PreparedBatch, result: BatchResult, model: ModelSummary
) -> list[Patient]:
    """Every patient of the input, sorted by id, with the estimates of the previous week.

    Parameters
    ----------
    prepared : PreparedBatch
    result : BatchResult
    model : ModelSummary

    Returns
    -------
    list of Patient

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.explain.model_summary import summarise_model
    >>> from pipeline.model.bundle import empty_bundle
    >>> from pipeline.predict.predictions_table import COLUMNS
    >>> from pipeline.predict.prepare import prepare_batch, read_for
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "n/a",
    ...                      "unit": "mg/L", "collected_hours": 30})
    >>> bundle = empty_bundle()
    >>> prepared = prepare_batch(read_for(bundle, {"labs": raw_from_frame(labs, "labs")}), bundle)
    >>> row = {"patient_id": "A", "outcome": "icans", "horizon_h": 72.0, "status": "rejected"}
    >>> predictions = pd.DataFrame([row]).reindex(columns=COLUMNS)
    >>> result = BatchResult(predictions, pd.DataFrame(columns=["patient_id", "horizon_h"]))
    >>> model = summarise_model(bundle, "cytocast", "1", None)
    >>> [(each.record.patient_id, each.refused.rows) for each in
    ...  patient_results(prepared, result, model)]
    [('A', 1)]
    """
    shown = result.explanations["horizon_h"] == model.horizon
    explained = _by_patient(result.explanations.loc[shown])
    earlier = _by_patient(past_risks(prepared, model.horizon))
    known = {record.patient_id: record for record in records(prepared.cohort, prepared.landmarks)}
    blank, ranges = _blank_records(prepared), _member_ranges(prepared, model.horizon)
    effects = measuring_effects(prepared, model.horizon)
    return [
        Patient(
            record=known.get(patient_id) or blank[patient_id],
            inputs=None if pd.isna(rows[0]["landmark_hours"]) else inputs_of(rows[0]),
            estimates=[
                replace(item, member_range=ranges.get((patient_id, item.outcome), _UNKNOWN))
                for item in estimates(
                    rows, explained.get(patient_id, []), earlier.get(patient_id, []), model
                )
            ],
            refused=prepared.read.refused.get(patient_id, PatientRejects()),
            later=prepared.subsequent_events.get(patient_id, ()),
            measuring=effects.get(patient_id),
        )
        for patient_id, rows in sorted(_by_patient(result.predictions).items())
    ]


def _member_ranges(
    prepared: PreparedBatch, horizon: float
) -> dict[tuple[str, str], tuple[float, float]]:
    """Lowest and highest risk of the members, by patient and outcome."""
    result: dict[tuple[str, str], tuple[float, float]] = {}
    ids = prepared.patient_ids.tolist()
    for name, outcome in prepared.bundle.config.outcomes.items():
        rows = prepared.shown_estimates(name)
        if len(rows):
            part, model = prepared.matrix.take(rows), prepared.bundle.models[outcome.scale]
            low, high = model.member_range(part, outcome.threshold, horizon)
            for place, row in enumerate(rows.tolist()):
                result[ids[row], name] = (float(low[place]), float(high[place]))
    return result


def _by_patient(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    result: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        plain = {str(key): value for key, value in row.items()}
        result.setdefault(str(plain["patient_id"]), []).append(plain)
    return result


def _blank_records(prepared: PreparedBatch) -> dict[str, PatientRecord]:
    """Records of patients without a readable lab result, with their grades and doses."""
    cohort, patients = prepared.cohort, prepared.cohort.patients
    places = {name: place for place, name in enumerate(patients["patient_id"])}
    labs = cohort.labs.iloc[:0].drop(columns="patient")
    scored = prepared.landmarks["patient"]
    doses, grades = (
        table.loc[~table["patient"].isin(scored)] for table in (doses_of(cohort), grades_of(cohort))
    )
    result = {}
    for patient_id in set(prepared.read.seen_ids) - set(prepared.patient_ids):
        clock, product, place = InfusionClock(None), "", places.get(patient_id, -1)
        if place >= 0:
            row = patients.iloc[place]
            clock = clock_of(row)
            product = "" if pd.isna(row.get("product")) else str(row.get("product")).strip()
        own = [
            table.loc[table["patient"] == place].drop(columns="patient")
            for table in (doses, grades)
        ]
        result[patient_id] = PatientRecord(patient_id, product, float("nan"), clock, labs, *own)
    return result
