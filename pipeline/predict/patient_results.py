"""What a page shows of each patient: record, inputs, estimates, rejects and later events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.estimate_inputs import EstimateInputs, inputs_of
from pipeline.explain.estimates import Estimate, estimates
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord, clock_of, records
from pipeline.explain.subsequent_events import SubsequentEvents
from pipeline.predict.earlier_estimates import past_risks
from pipeline.predict.prepare import PreparedBatch
from pipeline.predict.score import BatchResult


@dataclass(frozen=True)
class Patient:
    """All that a page shows of one patient.

    Attributes
    ----------
    record : PatientRecord
    inputs : EstimateInputs or None
        None where no landmark could be set.
    estimates : sequence of Estimate
        One per outcome, in the order of the config.
    refused : PatientRejects
        Rejected rows and cells of this patient.
    later : sequence of SubsequentEvents
        Events charted after the landmark.
    """

    record: PatientRecord
    inputs: EstimateInputs | None
    estimates: Sequence[Estimate]
    refused: PatientRejects = field(default_factory=PatientRejects)
    later: Sequence[SubsequentEvents] = ()


def patient_results(
    prepared: PreparedBatch, result: BatchResult, facts: ModelSummary
) -> list[Patient]:
    """Every patient of the input, sorted by id, with the estimates of the week before."""
    shown = result.explanations["horizon_h"] == facts.horizon
    explained = _by_patient(result.explanations.loc[shown])
    earlier = _by_patient(past_risks(prepared, facts.horizon))
    known = {record.patient_id: record for record in records(prepared.cohort, prepared.landmarks)}
    blank = _blank_records(prepared)
    return [
        Patient(
            record=known.get(patient_id) or blank[patient_id],
            inputs=None if pd.isna(rows[0]["landmark_hours"]) else inputs_of(rows[0]),
            estimates=estimates(
                rows, explained.get(patient_id, []), earlier.get(patient_id, []), facts
            ),
            refused=prepared.read.refused.get(patient_id, PatientRejects()),
            later=prepared.subsequent_events.get(patient_id, ()),
        )
        for patient_id, rows in sorted(_by_patient(result.predictions).items())
    ]


def _by_patient(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    result: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        plain = {str(key): value for key, value in row.items()}
        result.setdefault(str(plain["patient_id"]), []).append(plain)
    return result


def _blank_records(prepared: PreparedBatch) -> dict[str, PatientRecord]:
    """Records of patients without a usable lab row."""
    cohort, patients = prepared.cohort, prepared.cohort.patients
    places = {name: place for place, name in enumerate(patients["patient_id"])}
    empty = [
        cohort.labs.iloc[:0].drop(columns="patient"),
        cohort.treatments.iloc[:0].drop(columns="patient"),
        cohort.assessments.iloc[:0].drop(columns="patient"),
    ]
    result = {}
    for patient_id in prepared.read.seen_ids:
        clock, product = InfusionClock(None), ""
        if patient_id in places:
            row = patients.iloc[places[patient_id]]
            clock = clock_of(row)
            product = "" if pd.isna(row.get("product")) else str(row.get("product")).strip()
        result[patient_id] = PatientRecord(patient_id, product, float("nan"), clock, *empty)
    return result
