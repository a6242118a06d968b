"""``cytocast import``: propose a mapping, or apply a confirmed one."""

from __future__ import annotations

from pathlib import Path

from pipeline.cohort.files import SUFFIXES, about_workbooks, read_raw
from pipeline.cohort.importers.mapping import read_mapping, write_mapping
from pipeline.cohort.importers.propose import propose_mapping
from pipeline.cohort.importers.wide import from_wide
from pipeline.cohort.rejects import Ledger
from pipeline.errors import InputError, UsageError
from pipeline.folders import complete_folder, refuse_occupied


def import_wide(source: Path, out: Path, mapping: Path | None, *, force: bool) -> tuple[int, str]:
    """Rewrite a wide sheet as a cohort folder.

    Without a mapping, or with one that does not exist yet, a proposal is written for a person to
    confirm.

    Returns
    -------
    code : int
    summary : str

    Raises
    ------
    UsageError
        If there is no confirmed mapping; the proposal then lies where the message says.
    InputError
        If the sheet cannot be read.
    """
    if not source.is_file() or source.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{source} is no file ending in {', '.join(SUFFIXES)}" + about_workbooks([source])
        )
    refuse_occupied(out, force=force)
    ledger = Ledger()
    table = read_raw(source, ledger, ())
    place = mapping if mapping is not None else out.with_name(f"{out.name}.mapping.yaml")
    if not place.exists():
        proposal = propose_mapping([name for name in table.columns if name != "_line"])
        write_mapping(proposal, place, source)
        blank = sum(not lab.unit for lab in proposal.labs.values())
        raise UsageError(
            f"no mapping yet: a proposal is written to {place}. It takes {len(proposal.labs)} "
            f"columns as analytes, {blank} of them without a unit, and ignores "
            f"{len(proposal.ignored)}. Check it, fill in what is blank, set confirmed: true, and "
            f"run the same command again with --mapping {place}"
        )
    imported = from_wide(table, read_mapping(place), source.name)
    if imported.filled == 0:
        raise InputError(f"{source} holds no result in the columns that the mapping names")
    rejects = ledger.frame()
    with complete_folder(out, force=force) as folder:
        for name, content in imported.tables.items():
            content.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        if len(rejects):
            rejects.to_csv(folder / "import_rejects.csv", index=False, lineterminator="\n")
    refused = f", {len(rejects)} lines refused (import_rejects.csv)" if len(rejects) else ""
    lines = [
        *ledger.remarks,
        f"{source.name}: {len(table)} rows read{refused}",
        f"results: {imported.filled}, blank cells: {imported.blank}, "
        f"patients: {len(imported.tables['patients'])}",
        f"written to {out}: {', '.join(f'{name}.csv' for name in imported.tables)}",
    ]
    return 0, "\n".join(lines)
