"""The grading rules of ``data_schema/grading.yaml``, and which item belongs to which domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.resources import schema_yaml

ANTIPYRETIC = "antipyretic"
SCALES = ("crs", "icans")
SEDATED = "sedated"


def scale_rules(scale: str) -> dict[str, Any]:
    """Rules of one scale (treat as read-only)."""
    rules: dict[str, Any] = schema_yaml("grading.yaml")["scales"][scale]
    return rules


def notes() -> dict[str, dict[str, Any]]:
    """Notes by key: ``words`` and whether the grade is ``ambiguous``."""
    content: dict[str, dict[str, Any]] = schema_yaml("grading.yaml")["notes"]
    return content


def masking() -> dict[str, dict[str, Any]]:
    """Drug class to how long, and from when, it explains the absence of fever."""
    content: dict[str, dict[str, Any]] = schema_yaml("grading.yaml")["masking"]
    return content


def domains(scale: str) -> tuple[str, ...]:
    """Domains of a scale in the order in which they are named; fever first for CRS."""
    rules = scale_rules(scale)
    required = (rules["requires"],) if "requires" in rules else ()
    return (*required, *rules["domains"])


def domain_items(scale: str) -> dict[str, list[str]]:
    """Items by domain; ``antipyretic`` stands by itself, because it has its own duration.

    Examples
    --------
    >>> domain_items("crs")["hypoxia"]
    ['oxygen_device', 'oxygen_flow_l_min']
    """
    items = schema_yaml("observations.yaml")["items"]
    wanted = domains(scale)
    result: dict[str, list[str]] = {name: [] for name in wanted}
    for key, item in items.items():
        if key == ANTIPYRETIC and "fever" in wanted:
            result[ANTIPYRETIC] = [key]
        elif item["domain"] in result:
            result[item["domain"]].append(key)
    return result


def valid_hours(domain: str, carry_hours: float) -> float:
    """Hours for which a finding of a domain counts after it was charted."""
    special: Mapping[str, float] = schema_yaml("grading.yaml")["carry_hours"]
    return float(special.get(domain, carry_hours))


def words_in_order(item: str) -> list[str]:
    """Legal words of an item from the mildest to the worst; ``sedated`` last.

    Examples
    --------
    >>> words_in_order("consciousness")[-2:]
    ['unarousable', 'sedated']
    """
    for scale in SCALES:
        if isinstance(scale_rules(scale).get(item), Mapping):
            words = [str(word) for word in scale_rules(scale)[item]]
            return [*words, SEDATED] if item == "consciousness" else words
    legal = schema_yaml("observations.yaml")["items"][item]["values"]
    return [str(word) for word in legal]


def grades_in_order(scale: str, item: str) -> list[int]:
    """Grade of each word of an item, in the order of :func:`words_in_order`."""
    return [int(grade) for grade in scale_rules(scale)[item].values()]
