"""LOINC codes of lab rows: a known code must match the name; otherwise the name is used."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipeline.cohort.analyte_names import split_code
from pipeline.cohort.analyte_resolver import AnalyteResolver
from pipeline.cohort.analytes import Analyte, name_index
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.specimens import class_of_loinc, specimen_classes
from pipeline.cohort.spelling import normalise_name

LOINC_CODE = re.compile(r"\d{1,5}-\d")


def agree_codes(
    labs: pd.DataFrame, file: str, book: AnalyteResolver, ledger: Ledger
) -> pd.DataFrame:
    """Reject rows whose LOINC code means another analyte or specimen than their name.

    A code outside the dictionary is flagged, and the name is used.

    Parameters
    ----------
    labs : DataFrame
        ``analyte`` as exported, ``key`` and, optionally, ``loinc``.
    """
    if labs.empty:
        return labs
    if "loinc" in labs:
        codes = labs["loinc"].map({text: _code(text) for text in labs["loinc"].unique()})
        pairs = pd.DataFrame({"code": codes, "key": labs["key"]})
        distinct = pairs.drop_duplicates().itertuples(index=False, name=None)
        wrong = [bool(code) and _contradicts(code, book.get(key)) for code, key in distinct]
        number = pairs.groupby(list(pairs), sort=False).ngroup().to_numpy()
        labs = ledger.reject(
            labs,
            np.array(wrong, dtype=bool)[number],
            file=file,
            column="loinc",
            code="loinc_conflict",
            reason="LOINC "
            + quoted(labs["loinc"])
            + " is another analyte than "
            + quoted(labs["analyte"])
            + ".",
            remedy="Correct the code or the name.",
        )
        _note_unknown(labs, "loinc", codes.loc[labs.index], file, book, ledger)
    named = {text: split_code(text) for text in labs["analyte"].unique()}
    unknown = {text: code if name else "" for text, (code, name) in named.items()}
    _note_unknown(labs, "analyte", labs["analyte"].map(unknown).astype("str"), file, book, ledger)
    return labs


def _note_unknown(
    labs: pd.DataFrame,
    column: str,
    codes: pd.Series,
    file: str,
    book: AnalyteResolver,
    ledger: Ledger,
) -> None:
    """Flag rows read by name because the dictionary lacks their code."""
    if labs.empty:
        return
    unknown = {
        code: bool(LOINC_CODE.fullmatch(code)) and normalise_name(code) not in name_index()
        for code in codes.unique()
    }
    rows = codes.map(unknown).astype(bool) & ~labs["key"].isin(list(book.local))
    ledger.note(
        labs,
        rows,
        file=file,
        column=column,
        code="name_over_code",
        reason="LOINC "
        + quoted(codes)
        + " is not in the analyte dictionary; the row is read by its name, "
        + quoted(labs["analyte"])
        + ".",
        remedy="No action needed if the code is of the same analyte and specimen.",
    )


def _code(text: str) -> str:
    return split_code(text)[0] or text


def _contradicts(code: str, analyte: Analyte) -> bool:
    key = name_index().get(normalise_name(code))
    if key is not None:
        return key != analyte.key
    own, coded = specimen_classes(analyte.specimen), class_of_loinc(code)
    return bool(own and coded) and coded.isdisjoint(own or ())
