"""A table of settings as pairs of words, for the footer of a page."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.format import DASH, is_missing, words


def facts(table: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """
    Write every plain entry as (name, value) in words; nested tables are left out.

    Examples
    --------
    >>> facts({"seed": 7, "horizons_h": [24, 72], "synthetic": True}, {"horizons_h": "Horizons"})
    [('Seed', '7'), ('Horizons', '24, 72'), ('Synthetic', 'yes')]
    """
    return [
        (names.get(name, words(name)), fact(value))
        for name, value in table.items()
        if not isinstance(value, Mapping)
    ]


def fact(value: Any) -> str:
    """
    Write one setting; a missing one is a dash.

    Examples
    --------
    >>> fact(False), fact(None), fact(["a", 2]), fact(float("nan"))
    ('no', '–', 'a, 2', '–')
    """
    if isinstance(value, list | tuple):
        return ", ".join(fact(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and is_missing(value)):
        return DASH
    return str(value)
