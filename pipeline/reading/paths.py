"""Files of an export folder or a batch by table, and files of the folder that are not read."""

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
_OWN = {"planted.csv", "kinds.csv", "true_risk.csv", "rejects.csv", "flags.csv",
        "import_rejects.csv", "import_flags.csv", "predictions.csv",
        "explanations.parquet"}  # fmt: skip
_OWN_ENDINGS = (".rejects.csv", ".flags.csv", ".disagreements.csv")
_CLOSE = 0.75


def batch_paths(path: str | Path) -> dict[str, Path]:
    """Files of a batch by table name.

    Parameters
    ----------
    path : str or Path
        Folder of tables, or one labs file.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    InputError
        If there is no labs table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labs.csv").write_text("patient_id")
    ...     list(batch_paths(folder))
    ['labs']
    """
    source = Path(path)
    if source.is_dir():
        paths = tables_of(source)
    elif source.suffix.lower() in SUFFIXES and source.is_file():
        paths = {"labs": source}
    elif irregular(source):
        refuse_irregular(source)
    elif not source.exists():
        raise InputError(f"{source} does not exist; give a folder of tables or a labs file")
    else:
        raise InputError(
            f"{source} is neither a folder of tables nor a file ending in {', '.join(SUFFIXES)}"
            + workbook_hint([source])
        )
    if "labs" not in paths:
        present = [item.name for item in listing(source)] if source.is_dir() else []
        raise InputError(
            f"{source} lacks labs.csv (or .parquet), so there is nothing to score. "
            f"Found: {', '.join(present[:10]) or 'nothing'}" + workbook_hint(map(Path, present))
        )
    return paths


def cohort_paths(
    folder: Path, grades: str, required: Collection[str] | None = None
) -> dict[str, Path]:
    """Files of a training cohort by table name.

    Parameters
    ----------
    folder : Path
        Export folder.
    grades : {"charted", "derived", "charted_else_derived"}
        ``cohort.grades``: whether ``assessments`` or ``observations`` is required.
    required : collection of str, optional
        Tables that must exist, by default those that training needs.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    InputError
        If a required table is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("patients", "labs", "assessments"):
    ...         _ = Path(folder, f"{name}.csv").write_text("patient_id")
    ...     sorted(cohort_paths(Path(folder), "charted"))
    ['assessments', 'labs', 'patients']
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
            + (derive or ". Add it")
            + workbook_hint(listing(folder))
        )
    return paths


def tables_of(folder: Path) -> dict[str, Path]:
    """Files of a folder by table name, without other files.

    Parameters
    ----------
    folder : Path
        Export folder.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    InputError
        If it is not a folder, or two files are the same table.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("labs.csv", "notes.csv"):
    ...         _ = Path(folder, name).write_text("patient_id")
    ...     list(tables_of(Path(folder)))
    ['labs']
    """
    if not folder.is_dir():
        if folder.is_symlink():
            refuse_irregular(folder)
        raise InputError(
            f"{folder} is not a folder; give the folder that holds patients.csv, labs.csv, ..."
        )
    paths = {name: find_table(folder, name) for name in TABLES}
    return {name: path for name, path in paths.items() if path is not None}


def folder_remarks(folder: Path, paths: Mapping[str, Path]) -> list[str]:
    """Warn of data files of a folder that are not read, and return the warnings.

    Parameters
    ----------
    folder : Path
        Export folder.
    paths : mapping
        Files that are read, by table name.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If a table exists only as a workbook.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "assessment.csv").write_text("patient_id")
    ...     folder_remarks(Path(folder), {})
    ["assessment.csv was not read; is 'assessments' meant? Then rename it to assessments.csv."]
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
    """Remarks on data files that were not read, with the table of the closest name.

    Parameters
    ----------
    names : iterable of str
        Files of the folder.
    read : collection of str
        Files that were read.

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
        hint = f"no table has this name; the tables are {', '.join(TABLES)}."
        if table and any(Path(item).stem.lower() == table for item in read):
            hint = f"'{table}' was read from another file."
        elif table:
            hint = f"is '{table}' meant? Then rename it to {table}.csv."
            if ending not in (".csv", ".tsv", ".txt"):
                hint = f"is '{table}' meant? Then export it as {table}.csv."
        remarks.append(f"{shown(name)} was not read; {hint}")
    return remarks


def refuse_workbook_tables(folder: Path, read: Mapping[str, Path]) -> None:
    """Check that no table exists only as a workbook.

    Raises
    ------
    InputError
        If one does.
    """
    for path in listing(folder):
        table = path.stem.lower()
        if path.suffix.lower() in WORKBOOKS and table in TABLES and table not in read:
            raise InputError(f"{folder} has no readable table '{table}'{workbook_hint([path])}")


def _meant(name: str) -> str:
    stem = Path(name.lower()).name.split(".")[0]
    close = difflib.get_close_matches(stem, TABLES, n=1, cutoff=_CLOSE)
    return close[0] if close else ""
