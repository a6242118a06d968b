"""Finds the specimen of FHIR observations: contained, in the export, or in the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.cohort.specimens import specimen_classes
from pipeline.importers.fhir_resources import (
    LocatedResource,
    label_of,
    parts_at,
    reference_id,
    text_at,
)

_IDENTIFIER = "identifier:"


def specimen_index(specimens: Sequence[LocatedResource]) -> dict[str, str]:
    """Type of each Specimen, by its id and by each of its identifiers.

    An identifier of several specimens of different types is ignored.
    """
    types: dict[str, str] = {}
    for item in specimens:
        text = specimen_type(item.resource)
        types[text_at(item.resource, "id")] = text
        for value in _identifiers(item.resource.get("identifier")):
            types[value] = text if types.get(value, text) == text else ""
    return types


def specimen_of(resource: Mapping[str, Any], specimens: Mapping[str, str]) -> str:
    """Specimen of an observation, "" if none is stated.

    Without a specimen, a body site that names one is used, for example cerebrospinal fluid.

    Examples
    --------
    >>> specimen_of({"specimen": {"reference": "Specimen/7"}}, {"7": "CSF"})
    'CSF'
    >>> specimen_of({"specimen": {"display": "Serum"}}, {})
    'Serum'
    """
    stated = resource.get("specimen")
    reference = text_at(stated, "reference")
    contained = {
        f"#{text_at(part, 'id')}": specimen_type(part) for part in parts_at(resource, "contained")
    }
    candidates = [contained.get(reference, ""), specimens.get(reference_id(reference), "")]
    candidates += [
        specimens.get(value, "")
        for value in _identifiers(stated.get("identifier") if isinstance(stated, dict) else None)
    ]
    stated_text = next(filter(None, candidates), "") or text_at(stated, "display")
    return stated_text or _known_text(resource.get("bodySite"))


def specimen_type(specimen: Mapping[str, Any]) -> str:
    """Type of a Specimen: the first known one among its text, displays and codes.

    Examples
    --------
    >>> specimen_type({"type": {"coding": [{"code": "258450006", "display": "Punctate A"}]}})
    '258450006'
    """
    concept = specimen.get("type")
    return _known_text(concept) or label_of(concept)


def _known_text(concept: Any) -> str:
    """First known specimen among text, displays and codes of a concept."""
    codings = parts_at(concept, "coding")
    texts = [text_at(concept, "text"), *(text_at(coding, "display") for coding in codings)]
    texts += [text_at(coding, "code") for coding in codings]
    return next((text for text in texts if specimen_classes(text)), "")


def _identifiers(node: Any) -> list[str]:
    """Keys of identifiers: system and value, because systems may share a number."""
    parts = parts_at({"identifier": node}, "identifier")
    return [
        f"{_IDENTIFIER}{text_at(part, 'system')}|{text_at(part, 'value')}"
        for part in parts
        if text_at(part, "value")
    ]
