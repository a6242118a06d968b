"""Names of analytes as exports spell them: LOINC long names, specimens in names, codes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.cohort.specimens import (
    NOTHING,
    Specimens,
    class_of_loinc,
    is_quantity,
    specimen_classes,
    stated_in_name,
    without_specimen,
)
from pipeline.cohort.spelling import normalise_name

_LONG_NAME = re.compile(
    r"(?P<component>.+?)(?: \[(?P<property>[^\]]+)\])? (?:in|of) (?P<system>.+?)"
    r"(?: by (?P<method>.+))?",
    flags=re.IGNORECASE,
)
_CODED = re.compile(
    r"(?:(?:loinc|ln|https?://loinc\.org)\s*[:|/ ]\s*)?(?P<code>\d{1,5}-\d)"
    r"(?:[\s|:;,/]+(?:-\s+)?(?P<name>.*\D.*))?",
    flags=re.IGNORECASE,
)
_CHALLENGE = "--"  # LOINC: "--2 hours post 75 g glucose" is not a plain level


def read_name(text: str, index: Mapping[str, str]) -> tuple[str, Specimens] | None:
    """Key of the substance in a name, and the specimens that the name states.

    Parameters
    ----------
    text : str
        Name as exported.
    index : mapping
        Normalised name or LOINC code to key.

    Returns
    -------
    tuple of (str, frozenset of str) or None
        None where no substance matches.

    Examples
    --------
    >>> index = {"il_6": "il6", "26881_3": "il6"}
    >>> read_name("IL-6 im Liquor", index), read_name("LOINC 26881-3 IL-6", index)
    (('il6', frozenset({'csf'})), ('il6', frozenset()))
    >>> read_name("IL-6 max", index) is None
    True
    """
    key = index.get(normalise_name(text))
    if key is not None:
        return key, stated_in_name(text)
    code, name = split_code(text)
    if code:
        return _read_coded(code, name, index)
    parts = _LONG_NAME.fullmatch(text.strip())
    if parts is not None and (parts["property"] or _CHALLENGE in text):
        return _read_long_name(parts, text, index)
    for rest, stated in without_specimen(text):
        key = index.get(rest) or index.get(_in_specimen(rest, stated))
        if key is not None:
            return key, stated
    return _read_long_name(parts, text, index) if parts is not None else None


def split_code(text: str) -> tuple[str, str]:
    """LOINC code of a cell and the name after it, both "" where the cell holds no code.

    Parameters
    ----------
    text : str
        Name or code as exported.

    Returns
    -------
    tuple of (str, str)
        Code and name.

    Examples
    --------
    >>> split_code("38483-4 Creatinine in Blood"), split_code("LOINC:2160-0"), split_code("IL-6")
    (('38483-4', 'Creatinine in Blood'), ('2160-0', ''), ('', ''))
    """
    match = _CODED.fullmatch(text.strip())
    return (match["code"], (match["name"] or "").strip("()[] ")) if match else ("", "")


def _read_coded(code: str, name: str, index: Mapping[str, str]) -> tuple[str, Specimens] | None:
    """Code followed by a name: both must agree; the name is used for an unknown code."""
    key = index.get(normalise_name(code))
    named = read_name(name, index) if name else None
    if key is None:
        if named is None or (class_of_loinc(code) and not named[1]):
            return None if named is None else (named[0], class_of_loinc(code))
        return named
    if named is not None and named[0] != key:
        return None
    return key, named[1] if named else NOTHING


def _read_long_name(
    parts: re.Match[str], text: str, index: Mapping[str, str]
) -> tuple[str, Specimens] | None:
    """LOINC long name: its property must be a quantity, its system a known specimen."""
    if _CHALLENGE in text or (parts["property"] and not is_quantity(parts["property"])):
        return None
    system = specimen_classes(parts["system"])
    if not system:
        return None
    component = normalise_name(parts["component"])
    key = index.get(component) or index.get(_in_specimen(component, system))
    return None if key is None else (key, system)


def _in_specimen(component: str, stated: Specimens) -> str:
    """Name of a component that is ambiguous without its specimen."""
    if component in ("protein", "proteins"):
        return "total_protein"
    return "_".join([*sorted(stated), component])
