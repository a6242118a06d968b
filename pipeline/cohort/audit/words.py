"""The word lists of ``data_schema/audit.yaml`` and how a name is matched against them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pipeline.cohort.analytes import normalise_name
from pipeline.resources import schema_yaml


def settings(name: str) -> Any:
    """One entry of ``audit.yaml``."""
    return schema_yaml("audit.yaml")[name]


@cache
def word_list(name: str) -> frozenset[str]:
    """Normalised words of one list."""
    return frozenset(normalise_name(str(word)) for word in settings(name))


def holds_word(name: str, words: frozenset[str]) -> bool:
    """Whether a normalised name holds one of the words as whole parts.

    Examples
    --------
    >>> holds_word("Max CRS grade", frozenset({"crs"})), holds_word("crsp", frozenset({"crs"}))
    (True, False)
    """
    parts = f"_{normalise_name(name)}_"
    return any(f"_{word}_" in parts for word in words)


def listed(names: list[str], *, most: int = 6) -> str:
    """Names as a sentence lists them, cut where there are many.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
