"""A FHIR R4 export, a Bundle or bulk ndjson, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cohort.importers.exchange import ExchangeMapping
from pipeline.cohort.importers.observation import (
    AS_STATED,
    Row,
    observation_row,
    one_draw_each,
    record_of,
    without_empty_withdrawals,
)
from pipeline.cohort.importers.records import (
    EVENT_COLUMNS,
    RESULT_COLUMNS,
    Records,
    days_for_midnights,
    refuse,
    text_frame,
)
from pipeline.cohort.importers.resources import (
    Placed,
    codes_of,
    label_of,
    parts_at,
    read_resources,
    reference_id,
    text_at,
)
from pipeline.cohort.rejects import Ledger
from pipeline.resources import schema_yaml


def read_fhir(source: Path, mapping: ExchangeMapping, ledger: Ledger) -> Records:
    """Read patients, observations, administrations, procedures and conditions.

    Parameters
    ----------
    source : Path
        Bundle (.json), .ndjson file, or folder of them.
    mapping : ExchangeMapping
        Only ``midnight`` counts here.
    ledger : Ledger
        Takes every resource that is not carried over.

    Raises
    ------
    InputError
        If nothing can be read.
    """
    kinds = ("Patient", *_rules()["named"], "Medication")
    placed = read_resources(source, kinds, ledger)
    by_kind: dict[str, list[Placed]] = {kind: [] for kind in kinds}
    for item in placed:
        by_kind[text_at(item.resource, "resourceType")].append(item)
    medications = {text_at(item.resource, "id"): item.resource for item in by_kind["Medication"]}
    for item in by_kind["Medication"]:
        ledger.read[item.file] -= 1  # a name for administrations, no record of its own
    results = [observation_row(item) for item in by_kind["Observation"]]
    events = [
        _event(item, kind, medications)
        for kind in ("MedicationAdministration", "Procedure", "Condition")
        for item in by_kind[kind]
    ]
    observations = _sort_out(one_draw_each(results), RESULT_COLUMNS, ledger)
    return Records(
        people=_people(by_kind["Patient"], ledger),
        results=days_for_midnights(
            without_empty_withdrawals(observations, ledger), mapping.midnight, ledger
        ),
        events=days_for_midnights(
            _sort_out(events, EVENT_COLUMNS, ledger), mapping.midnight, ledger
        ),
        periods=text_frame([], ("patient_id", "start", "end")),
        shape="fhir",
    )


def _rules() -> Mapping[str, Any]:
    rules: Mapping[str, Any] = schema_yaml("exchange.yaml")["fhir"]
    return rules


def _people(patients: Sequence[Placed], ledger: Ledger) -> pd.DataFrame:
    rows: list[Row] = [
        {
            "patient_id": text_at(item.resource, "id"),
            "birth": text_at(item.resource, "birthDate"),
            "sex": text_at(item.resource, "gender"),
            "site": reference_id(text_at(item.resource, "managingOrganization", "reference")),
            "death": text_at(item.resource, "deceasedDateTime"),
            "file": item.file,
            "_line": item.line,
            "dead": text_at(item.resource, "deceasedBoolean"),
        }
        for item in patients
    ]
    names = ("patient_id", "birth", "sex", "site", "death", "file", "dead")
    table = text_frame(rows, names)
    for file in table["file"].unique():
        ledger.note(
            table,
            (table["dead"] == "true") & (table["file"] == file),
            file=str(file),
            column="deceasedBoolean",
            code="death_without_time",
            reason="The patient died, but it is not said when; no death is carried over.",
            remedy="Give deceasedDateTime, so that the death counts as a competing event.",
        )
    return table.drop(columns="dead")


def _event(item: Placed, kind: str, medications: Mapping[str, dict[str, Any]]) -> Row:
    resource = item.resource
    row = record_of(item, kind)
    dose = parts_at(resource, "dosage", "dose")
    if kind == "MedicationAdministration":
        concept = _medication(resource, medications)
        row |= {"codes": codes_of(concept), "name": label_of(concept)}
    unit = text_at(dose, 0, "unit") or text_at(dose, 0, "code")
    route = parts_at(resource, "dosage", "route")
    row |= {
        "grade": "",
        "dose": text_at(dose, 0, "value") if unit else "",
        "unit": unit,
        "route": label_of(route[0]) if route else "",
    }
    status = text_at(resource, "status")
    untrue = text_at(resource, "verificationStatus", "coding", 0, "code")
    refusal = None
    if kind != "Condition" and status not in _rules()["done"]:
        reason = f"Status '{status}' does not say that it was done."
        refusal = ("status", "status_refused", reason, AS_STATED)
    if kind == "Condition" and untrue in _rules()["untrue"]:
        reason = f"The condition is {untrue}."
        refusal = ("verificationStatus", "status_refused", reason, AS_STATED)
    return {**row, "refusal": row["refusal"] or refusal}


def _medication(resource: Mapping[str, Any], medications: Mapping[str, dict[str, Any]]) -> Any:
    """Concept of the drug: in the record, in a contained or in another resource."""
    concept = resource.get("medicationCodeableConcept")
    reference = text_at(resource, "medicationReference", "reference")
    if concept is not None or not reference:
        return concept
    contained = {f"#{text_at(item, 'id')}": item for item in parts_at(resource, "contained")}
    found = contained.get(reference, medications.get(reference_id(reference), {}))
    return found.get("code") or {"text": text_at(resource, "medicationReference", "display")}


def _sort_out(rows: list[Row], columns: Sequence[str], ledger: Ledger) -> pd.DataFrame:
    """Records without refused ones, which are listed."""
    table = text_frame(rows, columns)
    refusals = [row["refusal"] for row in rows]
    for column, code, remedy in dict.fromkeys((r[0], r[1], r[3]) for r in refusals if r):
        fits = [bool(r) and (r[0], r[1], r[3]) == (column, code, remedy) for r in refusals]
        reason = pd.Series([r[2] if r else "" for r in refusals], dtype="str")
        part = pd.Series(fits, dtype=bool)
        refuse(
            table.loc[part], part.loc[part], ledger, column=column, code=code,
            reason=reason.loc[part], remedy=remedy,
        )  # fmt: skip
    return table.loc[[not r for r in refusals]].reset_index(drop=True)
