"""Word lists of ``data_schema/audit.yaml``, and detection of columns that identify persons."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.resources import schema_yaml

_SHAPES = {
    "cells look like e-mail addresses": r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}",
    "cells look like telephone numbers": r"\+\d[\d ()/-]{7,}\d",
    "cells look like 'Surname, Given name'": r"[A-Z][a-zäöüéèß'-]+, ?[A-Z][a-zäöüéèß'-]+",
    "cells look like social security numbers": r"\d{3}-\d{2}-\d{4}",
}


def identifies_persons(column: str, cells: pd.Series) -> str:
    """How a column identifies persons, by its name or the shape of its cells; "" if it does not.

    ``patient_id`` is checked by its cells only; ``analyte``, ``value`` and ``unit`` never are.

    Parameters
    ----------
    column : str
        Name of the column.
    cells : Series of str
        Its cells, "" where blank.

    Returns
    -------
    str

    Examples
    --------
    >>> identifies_persons("MRN", pd.Series(["17"])), identifies_persons("sex", pd.Series(["F"]))
    ('its name is that of an identifier', '')
    """
    if column.lower() in word_list("not_person_words") or column in ("analyte", "value", "unit"):
        return ""
    filled = cells[cells != ""]
    if column != "patient_id" and len(filled) and contains_word(column, word_list("person_words")):
        return "its name is that of an identifier"
    return _shape_of_persons(filled)


def audit_settings(name: str) -> Any:
    """One entry of ``audit.yaml``.

    Parameters
    ----------
    name : str
        Top-level key.

    Returns
    -------
    object
        As YAML holds it.

    Examples
    --------
    >>> "surname" in audit_settings("person_words")
    True
    """
    return schema_yaml("audit.yaml")[name]


@cache
def word_list(name: str) -> frozenset[str]:
    """Normalised words of one list of ``audit.yaml``.

    Parameters
    ----------
    name : str
        Key of the list.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> "surname" in word_list("person_words")
    True
    """
    return frozenset(normalise_name(str(word)) for word in audit_settings(name))


def contains_word(name: str, words: frozenset[str]) -> bool:
    """Whether a name contains one of the words as a whole.

    Parameters
    ----------
    name : str
        Any spelling; it is normalised first.
    words : frozenset of str
        Normalised words.

    Returns
    -------
    bool

    Examples
    --------
    >>> [contains_word(name, frozenset({"crs"})) for name in ("Max CRS grade", "crsp")]
    [True, False]
    """
    parts = f"_{normalise_name(name)}_"
    return any(f"_{word}_" in parts for word in words)


def listed(names: list[str], *, most: int = 6) -> str:
    """Comma-separated names; beyond ``most``, only their number.

    Parameters
    ----------
    names : list of str
        In the order shown.
    most : int
        Number of names shown in full.

    Returns
    -------
    str

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _shape_of_persons(filled: pd.Series) -> str:
    distinct = pd.Series(filled.unique()).head(2000)
    if len(distinct) < 3:
        return ""
    for why, shape in _SHAPES.items():
        if distinct.str.fullmatch(shape).mean() > 0.5:
            return why
    return ""
