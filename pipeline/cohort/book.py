"""Which analyte an exported name or code means: the dictionary and the cohort-local ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from pipeline.cohort.analytes import (
    Analyte,
    dictionary,
    find_key,
    local_key,
    name_index,
    normalise_name,
)
from pipeline.cohort.rejects import Ledger, quoted
from pipeline.config import CohortConfig
from pipeline.errors import UsageError


@dataclass(frozen=True)
class AnalyteBook:
    """The analytes one cohort uses: the dictionary and its cohort-local ones.

    ``learning`` is true in training, where local analytes are taken from the export, and false in
    prediction, where only those of the training cohort are known. ``limits`` are those of
    :func:`pipeline.cohort.limits.usual_limits`, learned and known likewise.
    """

    local: Mapping[str, Analyte]
    learning: bool
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def get(self, key: str) -> Analyte:
        """Analyte by key, cohort-local ones first."""
        return self.local[key] if key in self.local else dictionary()[key]


def resolve_analytes(
    raw: pd.DataFrame, file: str, config: CohortConfig, book: AnalyteBook, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteBook]:
    """Replace the exported name by the analyte key; refuse what is unknown or contradicts LOINC."""
    local = dict(book.local)
    keys = {}
    for name in sorted(raw["analyte"].unique(), reverse=True):  # of two spellings the first stays
        key = known_key(name, config, book)
        if key is None and book.learning and _accepts(name, config):
            key = local_key(name)
            local[key] = Analyte(
                key=key, name=name, short=name, unit="", pathway="organ_function", local=True
            )
        keys[name] = key
    resolved = raw["analyte"].map(keys)
    raw = ledger.reject(
        raw,
        resolved.isna(),
        file=file,
        column="analyte",
        code="unknown_analyte",
        reason=quoted(raw["analyte"]) + " is not in the analyte dictionary of this model.",
        remedy="Use a name of data_schema/analytes.yaml, or list it under cohort.local_analytes.",
    )
    raw = raw.assign(key=resolved.loc[raw.index].astype("str"))
    if "loinc" in raw:
        coded = raw["loinc"].map(
            lambda code: name_index().get(normalise_name(code)) if code else None
        )
        conflict = coded.notna() & (coded != raw["key"])
        raw = ledger.reject(
            raw,
            conflict,
            file=file,
            column="loinc",
            code="loinc_conflict",
            reason="LOINC "
            + quoted(raw["loinc"])
            + " means another analyte than "
            + quoted(raw["analyte"])
            + ".",
            remedy="Correct the code or the name.",
        )
    return raw, replace(book, local=local)


def check_settings(config: CohortConfig, book: AnalyteBook) -> None:
    """Refuse settings for analytes that do not exist, which would change nothing unnoticed.

    Raises
    ------
    UsageError
        Naming the setting and the unknown analyte.
    """
    turnaround = config.turnaround if isinstance(config.turnaround, dict) else {}
    known = {*dictionary(), *book.local, *_listed(config)}
    for setting, keys in (
        ("assume_units", set(config.assume_units)),
        ("limits", set(config.limits)),
        ("turnaround", set(turnaround) - {"hours"}),
    ):
        unknown = sorted(keys - known)
        if unknown:
            raise UsageError(
                f"cohort.{setting} names {', '.join(map(repr, unknown))}, which is no analyte key; "
                "data_schema/analytes.yaml lists them"
            )


def known_key(name: str, config: CohortConfig, book: AnalyteBook) -> str | None:
    """Key of an exported name or code; None where this cohort does not know it."""
    key = local_key(name)
    if key in book.local:
        return key
    return None if key in _listed(config) else find_key(name)


def _accepts(name: str, config: CohortConfig) -> bool:
    if normalise_name(name) == "":  # no letter or digit that a key could be made of
        return False
    return config.extra_analytes == "accept" or local_key(name) in _listed(config)


def _listed(config: CohortConfig) -> set[str]:
    return {local_key(name) for name in config.local_analytes}
