"""Reads a FHIR R4 export, a Bundle or bulk ndjson, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.cohort.analytes import find_key
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.result_versions import WITHDRAWN
from pipeline.importers.code_names import name_for_code
from pipeline.importers.exchange_mapping import ExchangeMapping
from pipeline.importers.fhir_resources import (
    LocatedResource,
    codes_of,
    label_of,
    parts_at,
    read_resources,
    reference_id,
    text_at,
)
from pipeline.importers.fhir_specimens import specimen_index, specimen_of
from pipeline.importers.other_findings import kinds_of, named_by
from pipeline.importers.records import (
    EVENT_COLUMNS,
    RESULT_COLUMNS,
    Records,
    days_for_midnights,
    named_code,
    refuse,
    text_frame,
)
from pipeline.resources import schema_yaml

Row = dict[str, Any]
# column, code, reason, remedy
Refusal = tuple[str, str, str, str]
NAMING = ("Medication", "Specimen")  # only referred to by other resources
AS_STATED = "No action needed if this is right; else correct the resource at the source."


def observation_row(item: LocatedResource, specimens: Mapping[str, str] | None = None) -> Row:
    """Row of :attr:`Records.results` with ``refusal``: None, or why it is rejected.

    Parameters
    ----------
    item : LocatedResource
    specimens : mapping, optional
        From :func:`pipeline.importers.fhir_specimens.specimen_index`.
    """
    resource = item.resource
    status = text_at(resource, "status")
    quantity = resource.get("valueQuantity")
    value, refusal = _value(resource)
    loinc, clash = _loinc(resource)
    row = record_of(item, "Observation")
    rescued = name_for_code(loinc, _label_of_code(resource, loinc), row["name"])
    coded = text_at(quantity, "code")
    low, high = _reference(resource, text_at(quantity, "unit"))
    row |= {
        "name": rescued or loinc or row["name"],
        "called": row["name"],
        "label": row["name"],
        "loinc": loinc,
        "value": value,
        "unit": text_at(quantity, "unit"),
        "coded_unit": coded if text_at(quantity, "system") in _rules()["ucum"] else "",
        "resulted": text_at(resource, "issued"),
        "status": _rules()["status"].get(status, ""),
        "specimen": specimen_of(resource, specimens or {}),
        "ref_low": low,
        "ref_high": high,
        "grade": value,
        "id": text_at(resource, "id"),
        "updated": text_at(resource, "meta", "lastUpdated") or text_at(resource, "issued"),
        "component": bool(parts_at(resource, "component")),
        "categories": tuple(
            code for category in parts_at(resource, "category") for code in codes_of(category)
        ),
    }
    if status not in _rules()["status"]:
        legal = ", ".join(_rules()["status"])
        refusal = (
            "status",
            "status_refused",
            f"Status '{status}' is not one of {legal}.",
            AS_STATED,
        )
    elif row["status"] in WITHDRAWN:
        refusal = None
    return {**row, "refusal": row["refusal"] or clash or refusal}


def record_of(item: LocatedResource, kind: str) -> Row:
    """Fields of every record: place, patient, codes, name and time."""
    resource = item.resource
    subject = text_at(resource, "subject", "reference")
    at, column = "", str(_rules()["clock"][kind][0])
    for path in _rules()["clock"][kind]:
        at = text_at(resource, *path.split("."))
        if at:
            column = path
            break
    refusal: Refusal | None = None
    if not subject:
        remedy = "Give subject.reference, for example Patient/7."
        refusal = ("subject", "required_blank", "The record has no patient.", remedy)
    concept = resource.get("code")
    return {
        "table": kind, "file": item.file, "_line": item.line, "patient_id": reference_id(subject),
        "codes": codes_of(concept), "name": label_of(concept), "at": at, "at_column": column,
        "refusal": refusal,
    }  # fmt: skip


def one_draw_per_result(rows: list[Row]) -> list[Row]:
    """Reject older versions of a resource with another patient, time or code than the newest."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row["id"] and row["updated"] >= newest.get(row["id"], row)["updated"]:
            newest[row["id"]] = row
    for row in rows:
        last = newest.get(row["id"], row)
        keys = ("patient_id", "name", "at")
        if any(row[key] != last[key] for key in keys) and not row["refusal"]:
            reason = "A later version of this resource has another patient, code or time."
            row["refusal"] = ("id", "superseded", reason, AS_STATED)
    return rows


