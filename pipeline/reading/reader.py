"""Reads an export folder or a batch into a Cohort; one bad row never loses the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.cohort import events, labs
from pipeline.cohort.analyte_resolver import AnalyteResolver
from pipeline.cohort.analytes import Analyte
from pipeline.cohort.categories import check_host_columns, read_sex
from pipeline.cohort.clock import future_cutoff_hours
from pipeline.cohort.episodes import (
    current_episodes,
    episode_remarks,
    patients_of_episodes,
    split_episodes,
)
from pipeline.cohort.files import RawTable, read_raw, sha256_tables
from pipeline.cohort.lab_values import comma_remedy
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.number_columns import read_number_columns
from pipeline.cohort.patient_links import link_patients
from pipeline.cohort.patients import (
    derive_patients,
    finish_patients,
    read_patients,
)
from pipeline.cohort.product_names import read_products
from pipeline.cohort.reject_summary import refusal_table, refused_rows
from pipeline.cohort.schema import TableSchema
from pipeline.cohort.tables import TABLES, Cohort, empty_cohort
from pipeline.cohort.timestamps import year_first
from pipeline.config_cohort import CohortConfig
from pipeline.errors import InputError
from pipeline.grading.derived_grades import with_grades
from pipeline.reading.paths import batch_paths, cohort_paths, folder_remarks
from pipeline.reading.read_result import ReadResult

_BARE = {
    "treatments": "no dose is known",
    "observations": "no bedside finding is known",
    "assessments": "no grade is charted",
}
Limits = Mapping[str, Mapping[str, float]]
Levels = Mapping[str, Collection[str]]


def read_cohort(
    folder: str | Path,
    config: CohortConfig,
    *,
    extra_scales: tuple[str, ...] = (),
    local: Mapping[str, Analyte] | None = None,
    limits: Limits | None = None,
    products: Collection[str] = (),
    levels: Levels | None = None,
    required: tuple[str, ...] | None = None,
) -> ReadResult:
    r"""Read a training cohort: ``patients``, ``labs`` and ``assessments`` are required.

    Parameters
    ----------
    folder : str or Path
        Folder with CSV or Parquet tables.
    config : CohortConfig
        Settings of the cohort.
    extra_scales : tuple of str
        Scales of configured outcomes that are not in the schema.
    local : mapping, optional
        Cohort-local analytes of the training cohort, to evaluate a bundle; default: of this cohort.
    limits : mapping, optional
        Usual limits of the training cohort; used with ``local``.
    products : collection of str
        Products of the training cohort, see :func:`pipeline.cohort.product_names.read_products`.
    levels : mapping, optional
        Categories of the training cohort by column of ``patients``, see
        :func:`pipeline.cohort.categories.check_host_columns`.
    required : tuple of str, optional
        Tables that must exist, if others than these three.

    Returns
    -------
    ReadResult

    Raises
    ------
    InputError
        If a required table or column is missing, or no lab row can be used.

    Examples
    --------
    >>> import tempfile
    >>> labs = "patient_id,analyte,value,unit,collected_hours"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labs.csv").write_text(f"{labs}\nA,CRP,1.2,mg/dL,24\n")
    ...     read = read_cohort(folder, CohortConfig(), required=("labs",))
    >>> read.cohort.labs[["analyte", "value"]].values.tolist(), len(read.rejects)
    ([['crp', 12.0]], 0)
    """
    paths = cohort_paths(Path(folder), config.grades, required)
    remarks = folder_remarks(Path(folder), paths)
    return read_tables(
        raw_tables(paths),
        config,
        local=local,
        limits=limits,
        products=products,
        levels=levels,
        extra_scales=extra_scales,
        remarks=remarks,
    )


def read_batch(
    path: str | Path,
    config: CohortConfig,
    local: Mapping[str, Analyte],
    *,
    limits: Limits | None = None,
    products: Collection[str] = (),
    levels: Levels | None = None,
    as_of: str | None = None,
    extra_scales: tuple[str, ...] = (),
) -> ReadResult:
    r"""Read a batch to be scored, each patient in the current infusion.

    Parameters
    ----------
    path : str or Path
        Folder of tables, or a single labs file whose times are hours.
    config : CohortConfig
        Settings of the cohort.
    local : mapping
        Cohort-local analytes of the training cohort.
    limits, products, levels : optional
        As in :func:`read_cohort`.
    as_of : str, optional
        Hours since time zero or an ISO 8601 time; rows from then on are rejected.
    extra_scales : tuple of str
        As in :func:`read_cohort`.

    Returns
    -------
    ReadResult

    Raises
    ------
    InputError
        If there is no labs table, or a required column is missing.
    UsageError
        If ``as_of`` is not valid.

    Examples
    --------
    >>> import tempfile
    >>> labs = "patient_id,analyte,value,unit,collected_hours"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labs.csv")
    ...     _ = path.write_text(f"{labs}\nA,CRP,9,mg/L,24\nA,CRP,8,mg/L,48\n")
    ...     read = read_batch(path, CohortConfig(), {}, as_of="36")
    >>> read.cohort.labs["value"].tolist(), read.rejects["code"].tolist()
    ([9.0], ['future'])
    """
    paths = batch_paths(path)
    remarks = folder_remarks(Path(path), paths)
    return read_tables(
        raw_tables(paths),
        config,
        local=local,
        limits=limits,
        products=products,
        levels=levels,
        as_of=as_of,
        extra_scales=extra_scales,
        live=True,
        remarks=remarks,
    )


def raw_tables(paths: Mapping[str, Path]) -> dict[str, RawTable]:
    r"""Read the files of an export as text, by table name.

    Parameters
    ----------
    paths : mapping of str to Path
        File of each table.

    Returns
    -------
    dict of str to RawTable

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labs.csv")
    ...     _ = path.write_text("Patient ID,value\nA,5.0\n")
    ...     raw_tables({"labs": path})["labs"].frame["patient_id"].tolist()
    ['A']
    """
    return {
        name: read_raw(path, tuple(TableSchema.load(name).fields)) for name, path in paths.items()
    }


def read_tables(
    tables: Mapping[str, RawTable],
    config: CohortConfig,
    *,
    local: Mapping[str, Analyte] | None = None,
    limits: Limits | None = None,
    products: Collection[str] = (),
    levels: Levels | None = None,
    as_of: str | None = None,
    extra_scales: tuple[str, ...] = (),
    live: bool = False,
    remarks: Sequence[str] = (),
) -> ReadResult:
    """Read tables from any source: files, memory or a database.

    Parameters
    ----------
    tables : mapping of str to RawTable
        By table name; ``labs`` is required.
    config : CohortConfig
        Settings of the cohort.
    local, limits, products, levels : optional
        As in :func:`read_cohort`.
    as_of : str, optional
        As in :func:`read_batch`.
    extra_scales : tuple of str
        As in :func:`read_cohort`.
    live : bool
        Whether this is a batch to be scored, each patient in the current infusion.
    remarks : sequence of str
        Remarks on the whole source, placed before those on its tables.

    Returns
    -------
    ReadResult

    Raises
    ------
    InputError
        If there is no labs table, a required column is missing, or no row can be used.

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": ["CRP"], "value": ["<0.5"],
    ...                      "unit": ["mg/L"], "collected_hours": [24]})
    >>> read = read_tables({"labs": raw_from_frame(labs, "labs")}, CohortConfig())
    >>> read.cohort.labs[["value", "side"]].values.tolist()
    [[0.5, -1.0]]
    """
    if "labs" not in tables or set(tables) - set(TABLES):
        raise InputError(
            f"tables found: {', '.join(tables) or 'none'}; accepted are {', '.join(TABLES)}, and "
            "labs is required. Add or rename it"
        )
    tables = {name: tables[name] for name in TABLES if name in tables}
    read = _read(
        tables,
        config,
        AnalyteResolver(dict(local or {}), local is None, limits or {}),
        as_of,
        extra_scales,
        products,
        levels or {},
        ledger=Ledger(live=live, remarks=[*remarks]),
    )
    if not live and read.cohort.labs["cancelled"].all():
        lines = [f"no row of {tables['labs'].source} could be used"]
        raise InputError("\n".join([*lines, *refusal_table(read.rejects, read.counts)]))
    return read


def _read(
    tables: Mapping[str, RawTable],
    config: CohortConfig,
    resolver: AnalyteResolver,
    as_of: str | None,
    extra_scales: tuple[str, ...],
    products: Collection[str],
    levels: Levels,
    *,
    ledger: Ledger,
) -> ReadResult:
    names, live = {name: table.file for name, table in tables.items()}, ledger.live
    recorded = _recorded(tables, config, ledger)
    TableSchema.load("labs").check_columns(recorded["labs"], names["labs"])
    if len(recorded["labs"]) == 0:
        raise InputError(f"{tables['labs'].source} has a header but no usable row; export it again")
    seen = set().union(*(table.get("patient_id", ()) for table in recorded.values()))
    seen = seen.union(ledger.refused_ids, *ledger.ragged_patients.values())
    typed = {name: table.typed for name, table in tables.items()}
    raw = read_number_columns(recorded, typed, names, config, ledger, comma_remedy(config))
    infusions = _infusions(raw, names, config, products, levels, ledger)
    patients, dated = patients_of_episodes(infusions), "collected_at" in raw["labs"]
    frontier = future_cutoff_hours(patients, as_of, config, ledger, dated=dated)
    known_from = "patients" if "patients" in raw else "labs"
    placed = {
        name: link_patients(raw[name], patients, name, names[name], ledger, known_from=known_from)
        for name in TABLES[1:]
        if name in raw
    }
    lab_rows, resolver, imputed, sources = labs.read_labs(
        placed["labs"], patients, names["labs"], config, resolver, ledger, frontier, live=live
    )
    charted = {
        name: events.READERS[name](
            placed[name], patients, names[name], config, ledger, frontier, extra_scales
        )
        if name in placed
        else getattr(empty_cohort([]), name)
        for name in TABLES[2:]
    }
    if not live and config.grades == "charted" and "assessments" in names:
        events.refuse_mixed_systems(ledger, names["assessments"], config)
    whole = Cohort(patients, lab_rows, **charted)
    cohort = finish_patients(split_episodes(whole, infusions))
    if live:
        cohort, frontier = current_episodes(cohort, frontier)
    surplus = {name: _accepted(cohort, name) - _accepted(whole, name) for name in TABLES[1:]}
    surplus["patients"] = len(cohort) - len(infusions)
    cohort = with_grades(cohort, config)
    derived = lab_rows["flag"] == "derived"
    exported_names = tables["labs"].frame["analyte"].value_counts()
    return ReadResult(
        cohort=cohort,
        rejects=ledger.frame(),
        counts=ledger.counts({names["labs"]: int((lab_rows["cancelled"] & ~derived).sum())}),
        local=dict(resolver.local),
        limits={key: dict(ends) for key, ends in resolver.limits.items()},
        seen_ids=sorted(item for item in seen if item),
        lost=ledger.why_lost(),
        sha256=sha256_tables(tables.values()),
        turnaround_imputed=imputed,
        as_of_hours=frontier,
        refused=refused_rows(ledger, config, resolver),
        files=names,
        derived=int(derived.sum()),
        remarks=[*ledger.remarks, *episode_remarks(infusions, surplus, live=live)],
        surplus=surplus,
        analytes_read={str(name): int(n) for name, n in exported_names.items()},
        analytes_rejected=dict(ledger.by_analyte),
        flags=ledger.flags(),
        notes=ledger.notes(),
        sources=sources,
    )


def _recorded(
    tables: Mapping[str, RawTable], config: CohortConfig, ledger: Ledger
) -> dict[str, pd.DataFrame]:
    """Text of every table with ISO 8601 times; its lines are entered in the ledger."""
    raw = {}
    for name, table in tables.items():
        frame = table.record_in(ledger)
        raw[name] = ledger.remember(table.file, frame, year_first(frame, config.date_order))
        if len(frame) == 0 and name in _BARE:
            ledger.remarks.append(f"{table.file} has no usable row, so {_BARE[name]}.")
    return raw


def _infusions(
    raw: dict[str, pd.DataFrame],
    names: Mapping[str, str],
    config: CohortConfig,
    products: Collection[str],
    levels: Levels,
    ledger: Ledger,
) -> pd.DataFrame:
    """One row per infusion, from the patients table or, without one, from the ids of the labs."""
    if "patients" not in raw:
        infusions = derive_patients(raw["labs"], names["labs"])
    else:
        file = names["patients"]
        people = read_products(raw["patients"], file, products, ledger)
        people = check_host_columns(read_sex(people, file, ledger), file, levels, ledger)
        infusions = read_patients(people, file, config, ledger)
    if infusions.empty:
        file = names.get("patients", names["labs"])
        refused = "\n".join(refusal_table(ledger.frame(), ledger.counts({})))
        hours = ", or omit the file if all times are hours" if ledger.live else ""
        empty = f"{file} has no usable row; give one row per patient{hours}"
        raise InputError(f"no patient row could be used\n{refused or empty}")
    return infusions


def _accepted(cohort: Cohort, name: str) -> int:
    """Rows of a table that come from its file and are not withdrawn."""
    table = getattr(cohort, name)
    if name == "labs":
        table = table.loc[~table["cancelled"] & (table["flag"] != "derived")]
    return len(table)
