"""The rules of ``data_schema/grading.yaml``, and the grade from those of the domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats
from pipeline.resources import schema_yaml

ANTIPYRETIC = "antipyretic"
SCALES = ("crs", "icans")
SEDATED = "sedated"


COLUMNS = ["grade", "domain", "confidence", "missing", "note"]


def scale_rules(scale: str) -> dict[str, Any]:
    """Rules of one scale (treat as read-only)."""
    rules: dict[str, Any] = schema_yaml("grading.yaml")["scales"][scale]
    return rules


def notes() -> dict[str, dict[str, Any]]:
    """Notes by key: ``words`` and whether the grade is ``ambiguous``."""
    content: dict[str, dict[str, Any]] = schema_yaml("grading.yaml")["notes"]
    return content


def masking() -> dict[str, dict[str, Any]]:
    """Drug class to the period in which it explains the absence of fever."""
    content: dict[str, dict[str, Any]] = schema_yaml("grading.yaml")["masking"]
    return content


def domains(scale: str) -> tuple[str, ...]:
    """Domains of a scale in order; fever first for CRS."""
    rules = scale_rules(scale)
    required = (rules["requires"],) if "requires" in rules else ()
    return (*required, *rules["domains"])


def domain_items(scale: str) -> dict[str, list[str]]:
    """Items by domain; ``antipyretic`` is separate, because it has its own duration.

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
    """Hours for which a finding of a domain is valid."""
    special: Mapping[str, float] = schema_yaml("grading.yaml")["carry_hours"]
    return float(special.get(domain, carry_hours))


def words_in_order(item: str) -> list[str]:
    """Categories of an item from the mildest to the worst; ``sedated`` last.

    Examples
    --------
    >>> words_in_order("consciousness")[-2:]
    ['unarousable', 'sedated']
    """
    for scale in SCALES:
        if isinstance(scale_rules(scale).get(item), Mapping):
            levels = [str(level) for level in scale_rules(scale)[item]]
            return [*levels, SEDATED] if item == "consciousness" else levels
    legal = schema_yaml("observations.yaml")["items"][item]["values"]
    return [str(level) for level in legal]


def grades_in_order(scale: str, item: str) -> list[int]:
    """Grade of each category of an item, in the order of :func:`words_in_order`."""
    return [int(grade) for grade in scale_rules(scale)[item].values()]


@dataclass
class Verdict:
    """Collects domains and notes of ``count`` assessments."""

    count: int
    low: dict[str, Floats] = field(default_factory=dict)
    high: dict[str, Floats] = field(default_factory=dict)
    missing: dict[str, Bools] = field(default_factory=dict)
    notes: dict[str, Bools] = field(default_factory=dict)

    def domain(self, name: str, low: Floats, high: Floats, missing: Bools) -> None:
        """Set the lowest and highest grade of a domain, and where it was not charted."""
        self.low[name], self.high[name], self.missing[name] = low, high, missing

    def note(self, key: str, where: Bools) -> None:
        """Attach a note of ``grading.yaml``."""
        self.notes[key] = self.notes.get(key, np.zeros(self.count, dtype=bool)) | where

    def carried(self, age: dict[str, Floats], together_hours: float) -> None:
        """Note every domain that was charted at an earlier assessment."""
        for name in self.low:
            self.note(f"carried {name}", age[name] >= together_hours)

    def least(self) -> Floats:
        """Lowest grade consistent with the findings."""
        return np.asarray(np.max(np.stack(list(self.low.values())), axis=0))

    def most(self) -> Floats:
        """Highest grade consistent with the findings."""
        return np.asarray(np.max(np.stack(list(self.high.values())), axis=0))

    def table(self, not_gradable: Bools) -> pd.DataFrame:
        """Grade (NaN where not gradable), deciding domain, confidence, missing and note.

        Grade 0 is given only if no domain can be worse.
        """
        least, most = self.least(), self.most()
        unknown = not_gradable | ((least == 0) & (most > 0))
        grade = np.where(unknown, np.nan, least)
        known = notes()
        ambiguous = np.zeros(self.count, dtype=bool)
        for key, where in self.notes.items():
            if known[key.split(" ")[0]]["ambiguous"]:
                ambiguous |= where
        confidence = np.where(unknown | (most > least), "partial", "complete").astype(object)
        confidence[ambiguous] = "ambiguous"
        texts = {_text(key): where for key, where in self.notes.items()}
        deciding = {name: (grade > 0) & (low == grade) for name, low in self.low.items()}
        return pd.DataFrame(
            {
                "grade": grade,
                "domain": _joined(deciding, self.count, "+"),
                "confidence": confidence.astype("str"),
                "missing": _joined(self.missing, self.count, ", "),
                "note": _joined(texts, self.count),
            }
        )


def _text(key: str) -> str:
    name, _, domain = key.partition(" ")
    note = str(notes()[name]["words"])
    return f"{domain} {note}" if domain else note


def _joined(parts: dict[str, Bools], count: int, separator: str = "; ") -> pd.Series:
    """Names of the true masks, joined."""
    text = np.full(count, "", dtype=object)
    for name, where in parts.items():
        text[where] = [f"{before}{separator}{name}" if before else name for before in text[where]]
    return pd.Series(text, dtype="str")
