"""Names for LOINC codes outside the dictionary, and analytes that reading will reject."""

from __future__ import annotations

import re

import pandas as pd

from pipeline.cohort.analyte_names import split_code
from pipeline.cohort.analytes import find_key, key_in_specimen, named_analyte
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.specimens import class_of_loinc, specimen_classes, stated_in_name
from pipeline.importers.records import LOINC_CODE, first_filled

UNRECOGNISED_LISTED = 20


def name_for_code(code: str, label: str, called: str) -> str:
    """Name that replaces a LOINC code outside the dictionary, "" if no name is safe.

    The label of the code decides. The name in the record is used only if the code has no label, or
    a short label without another analyte or specimen.

    Parameters
    ----------
    code : str
    label : str
        Name of the code in the terminology.
    called : str
        Name in the record.

    Returns
    -------
    str

    Examples
    --------
    >>> name_for_code("38483-4", "Creatinine [Mass/volume] in Blood", "KREA")
    'Creatinine [Mass/volume] in Blood'
    >>> name_for_code("2161-8", "Creatinine [Mass/volume] in Urine", "Creatinine")
    ''
    """
    if not LOINC_CODE.fullmatch(code) or find_key(code) is not None or class_of_loinc(code):
        return ""
    label = "" if split_code(label)[0] == label else label
    if label and named_analyte(label) is not None:
        return label if find_key(label) is not None else ""
    long_name = "[" in label or " in " in label
    named = named_analyte(called)
    if long_name or named is None or find_key(called) is None:
        return ""
    agreed = key_in_specimen(find_key(called) or "", stated_in_name(label) | named[1])
    return called if agreed == find_key(called) else ""


def note_names_for_codes(rows: pd.DataFrame, ledger: Ledger) -> None:
    """Flag results read by name because the dictionary lacks their code."""
    for file in rows["file"].unique():
        ledger.note(
            rows.assign(_raw_loinc=rows["loinc"]),
            rows["file"] == file,
            file=str(file),
            column="loinc",
            code="name_over_code",
            reason="LOINC "
            + quoted(rows["loinc"])
            + " is not in the dictionary; the row is read by its name "
            + quoted(rows["name"])
            + ".",
            remedy="No action needed if the name is right; else add the code to the mapping.",
        )


def unrecognised_analytes(names: pd.Series, labels: pd.Series | None = None) -> list[str]:
    """Report analytes outside the dictionary; reading rejects them by default.

    Parameters
    ----------
    names : Series of str
        Analyte of each result.
    labels : Series of str, optional
        Readable name of each result, with the same index.

    Returns
    -------
    list of str
        One line, or none.

    Examples
    --------
    >>> unrecognised_analytes(pd.Series(["crp", "zinc", "zinc"]))
    ['1 analyte (2 of 3 results) is not in the dictionary and will be rejected: zinc (2)']
    """
    known = {name: find_key(name) is not None for name in names.unique()}
    lost = names.loc[~names.map(known).astype(bool)] if len(names) else names
    if lost.empty:
        return []
    counts = lost.value_counts()
    readable = lost if labels is None else first_filled(labels.loc[lost.index], lost)
    label = dict(zip(lost, readable, strict=True))
    listed = [
        f"{name}{'' if label[name] == name else ' ' + label[name][:60]} ({number})"
        for name, number in counts.head(UNRECOGNISED_LISTED).items()
    ]
    rest = len(counts) - len(listed)
    listed += [f"and {rest} more"] if rest > 0 else []
    noun = "analyte" if len(counts) == 1 else "analytes"
    verb = "is" if len(counts) == 1 else "are"
    return [
        f"{len(counts)} {noun} ({len(lost)} of {len(names)} results) {verb} not in the dictionary "
        f"and will be rejected: {', '.join(listed)}"
    ]


def system_of(label: str) -> str:
    """Specimen at the end of a LOINC long name, "" if it has none.

    Examples
    --------
    >>> system_of("Interleukin 6 [Mass/volume] in Serum or Plasma by Immunoassay"), system_of("IL6")
    ('Serum or Plasma', '')
    """
    match = re.search(r" (?:in|of) ([^\[\]]+?)(?: by .+)?$", label.split(" --")[0])
    return match[1] if match and specimen_classes(match[1]) else ""
