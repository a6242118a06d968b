"""The analytes that one cohort uses, and the lookup of exported names among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import (
    Analyte,
    dictionary,
    find_key,
    local_key,
    named_analyte,
)
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.local_scales import describe, refuse_relative_assumptions
from pipeline.cohort.specimens import (
    Specimens,
    class_of_loinc,
    specimen_names,
    with_stated_specimen,
)
from pipeline.cohort.spelling import normalise_name
from pipeline.config_cohort import CohortConfig, LocalAnalyteConfig
from pipeline.errors import UsageError
from pipeline.remedy import Remedy

USE_KNOWN_NAME = Remedy(
    train="Use a name of data_schema/analytes.yaml, or list it under cohort.local_analytes.",
    operator="Use a name of data_schema/analytes.yaml.",
)
OTHER_SPECIMEN = "No action needed if the specimen is correct; otherwise correct it."


@dataclass(frozen=True)
class AnalyteResolver:
    """Analytes of one cohort: the dictionary and the cohort-local ones.

    Attributes
    ----------
    local : mapping
        Cohort-local analyte by key.
    learning : bool
        True in training, where the export defines local analytes; False in prediction, where only
        those of the training cohort are known.
    limits : mapping
        Usual limits of the training cohort, from
        :func:`pipeline.cohort.detection_limits.usual_limits`.
    """

    local: Mapping[str, Analyte]
    learning: bool
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def get(self, key: str) -> Analyte:
        """Analyte by key, cohort-local ones first."""
        return self.local[key] if key in self.local else dictionary()[key]


def resolve_analytes(
    raw: pd.DataFrame, file: str, config: CohortConfig, book: AnalyteResolver, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteResolver]:
    """Replace the exported name by the analyte key; reject unknown names and other specimens."""
    local = dict(book.local)
    keys = {}
    names = _looked_up(raw)
    for name in sorted(names.unique(), reverse=True):  # the first of two spellings wins
        key = known_key(name, config, book)
        if key is None and book.learning and _accepts(name, config):
            key = local_key(name)
            local[key] = local_analyte(key, name, config)
        keys[name] = key
    resolved = names.map(keys)
    stated = {name: specimen_names(_stated(name)) for name in keys}
    raw = ledger.reject(
        raw,
        resolved.isna() & (names.map(stated) != ""),
        file=file,
        column="analyte",
        code="specimen_conflict",
        reason=quoted(raw["analyte"])
        + " is measured in "
        + names.map(stated).astype("str")
        + "; the model uses this analyte in another specimen only.",
        remedy=OTHER_SPECIMEN,
    )
    resolved = resolved.loc[raw.index]
    raw = ledger.reject(
        raw,
        resolved.isna(),
        file=file,
        column="analyte",
        code="unknown_analyte",
        reason=quoted(raw["analyte"]) + " is not in the analyte dictionary of this model.",
        remedy=USE_KNOWN_NAME,
    )
    raw = raw.assign(key=resolved.loc[raw.index].astype("str"))
    return raw, replace(book, local=local)


def _stated(name: str) -> Specimens:
    """Specimen that the name of an analyte, or a LOINC code in its place, states."""
    named = named_analyte(name)
    return named[1] if named else class_of_loinc(name)


def local_analyte(key: str, name: str, config: CohortConfig, unit: str = "") -> Analyte:
    """Cohort-local analyte by its configuration; its unit decides what is not configured.

    Parameters
    ----------
    key, name : str
        Key and exported name.
    config : CohortConfig
        ``local_analytes`` is used.
    unit : str
        Unit as exported; a configured unit wins.

    Returns
    -------
    Analyte

    Examples
    --------
    >>> local_analyte("il6_npx", "IL6_NPX", CohortConfig(), "NPX").signed
    True
    """
    described = describe(_listed(config).get(key, LocalAnalyteConfig()), name, unit)
    return Analyte(key=key, short=described["name"], local=True, **described)


def check_settings(config: CohortConfig, book: AnalyteResolver) -> None:
    """Check that settings name existing analytes; others would have no effect.

    Raises
    ------
    UsageError
        If a setting names an unknown analyte.
    """
    refuse_relative_assumptions(config)
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
                f"cohort.{setting} has unknown analyte keys: {', '.join(map(repr, unknown))}; "
                "use a key of data_schema/analytes.yaml or of cohort.local_analytes"
            )


def known_key(name: str, config: CohortConfig, book: AnalyteResolver) -> str | None:
    """Key of an exported name or code; None if this cohort does not have the analyte."""
    key = local_key(name)
    if key in book.local:
        return key
    return None if key in _listed(config) else find_key(name)


def _looked_up(raw: pd.DataFrame) -> pd.Series:
    """Names to look up: as exported, with the specimen where the name alone is ambiguous."""
    if "specimen" not in raw:
        return raw["analyte"]
    pairs = raw[["analyte", "specimen"]]
    distinct = pairs.drop_duplicates().itertuples(index=False, name=None)
    names = np.array([with_stated_specimen(*pair) for pair in distinct], dtype=object)
    number = pairs.groupby(list(pairs), sort=False).ngroup().to_numpy()
    return pd.Series(names[number], index=raw.index, dtype="str")


def _accepts(name: str, config: CohortConfig) -> bool:
    if normalise_name(name) == "":  # no letter or digit for a key
        return False
    return config.extra_analytes == "accept" or local_key(name) in _listed(config)


def _listed(config: CohortConfig) -> dict[str, LocalAnalyteConfig]:
    """Settings by key; if two spellings have one key, the setting with details wins."""
    stated = sorted(config.local_analytes.items(), key=lambda item: item[1] != LocalAnalyteConfig())
    return {local_key(name): details for name, details in stated}
