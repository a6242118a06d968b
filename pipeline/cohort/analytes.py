"""The analyte dictionary, and which analyte an exported name or code means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_names import read_name
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.local_scales import describe, refuse_relative_assumptions
from pipeline.cohort.relative_units import LOG_BASES, Scale
from pipeline.cohort.specimens import (
    NOTHING,
    Specimens,
    analyte_in_specimen,
    specimen_classes,
    specimen_names,
    with_stated_specimen,
)
from pipeline.cohort.spelling import normalise_name as normalise_name
from pipeline.config_cohort import CohortConfig, LocalAnalyteConfig
from pipeline.errors import UsageError
from pipeline.remedy import Remedy
from pipeline.resources import schema_yaml

USE_KNOWN_NAME = Remedy(
    train="Use a name of data_schema/analytes.yaml, or list it under cohort.local_analytes.",
    operator="Use a name of data_schema/analytes.yaml.",
)
OTHER_SPECIMEN = (
    "No action needed if the specimen is right; correct it if the result is of another one."
)


@dataclass(frozen=True)
class Analyte:
    """One measurable thing in one specimen, with a canonical unit.

    Attributes
    ----------
    unit : str
        Canonical UCUM unit.
    plausible, reference : tuple of float or None
        Range in the canonical unit; None where there is none.
    reference_by_age : tuple of (from_years, to_years, upper limit)
        Upper reference limits that depend on age; empty where ``reference`` holds for all adults.
    usual : tuple of float or None
        Where the median of a cohort usually lies, canonical unit.
    detection : mapping
        ``lower`` and ``upper``: detection limits that assays commonly have, canonical unit.
    evidence : mapping
        Scale to the source of its direction.
    specimen : str
        What is sampled.
    floor : float or None
        Smallest value used on the log scale, canonical unit.
    turnaround_hours : float
        Collection to result, imputed when the result time is missing.
    log : bool
        Analysed on the log2 scale.
    signed : bool
        Whether negative numbers are legal.
    scale : str
        ``linear``, or the logarithm that exported numbers already are; no second one is taken.
    direction : mapping
        Scale to ``up`` or ``down`` where the evidence is one-directional.
    loinc_units : mapping
        LOINC code to the only unit, the units separated by bars, or the only basis in braces, that
        it may carry.
    """

    key: str
    name: str
    short: str
    unit: str
    pathway: str
    core: bool = False
    log: bool = False
    floor: float | None = None
    plausible: tuple[float | None, float | None] = (None, None)
    reference: tuple[float | None, float | None] = (None, None)
    reference_by_age: tuple[tuple[float, float, float], ...] = ()
    usual: tuple[float | None, float | None] = (None, None)
    detection: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    specimen: str = ""
    turnaround_hours: float = 4.0
    conversions: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str | Remedy] = field(default_factory=dict)
    direction: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    loinc: tuple[str, ...] = ()
    loinc_units: Mapping[str, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()
    local: bool = False
    signed: bool = False
    scale: Scale = "linear"

    @property
    def by_difference(self) -> bool:
        """Whether two results are compared by their difference, because a ratio has no meaning."""
        return self.signed or self.scale != "linear"

    @property
    def log_base(self) -> float | None:
        """Base of the logarithm that the numbers are; None where they are none."""
        return LOG_BASES.get(self.scale)

    def reference_at(self, age_years: float) -> tuple[float | None, float | None]:
        """Reference range at an age; the adult one where no band of the dictionary holds the age.

        Examples
        --------
        >>> dictionary()["nfl"].reference_at(62), dictionary()["nfl"].reference_at(2.5)
        ((None, 28.8), (None, 11.8))
        """
        for first, last, high in reversed(self.reference_by_age):
            if first <= age_years < last + 1:
                return self.reference[0], high
        return self.reference

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; :func:`analyte_from_dict` reads them back.

        A reason with texts for trainer and operator is stored as its text for the trainer.
        """
        refused = {
            unit: reason.train if isinstance(reason, Remedy) else reason
            for unit, reason in self.refused.items()
        }
        return {**asdict(self), "refused": refused}


