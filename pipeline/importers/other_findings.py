"""Findings that cannot be analytes: vital signs, questionnaires, body measures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

from pipeline.cohort.analytes import find_key, normalise_name
from pipeline.importers.exchange_mapping import ExchangeMapping, GradeRule, InfusionRule
from pipeline.resources import schema_yaml


@cache
def finding_kind(
    names: tuple[str, ...], loinc: str, unit: str, categories: tuple[str, ...] = ()
) -> str:
    """Kind of a finding by ``not_laboratory.yaml``, "" if it may be an analyte.

    Parameters
    ----------
    names : tuple of str
        Names in the record.
    loinc : str
        LOINC code or "".
    unit : str
    categories : tuple of str
        FHIR categories, or OMOP concept classes.

    Returns
    -------
    str

    Examples
    --------
    >>> finding_kind(("Body height",), "8302-2", "cm"), finding_kind(("CRP",), "", "mg/L")
    ('body measures', '')
    >>> finding_kind(("Phenotype X",), "", "mg/dL", ("vital-signs",))
    ''
    """
    rules = schema_yaml("not_laboratory.yaml")
    if any(find_key(name) for name in (*names, loinc) if name):
        return ""
    spelled = [f"_{normalise_name(name)}_" for name in names]
    if _contains(spelled, rules["grades"]):
        return ""
    for kind, codes in rules["codes"].items():
        if loinc in codes:
            return str(kind)
    plain = [normalise_name(category).replace("_", "-") for category in categories]
    if not set(plain).isdisjoint(rules["laboratory"]) or _of_laboratory(unit):
        return ""
    for category in plain:
        if category in rules["categories"]:
            return str(rules["categories"][category])
    for kind, terms in rules["words"].items():
        if _contains(spelled, terms):
            return str(kind)
    return ""


def named_by(mapping: ExchangeMapping, table: str) -> frozenset[str]:
    """Codes of a table in a mapping; their records are never left out."""
    rules: list[InfusionRule | GradeRule] = [*mapping.infusion, *mapping.grades]
    return frozenset(mapping.analytes).union(*(rule.codes for rule in rules if rule.table == table))


def left_out_remark(kinds: Iterable[str]) -> str:
    """Summary line on rows that are left out, "" if there are none.

    Examples
    --------
    >>> left_out_remark(["vital signs", "vital signs"])
    '2 rows of 1 kind are not laboratory results and were left out (vital signs 2)'
    """
    counts = Counter(kinds)
    if not counts:
        return ""
    listed = ", ".join(f"{kind} {number}" for kind, number in counts.most_common())
    kinds_text = "1 kind" if len(counts) == 1 else f"{len(counts)} kinds"
    total = counts.total()
    rows = "1 row" if total == 1 else f"{total} rows"
    return f"{rows} of {kinds_text} are not laboratory results and were left out ({listed})"


def kinds_of(
    records: Iterable[dict[str, Any]], named: frozenset[str], *, applied: bool
) -> list[str]:
    """Kind of each record, "" for records that are kept.

    Parameters
    ----------
    records : iterable of dict
        Each with ``codes, name, called, label, loinc, unit, categories``.
    named : frozenset of str
        Codes in the mapping.
    applied : bool
        False for a proposal, which keeps every record.
    """
    if not applied:
        return ["" for _ in records]
    return [
        ""
        if not named.isdisjoint(record["codes"])
        else finding_kind(
            (record["name"], record["called"], record["label"]),
            record["loinc"],
            record["unit"],
            record["categories"],
        )
        for record in records
    ]


def _contains(spelled: list[str], terms: Iterable[str]) -> bool:
    wanted = [f"_{normalise_name(term)}_" for term in terms]
    return any(term in name for name in spelled for term in wanted)


def _of_laboratory(unit: str) -> bool:
    return bool(re.search(schema_yaml("not_laboratory.yaml")["units"], unit, re.IGNORECASE))
