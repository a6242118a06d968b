"""Specimens of lab rows: a stated one must be that of the analyte."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_resolver import OTHER_SPECIMEN, AnalyteResolver
from pipeline.cohort.analytes import Analyte, dictionary, key_in_specimen, named_analyte
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.specimens import (
    NOTHING,
    Specimens,
    specimen_classes,
    specimen_names,
    stated_in_name,
)


def agree_specimens(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteResolver]:
    """Match analyte and stated specimen; reject rows in which they contradict each other.

    Albumin of CSF becomes CSF albumin. A row with an unknown specimen is flagged but used: the text
    is usually a local name for a blood tube. In training, a cohort-local analyte takes the specimen
    that its rows state.

    Parameters
    ----------
    labs : DataFrame
        ``analyte`` as exported, ``key`` and, optionally, ``specimen``.

    Returns
    -------
    labs : DataFrame
        With the ``key`` of the analyte in that specimen.
    book : AnalyteResolver
        With the specimens of cohort-local analytes.
    """
    if labs.empty:
        return labs, book
    specimen = labs["specimen"] if "specimen" in labs else pd.Series("", index=labs.index)
    labs, book = _agree_local(labs, specimen, file, book, ledger)
    specimen = specimen.loc[labs.index]
    triples = pd.DataFrame({"name": labs["analyte"], "key": labs["key"], "specimen": specimen})
    number = triples.groupby(list(triples), sort=False).ngroup().to_numpy()
    distinct = list(triples.drop_duplicates().itertuples(index=False, name=None))
    read = [specimen_classes(text) for _, _, text in distinct]
    agreed = [
        _agreed(name, key, classes or NOTHING, book)
        for (name, key, _), classes in zip(distinct, read, strict=True)
    ]
    keys = np.array([key or "" for key in agreed], dtype=object)[number]
    unknown = np.array([classes is None for classes in read], dtype=bool)[number]
    own = {key: _specimen_of(book.get(key)) for key in labs["key"].unique()}
    moved = pd.Series(keys, index=labs.index, dtype="str")
    rejected = ledger.reject(
        labs,
        moved == "",
        file=file,
        column="specimen",
        code="specimen_conflict",
        reason=quoted(labs["analyte"])
        + " in specimen "
        + quoted(specimen.astype("str"))
        + " is not used; the model uses this analyte in "
        + labs["key"].map(own).astype("str")
        + ".",
        remedy=OTHER_SPECIMEN,
    )
    flagged = pd.Series(unknown, index=labs.index).loc[rejected.index]
    ledger.note(
        rejected,
        flagged,
        file=file,
        column="specimen",
        code="unknown_specimen",
        reason=quoted(specimen.astype("str")).loc[rejected.index]
        + " is not a specimen of data_schema/specimens.yaml; the row is used as "
        + rejected["key"].map(own).astype("str")
        + ".",
        remedy="Name the specimen, for example serum or CSF; omit rows of other specimens.",
    )
    ledger.note(
        rejected,
        moved.loc[rejected.index] != rejected["key"],
        file=file,
        column="specimen",
        code="analyte_of_specimen",
        reason=quoted(specimen.astype("str")).loc[rejected.index]
        + " is the specimen; the row is read as "
        + moved.loc[rejected.index].map(_name).astype("str")
        + ".",
        remedy="No action needed if the specimen is correct.",
    )
    return rejected.assign(key=moved.loc[rejected.index]), book


def _agreed(name: str, key: str, stated: Specimens, book: AnalyteResolver) -> str | None:
    """Key of the analyte in the stated specimen; None if they contradict each other."""
    if not stated:
        return key
    own = _own(book.get(key))
    named = _named(name, book, key)
    if named and own:  # the name states a specimen too: they must share it
        return key if not stated.isdisjoint(named) else None
    return key_in_specimen(key, stated, book.local)


def _named(name: str, book: AnalyteResolver, key: str) -> Specimens:
    """Specimen that a name or code states by itself."""
    if key in book.local:
        return NOTHING
    if name in dictionary()[key].loinc:
        return _own(dictionary()[key])
    named = named_analyte(name)
    return named[1] if named else NOTHING


def _agree_local(
    labs: pd.DataFrame, specimen: pd.Series, file: str, book: AnalyteResolver, ledger: Ledger
) -> tuple[pd.DataFrame, AnalyteResolver]:
    """In training, give each cohort-local analyte the specimen that its rows state."""
    if not book.learning or not book.local:
        return labs, book
    chosen = labs["key"].isin(list(book.local))
    pairs = pd.DataFrame({"key": labs["key"], "name": labs["analyte"], "text": specimen})[chosen]
    stated: dict[str, set[Specimens]] = {}
    for key, name, text in pairs.drop_duplicates().itertuples(index=False, name=None):
        for classes in (specimen_classes(text), stated_in_name(name)):
            if classes:
                stated.setdefault(key, set()).add(classes)
    mixed = [key for key, kinds in stated.items() if len(kinds) > 1]
    labs = ledger.reject(
        labs,
        labs["key"].isin(mixed),
        file=file,
        column="specimen",
        code="specimen_conflict",
        reason=quoted(labs["analyte"]) + " is not in the dictionary and has several specimens.",
        remedy="Give each specimen its own analyte name, for example 'CXCL9 CSF'.",
    )
    local = {
        key: replace(analyte, specimen=specimen_names(next(iter(stated[key]))))
        if key in stated
        else analyte
        for key, analyte in book.local.items()
        if key not in mixed
    }
    return labs, replace(book, local=local)


def _own(analyte: Analyte) -> Specimens:
    return specimen_classes(analyte.specimen) or NOTHING


def _specimen_of(analyte: Analyte) -> str:
    return analyte.specimen or "its own specimen"


@cache
def _name(key: str) -> str:
    return dictionary()[key].name if key in dictionary() else key
