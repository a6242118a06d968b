"""``cytocast import``: proposes a mapping, or applies a confirmed one."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from pipeline.cohort.files import SUFFIXES, find_table, read_raw, workbook_hint
from pipeline.cohort.ledger import Ledger
from pipeline.csv_files import write_csv
from pipeline.errors import InputError, UsageError
from pipeline.folders.claim import Claim, claim
from pipeline.importers.assemble import AssembledTables, assemble
from pipeline.importers.code_names import unrecognised_analytes
from pipeline.importers.exchange_mapping import HEADER as EXCHANGE_HEADER
from pipeline.importers.exchange_mapping import (
    ExchangeMapping,
    propose_exchange,
    read_exchange_mapping,
)
from pipeline.importers.fhir import read_fhir
from pipeline.importers.fhir_resources import fhir_files
from pipeline.importers.omop import read_omop
from pipeline.importers.records import Records
from pipeline.importers.wide_clocks import clock_columns
from pipeline.importers.wide_mapping import HEADER, propose_mapping, read_mapping, write_mapping
from pipeline.importers.wide_proposal import clock_notes
from pipeline.importers.wide_sheet import from_wide, with_zone_offsets
from pipeline.input_files import listing, refuse_irregular
from pipeline.resources import schema_yaml

SHAPES = ("wide", "omop", "fhir")


def import_export(
    source: Path,
    out: Path,
    mapping: Path | None,
    *,
    shape: str | None = None,
    time_zone: str | None = None,
    force: bool = False,
) -> tuple[int, str]:
    r"""Convert a wide sheet, OMOP or FHIR export to a cohort folder.

    If the mapping does not exist, a proposal is written for a person to confirm.

    Parameters
    ----------
    source : Path
        A sheet with one column per analyte, a folder with an OMOP export, or a FHIR .json or
        .ndjson file (also .gz) or folder of them.
    out : Path
        Folder to write.
    mapping : Path or None
        Default: ``<out>.mapping.yaml``.
    shape : {"wide", "omop", "fhir"}, optional
        Default: inferred from the file names.
    time_zone : str, optional
        Zone of times without offset.
    force : bool
        Replace the existing content of ``out``.

    Returns
    -------
    code : int
        0.
    summary : str

    Raises
    ------
    UsageError
        If there is no confirmed mapping; the message names the file with the proposal.
    InputError
        If the export cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     sheet, mapping = Path(place) / "sheet.csv", Path(place) / "map.yaml"
    ...     _ = sheet.write_text("id,hours,CRP (mg/L)\nA,30,9\n")
    ...     try:
    ...         import_export(sheet, Path(place) / "cohort", mapping)
    ...     except UsageError:
    ...         read = mapping.read_text()
    >>> "confirmed: false" in read, "crp" in read
    (True, True)
    """
    if not source.is_dir():
        refuse_irregular(source)
    if not source.exists():
        raise InputError(
            f"{source} does not exist; give a sheet, a folder with an OMOP export, or FHIR as "
            ".json, .ndjson or a folder of them"
        )
    shape = shape or shape_of(source)
    place = mapping if mapping is not None else out.parent / f"{out.name}.mapping.yaml"
    with claim(out, command="import", reads=[source, place], force=force) as output:
        output.refuse_occupied()
        if shape == "wide":
            return import_wide(source, output, place, time_zone=time_zone)
        return _import_records(source, output, place, shape=shape, time_zone=time_zone)


def _import_records(
    source: Path, output: Claim, place: Path, *, shape: str, time_zone: str | None
) -> tuple[int, str]:
    """Convert an OMOP or FHIR export; see :func:`import_export`."""
    ledger = Ledger()
    if not os.path.lexists(place):
        records = _records(shape, source, ExchangeMapping(), ledger)
        proposal, notes = propose_exchange(records)
        write_mapping(proposal, place, EXCHANGE_HEADER.format(name=source.name, shape=shape), notes)
        raise UsageError(
            f"no mapping yet: a proposal with the codes of this {shape} export is written to "
            f"{place}. State which records are the infusion and, for training, the grades; set "
            f"confirmed: true, and run the command again with --mapping {place}",
            options=("mapping",),
        )
    stated = read_exchange_mapping(place, schema_yaml("exchange.yaml")[shape]["named"])
    made = assemble(_records(shape, source, stated, ledger), stated, ledger, time_zone)
    lines = [*ledger.remarks, *_fates(made, ledger)]
    lines += [f"flagged: {len(ledger.notes())} rows (import_flags.csv)"] * bool(ledger.noted)
    if "assessments" not in made.tables:
        lines.append(
            "no grades in the mapping: the cohort can be scored, but not used for training"
        )
    return 0, _write(made.tables, ledger, output, lines)


def shape_of(source: Path) -> str:
    """Kind of an export, from its file names.

    Raises
    ------
    InputError
        If the files match none of ``SHAPES``.
    """
    if source.is_dir():
        if find_table(source, "person") and find_table(source, "measurement"):
            return "omop"
        files = [path.name for path in listing(source)]
        if find_table(source, "labs"):
            raise InputError(f"{source} is a cohort folder already; use it without import")
        if fhir_files(source):
            return "fhir"
        raise InputError(
            f"{source} has no known format: an OMOP export has person and measurement as .csv or "
            ".parquet, a FHIR export has .json or .ndjson (also .gz). "
            f"Found: {', '.join(files[:12]) or 'nothing'}" + workbook_hint(map(Path, files))
        )
    return "fhir" if fhir_files(source) else "wide"


def import_wide(
    source: Path, output: Claim, place: Path, *, time_zone: str | None = None
) -> tuple[int, str]:
    """Convert a sheet with one column per analyte; see :func:`import_export`."""
    if not source.is_file() or source.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{source} does not end in {', '.join(SUFFIXES)}"
            + (workbook_hint([source]) or "; export the sheet in one of these formats")
        )
    ledger = Ledger()
    table = read_raw(source, ()).record_in(ledger)
    if not os.path.lexists(place):
        header = [name for name in table.columns if name != "_line"]
        proposal = propose_mapping(header, table)
        notes = clock_notes(proposal, clock_columns(proposal.times_of(header), table))
        write_mapping(proposal, place, HEADER.format(file=source.name), notes)
        blank = sum(not lab.unit for lab in proposal.labs.values())
        clock_text = f" Times: {'; '.join(notes)}." if len(notes) > 1 else ""
        raise UsageError(
            f"no mapping yet: a proposal is written to {place}. It maps {len(proposal.labs)} "
            f"columns to analytes, {blank} of them without a unit, and ignores "
            f"{len(proposal.ignored)}.{clock_text} Check it, fill in blanks, set confirmed: "
            f"true, and run the command again with --mapping {place}",
            options=("mapping",),
        )
    mapping = read_mapping(place)
    usable = with_zone_offsets(table, mapping, source.name, time_zone, ledger)
    imported = from_wide(usable, mapping, source.name, ledger)
    if imported.filled == 0:
        raise InputError(
            f"{source} has no result with a time in the columns of {place}; correct the columns "
            "in the mapping"
        )
    rejected = ledger.rejected[source.name]
    lines = [
        *ledger.remarks,
        *unrecognised_analytes(imported.tables["labs"]["analyte"]),
        f"{source.name}: {ledger.read[source.name]} rows read{_lines_text(source.name, ledger)}"
        + (f", {rejected} rejected (import_rejects.csv)" if rejected else ""),
        f"results: {imported.filled}, blank cells: {imported.blank}, "
        f"patients: {len(imported.tables['patients'])}",
    ]
    if imported.untimed:
        counts = ", ".join(f"{name} {number}" for name, number in imported.untimed.items())
        lines.append(f"cells without a time, rejected (import_rejects.csv): {counts}")
    if imported.unused:
        lines.append(f"rows without a value in any mapped column: {imported.unused}")
    return 0, _write(imported.tables, ledger, output, lines)


def _records(shape: str, source: Path, mapping: ExchangeMapping, ledger: Ledger) -> Records:
    return (read_omop if shape == "omop" else read_fhir)(source, mapping, ledger)


def _fates(made: AssembledTables, ledger: Ledger) -> list[str]:
    """One line per file: rows read, and the number with each result."""
    lines = []
    for file in sorted(ledger.read):
        rejected = {"rejected": ledger.rejected[file], "repeats": ledger.collapsed[file]}
        fates = {**made.fates.get(file, {}), **rejected}
        parts = [f"{number} {fate}" for fate, number in fates.items() if number]
        rows = f"{ledger.read[file]} rows read{_lines_text(file, ledger)}"
        lines.append(": ".join([file, rows, ", ".join(parts)]))
    if ledger.parts:
        lines.append("import_rejects.csv lists rejected rows with reasons")
    return [line.removesuffix(": ") for line in lines]


def _lines_text(file: str, ledger: Ledger) -> str:
    """Number of physical lines if it differs from the rows, else ""."""
    counts = ledger.line_counts(file)
    if not counts:
        return ""
    return (
        f" from {counts['lines']} lines ({counts['blank_lines']} blank, "
        f"{counts['continuation_lines']} inside cells of several lines)"
    )


def _write(tables: dict[str, pd.DataFrame], ledger: Ledger, output: Claim, lines: list[str]) -> str:
    listed = {"import_rejects": ledger.frame(), "import_flags": ledger.notes()}
    with output.folder() as folder:
        for name, content in tables.items():
            write_csv(content, folder / f"{name}.csv")
        for name, content in listed.items():
            if len(content):
                write_csv(content, folder / f"{name}.csv")
    written = ", ".join(f"{name}.csv" for name in tables)
    return "\n".join([*lines, f"written to {output.stated}: {written}"])
