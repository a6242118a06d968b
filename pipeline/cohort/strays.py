"""Files of a folder that look like data and are not read, so that a misnamed table is noticed."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipeline.cohort.files import WORKBOOKS, about_workbooks
from pipeline.cohort.tables import TABLES
from pipeline.errors import InputError, shown

_DATA = (".csv", ".tsv", ".parquet", ".feather", ".sas7bdat", ".sav", ".dta", ".gz", ".zip")
_MAYBE = (".txt", ".json", ".ndjson")  # data only if named like a table
# what this package writes beside its tables
_OWN = {"planted.csv", "true_risk.csv", "rejects.csv", "flags.csv"}
_CLOSE = 0.75


def unread_files(names: Iterable[str], read: Collection[str]) -> list[str]:
    """Remarks on files that look like data and were not read, with the table that may be meant.

    Parameters
    ----------
    names : iterable of str
        Files of the folder.
    read : collection of str
        Those that were read.

    Examples
    --------
    >>> unread_files(["labs.csv", "assessment.csv", "README.txt"], ["labs.csv"])
    ["assessment.csv was not read; is 'assessments' meant? Then rename it to assessments.csv."]
    """
    remarks = []
    for name in sorted(set(names) - set(read)):
        path, table = Path(name), _meant(name)
        ending = path.suffix.lower()
        plain = ending in (*_DATA, *WORKBOOKS) or (ending in _MAYBE and table)
        if not plain or name.lower() in _OWN or name.startswith((".", "~$")):
            continue
        hint = f"no table is called so; the tables are {', '.join(TABLES)}."
        if table and any(Path(item).stem.lower() == table for item in read):
            hint = f"'{table}' was read from another file."
        elif table:
            hint = f"is '{table}' meant? Then rename it to {table}.csv."
            if ending not in (".csv", ".tsv", ".txt"):
                hint = f"is '{table}' meant? Then export it as {table}.csv."
        remarks.append(f"{shown(name)} was not read; {hint}")
    return remarks


def refuse_workbook_tables(folder: Path, read: Mapping[str, Path]) -> None:
    """Refuse a folder in which a table is there as a workbook only.

    Raises
    ------
    InputError
    """
    for path in sorted(folder.iterdir()):
        table = path.stem.lower()
        if path.suffix.lower() in WORKBOOKS and table in TABLES and table not in read:
            raise InputError(
                f"{folder} has no table '{table}' that can be read{about_workbooks([path])}"
            )


def _meant(name: str) -> str:
    stem = Path(name.lower()).name.split(".")[0]
    close = difflib.get_close_matches(stem, TABLES, n=1, cutoff=_CLOSE)
    return close[0] if close else ""
