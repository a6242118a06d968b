"""Column names as exports spell them, brought to the names of the table schemas."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import InputError, shown


def canonical_header(
    header: list[str], fields: Collection[str], path: Path
) -> tuple[list[str], list[str]]:
    """Rename columns that differ from a schema field in case, spaces or punctuation only.

    Other columns keep their name; a column without a name becomes ``unnamed_<position>``.

    Returns
    -------
    names : list of str
    renamed : list of str
        The spellings of the file that were renamed.

    Raises
    ------
    InputError
        If there is no name at all, or one column is named twice.

    Examples
    --------
    >>> canonical_header(["Patient ID", "HLA type"], ["patient_id"], Path("patients.csv"))
    (['patient_id', 'HLA type'], ['Patient ID'])
    """
    if all(name == "" for name in header):
        raise InputError(f"{path} is empty: the first line must name the columns")
    known = {_compact(name): name for name in fields}
    exact = set(header) & set(fields)
    names = []
    for position, name in enumerate(header, start=1):
        field = known.get(_compact(name), name)
        # a second column of that meaning would be a repeat, unless one is spelled exactly
        chosen = name if field in exact else field
        names.append(chosen or f"unnamed_{position}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        places = ", ".join(
            f"'{shown(name)}' (columns {_positions(names, name)})" for name in repeated
        )
        raise InputError(f"{path} repeats the column {places}; rename or remove one")
    return names, [old for old, new in zip(header, names, strict=True) if old and old != new]


def meant(missing: str, present: Collection[str]) -> str:
    """Present column that a missing one may be called, "" if none comes close.

    Examples
    --------
    >>> meant("unit", ["units", "value"]), meant("unit", ["sex"])
    ('units', '')
    """
    close = difflib.get_close_matches(missing, list(present), n=1, cutoff=0.75)
    return close[0] if close else ""


def _compact(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9]", "", plain)


def _positions(names: list[str], name: str) -> str:
    return " and ".join(str(place) for place, item in enumerate(names, start=1) if item == name)
