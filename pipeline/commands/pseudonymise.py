"""``cytocast pseudonymise``: writes a cohort or batch without ids, names and dates."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline import log
from pipeline.cohort.files import SUFFIXES, read_raw, workbook_hint
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.schema import TableSchema
from pipeline.cohort.tables import TABLES
from pipeline.cohort.timestamps import year_first, zone
from pipeline.config import load_config
from pipeline.csv_files import write_csv
from pipeline.errors import InputError, UsageError
from pipeline.folders.claim import claim
from pipeline.format import counted
from pipeline.input_files import listing, refuse_irregular
from pipeline.pseudonymise.common_dates import common_dates, infusion_times
from pipeline.pseudonymise.hidden_ids import IdSearch, refuse_remaining_ids, without_ids
from pipeline.pseudonymise.release_attack import recovered_shifts, refuse_recovered
from pipeline.pseudonymise.released_columns import Account, allowed_columns, capped_ages, safe_cells
from pipeline.pseudonymise.released_times import (
    infusion_offsets,
    infusions_of,
    patients_in_hours,
    refuse_without_offset,
    rows_in_hours,
    shifted,
    time_columns,
)
from pipeline.pseudonymise.secret_key import (
    MOST_DAYS,
    Key,
    default_key_file,
    new_key,
    read_key,
    refuse_key_place,
    write_key,
)
from pipeline.pseudonymise.shortened_follow_up import without_common_dates
from pipeline.reading.paths import tables_of

TIMES = ("shifted", "hours")
Tables = dict[str, pd.DataFrame]


def pseudonymise(
    source: Path,
    out: Path,
    key_file: Path | None = None,
    config_files: Sequence[Path] = (),
    *,
    keep: Collection[str] = (),
    times: str = "shifted",
    time_zone: str | None = None,
    force: bool = False,
) -> tuple[int, str]:
    r"""Write the tables of a cohort or batch under keyed pseudonyms.

    Parameters
    ----------
    source : Path
        Folder of tables, or one table.
    out : Path
        Folder to write.
    key_file : Path, optional
        Secret key, created if missing. Batches with the same key can be linked.
    config_files : sequence of Path
        Time zone, order of dates, and host columns to keep.
    keep : collection of str
        Columns to keep that are not in the schema.
    times : {"shifted", "hours"}
        Dates shifted by whole days per patient, or hours since the infusion.
    time_zone : str, optional
        Zone of times without offset; overrides the configuration.
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
        If a path, the key, a column to keep or a time without offset is not accepted.
    InputError
        If the input cannot be read, or the release still reveals a shift or an id.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     labs, out = Path(place) / "labs.csv", Path(place) / "out"
    ...     header = "patient_id,name,analyte,value,unit,collected_hours\n"
    ...     _ = labs.write_text(header + "MRN123,Jane,crp,9,mg/L,30\n")
    ...     _ = pseudonymise(labs, out, Path(place) / "keys" / "key")
    ...     table = pd.read_csv(out / "labs.csv")
    >>> "name" in table, table["patient_id"][0] == "MRN123", table["value"].tolist()
    (False, False, [9])
    """
    config = load_config(config_files).cohort
    time_zone = time_zone or config.time_zone
    zone(time_zone)
    key_path = key_file or default_key_file()
    refuse_key_place(key_path, out)
    reads = [source, key_path, *config_files]
    with claim(out, command="pseudonymise", reads=reads, force=force) as output:
        output.refuse_occupied()
        known = os.path.lexists(key_path)
        key = read_key(key_path) if known else new_key()
        paths = _paths_of(source)
        account, ledger = Account(), Ledger()
        log.info("reading the tables")
        raw = {}
        for name, path in paths.items():
            table = read_raw(path, tuple(TableSchema.load(name).fields)).record_in(ledger)
            TableSchema.load(name).check_columns(table, path.name)
            raw[name] = year_first(table, config.date_order)
        _refuse_unknown(keep, raw)
        files = {name: path.name for name, path in paths.items()}
        kept = {*keep, *config.host_columns}
        tables = _released(raw, files, kept, key, time_zone, times, account)
        if not known:
            write_key(key, key_path)
        with output.folder() as folder:
            for name, table in tables.items():
                _write(table, folder, name, paths[name])
    lines = [
        *ledger.remarks,
        *(f"{files[name]}: {counted(len(table), 'row')}" for name, table in tables.items()),
        *(f"left out: {file}: {counted(number, 'line')} that cannot be read"
          for file, number in ledger.rejected.items() if number),
        *account.lines,
        *_about_times(tables, times, any(time_columns(raw[n], TableSchema.load(n)) for n in raw)),
        *_not_copied(source, paths),
        _about_key(key_path, raw, known=known),
        "Patients are harder to recognise, but not anonymous: rare courses, sites and free text "
        "stay. This is not legal advice; see docs/data.md for checks before data leave.",
        f"written to {out}",
    ]  # fmt: skip
    return 0, "\n".join(lines)


def _paths_of(source: Path) -> dict[str, Path]:
    """Tables of a folder, or the table of a file, named after the file (default: labs)."""
    if source.is_dir():
        paths = tables_of(source)
        if paths:
            return paths
        files = [path.name for path in listing(source)]
        raise InputError(
            f"{source} has none of the tables {', '.join(TABLES)} (as {', '.join(SUFFIXES)}). "
            f"Found: {', '.join(files[:10]) or 'nothing'}" + workbook_hint(map(Path, files))
        )
    if source.is_file() and source.suffix.lower() in SUFFIXES:
        name = source.stem.lower()
        return {name if name in TABLES else "labs": source}
    refuse_irregular(source)
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder of tables, or one table")
    raise InputError(
        f"{source} is neither a folder of tables nor a file ending in {', '.join(SUFFIXES)}"
        + workbook_hint([source])
    )


def _refuse_unknown(keep: Collection[str], raw: Mapping[str, pd.DataFrame]) -> None:
    present = dict.fromkeys(
        str(name) for table in raw.values() for name in table.columns if name != "_line"
    )
    unknown = [name for name in keep if name not in present]
    if unknown:
        raise UsageError(
            f"--keep {unknown[0]}: no table has this column. Choose from {', '.join(present)}",
            options=("keep",),
        )


def _released(
    raw: Mapping[str, pd.DataFrame],
    files: Mapping[str, str],
    keep: set[str],
    key: Key,
    time_zone: str | None,
    times: str,
    account: Account,
) -> Tables:
    """Tables of the release, after a test attack has found nothing.

    Raises
    ------
    InputError
        If a common date reveals a shift, or an original id remains.
    """
    search = IdSearch(frozenset().union(*(table["patient_id"] for table in raw.values())) - {""})
    dated = {name: time_columns(table, TableSchema.load(name)) for name, table in raw.items()}
    allowed = without_ids(_allowed(raw, files, keep, account), files, search, dated, account)
    for name, table in allowed.items():
        refuse_without_offset(table, TableSchema.load(name), files[name], time_zone)
    zero = infusion_times(allowed, time_zone)
    common = common_dates(allowed, zero, time_zone)
    harmless = without_common_dates(allowed, files, common, zero, key, time_zone, account)
    tables = _without_dates(harmless, files, key, time_zone, times, account)
    offsets = infusion_offsets(allowed.get("patients"), time_zone)
    refuse_recovered(recovered_shifts(tables, common, key.days, zero, offsets), files)
    own = {name: _by_pseudonym(table, key)["patient_id"] for name, table in tables.items()}
    tables = {name: _renamed(table, key) for name, table in tables.items()}
    generated = {f"{column.rpartition('_')[0]}_hours" for each in dated.values() for column in each}
    generated |= {column for each in dated.values() for column in each}
    refuse_remaining_ids(tables, files, search, own, generated | {"second_infusion_hours"})
    return tables


def _allowed(
    raw: Mapping[str, pd.DataFrame], files: Mapping[str, str], keep: set[str], account: Account
) -> Tables:
    """Tables with the columns and cells that may be released; times are unchanged."""
    tables = {}
    for name, table in raw.items():
        schema, file = TableSchema.load(name), files[name]
        table = allowed_columns(table, schema, file, keep, account)
        table = safe_cells(table, schema, file, time_columns(table, schema), account)
        tables[name] = capped_ages(table, account)
    return tables


def _without_dates(
    tables: Tables,
    files: Mapping[str, str],
    key: Key,
    time_zone: str | None,
    times: str,
    account: Account,
) -> Tables:
    """Tables with shifted times, or in hours."""
    patients = tables.get("patients")
    if times == "shifted":
        offsets = infusion_offsets(patients, time_zone)
        return {
            name: shifted(
                table, TableSchema.load(name), files[name], key, offsets, time_zone, account
            )
            for name, table in tables.items()
        }
    infusions = infusions_of(patients, files.get("patients", ""), time_zone)
    made = {}
    for name, table in tables.items():
        schema, file = TableSchema.load(name), files[name]
        dated = time_columns(table, schema)
        if dated and infusions is None:
            raise InputError(
                f"{file} has '{dated[0]}', but no patients table has 'infusion_time', so hours "
                "cannot be computed; add it, or leave --times out to shift the dates",
                options=("times",),
            )
        if infusions is None or not dated:
            made[name] = table
        elif name == "patients":
            made[name] = patients_in_hours(table, infusions, file, account)
        else:
            made[name] = rows_in_hours(table, schema, infusions, file, time_zone, account)
    return made


def _renamed(table: pd.DataFrame, key: Key) -> pd.DataFrame:
    """Rows sorted by pseudonym, because the original order can reveal identities."""
    table = _by_pseudonym(table, key)
    return table.assign(patient_id=table["_pseudonym"]).drop(columns="_pseudonym")


def _by_pseudonym(table: pd.DataFrame, key: Key) -> pd.DataFrame:
    ids = table["patient_id"]
    names = {name: key.pseudonym(name) if name else "" for name in ids.unique()}
    named = table.assign(_pseudonym=ids.map(names).astype("str"))
    return named.sort_values("_pseudonym", kind="stable", ignore_index=True)


def _write(table: pd.DataFrame, folder: Path, name: str, path: Path) -> None:
    """Write a table in its original format, CSV or Parquet; every cell is text."""
    table = table.drop(columns="_line")
    if path.suffix.lower() == ".parquet":
        table.to_parquet(folder / f"{name}.parquet", index=False)
        return
    write_csv(table, folder / f"{name}.csv")


def _about_times(tables: Tables, times: str, dated: bool) -> list[str]:
    if not dated:
        return ["times: no table has dates"]
    if times == "hours":
        return ["times: hours since the first infusion of each patient; no date remains"]
    lines = [
        f"times: each patient's dates moved back by 1 to {MOST_DAYS:,} whole days, the same in "
        "every table; intervals are exact (safer: --times hours)"
    ]
    if "infusion_time" in tables.get("patients", ()):
        lines.append(
            "the order of patients in time is lost: leave the temporal split out of evaluations "
            "(evaluation.further_splits: [site])"
        )
    return lines


def _not_copied(source: Path, paths: Mapping[str, Path]) -> list[str]:
    if not source.is_dir():
        return []
    others = sorted({path.name for path in listing(source)} - {p.name for p in paths.values()})
    names = ", ".join(others[:6]) + (f" and {len(others) - 6} more" if len(others) > 6 else "")
    return [f"not copied: {names}"] if others else []


def _about_key(path: Path, raw: Mapping[str, pd.DataFrame], *, known: bool) -> str:
    ids = {name for table in raw.values() for name in table["patient_id"].unique() if name}
    end = (
        "an existing key, so patients link to earlier batches"
        if known
        else "which is new. Keep it, and keep it secret: it links later batches, and anyone with "
        "it can test whether a known patient is in the data"
    )
    return f"patient_id: {counted(len(ids), 'patient')} under pseudonyms of the key {path}, {end}"