def analyte_from_dict(content: Mapping[str, Any]) -> Analyte:
    """Rebuild an analyte stored with :meth:`Analyte.to_dict`."""
    names = ("plausible", "reference", "reference_by_age", "usual", "loinc", "synonyms")
    pairs = {name: tuple(content[name]) for name in names if name in content}
    known = dictionary().get(content["key"])
    refused = {
        unit: _restore_remedy(reason, known.refused.get(unit) if known else None)
        for unit, reason in content.get("refused", {}).items()
    }
    return Analyte(**{**content, **pairs, "refused": refused})


@cache
def dictionary() -> dict[str, Analyte]:
    """All analytes by canonical key, in file order.

    Examples
    --------
    >>> dictionary()["crp"].unit
    'mg/L'
    """
    content = schema_yaml("analytes.yaml")["analytes"]
    return {key: _analyte(key, entry) for key, entry in content.items()}


@cache
def name_index() -> dict[str, str]:
    """Normalised key, name, synonym or LOINC code to canonical key."""
    index: dict[str, str] = {}
    for key, analyte in dictionary().items():
        for name in (key, analyte.name, analyte.short, *analyte.synonyms, *analyte.loinc):
            index.setdefault(normalise_name(name), key)
    return index


@cache
def find_key(text: str) -> str | None:
    """Key of an exported name: a key, name, synonym, LOINC code or LOINC long name.

    A specimen in the name must be that of the analyte, or one in which the dictionary has the
    same substance.

    Examples
    --------
    >>> find_key("Interleukin 6 [Mass/volume] in Serum or Plasma"), find_key("2276-4")
    ('il6', 'ferritin')
    >>> find_key("Protein [Mass/volume] in Cerebral spinal fluid"), find_key("Liquor-Albumin")
    ('csf_protein', 'csf_albumin')
    >>> find_key("Leukocytes [#/volume] in Urine by Automated count"), find_key("IL-6 (CSF)")
    (None, None)
    """
    named = named_analyte(text)
    return None if named is None else key_in_specimen(*named)


@cache
def named_analyte(text: str) -> tuple[str, Specimens] | None:
    """Key of the substance that a name means, and the specimens that the name states.

    Examples
    --------
    >>> named_analyte("IL-6 (CSF)"), named_analyte("IL-6"), named_analyte("zinc") is None
    (('il6', frozenset({'csf'})), ('il6', frozenset()), True)
    """
    return read_name(text, name_index())


def key_in_specimen(
    key: str, stated: Specimens, local: Mapping[str, Analyte] | None = None
) -> str | None:
    """Key of an analyte in a stated specimen, None where the dictionary lacks it there.

    Examples
    --------
    >>> csf = frozenset({"csf"})
    >>> key_in_specimen("albumin", csf), key_in_specimen("il6", csf), key_in_specimen("il6", set())
    ('csf_albumin', None, 'il6')
    """
    analyte = local[key] if local and key in local else dictionary()[key]
    own = specimen_classes(analyte.specimen)
    if not stated or not own or stated <= own:
        return key
    return None if analyte.local else analyte_in_specimen(key, stated)


def local_key(text: str) -> str:
    """Key of a cohort-local analyte: letters, digits and single underscores."""
    name = normalise_name(text)
    return name if name and name[0].isalpha() else f"x_{name}"


