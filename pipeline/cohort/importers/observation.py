"""One FHIR Observation as a row of results: value, code, status, and why it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.cohort.analytes import find_key
from pipeline.cohort.importers.records import named_code, refuse
from pipeline.cohort.importers.resources import (
    Placed,
    codes_of,
    label_of,
    parts_at,
    reference_id,
    text_at,
)
from pipeline.cohort.rejects import Ledger
from pipeline.cohort.versions import WITHDRAWN
from pipeline.resources import schema_yaml

Row = dict[str, Any]
# column, code, reason, remedy
Refusal = tuple[str, str, str, str]
AS_STATED = "Nothing, if it is so; otherwise correct the resource at the source."


def observation_row(item: Placed) -> Row:
    """Row of :attr:`Records.results` with ``refusal``: None, or why it is not carried over."""
    resource = item.resource
    status = text_at(resource, "status")
    quantity = resource.get("valueQuantity")
    value, refusal = _value(resource)
    loinc, clash = _loinc(resource)
    row = record_of(item, "Observation")
    coded = text_at(quantity, "code")
    low, high = _reference(resource, text_at(quantity, "unit"))
    row |= {
        "name": loinc or row["name"],
        "called": row["name"],
        "label": row["name"],
        "loinc": loinc,
        "value": value,
        "unit": text_at(quantity, "unit"),
        "coded_unit": coded if text_at(quantity, "system") in _rules()["ucum"] else "",
        "resulted": text_at(resource, "issued"),
        "status": _rules()["status"].get(status, ""),
        "specimen": text_at(resource, "specimen", "display"),
        "ref_low": low,
        "ref_high": high,
        "grade": value,
        "id": text_at(resource, "id"),
        "updated": text_at(resource, "meta", "lastUpdated") or text_at(resource, "issued"),
        "component": bool(parts_at(resource, "component")),
    }
    if status not in _rules()["status"]:
        legal = ", ".join(_rules()["status"])
        refusal = ("status", "status_refused", f"Status '{status}' is none of {legal}.", AS_STATED)
    elif row["status"] in WITHDRAWN:
        refusal = None
    return {**row, "refusal": row["refusal"] or clash or refusal}


def record_of(item: Placed, kind: str) -> Row:
    """What every record has: place, patient, codes, name and time."""
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
        refusal = ("subject", "required_blank", "The record names no patient.", remedy)
    concept = resource.get("code")
    return {
        "table": kind, "file": item.file, "_line": item.line, "patient_id": reference_id(subject),
        "codes": codes_of(concept), "name": label_of(concept), "at": at, "at_column": column,
        "refusal": refusal,
    }  # fmt: skip


def one_draw_each(rows: list[Row]) -> list[Row]:
    """Mark as refused older versions of a resource whose time or code a later one changed."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row["id"] and row["updated"] >= newest.get(row["id"], row)["updated"]:
            newest[row["id"]] = row
    for row in rows:
        last = newest.get(row["id"], row)
        draw = ("patient_id", "name", "at")
        if any(row[part] != last[part] for part in draw) and not row["refusal"]:
            reason = "A later version of this resource has another patient, code or time."
            row["refusal"] = ("id", "superseded", reason, AS_STATED)
    return rows


def without_empty_withdrawals(results: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Results without withdrawals of what the export does not hold, and a note on components."""
    draw = ["patient_id", "name", "at"]
    gone = results["status"].isin(WITHDRAWN)
    held = pd.MultiIndex.from_frame(results.loc[~gone, draw])
    nothing = gone & ~pd.MultiIndex.from_frame(results[draw]).isin(held)
    kept = refuse(
        results,
        nothing,
        ledger,
        column="status",
        code="withdrawn",
        reason="The result is " + results["status"] + ", and no other version of it is here.",
        remedy="Nothing is lost, because nothing holds.",
    )
    for file in kept["file"].unique():
        ledger.note(
            kept,
            (kept["component"] == "True") & (kept["file"] == file),
            file=str(file),
            column="component",
            code="component_left_out",
            reason="The value is carried over, the components are not.",
            remedy="Export each component as an observation of its own.",
        )
    return kept.drop(columns="component")


def _value(resource: Mapping[str, Any]) -> tuple[str, Refusal | None]:
    """Result as printed, and why there is none."""
    quantity = resource.get("valueQuantity")
    comparator, number = text_at(quantity, "comparator"), text_at(quantity, "value")
    if comparator not in _rules()["comparators"]:
        legal = ", ".join(text for text in _rules()["comparators"] if text)
        reason = f"Comparator '{comparator}' is none of {legal}."
        return "", ("valueQuantity.comparator", "operator_unknown", reason, "Correct it.")
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
        reason = f"The value is a {unread[0]}; read are {legal}."
        return "", (unread[0], "value_unusable", reason, "Give the result as valueQuantity.")
    if parts_at(resource, "component"):
        reason = "The observation holds components only, which are not read."
        remedy = "Export each result as an observation of its own."
        return "", ("component", "component_left_out", reason, remedy)
    absent = label_of(resource.get("dataAbsentReason")) or "none given"
    reason = f"There is no value (dataAbsentReason: {absent})."
    remedy = "Nothing is lost, because it holds no result."
    return "", ("value[x]", "no_result", reason, remedy)


def _loinc(resource: Mapping[str, Any]) -> tuple[str, Refusal | None]:
    """LOINC code, and why it cannot be told: codes of several analytes."""
    codes = [
        text_at(coding, "code")
        for coding in parts_at(resource, "code", "coding")
        if text_at(coding, "system") in _rules()["loinc"] and text_at(coding, "code")
    ]
    keys = {find_key(code) for code in codes} - {None}
    if len(keys) > 1:
        reason = f"The LOINC codes {', '.join(map(named_code, codes))} name different analytes."
        return codes[0], ("code.coding", "loinc_conflict", reason, "Keep the right one.")
    known = [code for code in codes if find_key(code) is not None]
    return next(iter([*known, *codes]), ""), None


def _reference(resource: Mapping[str, Any], unit: str) -> tuple[str, str]:
    """Reference limits of the only range, where it is in the unit of the result."""
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
