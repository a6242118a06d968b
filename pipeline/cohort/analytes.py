"""The analyte dictionary, and which analyte an exported name or code means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from pipeline.cohort.analyte_names import read_name
from pipeline.cohort.relative_units import LOG_BASES, Scale
from pipeline.cohort.specimens import (
    Specimens,
    analyte_in_specimen,
    specimen_classes,
)
from pipeline.cohort.spelling import normalise_name as normalise_name
from pipeline.remedy import Remedy
from pipeline.resources import schema_yaml


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
        ``linear``, or the logarithm of the exported numbers, which are not transformed again.
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
        """Base of the logarithm; None where the numbers are not logarithms."""
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
    """Key of the substance in a name, and the specimens that the name states.

    Examples
    --------
    >>> named_analyte("IL-6 (CSF)"), named_analyte("IL-6"), named_analyte("zinc") is None
    (('il6', frozenset({'csf'})), ('il6', frozenset()), True)
    """
    return read_name(text, name_index())


def key_in_specimen(
    key: str, stated: Specimens, local: Mapping[str, Analyte] | None = None
) -> str | None:
    """Key of an analyte in a stated specimen, None where the dictionary has none.

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
