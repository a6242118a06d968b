"""``cytocast import``: propose a mapping, or apply a confirmed one."""

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
    """Rewrite another shape of export as a cohort folder.

    Without a mapping, or with one that does not exist yet, a proposal is written for a person to
    confirm.

    Parameters
    ----------
    source : Path
        A sheet with one column per analyte, a folder with an OMOP export, or a FHIR .json or
        .ndjson file (also .gz) or folder of them.
    shape : str, optional
        One of ``SHAPES``; told from the file names by default.
    time_zone : str, optional
        Zone of times without offset.

    Returns
    -------
    code : int
    summary : str

    Raises
    ------
    UsageError
        If there is no confirmed mapping; the proposal then lies where the message says.
    InputError
        If the export cannot be read.
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
    """Rewrite an OMOP or FHIR export; see :func:`import_export`."""
    ledger = Ledger()
    if not os.path.lexists(place):
        records = _records(shape, source, ExchangeMapping(), ledger)
        proposal, found = propose_exchange(records)
        write_mapping(proposal, place, EXCHANGE_HEADER.format(name=source.name, shape=shape), found)
        raise UsageError(
            f"no mapping yet: a proposal is written to {place}, with the codes of this {shape} "
            "export. State which records are the infusion and, for training, which are grades; "
            "set confirmed: true, and run the same command again "
            f"with --mapping {place}",
            options=("mapping",),
        )
    stated = read_exchange_mapping(place, schema_yaml("exchange.yaml")[shape]["named"])
    made = assemble(_records(shape, source, stated, ledger), stated, ledger, time_zone)
    lines = [*ledger.remarks, *_fates(made, ledger)]
    lines += [f"flagged: {len(ledger.notes())} rows (import_flags.csv)"] * bool(ledger.noted)
    if "assessments" not in made.tables:
        lines.append("no grades: the mapping names none, so this cohort can be scored, not trained")
    return 0, _write(made.tables, ledger, output, lines)


def shape_of(source: Path) -> str:
    """Shape of an export by its file names.

    Raises
    ------
    InputError
        If it is none of ``SHAPES``.
    """
    if source.is_dir():
        if find_table(source, "person") and find_table(source, "measurement"):
            return "omop"
        found = [path.name for path in listing(source)]
        if find_table(source, "labs"):
            raise InputError(f"{source} is a cohort folder already; nothing is to be imported")
        if fhir_files(source):
            return "fhir"
        raise InputError(
            f"{source} is no known shape: an OMOP export has person and measurement as .csv or "
            ".parquet, a FHIR export .json or .ndjson (also .gz). "
            f"Found: {', '.join(found[:12]) or 'nothing'}" + workbook_hint(map(Path, found))
        )
    return "fhir" if fhir_files(source) else "wide"


def import_wide(
    source: Path, output: Claim, place: Path, *, time_zone: str | None = None
) -> tuple[int, str]:
    """Rewrite a sheet with one column per analyte; see :func:`import_export`."""
    if not source.is_file() or source.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{source} is no file ending in {', '.join(SUFFIXES)}" + workbook_hint([source])
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
            f"no mapping yet: a proposal is written to {place}. It takes {len(proposal.labs)} "
            f"columns as analytes, {blank} of them without a unit, and ignores "
            f"{len(proposal.ignored)}.{clock_text} Check it, fill in blanks, set confirmed: "
            f"true, and run the same command again with --mapping {place}",
            options=("mapping",),
        )
    mapping = read_mapping(place)
    usable = with_zone_offsets(table, mapping, source.name, time_zone, ledger)
    imported = from_wide(usable, mapping, source.name, ledger)
    if imported.filled == 0:
        raise InputError(
            f"{source} holds no result with a time in the columns that the mapping names"
        )
    refused = ledger.rejected[source.name]
    lines = [
        *ledger.remarks,
        *unrecognised_analytes(imported.tables["labs"]["analyte"]),
        f"{source.name}: {ledger.read[source.name]} rows read{_lines_text(source.name, ledger)}"
        + (f", {refused} lines refused (import_rejects.csv)" if refused else ""),
        f"results: {imported.filled}, blank cells: {imported.blank}, "
        f"patients: {len(imported.tables['patients'])}",
    ]
    if imported.untimed:
        counts = ", ".join(f"{name} {number}" for name, number in imported.untimed.items())
        lines.append(f"cells without a time, rejected (import_rejects.csv): {counts}")
    if imported.unused:
        lines.append(f"lines without a filled cell in any mapped column: {imported.unused}")
    return 0, _write(imported.tables, ledger, output, lines)


def _records(shape: str, source: Path, mapping: ExchangeMapping, ledger: Ledger) -> Records:
    return (read_omop if shape == "omop" else read_fhir)(source, mapping, ledger)


def _fates(made: AssembledTables, ledger: Ledger) -> list[str]:
    """Per file, what became of its rows."""
    lines = []
    for file in sorted(ledger.read):
        refused = {"refused": ledger.rejected[file], "repeats": ledger.collapsed[file]}
        fates = {**made.fates.get(file, {}), **refused}
        parts = [f"{number} {fate}" for fate, number in fates.items() if number]
        rows = f"{ledger.read[file]} rows read{_lines_text(file, ledger)}"
        lines.append(": ".join([file, rows, ", ".join(parts)]))
    if ledger.parts:
        lines.append("refused rows stand in import_rejects.csv, with the reason")
    return [line.removesuffix(": ") for line in lines]


def _lines_text(file: str, ledger: Ledger) -> str:
    """Number of physical lines where it differs from the rows, else ""."""
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
