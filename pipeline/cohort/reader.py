"""Reads an export folder or a batch into a Cohort; one bad row never loses the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.cohort import events, labs
from pipeline.cohort.analytes import Analyte
from pipeline.cohort.astct import with_grades
from pipeline.cohort.book import AnalyteBook
from pipeline.cohort.episodes import about_episodes, current_episodes, people_of, split_episodes
from pipeline.cohort.files import SUFFIXES, about_workbooks, find_table, read_raw, sha256_files
from pipeline.cohort.frontier import frontier_hours
from pipeline.cohort.patients import derive_patients, finish_patients, read_patients
from pipeline.cohort.placing import place
from pipeline.cohort.products import read_products
from pipeline.cohort.refusals import (
    Refused,
    majority_lines,
    refusal_table,
    refused_rows,
    refused_share,
    why_refused,
)
from pipeline.cohort.rejects import Ledger
from pipeline.cohort.schema import TableSchema
from pipeline.cohort.strays import refuse_workbook_tables, unread_files
from pipeline.cohort.tables import TABLES, Cohort, empty_cohort
from pipeline.cohort.timestamps import year_first
from pipeline.cohort.ungraded import about_no_grades
from pipeline.config import CohortConfig
from pipeline.errors import InputError

_BARE = {
    "treatments": "no dose is known",
    "observations": "no bedside finding is known",
    "assessments": "no grade is charted",
}
Limits = Mapping[str, Mapping[str, float]]


@dataclass
class ReadResult:
    """What the front door found.

    Attributes
    ----------
    cohort : Cohort
        Accepted rows only.
    rejects : DataFrame
        ``file, row, column, value, code, reason, remedy``.
    counts : dict
        Per file: read, accepted, rejected, collapsed, withdrawn, cells_ignored.
    local : dict of Analyte
        Cohort-local analytes by key.
    limits : dict
        Usual limits by analyte, see :func:`pipeline.cohort.limits.usual_limits`.
    seen_ids : list of str
        Every patient id met in any table, accepted or not, sorted.
    lost : dict
        Patient id to the code that says best why its rows were refused.
    refused : dict of Refused
        Patient id to what of its input was refused.
    as_of_hours : ndarray of float, shape (n_patients,)
        Latest admissible hour per patient (inf where there is none).
    derived : int
        Rows of labs that stand in no file: albumin ratios made from their two parts.
    remarks : list of str
        Sentences on whole files: another encoding or separator, columns read under another name.
    flags : dict
        Per file, how many accepted rows carry each flag.
    notes : DataFrame
        The flagged rows, in the columns of ``rejects``.
    surplus : dict
        Per table, rows of the cohort beyond the accepted ones: what later infusions share with
        earlier ones, or (negative) what lies before the current infusion of a batch.
    analytes_read, analytes_rejected : dict
        Rows of labs by the analyte's name as exported; of the refused ones, per name and code.
    sources : DataFrame
        Unit and delay of every accepted row of labs, see :func:`pipeline.cohort.labs.read_labs`.
    """

    cohort: Cohort
    rejects: pd.DataFrame
    counts: dict[str, dict[str, int]]
    local: dict[str, Analyte]
    limits: dict[str, dict[str, float]]
    seen_ids: list[str]
    lost: dict[str, str]
    sha256: str
    turnaround_imputed: int
    as_of_hours: np.ndarray
    refused: dict[str, Refused] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    derived: int = 0
    remarks: list[str] = field(default_factory=list)
    flags: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    surplus: dict[str, int] = field(default_factory=dict)
    analytes_read: dict[str, int] = field(default_factory=dict)
    analytes_rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)

    def report_refusals(self) -> None:
        """Say on stderr what was refused; a warning where that is most of a file or analyte."""
        loud = majority_lines(self.counts, self.analytes_read, self.analytes_rejected)
        say = log.warn if loud else log.info
        for line in [*loud, *refusal_table(self.rejects, self.counts)]:
            say(line)

    def refused_ids(self) -> list[str]:
        """Patients with a refused result of a known analyte, sorted."""
        return sorted(patient for patient, item in self.refused.items() if item.results)

    def about_no_grades(self, scales: Collection[str], config: CohortConfig) -> str:
        """Why no outcome of these scales can be learned, "" where somebody was graded."""
        refused = {file: why_refused(self.rejects, self.counts, file) for file in self.counts}
        return about_no_grades(self.cohort, scales, config.grades, self.files, self.counts, refused)

    def why_refused(self, table: str) -> str:
        """How many rows of a table were refused and mostly why, "" where none was."""
        return why_refused(self.rejects, self.counts, self.files.get(table, ""))

    def refused_share(self) -> tuple[int, int]:
        """Refused rows of labs, and how many could have been used."""
        return refused_share(self.analytes_read, self.analytes_rejected)


def read_cohort(
    folder: str | Path,
    config: CohortConfig,
    *,
    extra_scales: tuple[str, ...] = (),
    local: Mapping[str, Analyte] | None = None,
    limits: Limits | None = None,
    products: Collection[str] = (),
    required: tuple[str, ...] | None = None,
) -> ReadResult:
    """Read a training cohort: ``patients``, ``labs`` and ``assessments`` are required.

    Parameters
    ----------
    folder : path
        Folder with CSV or Parquet tables.
    config : CohortConfig
    extra_scales : tuple of str
        Scales used by configured outcomes that the schema does not know.
    local : mapping, optional
        Cohort-local analytes of an earlier training cohort, when a bundle is evaluated; None lets
        this cohort state its own.
    limits : mapping, optional
        Inferred limits of that earlier cohort; they count where ``local`` is given.
    products : collection of str
        Products of that earlier cohort, see :func:`pipeline.cohort.products.read_products`.
    required : tuple of str, optional
        Tables that must exist; the audit asks for labs only, to judge what there is.

    Raises
    ------
    InputError
        If a required table or column is missing or no lab row can be used.
    """
    paths = tables_of(Path(folder))
    needed = required or (
        "patients",
        "labs",
        "assessments" if config.grades == "charted" else "observations",
    )
    missing = [name for name in needed if name not in paths]
    if missing:
        way_out = (
            ". Grades can be derived from the observations: set cohort.grades: derived"
            if "assessments" in missing and "observations" in paths
            else ""
        )
        raise InputError(
            f"{folder} lacks {', '.join(f'{name}.csv' for name in missing)} (or .parquet). "
            f"Found: {', '.join(sorted(path.name for path in paths.values())) or 'no table'}"
            + way_out
            + about_workbooks(Path(folder).iterdir())
        )
    book = AnalyteBook(dict(local or {}), local is None, limits or {})
    strays = _folder_remarks(Path(folder), paths)
    read = _read(paths, config, book, None, extra_scales, products, strays=strays)
    if read.cohort.labs["cancelled"].all():
        table = "\n".join(refusal_table(read.rejects, read.counts))
        raise InputError(f"no row of {paths['labs']} could be used\n{table}")
    return read


def read_batch(
    path: str | Path,
    config: CohortConfig,
    local: Mapping[str, Analyte],
    *,
    limits: Limits | None = None,
    products: Collection[str] = (),
    as_of: str | None = None,
    extra_scales: tuple[str, ...] = (),
) -> ReadResult:
    """Read a batch to be scored: a folder with ``labs`` or one labs file.

    Parameters
    ----------
    path : path
        Folder of tables, or a single labs file whose times are hours.
    local : mapping
        Cohort-local analytes of the training cohort.
    limits, products : optional
        Its inferred limits and its products, as in :func:`read_cohort`.
    as_of : str, optional
        Hours since time zero or an ISO 8601 time; rows from then on are rejected.
    """
    book = AnalyteBook(local, learning=False, limits=limits or {})
    paths = batch_paths(path)
    strays = _folder_remarks(Path(path), paths)
    return _read(paths, config, book, as_of, extra_scales, products, live=True, strays=strays)


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
    elif not source.exists():
        raise InputError(f"{source} does not exist; give a folder of tables or a labs file.")
    else:
        raise InputError(
            f"{source} is neither a folder of tables nor a file ending in {', '.join(SUFFIXES)}"
            + about_workbooks([source])
        )
    if "labs" not in paths:
        found = sorted(item.name for item in source.iterdir()) if source.is_dir() else []
        raise InputError(
            f"{source} lacks labs.csv (or .parquet), so there is nothing to score. "
            f"Found: {', '.join(found[:10]) or 'nothing'}" + about_workbooks(map(Path, found))
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
        raise InputError(
            f"{folder} is not a folder; give the folder that holds patients.csv, labs.csv, ..."
        )
    found = {name: find_table(folder, name) for name in TABLES}
    return {name: path for name, path in found.items() if path is not None}


def _folder_remarks(folder: Path, paths: Mapping[str, Path]) -> list[str]:
    """What of a folder was not read; a table that is there as a workbook only is refused."""
    if not folder.is_dir():
        return []
    refuse_workbook_tables(folder, paths)
    names = [path.name for path in folder.iterdir() if path.is_file()]
    remarks = unread_files(names, [path.name for path in paths.values()])
    for remark in remarks:
        log.warn(remark)
    return remarks


def _read(
    paths: dict[str, Path],
    config: CohortConfig,
    book: AnalyteBook,
    as_of: str | None,
    extra_scales: tuple[str, ...],
    products: Collection[str],
    *,
    live: bool = False,
    strays: Sequence[str] = (),
) -> ReadResult:
    ledger = Ledger(live=live, remarks=[*strays])
    raw = {}
    for name, path in paths.items():
        table = read_raw(path, ledger, tuple(TableSchema.load(name).fields))
        raw[name] = ledger.remember(path.name, table, year_first(table, config.date_order))
        if len(table) == 0 and name in _BARE:
            ledger.remarks.append(f"{path.name} has no usable row, so {_BARE[name]}.")
    names = {name: path.name for name, path in paths.items()}
    TableSchema.load("labs").check_columns(raw["labs"], names["labs"])
    if len(raw["labs"]) == 0:
        raise InputError(f"{paths['labs']} has a header but no usable row")
    seen = set().union(*(table.get("patient_id", ()) for table in raw.values()))
    seen = seen.union(*ledger.ragged_patients.values())
    known_from = "patients" if "patients" in raw else "labs"
    if "patients" in raw:
        raw["patients"] = read_products(raw["patients"], names["patients"], products, ledger)
        infusions = read_patients(raw["patients"], names["patients"], config, ledger)
    else:
        infusions = derive_patients(raw["labs"], names["labs"])
    patients = people_of(infusions)
    if patients.empty:
        file = names.get("patients", names["labs"])
        refused = "\n".join(refusal_table(ledger.frame(), ledger.counts({})))
        way_out = ", or leave the file out, if all times are hours" if live else ""
        empty = f"{file} has no usable row; give one row per patient{way_out}"
        raise InputError(f"no patient row could be used\n{refused or empty}")
    dated = "collected_at" in raw["labs"]
    frontier = frontier_hours(patients, as_of, config, ledger, dated=dated)
    placed = {
        name: place(raw[name], patients, name, names[name], ledger, known_from=known_from)
        for name in TABLES[1:]
        if name in raw
    }
    lab_rows, book, imputed, sources = labs.read_labs(
        placed["labs"], patients, names["labs"], config, book, ledger, frontier, live=live
    )
    tables = {
        name: events.READERS[name](
            placed[name], patients, names[name], config, ledger, frontier, extra_scales
        )
        if name in placed
        else getattr(empty_cohort([]), name)
        for name in TABLES[2:]
    }
    if not live and config.grades == "charted" and "assessments" in names:
        _refuse_mixed_systems(ledger, names["assessments"], config)
    whole = Cohort(patients, lab_rows, **tables)
    cohort = finish_patients(split_episodes(whole, infusions))
    if live:
        cohort, frontier = current_episodes(cohort, frontier)
    surplus = {name: _accepted(cohort, name) - _accepted(whole, name) for name in TABLES[1:]}
    surplus["patients"] = len(cohort) - len(infusions)
    cohort = with_grades(cohort, config)
    derived = lab_rows["flag"] == "derived"
    return ReadResult(
        cohort=cohort,
        rejects=ledger.frame(),
        counts=ledger.counts({names["labs"]: int((lab_rows["cancelled"] & ~derived).sum())}),
        local=dict(book.local),
        limits={key: dict(ends) for key, ends in book.limits.items()},
        seen_ids=sorted(item for item in seen if item),
        lost=ledger.why_lost(),
        sha256=sha256_files(list(paths.values())),
        turnaround_imputed=imputed,
        as_of_hours=frontier,
        refused=refused_rows(ledger, config, book),
        files={name: path.name for name, path in paths.items()},
        derived=int(derived.sum()),
        remarks=[*ledger.remarks, *about_episodes(infusions, surplus, live=live)],
        surplus=surplus,
        analytes_read=_name_counts(raw["labs"]),
        analytes_rejected=dict(ledger.by_analyte),
        flags=ledger.flags(),
        notes=ledger.notes(),
        sources=sources,
    )


def _name_counts(labs: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(number) for name, number in labs["analyte"].value_counts().items()}


def _accepted(cohort: Cohort, name: str) -> int:
    """Rows of a table that stand in its file and are not withdrawn."""
    table = getattr(cohort, name)
    if name == "labs":
        table = table.loc[~table["cancelled"] & (table["flag"] != "derived")]
    return len(table)


def _refuse_mixed_systems(ledger: Ledger, file: str, config: CohortConfig) -> None:
    """Refuse a cohort some of whose patients are graded by another system only.

    Without their grades they would pass as patients to whom nothing happened.
    """
    if not ledger.other_systems:
        return
    found = "; ".join(
        f"{system}: {len(patients)} patients" for system, patients in ledger.other_systems.items()
    )
    raise InputError(
        f"{file} mixes grading systems: this run uses '{config.grading_system}', but some patients "
        f"have a scale graded by another one only ({found}). Systems are never pooled. Train them "
        "apart, with cohort.grading_system set to their system; or regrade them from observations "
        "with cohort.grades: charted_else_derived; or take them out of the export"
    )