@dataclass(frozen=True)
class AnalyteResolver:
    """The analytes one cohort uses: the dictionary and its cohort-local ones.

    ``learning`` is true in training, where local analytes are taken from the export, and false in
    prediction, where only those of the training cohort are known. ``limits`` are those of
    :func:`pipeline.cohort.detection_limits.usual_limits`, learned and known likewise.
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
    """Replace the exported name by the analyte key; refuse unknown ones and other specimens."""
    local = dict(book.local)
    keys = {}
    names = _looked_up(raw)
    for name in sorted(names.unique(), reverse=True):  # of two spellings the first stays
        key = known_key(name, config, book)
        if key is None and book.learning and _accepts(name, config):
            key = local_key(name)
            local[key] = local_analyte(key, name, config)
        keys[name] = key
    resolved = names.map(keys)
    stated = {name: specimen_names((named_analyte(name) or ("", NOTHING))[1]) for name in keys}
    raw = ledger.reject(
        raw,
        resolved.isna() & (names.map(stated) != ""),
        file=file,
        column="analyte",
        code="specimen_conflict",
        reason=quoted(raw["analyte"])
        + " is measured in "
        + names.map(stated).astype("str")
        + "; the model knows this analyte in another specimen only.",
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


def _looked_up(raw: pd.DataFrame) -> pd.Series:
    """Names to look up: as exported, with the stated specimen where a name alone is ambiguous."""
    if "specimen" not in raw:
        return raw["analyte"]
    pairs = raw[["analyte", "specimen"]]
    distinct = pairs.drop_duplicates().itertuples(index=False, name=None)
    names = np.array([with_stated_specimen(*pair) for pair in distinct], dtype=object)
    number = pairs.groupby(list(pairs), sort=False).ngroup().to_numpy()
    return pd.Series(names[number], index=raw.index, dtype="str")


def local_analyte(key: str, name: str, config: CohortConfig, unit: str = "") -> Analyte:
    """A cohort-local analyte as the configuration states it, the rest by its unit.

    Examples
    --------
    >>> local_analyte("il6_npx", "IL6_NPX", CohortConfig(), "NPX").signed
    True
    """
    described = describe(_listed(config).get(key, LocalAnalyteConfig()), name, unit)
    return Analyte(key=key, short=described["name"], local=True, **described)


def check_settings(config: CohortConfig, book: AnalyteResolver) -> None:
    """Refuse settings for analytes that do not exist, which would change nothing unnoticed.

    Raises
    ------
    UsageError
        Naming the setting and the unknown analyte.
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
                f"cohort.{setting} names {', '.join(map(repr, unknown))}, which is no analyte key; "
                "data_schema/analytes.yaml lists them"
            )


def known_key(name: str, config: CohortConfig, book: AnalyteResolver) -> str | None:
    """Key of an exported name or code; None where this cohort does not know it."""
    key = local_key(name)
    if key in book.local:
        return key
    return None if key in _listed(config) else find_key(name)


def _analyte(key: str, entry: Mapping[str, Any]) -> Analyte:
    return Analyte(
        key=key,
        name=entry["name"],
        short=entry["short"],
        unit=entry["unit"],
        pathway=entry["pathway"],
        core=entry.get("core", False),
        log=entry.get("log", False),
        floor=entry.get("floor"),
        plausible=tuple(entry.get("plausible") or (None, None)),
        reference=tuple(entry.get("reference") or (None, None)),
        reference_by_age=tuple(
            (float(band["from"]), float(band["to"]), float(band["high"]))
            for band in entry.get("reference_by_age", ())
        ),
        usual=tuple(entry.get("usual") or (None, None)),
        detection={
            end: tuple(map(float, limits))
            for end, limits in (entry.get("detection") or {}).items()
            if end in ("lower", "upper")
        },
        specimen=entry.get("specimen", ""),
        turnaround_hours=float(entry["turnaround_hours"]),
        conversions={
            unit: float(item["factor"]) for unit, item in (entry.get("conversions") or {}).items()
        },
        refused=_refused(entry.get("refused")),
        direction=dict(entry.get("direction") or {}),
        evidence=dict(entry.get("evidence") or {}),
        loinc=tuple(str(code) for code in (entry.get("loinc") or {})),
        loinc_units=dict(entry.get("loinc_units") or {}),
        synonyms=tuple(entry.get("synonyms") or ()),
        signed=entry.get("signed", False),
    )


def _refused(stated: Mapping[str, Any] | None) -> dict[str, str | Remedy]:
    """Reason per refused unit, as the dictionary states it."""
    return {
        unit: reason if isinstance(reason, str) else Remedy(reason["train"], reason["operator"])
        for unit, reason in (stated or {}).items()
    }


def _restore_remedy(reason: str, stated: str | Remedy | None) -> str | Remedy:
    """The dictionary's remedy, if its text for the trainer equals the stored reason."""
    return stated if isinstance(stated, Remedy) and stated.train == reason else reason


def _accepts(name: str, config: CohortConfig) -> bool:
    if normalise_name(name) == "":  # no letter or digit that a key could be made of
        return False
    return config.extra_analytes == "accept" or local_key(name) in _listed(config)


def _listed(config: CohortConfig) -> dict[str, LocalAnalyteConfig]:
    """Settings by key; where two spellings are one key, those with details."""
    stated = sorted(config.local_analytes.items(), key=lambda item: item[1] != LocalAnalyteConfig())
    return {local_key(name): details for name, details in stated}
