"""Proposes clocks, doses, observations and codes from the names and cells of a wide sheet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pandas as pd

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.drug_names import drug_named
from pipeline.cohort.specimens import specimen_classes, specimen_column
from pipeline.importers.wide_clocks import ClockColumns, common_clock, owning_clock
from pipeline.importers.wide_columns import (
    CLOCKS,
    DataColumn,
    DoseColumn,
    PatientColumn,
    TimeColumn,
    WideMapping,
)
from pipeline.resources import schema_yaml

CODED = ("sex", "product")  # fields of patients whose numeric codes need a translation
CODE = r"\d+(?:\.0+)?"
_MOST_CODES = 20
_DOSE_UNITS = {"mg": "mg", "g": "g", "mgkg": "mg/kg"}
_GENERIC = ("date", "time", "datum", "datetime", "timestamp", "days", "day", "hours", "hour")


def dose_column(name: str) -> DoseColumn | None:
    """Drug and stated unit of a column name, None without a drug or unit.

    Examples
    --------
    >>> dose_column("tocilizumab_mg").unit, dose_column("tocilizumab_given")
    ('mg', None)
    """
    drug = drug_named(normalise_name(name))
    words = normalise_name(name).split("_")
    tails = ("".join(words[-2:]), words[-1])
    unit = next((_DOSE_UNITS[tail] for tail in tails if tail in _DOSE_UNITS), "")
    return DoseColumn(drug=drug, unit=unit) if drug and unit else None


@cache
def observation_item(name: str) -> str:
    """Item of ``observations.yaml`` with the key or name of a column, else "".

    Examples
    --------
    >>> observation_item("Temperature C"), observation_item("Ward")
    ('temperature_c', '')
    """
    items = schema_yaml("observations.yaml")["items"]
    names: dict[str, str] = {normalise_name(entry["name"]): key for key, entry in items.items()}
    names |= {normalise_name(key): key for key in items}
    return names.get(normalise_name(name), "")


def column_of_specimens(header: Sequence[str], table: pd.DataFrame | None = None) -> str:
    """Column with the specimen of each row, by its name or its cells; "" if there is none.

    Examples
    --------
    >>> column_of_specimens(["Ward", "Sample type"])
    'Sample type'
    >>> column_of_specimens(["Ward", "Tube"], pd.DataFrame({"Ward": ["7"], "Tube": ["CSF"]}))
    'Tube'
    """
    named = specimen_column(header)
    if named or table is None:
        return named
    specimens = {name: [specimen_classes(cell) for cell in table[name].unique()] for name in header}
    return next((name for name, read in specimens.items() if any(read) and None not in read), "")


def with_values(
    patients: dict[str, str], table: pd.DataFrame | None
) -> dict[str, str | PatientColumn]:
    """Columns of patients; codes get a blank translation for a person to fill in.

    Examples
    --------
    >>> with_values({"sex": "sex"}, pd.DataFrame({"sex": ["2", "1"]}))["sex"].values
    {'1': '', '2': ''}
    """
    roles: dict[str, str | PatientColumn] = dict(patients)
    for column, field in patients.items():
        codes = () if table is None or field not in CODED else codes_in(table[column])
        if codes and len(codes) <= _MOST_CODES:
            roles[column] = PatientColumn(to=field, values=dict.fromkeys(codes, ""))
    return roles


def codes_in(cells: pd.Series) -> tuple[str, ...]:
    """Distinct whole numbers of a column.

    Examples
    --------
    >>> codes_in(pd.Series(["2", "", "f", "1.0", "2"]))
    ('1', '2')
    """
    codes = cells[cells.str.fullmatch(CODE)].str.replace(r"\.0+$", "", regex=True)
    return tuple(sorted(codes.unique(), key=lambda code: (len(code), code)))


def with_clocks(
    draft: WideMapping, header: Sequence[str], clocks: ClockColumns, table: pd.DataFrame | None
) -> WideMapping:
    """Propose the clock of every group and column; blank if several columns match.

    Parameters
    ----------
    draft : WideMapping
        Proposal with ``collected`` from names only.
    header : sequence of str
    clocks : ClockColumns
    table : DataFrame or None
        Text cells.

    Returns
    -------
    WideMapping
    """
    reads = dict(clocks.reads)
    if draft.collected.column:
        reads.setdefault(draft.collected.column, draft.collected.reads)
    owners = {
        group: {name: owning_clock(name, header, list(reads), table)
                for name in draft.columns_of(group)}
        for group in CLOCKS
    }  # fmt: skip

    readings = set(reads.values())
    default_reading = readings.pop() if len(readings) == 1 else "at"  # for clocks that stay blank

    def clock(column: str) -> TimeColumn:
        read = {"column": column, "reads": reads.get(column, default_reading)}
        return TimeColumn.model_validate({**read, "time": clocks.time_of_day.get(column)})

    others = {name for group in CLOCKS if group != "labs" for name in owners[group].values()}
    chosen = {"labs": _collected(draft.collected.column, owners["labs"], set(reads) - others)}
    single = len(reads) + (draft.resulted is not None) <= 1
    changes: dict[str, object] = {"collected": clock(chosen["labs"])}
    for group in CLOCKS:
        named = owners[group]
        if not named:
            continue
        chosen.setdefault(group, common_clock(named.values()))
        if group != "labs" and not (single and not chosen[group]):
            changes[CLOCKS[group]] = clock(chosen[group])
        own = {
            name: column.model_copy(update={"at": clock(named[name])})
            for name, column in draft.columns_of(group).items()
            if named[name] not in ("", chosen[group])
        }
        changes[group] = {**getattr(draft, group), **own}
    proposal = draft.model_copy(update=changes)
    used = set(proposal.columns())
    return proposal.model_copy(update={"ignored": tuple(n for n in header if n not in used)})


def clock_notes(proposal: WideMapping, clocks: ClockColumns) -> list[str]:
    """List the columns that may have times, and the clocks left blank.

    Parameters
    ----------
    proposal : WideMapping
    clocks : ClockColumns
        From :func:`pipeline.importers.wide_clocks.clock_columns`.

    Returns
    -------
    list of str
        Lines; empty if at most one column may have times.

    Examples
    --------
    >>> draft = {"patient_id": "id", "collected": "lab_date", "labs": {}}
    >>> clocks = ClockColumns({"lab_date": "at", "tox_day": "days"})
    >>> clock_notes(WideMapping(**draft), clocks)
    ['columns that may have times: lab_date, tox_day (days)']
    """
    candidates = list(dict.fromkeys([*proposal.clock_names(), *clocks.reads]))
    if len(candidates) <= 1:
        return []
    read = {clock.column: clock.reads for clock in proposal.clocks()} | clocks.reads
    listed = [
        name if read.get(name, "at") == "at" else f"{name} ({read[name]})" for name in candidates
    ]
    lines = [f"columns that may have times: {', '.join(listed)}"]
    for group, name in CLOCKS.items():
        stated: TimeColumn | None = getattr(proposal, name)
        bare = [key for key, item in proposal.columns_of(group).items() if item.at is None]
        if stated is not None and not stated.column and bare:
            lines.append(f"{name} is blank; name the column with the time of {', '.join(bare)}")
    return lines


def _collected(named: str, owners: dict[str, str], rivals: set[str]) -> str:
    """Clock of the labs: by a specific name, else by their columns, else the only clock."""
    plain = re.sub(r"[^a-z]", "", named.lower())
    if named and plain not in _GENERIC:
        return named
    return common_clock(owners.values()) or (named if rivals <= {named} else "")


def stated_columns(mapping: WideMapping, group: str) -> dict[str, DataColumn]:
    """Columns of a group without a clock."""
    return {
        name: item
        for name, item in mapping.columns_of(group).items()
        if mapping.clock_of(group, name) is None
    }
