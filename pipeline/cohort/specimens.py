"""Specimens in cells, names and codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pipeline.cohort.spelling import normalise_name
from pipeline.resources import schema_yaml

Specimens = frozenset[str]
NOTHING: Specimens = frozenset()
_GENERIC, _BLOOD = "body_fluid", "blood"
_DEPTH = 3  # most specimens in one name, as in "serum IL-6 (serum)"
_CODE = re.compile(r"(?:.*[|^#/:])?(\d{6,18})(?:\^.*|\|.*)?")


def specimen_classes(text: str) -> Specimens | None:
    """Specimen classes of a cell by ``data_schema/specimens.yaml``; None where unknown.

    A blank cell, or a word for "not stated", gives the empty set.

    Parameters
    ----------
    text : str
        Specimen as exported.

    Returns
    -------
    frozenset of str or None

    Examples
    --------
    >>> sorted(specimen_classes("CSF (lumbar puncture)")), sorted(specimen_classes("EDTA-Blut"))
    (['csf'], ['blood'])
    >>> specimen_classes("tube 7") is None, specimen_classes(" ") == frozenset()
    (True, True)
    """
    return _classes_of_cell(text.strip())


def stated_in_name(name: str) -> Specimens:
    """Specimen classes whose words occur in the name of an analyte.

    Parameters
    ----------
    name : str
        Analyte as exported.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> sorted(stated_in_name("IL-6 (CSF)")), sorted(stated_in_name("GM-CSF"))
    (['csf'], [])
    """
    return _scan(tuple(normalise_name(name).split("_")), compounds=False)


def specimen_column(header: Sequence[str]) -> str:
    """Name of the specimen column of a header; "" if there is none.

    Parameters
    ----------
    header : sequence of str
        Column names as exported.

    Returns
    -------
    str

    Examples
    --------
    >>> specimen_column(["patient_id", "Sample Type"]), specimen_column(["sample", "value"])
    ('Sample Type', '')
    """
    names = {normalise_name(name).replace("_", ""): name for name in reversed(header)}
    known = ["specimen", *_content()["columns"]]
    present = (names.get(normalise_name(name).replace("_", "")) for name in known)
    return next((name for name in present if name), "")


def specimen_names(classes: Specimens) -> str:
    """Names of specimen classes for messages.

    Parameters
    ----------
    classes : frozenset of str
        From :func:`specimen_classes`.

    Returns
    -------
    str

    Examples
    --------
    >>> specimen_names(frozenset({"csf", "blood"}))
    'blood and CSF'
    """
    return " and ".join(str(_classes()[key]["name"]) for key in _classes() if key in classes)


def without_specimen(name: str) -> Iterator[tuple[str, Specimens]]:
    """Yield possible analyte names within a name, normalised, each with the rest's specimens.

    Examples
    --------
    >>> [rest for rest, stated in without_specimen("Liquor IL-6") if stated == {"csf"}]
    ['il_6']
    """
    words = tuple(normalise_name(name).split("_"))
    yield from _split(words, _lettered(name), NOTHING, _DEPTH)


def analyte_in_specimen(key: str, classes: Specimens) -> str | None:
    """Analyte of the same substance in another specimen.

    Parameters
    ----------
    key : str
        Analyte.
    classes : frozenset of str
        Specimen classes.

    Returns
    -------
    str or None
        None where the dictionary does not have the analyte.

    Examples
    --------
    >>> analyte_in_specimen("albumin", frozenset({"csf"}))
    'csf_albumin'
    """
    keys = {_classes()[item].get("analytes", {}).get(key) for item in classes}
    return keys.pop() if len(keys) == 1 else None


def class_of_loinc(code: str) -> Specimens:
    """Specimen of a LOINC code outside the analyte dictionary; empty if unlisted.

    Parameters
    ----------
    code : str
        LOINC code.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> sorted(class_of_loinc("49919-4"))
    ['csf']
    """
    return _loinc_index().get(code.strip(), NOTHING)


def with_stated_specimen(name: str, specimen: str) -> str:
    """Name to look up, with the specimen where it decides (protein of CSF or of blood).

    Examples
    --------
    >>> with_stated_specimen("Protein", "CSF"), with_stated_specimen("CRP", "CSF")
    ('csf total protein', 'CRP')
    """
    full = _names("named_by_specimen").get(normalise_name(name))
    classes = specimen_classes(specimen) if full else None
    if not full or not classes or len(classes) > 1:
        return name
    return f"{next(iter(classes)).replace('_', ' ')} {full}"


def is_quantity(loinc_property: str) -> bool:
    """Whether the property of a LOINC long name is a quantity of the dictionary."""
    return loinc_property.strip().lower() in _content()["properties"]


@cache
def _classes_of_cell(text: str) -> Specimens | None:
    name = normalise_name(text)
    if not name or name in _set("unstated"):
        return NOTHING
    code = _CODE.fullmatch(text)
    known = _codes().get(code[1] if code else name)
    if known is not None:
        return frozenset({known})
    words = tuple(name.split("_"))
    if not _set("negations").isdisjoint(words):
        return None
    return _scan(words, compounds=True) or None


def _scan(words: tuple[str, ...], *, compounds: bool) -> Specimens:
    """Specimen classes of all words, the longest spelling first."""
    classes: set[str] = set()
    phrases, longest = _phrases()
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            part = words[place : place + size]
            if part in phrases:
                classes.add(phrases[part])
                place += size
                break
        else:
            if compounds:
                classes.add(_by_ending(words[place]))
            place += 1
    classes.discard("")
    if len(classes) > 1 and _BLOOD not in classes:
        classes.discard(_GENERIC)  # "pleural aspirate" is pleural fluid
    return frozenset(classes)


def _split(
    words: tuple[str, ...], letters: str, stated: Specimens, depth: int
) -> Iterator[tuple[str, Specimens]]:
    """Remove a specimen from either end, then search the rest for another."""
    if stated:
        yield "_".join(words), stated
    if not depth or not words:
        return
    for rest, cut_off in _cuts(words, letters if not stated else ""):
        yield from _split(rest, letters, stated | cut_off, depth - 1)


def _cuts(words: tuple[str, ...], letters: str) -> Iterator[tuple[tuple[str, ...], Specimens]]:
    phrases, longest = _phrases()
    for size in range(min(longest, len(words) - 1), 0, -1):
        for part, rest in ((words[-size:], words[:-size]), (words[:size], words[size:])):
            if phrases.get(part):
                cut_off = frozenset({phrases[part]})
                yield rest, cut_off
                yield from ((bare, cut_off) for bare in _without_connectors(rest))
    if len(words) > 1 and words[0] in _letters("prefixes"):
        yield words[1:], frozenset({_letters("prefixes")[words[0]]})
    if len(words) > 1 and letters == words[-1] and letters in _letters("suffixes"):
        cut_off = frozenset({_letters("suffixes")[letters]})
        yield words[:-1], cut_off
        yield from ((bare, cut_off) for bare in _without_connectors(words[:-1]))
    for glued, key in _letters("glued").items():
        if words[0].startswith(glued) and words[0] != glued:
            yield (words[0].removeprefix(glued), *words[1:]), frozenset({key})
        if words[-1].endswith(glued) and words[-1] != glued:
            yield (*words[:-1], words[-1].removesuffix(glued)), frozenset({key})


def _without_connectors(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield remainders after removing connecting words (in, of) from both ends, step by step."""
    connectors = _set("connectors")
    while words and words[-1] in connectors:
        words = words[:-1]
        yield words
    while words and words[0] in connectors:
        words = words[1:]
        yield words