def without_empty_withdrawals(results: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Reject withdrawals of results that the export lacks, and flag results with components."""
    draw = ["patient_id", "name", "at"]
    withdrawn = results["status"].isin(WITHDRAWN)
    present = pd.MultiIndex.from_frame(results.loc[~withdrawn, draw])
    kept = refuse(
        results,
        withdrawn & ~pd.MultiIndex.from_frame(results[draw]).isin(present),
        ledger,
        column="status",
        code="withdrawn",
        reason="The result is "
        + results["status"]
        + ", and the export has no other version of it.",
        remedy="No action needed: no valid result is lost.",
    )
    for file in kept["file"].unique():
        ledger.note(
            kept,
            (kept["component"] == "True") & (kept["file"] == file),
            file=str(file),
            column="component",
            code="component_left_out",
            reason="The value is used; the components are not.",
            remedy="Export each component as a separate Observation.",
        )
    return kept.drop(columns="component")


def read_fhir(source: Path, mapping: ExchangeMapping, ledger: Ledger) -> Records:
    """Read patients, observations, administrations, procedures and conditions.

    Parameters
    ----------
    source : Path
        Bundle (.json), .ndjson file, or folder of them.
    mapping : ExchangeMapping
        ``midnight`` is used; the codes of a confirmed mapping are kept whatever their kind.
    ledger : Ledger
        Receives every rejected resource.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        If a file cannot be read, or none has a resource of these types.

    Examples
    --------
    >>> import json
    >>> from tempfile import NamedTemporaryFile
    >>> crp = {"resourceType": "Observation", "status": "final", "code": {"text": "CRP"}}
    >>> crp |= {"subject": {"reference": "Patient/7"}, "effectiveDateTime": "2026-03-02"}
    >>> crp |= {"valueQuantity": {"value": 12.50, "unit": "mg/L"}}
    >>> with NamedTemporaryFile("w", suffix=".json") as file:
    ...     _ = file.write(json.dumps(crp))
    ...     file.flush()
    ...     records = read_fhir(Path(file.name), ExchangeMapping(), Ledger())
    >>> records.results[["patient_id", "name", "value", "unit"]].values.tolist()
    [['7', 'CRP', '12.5', 'mg/L']]
    """
    kinds = ("Patient", *_rules()["named"], *NAMING)
    placed = read_resources(source, kinds, ledger)
    by_kind: dict[str, list[LocatedResource]] = {kind: [] for kind in kinds}
    for item in placed:
        by_kind[text_at(item.resource, "resourceType")].append(item)
    medications = {text_at(item.resource, "id"): item.resource for item in by_kind["Medication"]}
    for item in (item for kind in NAMING for item in by_kind[kind]):
        ledger.read[item.file] -= 1  # part of another record; not counted
    specimens = specimen_index(by_kind["Specimen"])
    results = [observation_row(item, specimens) for item in by_kind["Observation"]]
    named = named_by(mapping, "Observation")
    kinds_left_out = kinds_of(results, named, applied=mapping.confirmed)
    left_out = [
        (row["file"], kind) for row, kind in zip(results, kinds_left_out, strict=True) if kind
    ]
    results = [row for row, kind in zip(results, kinds_left_out, strict=True) if not kind]
    events = [
        _event(item, kind, medications)
        for kind in ("MedicationAdministration", "Procedure", "Condition")
        for item in by_kind[kind]
    ]
    observations = _without_refused(one_draw_per_result(results), RESULT_COLUMNS, ledger)
    return Records(
        people=_people(by_kind["Patient"], ledger),
        results=days_for_midnights(
            without_empty_withdrawals(observations, ledger), mapping.midnight, ledger
        ),
        events=days_for_midnights(
            _without_refused(events, EVENT_COLUMNS, ledger), mapping.midnight, ledger
        ),
        periods=text_frame([], ("patient_id", "start", "end")),
        shape="fhir",
        left_out=left_out,
    )


def _value(resource: Mapping[str, Any]) -> tuple[str, Refusal | None]:
    """Result as printed, or why there is none."""
    quantity = resource.get("valueQuantity")
    comparator, number = text_at(quantity, "comparator"), text_at(quantity, "value")
    if comparator not in _rules()["comparators"]:
        legal = ", ".join(text for text in _rules()["comparators"] if text)
        reason = f"Comparator '{comparator}' is not one of {legal}."
        remedy = "Correct the comparator."
        return "", ("valueQuantity.comparator", "operator_unknown", reason, remedy)
    if number:
        return comparator + number, None
    text = text_at(resource, "valueString") or text_at(resource, "valueInteger")
    text = text or label_of(resource.get("valueCodeableConcept"))
    if text:
        return text, None
    others = [name for name in resource if name.startswith("value") and name[5:6].isupper()]
    unread = [name for name in others if name not in _rules()["values"]]
    if unread:
        legal = ", ".join(_rules()["values"])
        reason = f"The value is a {unread[0]}; accepted are {legal}."
        return "", (unread[0], "value_unusable", reason, "Give the result as valueQuantity.")
    if parts_at(resource, "component"):
        reason = "The observation has components only, which are not read."
        remedy = "Export each result as a separate Observation."
        return "", ("component", "component_left_out", reason, remedy)
    absent = label_of(resource.get("dataAbsentReason")) or "none given"
    reason = f"There is no value (dataAbsentReason: {absent})."
    remedy = "No action needed: the record has no result."
    return "", ("value[x]", "no_result", reason, remedy)


def _loinc(resource: Mapping[str, Any]) -> tuple[str, Refusal | None]:
    """LOINC code, and a refusal if the codes name several analytes."""
    codes = [
        text_at(coding, "code")
        for coding in parts_at(resource, "code", "coding")
        if text_at(coding, "system") in _rules()["loinc"] and text_at(coding, "code")
    ]
    keys = {find_key(code) for code in codes} - {None}
    if len(keys) > 1:
        reason = f"The LOINC codes {', '.join(map(named_code, codes))} name different analytes."
        return codes[0], ("code.coding", "loinc_conflict", reason, "Keep one code.")
    known = [code for code in codes if find_key(code) is not None]
    return next(iter([*known, *codes]), ""), None


def _label_of_code(resource: Mapping[str, Any], code: str) -> str:
    """Display text of a LOINC coding."""
    return next(
        (
            text_at(coding, "display")
            for coding in parts_at(resource, "code", "coding")
            if text_at(coding, "system") in _rules()["loinc"] and text_at(coding, "code") == code
        ),
        "",
    )


def _reference(resource: Mapping[str, Any], unit: str) -> tuple[str, str]:
    """Reference limits, if there is one range in the unit of the result."""
    ranges = parts_at(resource, "referenceRange")
    if len(ranges) != 1:
        return "", ""
    ends = [ranges[0].get(end) for end in ("low", "high")]
    same = [text_at(end, "unit") in ("", unit) for end in ends]
    low, high = (
        text_at(end, "value") if fits else "" for end, fits in zip(ends, same, strict=True)
    )
    return low, high


def _rules() -> Mapping[str, Any]:
    rules: Mapping[str, Any] = schema_yaml("exchange.yaml")["fhir"]
    return rules


def _people(patients: Sequence[LocatedResource], ledger: Ledger) -> pd.DataFrame:
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
            reason="The patient died, but the time is missing; the death is not used.",
            remedy="Give deceasedDateTime; the death then counts as a competing event.",
        )
    return table.drop(columns="dead")


def _event(item: LocatedResource, kind: str, medications: Mapping[str, dict[str, Any]]) -> Row:
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
    verification = text_at(resource, "verificationStatus", "coding", 0, "code")
    refusal = None
    if kind != "Condition" and status not in _rules()["done"]:
        reason = f"Status '{status}' does not mean that it was done."
        refusal = ("status", "status_refused", reason, AS_STATED)
    if kind == "Condition" and verification in _rules()["untrue"]:
        reason = f"The condition is {verification}."
        refusal = ("verificationStatus", "status_refused", reason, AS_STATED)
    return {**row, "refusal": row["refusal"] or refusal}


def _medication(resource: Mapping[str, Any], medications: Mapping[str, dict[str, Any]]) -> Any:
    """Concept of the drug, from the record, a contained resource or another resource."""
    concept = resource.get("medicationCodeableConcept")
    reference = text_at(resource, "medicationReference", "reference")
    if concept is not None or not reference:
        return concept
    contained = {f"#{text_at(item, 'id')}": item for item in parts_at(resource, "contained")}
    medication = contained.get(reference, medications.get(reference_id(reference), {}))
    return medication.get("code") or {"text": text_at(resource, "medicationReference", "display")}


def _without_refused(rows: list[Row], columns: Sequence[str], ledger: Ledger) -> pd.DataFrame:
    """Rows without refusal; the others are recorded in the ledger."""
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
