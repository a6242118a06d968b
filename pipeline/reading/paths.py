"""The files of an export folder or a batch, by table; what of a folder is not read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pipeline import log
from pipeline.cohort.files import SUFFIXES, WORKBOOKS, find_table, workbook_hint
from pipeline.cohort.tables import TABLES
from pipeline.errors import InputError, shown
from pipeline.input_files import irregular, listing, refuse_irregular

_DATA = (".csv", ".tsv", ".parquet", ".feather", ".sas7bdat", ".sav", ".dta", ".gz", ".zip")
_MAYBE = (".txt", ".json", ".ndjson")  # data only if named like a table
# files that the commands write: in their output folder, and next to --out
_OWN = {"planted.csv", "true_risk.csv", "rejects.csv", "flags.csv", "import_rejects.csv",
        "import_flags.csv", "predictions.csv", "explanations.parquet"}  # fmt: skip
_OWN_ENDINGS = (".rejects.csv", ".flags.csv", ".disagreements.csv")
_CLOSE = 0.75


def batch_paths(path: str | Path) -> dict[str, Path]:
    """Files of a batch by table name.

    Raises
    ------
    InputError
        If there is no labs table.
    """
    source = Path(path)
    if source.is_dir():
        paths = tables_of(source)
    elif source.suffix.lower() in SUFFIXES and source.is_file():
        paths = {"labs": source}
    elif irregular(source):
        refuse_irregular(source)
    elif not source.exists():
        raise InputError(f"{source} does not exist; give a folder of tables or a labs file.")
    else:
        raise InputError(
            f"{source} is neither a folder of tables nor a file ending in {', '.join(SUFFIXES)}"
            + workbook_hint([source])
        )
    if "labs" not in paths:
        found = [item.name for item in listing(source)] if source.is_dir() else []
        raise InputError(
            f"{source} lacks labs.csv (or .parquet), so there is nothing to score. "
            f"Found: {', '.join(found[:10]) or 'nothing'}" + workbook_hint(map(Path, found))
        )
    return paths


def cohort_paths(
    folder: Path, grades: str, required: Collection[str] | None = None
) -> dict[str, Path]:
    """Files of a training cohort by table name.

    Parameters
    ----------
    grades : str
        ``cohort.grades`` of the configuration: grades are charted, or derived from observations.
    required : collection of str, optional
        Tables that must exist, by default those that training needs.

    Raises
    ------
    InputError
        If a required table is missing.
    """
    paths = tables_of(folder)
    source = "assessments" if grades == "charted" else "observations"
    missing = [name for name in required or ("patients", "labs", source) if name not in paths]
    if missing:
        derive = (
            ". Grades can be derived from the observations: set cohort.grades: derived"
            if "assessments" in missing and "observations" in paths
            else ""
        )
        raise InputError(
            f"{folder} lacks {', '.join(f'{name}.csv' for name in missing)} (or .parquet). "
            f"Found: {', '.join(sorted(path.name for path in paths.values())) or 'no table'}"
            + derive
            + workbook_hint(listing(folder))
        )
    return paths


def tables_of(folder: Path) -> dict[str, Path]:
    """Files of a folder by table name; other files are not listed.

    Raises
    ------
    InputError
        If it is no folder, or two files are the same table.
    """
    if not folder.is_dir():
        if folder.is_symlink():
            refuse_irregular(folder)
        raise InputError(
            f"{folder} is not a folder; give the folder that holds patients.csv, labs.csv, ..."
        )
    found = {name: find_table(folder, name) for name in TABLES}
    return {name: path for name, path in found.items() if path is not None}


def folder_remarks(folder: Path, paths: Mapping[str, Path]) -> list[str]:
    """Warn of data files of a folder that are not read, and return the warnings.

    Parameters
    ----------
    paths : mapping
        Files that are read, by table name.

    Raises
    ------
    InputError
        If a table is there as a workbook only.
    """
    if not folder.is_dir():
        return []
    refuse_workbook_tables(folder, paths)
    names = [path.name for path in listing(folder) if not path.is_dir()]
    remarks = unread_files(names, [path.name for path in paths.values()])
    for remark in remarks:
        log.warn(remark)
    return remarks


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
        own = name.lower() in _OWN or name.lower().endswith(_OWN_ENDINGS)
        if not plain or own or name.startswith((".", "~$")):
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
    for path in listing(folder):
        table = path.stem.lower()
        if path.suffix.lower() in WORKBOOKS and table in TABLES and table not in read:
            raise InputError(
                f"{folder} has no table '{table}' that can be read{workbook_hint([path])}"
            )


def _meant(name: str) -> str:
    stem = Path(name.lower()).name.split(".")[0]
    close = difflib.get_close_matches(stem, TABLES, n=1, cutoff=_CLOSE)
    return close[0] if close else ""
