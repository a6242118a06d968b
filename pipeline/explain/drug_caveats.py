"""Doses on a page: names, hours, and effects of a drug on a biomarker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.explain.phrases import phrase
from pipeline.resources import schema_yaml


@dataclass(frozen=True)
class DrugMark:
    """A drug on the timeline: its name and the hours of its doses."""

    name: str
    hours: tuple[float, ...]


def caveats(doses: pd.DataFrame, analyte: str, collected: float) -> list[str]:
    """Effects of the doses before a sample on one analyte, from ``drugs.yaml``.

    Parameters
    ----------
    doses : DataFrame
        ``drug, given_hours``.
    analyte : str
        Key of the analyte.
    collected : float
        Hour of the sample.
    """
    sentences = []
    for drug, hours in doses_by_drug(doses).items():
        effect = _entry(drug).get("effects", {}).get(analyte)
        before = [hour for hour in hours if hour < collected]
        if effect is None or not before:
            continue
        lasts = effect["for_hours"]
        if lasts is None or collected - max(before) <= lasts:
            name = drug_name(drug).lower()
            sentences.append(phrase("labs", "drug", drug=name, effect=effect["words"]))
    return sentences


def doses_by_drug(doses: pd.DataFrame) -> dict[str, list[float]]:
    """Hours of the doses of each drug, in order of the table."""
    result: dict[str, list[float]] = {}
    if len(doses):
        for drug, hour in zip(doses["drug"].tolist(), doses["given_hours"].tolist(), strict=True):
            result.setdefault(str(drug), []).append(float(hour))
    return result


def drug_marks(doses: pd.DataFrame) -> list[DrugMark]:
    """Return every drug given, in order of first dose.

    Parameters
    ----------
    doses : DataFrame
        ``drug, given_hours``, sorted by time.

    Returns
    -------
    list of DrugMark

    Examples
    --------
    >>> doses = pd.DataFrame({"drug": ["tocilizumab", "anakinra"], "given_hours": [20.0, 30.0]})
    >>> drug_marks(doses)[0]
    DrugMark(name='Tocilizumab', hours=(20.0,))
    """
    return [
        DrugMark(drug_name(drug), tuple(sorted(hours)))
        for drug, hours in doses_by_drug(doses).items()
    ]


def drug_names(doses: pd.DataFrame) -> list[str]:
    """Names of the drugs given, each once, in lower case."""
    return [drug_name(drug).lower() for drug in dict.fromkeys(doses["drug"])]


def drug_name(drug: str) -> str:
    """Name of a drug, or its key with a note if it is not in the dictionary.

    Parameters
    ----------
    drug : str
        Key of the drug.

    Returns
    -------
    str

    Examples
    --------
    >>> drug_name("tocilizumab"), drug_name("wonder_drug")
    ('Tocilizumab', 'wonder drug (unknown to the model)')
    """
    entry = _entry(drug)
    if not entry:
        return phrase("drugs", "unknown", drug=drug.replace("_", " "))
    return str(entry["name"])


def _entry(drug: str) -> dict[str, Any]:
    entry: dict[str, Any] = schema_yaml("drugs.yaml")["drugs"].get(drug, {})
    return entry
