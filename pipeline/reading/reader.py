"""Reads an export folder or a batch into a Cohort; one bad row never loses the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.cohort import events, labs
from pipeline.cohort.analytes import Analyte, AnalyteResolver
from pipeline.cohort.clock import frontier_hours
from pipeline.cohort.episodes import about_episodes, current_episodes, people_of, split_episodes
from pipeline.cohort.files import about_workbooks, read_raw, sha256_files
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.patient_linkage import link_patients
from pipeline.cohort.patients import derive_patients, finish_patients, read_patients, read_products
from pipeline.cohort.reject_summary import refusal_table, refused_rows
from pipeline.cohort.schema import TableSchema
from pipeline.cohort.tables import TABLES, Cohort, empty_cohort
from pipeline.cohort.timestamps import year_first
from pipeline.config import CohortConfig
from pipeline.errors import InputError
from pipeline.grading.derived_grades import with_grades
from pipeline.reading.paths import _folder_remarks, batch_paths, tables_of
from pipeline.reading.read_result import ReadResult

_BARE = {
    "treatments": "no dose is known",
    "observations": "no bedside finding is known",
    "assessments": "no grade is charted",
}
Limits = Mapping[str, Mapping[str, float]]


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
        Products of that earlier cohort, see :func:`pipeline.cohort.patients.read_products`.
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
    book = AnalyteResolver(dict(local or {}), local is None, limits or {})
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
    book = AnalyteResolver(local, learning=False, limits=limits or {})
    paths = batch_paths(path)
    strays = _folder_remarks(Path(path), paths)
    return _read(paths, config, book, as_of, extra_scales, products, live=True, strays=strays)


def _read(
    paths: dict[str, Path],
    config: CohortConfig,
    book: AnalyteResolver,
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
        name: link_patients(raw[name], patients, name, names[name], ledger, known_from=known_from)
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
