"""From what each domain may be to one grade: worst domain, confidence, what is missing, notes.

A domain that is not fully known is a range of grades from ``low`` to ``high``. The grade is the
highest ``low``: what the patient has at least. Nothing unknown is ever read as grade 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.cohort.astct import rules
from pipeline.cohort.astct.moments import Bools, Floats

COLUMNS = ["grade", "domain", "confidence", "missing", "note"]


@dataclass
class Verdict:
    """Collects domains and notes of ``count`` assessments."""

    count: int
    low: dict[str, Floats] = field(default_factory=dict)
    high: dict[str, Floats] = field(default_factory=dict)
    missing: dict[str, Bools] = field(default_factory=dict)
    notes: dict[str, Bools] = field(default_factory=dict)

    def domain(self, name: str, low: Floats, high: Floats, missing: Bools) -> None:
        """State what a domain is at least and at most, and where nothing was charted."""
        self.low[name], self.high[name], self.missing[name] = low, high, missing

    def note(self, key: str, where: Bools) -> None:
        """Attach a note of ``grading.yaml``."""
        self.notes[key] = self.notes.get(key, np.zeros(self.count, dtype=bool)) | where

    def carried(self, age: dict[str, Floats], together_hours: float) -> None:
        """Note every domain that was charted at an earlier assessment."""
        for name in self.low:
            self.note(f"carried {name}", age[name] >= together_hours)

    def least(self) -> Floats:
        """Grade that the findings amount to at least."""
        return np.asarray(np.max(np.stack(list(self.low.values())), axis=0))

    def most(self) -> Floats:
        """Grade that the findings may amount to at most."""
        return np.asarray(np.max(np.stack(list(self.high.values())), axis=0))

    def table(self, not_gradable: Bools) -> pd.DataFrame:
        """Grade (NaN where not gradable), deciding domain, confidence, missing and note.

        A grade 0 stands only where no domain can be worse.
        """
        least, most = self.least(), self.most()
        unknown = not_gradable | ((least == 0) & (most > 0))
        grade = np.where(unknown, np.nan, least)
        known = rules.notes()
        ambiguous = np.zeros(self.count, dtype=bool)
        for key, where in self.notes.items():
            if known[key.split(" ")[0]]["ambiguous"]:
                ambiguous |= where
        confidence = np.where(unknown | (most > least), "partial", "complete").astype(object)
        confidence[ambiguous] = "ambiguous"
        words = {_words(key): where for key, where in self.notes.items()}
        deciding = {name: (grade > 0) & (low == grade) for name, low in self.low.items()}
        return pd.DataFrame(
            {
                "grade": grade,
                "domain": _joined(deciding, self.count, "+"),
                "confidence": confidence.astype("str"),
                "missing": _joined(self.missing, self.count, ", "),
                "note": _joined(words, self.count),
            }
        )


def _words(key: str) -> str:
    name, _, domain = key.partition(" ")
    words = str(rules.notes()[name]["words"])
    return f"{domain} {words}" if domain else words


def _joined(parts: dict[str, Bools], count: int, separator: str = "; ") -> pd.Series:
    """Names of the masks that hold, joined."""
    text = np.full(count, "", dtype=object)
    for name, where in parts.items():
        text[where] = [f"{before}{separator}{name}" if before else name for before in text[where]]
    return pd.Series(text, dtype="str")
