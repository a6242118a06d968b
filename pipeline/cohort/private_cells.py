"""Cells of an input that messages must not quote: all except common or known words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd

from pipeline import redaction
from pipeline.cohort.analytes import find_key
from pipeline.redaction import ID, TEXT, kind_of, plain_cell
from pipeline.resources import schema_path, schema_yaml

COMMON = 3  # patients who share a word, so that it identifies none of them
# columns of names, units and categories; only their cells can be common
_NAMES = "analyte unit specimen loinc status assay drug intent route name called coded_unit"
_GROUPS = "product site sex disease scale item grading_system"
CATEGORIES = frozenset(f"{_NAMES} {_GROUPS}".split())
_ANALYTES = ("analyte", "name", "called")
_IDS = ("patient_id", "person_id", "subject")
_LONGEST_WORD = 40


def hide_cells(table: pd.DataFrame, *, categories: frozenset[str] = CATEGORIES) -> None:
    """Hide the cells of a table in messages, except words that may be shown.

    A name, unit or category may be shown if three patients have it or it is in ``data_schema``.
    Numbers and times need no entry; messages hide them by their form. Has no effect unless
    :func:`pipeline.redaction.active`.

    Parameters
    ----------
    table : DataFrame
        Text cells.
    categories : frozenset of str
        Columns whose cells are names, units or categories.

    Examples
    --------
    >>> hide_cells(pd.DataFrame({"patient_id": ["A"], "comment": ["seen by Dr Roe"]}))
    """
    if not redaction.active():
        return
    names = [str(name) for name in table.columns if name != "_line"]
    redaction.allow(names)
    owner = next((name for name in _IDS if name in table), "")
    for name in names:
        if not pd.api.types.is_string_dtype(table[name].dtype):
            continue
        cells = table[name].astype("str").fillna("")
        if name == owner:
            redaction.hide((cell for cell in cells.unique() if cell), ID)
            continue
        unique = [cell for cell in cells.unique() if cell and kind_of(cell) == TEXT]
        if name in categories and owner:
            holders = table[owner].groupby(cells).nunique()
            common = set(holders.index[holders >= COMMON])
            unique = [cell for cell in unique if cell not in common]
            redaction.allow(common)
        unique = [cell for cell in unique if plain_cell(cell) not in vocabulary()]
        if name in _ANALYTES:
            unique = [cell for cell in unique if find_key(cell) is None]
        redaction.hide(unique, TEXT)


@cache
def vocabulary() -> frozenset[str]:
    """Short words of ``data_schema``, in the form in which cells are compared."""
    texts: set[str] = set()
    for path in sorted(schema_path("analytes.yaml").parent.glob("*.yaml")):
        texts.update(_texts(schema_yaml(path.name)))
    return frozenset(plain_cell(text) for text in texts if len(text) <= _LONGEST_WORD) - {""}


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str):
        yield content


redaction.set_vocabulary(vocabulary)
