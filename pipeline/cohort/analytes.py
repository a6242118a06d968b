"""The analyte dictionary, and which analyte an exported name or code means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import pandas as pd

from pipeline.cohort.ledger import Ledger, quoted
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.remedy import Remedy
from pipeline.resources import schema_yaml

USE_KNOWN_NAME = Remedy(
    train="Use a name of data_schema/analytes.yaml, or list it under cohort.local_analytes.",
    operator="Use a name of data_schema/analytes.yaml.",
)


_SPINAL = ("cerebral_spinal_fluid", "cerebrospinal_fluid", "csf")
_BLOOD = (
    "serum",
    "plasma",
    "serum_or_plasma",
    "serum_plasma_or_blood",
    "blood",
    "platelet_poor_plasma",
    "platelet_poor_plasma_or_blood",
    "blood_or_plasma",
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

    A long name such as ``Interleukin 6 [Mass/volume] in Serum or Plasma`` is taken apart; its
    system must be blood, or the spinal fluid of an analyte measured there.

    Examples
    --------
    >>> find_key("Interleukin 6 [Mass/volume] in Serum or Plasma"), find_key("2276-4")
    ('il6', 'ferritin')
    >>> find_key("Protein [Mass/volume] in Cerebral spinal fluid")
    'csf_protein'
    >>> find_key("Leukocytes [#/volume] in Urine by Automated count") is None
    True
    """
    found = name_index().get(normalise_name(text))
    if found is not None:
        return found
    parts = re.fullmatch(
        r"(?P<component>.+?)(?: \[(?P<property>[^\]]+)\])? in (?P<system>.+?)(?: by .+)?",
        text.strip(),
        flags=re.IGNORECASE,
    )
    if parts is None:
        return None
    component, system = parts["component"], normalise_name(parts["system"])
    if system in _SPINAL:
        return name_index().get(normalise_name(f"csf {component}"))
    if system not in _BLOOD:
        return None
    if normalise_name(component) == "protein":
        component = "total protein"
    return name_index().get(normalise_name(component))


def normalise_name(text: str) -> str:
    """Lower case with single underscores, so that spelling variants meet.

    Examples
    --------
    >>> normalise_name("IL-6 "), normalise_name("Interleukin 6")
    ('il_6', 'interleukin_6')
    """
    spelled = (
        text.replace("™", " ").replace("γ", "gamma").replace("α", "alpha").replace("β", "beta")
    )
    plain = unicodedata.normalize("NFKD", spelled)
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


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
        remedy=USE_KNOWN_NAME,
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


def check_settings(config: CohortConfig, book: AnalyteResolver) -> None:
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


def _listed(config: CohortConfig) -> set[str]:
    return {local_key(name) for name in config.local_analytes}
