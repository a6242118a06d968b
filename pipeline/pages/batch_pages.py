"""Writes the pages of a scored batch: one per patient and the ward list."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.explain.confidence import inputs_of
from pipeline.explain.estimates import estimates
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.model_summary import ModelFacts, headline_horizon, model_facts
from pipeline.explain.patient_record import PatientRecord, clock_of, records
from pipeline.explain.subsequent_events import subsequent_events
from pipeline.model.abstention import mostly_rejected_reasons
from pipeline.model.bundle import Bundle
from pipeline.pages.patient_page import Patient, patient_page
from pipeline.pages.ward_list import ward_page
from pipeline.predict.earlier_estimates import past_risks
from pipeline.predict.score import BatchResult, ModelName, batch_landmarks
from pipeline.reading.read_result import ReadResult

if TYPE_CHECKING:
    from pipeline.model.evaluation_report import EvaluationReport

INDEX = "index.html"
_RESERVED = {"index", "con", "prn", "aux", "nul"}
_RESERVED |= {f"{device}{number}" for device in ("com", "lpt") for number in range(10)}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


def write_pages(
    folder: Path,
    result: BatchResult,
    read: ReadResult,
    bundle: Bundle,
    model_name: ModelName,
    evaluation: EvaluationReport | None,
    *,
    made: datetime,
    as_of: bool = False,
) -> None:
    """Write ``index.html`` and one page per patient into a new folder.

    Parameters
    ----------
    evaluation : EvaluationReport or None
        The evaluation stored with the bundle.
    made : datetime
        When the pages are made.
    as_of : bool
        Whether the batch was scored at ``read.as_of_hours``.
    """
    facts = model_facts(bundle, model_name.name, model_name.version, evaluation)
    patients = list(patients_of(result, read, bundle, facts, as_of=as_of))
    names = page_names(patient.record.patient_id for patient in patients)
    folder.mkdir()
    listed = []
    for patient in patients:
        address = f"{names[patient.record.patient_id]}.html"
        page = patient_page(patient, facts, made=made, back=INDEX)
        (folder / address).write_text(page, encoding="utf-8")
        listed.append((patient, address))
    (folder / INDEX).write_text(ward_page(listed, facts, made=made), encoding="utf-8")


def patients_of(
    result: BatchResult, read: ReadResult, bundle: Bundle, facts: ModelFacts, *, as_of: bool = False
) -> Iterator[Patient]:
    """Everything that the pages say about each patient of the input, sorted by id."""
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, bundle.reference.limits))
    landmarks = batch_landmarks(cohort, read.as_of_hours if as_of else None)
    ids = cohort.patients["patient_id"].iloc[landmarks["patient"]]
    legible = mostly_rejected_reasons(ids, read, bundle.config.predict) == ""
    past = past_risks(read.cohort, landmarks.loc[legible], bundle, headline_horizon(bundle))
    later = subsequent_events(cohort, landmarks, read.as_of_hours)
    seen = {record.patient_id: record for record in records(cohort, landmarks)}
    blank = _blank_records(read, cohort.patients)
    shown = result.explanations["horizon_h"] == facts.horizon
    explained = _by_patient(result.explanations.loc[shown])
    earlier = _by_patient(past)
    for patient_id, rows in sorted(_by_patient(result.predictions).items()):
        yield Patient(
            record=seen.get(patient_id) or blank[patient_id],
            inputs=None if pd.isna(rows[0]["landmark_hours"]) else inputs_of(rows[0]),
            estimates=estimates(
                rows, explained.get(patient_id, []), earlier.get(patient_id, []), facts
            ),
            refused=read.refused.get(patient_id, PatientRejects()),
            later=later.get(patient_id, ()),
        )


def page_names(patient_ids: Iterable[str]) -> dict[str, str]:
    """A file name without suffix for each patient, safe on every system and used once.

    A plain id keeps its own name. Any other, and ids that differ in capitals only, get their plain
    characters and a digest of the id.

    Examples
    --------
    >>> page_names(["P-1", "../etc"])
    {'P-1': 'P-1', '../etc': 'etc-f7f9121fdb53'}
    """
    ids = list(dict.fromkeys(patient_ids))
    folded = Counter(item.casefold() for item in ids)
    names = {
        item: item
        for item in ids
        if _SAFE.fullmatch(item)
        and folded[item.casefold()] == 1
        and item.casefold() not in _RESERVED
    }
    taken = {name.casefold() for name in names.values()}
    for item in ids:
        if item in names:
            continue
        digest = hashlib.sha256(item.encode("utf-8", "surrogatepass")).hexdigest()
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", item).strip("-_")[:40] or "patient"
        length = 12
        while f"{plain}-{digest[:length]}".casefold() in taken:
            length += 1
        names[item] = f"{plain}-{digest[:length]}"
        taken.add(names[item].casefold())
    return names


def _by_patient(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    result: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dict("records"):
        plain = {str(key): value for key, value in row.items()}
        result.setdefault(str(plain["patient_id"]), []).append(plain)
    return result


def _blank_records(read: ReadResult, patients: pd.DataFrame) -> dict[str, PatientRecord]:
    """Records of patients without a usable lab row."""
    places = {name: place for place, name in enumerate(patients["patient_id"])}
    cohort = read.cohort
    empty = [
        cohort.labs.iloc[:0].drop(columns="patient"),
        cohort.treatments.iloc[:0].drop(columns="patient"),
        cohort.assessments.iloc[:0].drop(columns="patient"),
    ]
    result = {}
    for patient_id in read.seen_ids:
        clock, product = InfusionClock(None), ""
        if patient_id in places:
            row = patients.iloc[places[patient_id]]
            clock = clock_of(row)
            product = "" if pd.isna(row.get("product")) else str(row.get("product")).strip()
        result[patient_id] = PatientRecord(patient_id, product, float("nan"), clock, *empty)
    return result
