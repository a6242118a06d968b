"""Maps exported drug names to ``drugs.yaml``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache

from pipeline.cohort.analytes import normalise_name
from pipeline.errors import shown
from pipeline.resources import schema_yaml

_SHORTEST = 5  # letters; within a longer text, shorter names (has, dex) mean other things
_CLOSE = 0.8


@cache
def drug_index() -> dict[str, str]:
    """Normalised key, name or synonym to drug key.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> drug_index()["actemra"]
    'tocilizumab'
    """
    index = {}
    for key, entry in schema_yaml("drugs.yaml")["drugs"].items():
        for name in (key, entry["name"], *entry.get("synonyms", ())):
            index[normalise_name(name)] = key
    return index


def drug_named(text: str) -> str:
    """Drug that a text names, alone or as whole words within it; "" for none or several.

    Within a longer text, names of fewer than five letters are ignored. A word of ``not_as_given``
    in ``drugs.yaml`` ("refused", "eye") means that no drug is named. The name of a class
    ("steroid") means the class, unless the text also names a drug of the class or has a word of
    ``not_as_class`` ("steroid-refractory").

    Parameters
    ----------
    text : str
        Drug as exported.

    Returns
    -------
    str
        Drug key.

    Examples
    --------
    >>> drug_named("tocilizumab 20 MG/ML Injectable Solution [Actemra]"), drug_named("Aspirin")
    ('tocilizumab', '')
    >>> drug_named("Decortin H 50 mg"), drug_named("Tocilizumab (not given)")
    ('prednisolone', '')
    """
    name = normalise_name(text)
    if name in drug_index():
        return drug_index()[name]
    parts = name.split("_")
    if not _word_set("not_as_given").isdisjoint(parts):
        return ""
    named = {drug_index()[item] for item in names_within(name, drug_index())}
    classes = {drug for drug in named if is_class(drug)}
    drugs = named - classes
    if not _word_set("not_as_class").isdisjoint(parts):
        classes = set()
    drugs |= {item for item in classes if _covered(item).isdisjoint(map(drug_class, drugs))}
    return drugs.pop() if len(drugs) == 1 else ""


def drug_class(key: str) -> str:
    """Class of a drug of ``drugs.yaml``."""
    name: str = schema_yaml("drugs.yaml")["drugs"][key]["class"]
    return name


def is_class(key: str) -> bool:
    """Whether an entry of ``drugs.yaml`` is a class without a named drug.

    Examples
    --------
    >>> is_class(drug_named("IV steroids")), is_class("dexamethasone")
    (True, False)
    """
    return bool(schema_yaml("drugs.yaml")["drugs"].get(key, {}).get("unnamed", False))


def names_within(text: str, names: Iterable[str]) -> list[str]:
    """Names of five letters or more that a text contains as whole words.

    A name within a longer matching name is omitted.

    Parameters
    ----------
    text : str
    names : iterable of str
        Both normalised by :func:`pipeline.cohort.spelling.normalise_name`.

    Examples
    --------
    >>> names_within("decortin_h_50_mg", ["decortin", "decortin_h", "mg"])
    ['decortin_h']
    """
    matches = [
        name
        for name in names
        if sum(map(str.isalpha, name)) >= _SHORTEST and f"_{name}_" in f"_{text}_"
    ]
    return [
        name
        for name in matches
        if not any(name != other and f"_{name}_" in f"_{other}_" for other in matches)
    ]


def unknown_drug_reason(text: str) -> str:
    """Reason for a text that names no drug, with the closest drug name."""
    reason = f"'{shown(text)}' is not a drug of data_schema/drugs.yaml; no estimate uses the dose."
    for word in normalise_name(text).split("_"):
        close = difflib.get_close_matches(word, _long_names(), n=1, cutoff=_CLOSE)
        if close and close[0] != word:
            name = schema_yaml("drugs.yaml")["drugs"][drug_index()[close[0]]]["name"]
            return f"{reason} Is {name} meant?"
    return reason


def _covered(key: str) -> set[str]:
    """Classes that a class name can refer to."""
    return {drug_class(key), *schema_yaml("drugs.yaml")["drugs"][key].get("covers", ())}


@cache
def _word_set(name: str) -> frozenset[str]:
    return frozenset(map(normalise_name, schema_yaml("drugs.yaml")[name]))


@cache
def _long_names() -> tuple[str, ...]:
    return tuple(name for name in drug_index() if len(name) >= _SHORTEST)