def _lettered(name: str) -> str:
    """Abbreviation of a specimen after a comma, in brackets or after "i."."""
    match = re.search(r"(?:,\s*|[(\[]\s*|\bi\.?\s*)([A-Za-z]{1,3})\.?\s*[)\]]?\s*$", name)
    return match[1].lower() if match else ""


def _by_ending(word: str) -> str:
    for key, entry in _classes().items():
        if any(word.endswith(end) and word != end for end in entry.get("endings", ())):
            return key
    return ""


def _content() -> Mapping[str, Any]:
    content: Mapping[str, Any] = schema_yaml("specimens.yaml")
    return content


def _classes() -> Mapping[str, Mapping[str, Any]]:
    classes: Mapping[str, Mapping[str, Any]] = _content()["classes"]
    return classes


@cache
def _set(name: str) -> frozenset[str]:
    return frozenset(normalise_name(word) for word in _content()[name])


@cache
def _names(name: str) -> dict[str, str]:
    return {normalise_name(word): meant for word, meant in _content()[name].items()}


@cache
def _phrases() -> tuple[dict[tuple[str, ...], str], int]:
    """Spelling to class ("" if it states none), and the length of the longest spelling."""
    phrases = {tuple(normalise_name(text).split("_")): "" for text in _content()["not_specimens"]}
    for key, entry in _classes().items():
        for text in (key, entry["name"], *entry["words"]):
            phrases[tuple(normalise_name(text).split("_"))] = key
    return phrases, max(map(len, phrases))


@cache
def _codes() -> dict[str, str]:
    return {
        normalise_name(code): key
        for key, entry in _classes().items()
        for code in (*entry.get("codes", ()), *entry.get("snomed", ()))
    }


@cache
def _letters(kind: str) -> dict[str, str]:
    return {
        normalise_name(text): key
        for key, entry in _classes().items()
        for text in entry.get(kind, ())
    }


@cache
def _loinc_index() -> dict[str, Specimens]:
    return {
        code: frozenset({key})
        for key, entry in _classes().items()
        for code in entry.get("loinc", ())
    }
