"""The analyte dictionary, and the analyte of an exported name or code."""

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
        Range in the canonical unit; None at an open end.
    reference_by_age : tuple of (from_years, to_years, upper limit)
        Upper reference limits that depend on age; empty where ``reference`` holds for all adults.
    usual : tuple of float or None
        Usual range of a cohort's median, canonical unit.
    detection : mapping
        ``lower`` and ``upper``: detection limits that assays commonly have, canonical unit.
    evidence : mapping
        Scale to the source of its direction.
    specimen : str
        For example ``serum`` or ``CSF``.
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
        LOINC code to the units that it may carry, separated by bars, or the basis in braces.
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
        """Whether results are compared by difference, because their ratio has no meaning."""
        return self.signed or self.scale != "linear"

    @property
    def log_base(self) -> float | None:
        """Base of the logarithm; None where the numbers are not logarithms."""
        return LOG_BASES.get(self.scale)

    def reference_at(self, age_years: float) -> tuple[float | None, float | None]:
        """Reference range at an age; the adult range if no age band applies.

        Parameters
        ----------
        age_years : float

        Returns
        -------
        tuple of (float or None, float or None)
            In the canonical unit.

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

        A reason with two texts is stored as the text for the trainer.
        """
        refused = {
            unit: reason.train if isinstance(reason, Remedy) else reason
            for unit, reason in self.refused.items()
        }
        return {**asdict(self), "refused": refused}


def analyte_from_dict(content: Mapping[str, Any]) -> Analyte:
    """Rebuild an analyte stored with :meth:`Analyte.to_dict`.

    Parameters
    ----------
    content : mapping
        Fields of the analyte.

    Returns
    -------
    Analyte

    Examples
    --------
    >>> analyte_from_dict(dictionary()["crp"].to_dict()) == dictionary()["crp"]
    True
    """
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

    Returns
    -------
    dict of str to Analyte

    Examples
    --------
    >>> dictionary()["crp"].unit
    'mg/L'
    """
    content = schema_yaml("analytes.yaml")["analytes"]
    return {key: _analyte(key, entry) for key, entry in content.items()}


@cache
def name_index() -> dict[str, str]:
    """Normalised key, name, synonym or LOINC code to canonical key.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> name_index()["interleukin_6"], name_index()["2276_4"]
    ('il6', 'ferritin')
    """
    index: dict[str, str] = {}
    for key, analyte in dictionary().items():
        for name in (key, analyte.name, analyte.short, *analyte.synonyms, *analyte.loinc):
            index.setdefault(normalise_name(name), key)
    return index


@cache
def find_key(text: str) -> str | None:
    """Key of an exported name: a key, name, synonym, LOINC code or LOINC long name.

    A specimen in the name must be one in which the dictionary has the substance.

    Parameters
    ----------
    text : str
        Name or code as exported.

    Returns
    -------
    str or None
        None for an unknown name.

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

    Parameters
    ----------
    text : str
        Name or code as exported.

    Returns
    -------
    tuple of (str, frozenset of str) or None
        None for an unknown name.

    Examples
    --------
    >>> named_analyte("IL-6 (CSF)"), named_analyte("IL-6"), named_analyte("zinc") is None
    (('il6', frozenset({'csf'})), ('il6', frozenset()), True)
    """
    return read_name(text, name_index())


def key_in_specimen(
    key: str, stated: Specimens, local: Mapping[str, Analyte] | None = None
) -> str | None:
    """Key of an analyte in a stated specimen.

    Parameters
    ----------
    key : str
        Analyte whose specimen is not yet considered.
    stated : set of str
        Specimen classes; empty if not stated.
    local : mapping, optional
        Cohort-local analyte by key; these win over the dictionary.

    Returns
    -------
    str or None
        None where the dictionary does not have the analyte there.

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
    """Key of a cohort-local analyte: letters, digits and single underscores.

    Parameters
    ----------
    text : str
        Name as exported.

    Returns
    -------
    str

    Examples
    --------
    >>> local_key("CXCL-9 (plate)"), local_key("4-1BB")
    ('cxcl_9_plate', 'x_4_1bb')
    """
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
