"""Records of an exchange format in one shape, before a mapping gives them a meaning."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import dictionary, find_key, key_in_specimen, named_analyte
from pipeline.cohort.ledger import Ledger, quoted
from pipeline.cohort.private_cells import hide_cells
from pipeline.cohort.specimens import analyte_in_specimen
from pipeline.cohort.timestamps import CLOCK_CHANGE, NO_OFFSET, parse_dates, parse_timestamps
from pipeline.cohort.units import conversion
from pipeline.cohort.written_times import iso_times

EVENT_COLUMNS = ("table", "file", "patient_id", "codes", "name", "at", "at_column", "grade",
                 "dose", "unit", "route")  # fmt: skip
RESULT_COLUMNS = ("table", "file", "patient_id", "codes", "name", "called", "label", "loinc",
                  "value", "unit", "coded_unit", "at", "at_column", "resulted", "status",
                  "specimen", "ref_low", "ref_high", "grade", "component")  # fmt: skip
MANY_MIDNIGHTS = 0.05
STATE_OFFSET = "Give the time with its offset at the source, as in 2026-10-25T02:30:00+01:00."
LOINC_CODE = re.compile(r"\d{1,5}-\d")
_MIDNIGHT = r"(\d{4}-\d{2}-\d{2})[T ]00:00(?::00(?:\.0+)?)?(?: ?(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?"


@dataclass(frozen=True)
class Records:
    """Content of an export; every cell is text, blank if missing.

    Attributes
    ----------
    people : DataFrame
        ``patient_id, birth`` (ISO 8601, possibly only the year), ``sex, site, death, file,
        _line``.
    results : DataFrame
        Laboratory results: ``table, file, _line, patient_id, codes`` (tuple of str, for rules of a
        mapping), ``name`` (analyte by name or code), ``called`` (name in the record), ``label``
        (readable name), ``loinc, value, unit`` (as printed), ``coded_unit, at, at_column,
        resulted, status, specimen, ref_low, ref_high, grade``.
    events : DataFrame
        Everything else: ``table, file, _line, patient_id, codes, name, at, at_column, grade, dose,
        unit, route``.
    periods : DataFrame
        ``patient_id, start, end`` of observation; empty if the format has none.
    shape : str
        Name of the format in ``data_schema/exchange.yaml``.
    left_out : list of (file, kind)
        One entry per row that is not a laboratory result, for example a vital sign.
    """

    people: pd.DataFrame
    results: pd.DataFrame
    events: pd.DataFrame
    periods: pd.DataFrame
    shape: str
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for rows in (self.people, self.results, self.events, self.periods):
            hide_cells(rows)


def utc_times(cells: pd.Series, time_zone: str | None) -> pd.Series:
    """UTC times, for order and distances; a day counts from its start, no zone means UTC.

    Examples
    --------
    >>> utc_times(pd.Series(["2026-03-01 08:00", "2026-03-01", "soon"]), None).dt.hour.tolist()
    [8.0, 0.0, nan]
    """
    times, _ = parse_timestamps(cells, time_zone or "UTC")
    days, _ = parse_dates(cells, time_zone)
    return times.fillna(days)


def without_midnight(
    cells: pd.Series, reading: Literal["day", "time"] | None
) -> tuple[pd.Series, float]:
    """Replace times of 00:00 by days, if they mean a missing time of day.

    Parameters
    ----------
    cells : Series of str
    reading : {"day", "time"} or None
        Meaning of 00:00. None: a day if every cell with a time has 00:00.

    Returns
    -------
    cells : Series of str
    share : float
        Share of 00:00 among the cells with a time of day.

    Examples
    --------
    >>> without_midnight(pd.Series(["2026-03-01 00:00:00", "2026-03-02"]), None)[0].tolist()
    ['2026-03-01', '2026-03-02']
    """
    day = cells.str.extract(f"^{_MIDNIGHT}$", expand=False)
    timed = int((cells.str.len() > len("2026-03-01")).sum())
    share = float(day.notna().sum()) / timed if timed else 0.0
    if reading == "day" or (reading is None and share == 1.0):
        return cells.where(day.isna(), day).astype("str"), share
    return cells, share


def with_offsets(cells: pd.Series, time_zone: str | None) -> tuple[pd.Series, int]:
    """Append the offset of a zone to times without one.

    Parameters
    ----------
    cells : Series of str
    time_zone : str or None
        IANA name.

    Returns
    -------
    cells : Series of str
        Times that do not exist or occur twice in the zone stay unchanged.
    naive : int
        Number of times without offset that remain.

    Examples
    --------
    >>> with_offsets(pd.Series(["2026-03-01 08:00", "2026-03-01"]), "Europe/Berlin")[0].tolist()
    ['2026-03-01T08:00:00+01:00', '2026-03-01']
    """
    naive = parse_timestamps(cells, None)[1] == NO_OFFSET
    if time_zone is None or not naive.any():
        return cells, int(naive.sum())
    times, _ = parse_timestamps(cells.loc[naive], time_zone)
    known = times.dropna().dt.tz_convert(time_zone)
    placed = cells.copy()
    placed.loc[known.index] = known.map(lambda moment: moment.isoformat()).astype("str")
    return placed, int(naive.sum()) - len(known)


def offset_hint(missing: int, ledger: Ledger) -> None:
    """Add a remark on times without offset, if there are any."""
    if missing:
        ledger.remarks.append(
            f"{missing} times have no offset; give --tz here, or to every command that reads the "
            "cohort."
        )


def clock_changes(cells: pd.Series, time_zone: str | None) -> pd.Series:
    """Why a clock change makes a local time ambiguous or impossible, "" for every other cell.

    Examples
    --------
    >>> clock_changes(pd.Series(["2026-10-25 02:30", "2026-10-25 03:30"]), "Europe/Berlin").tolist()
    ['occurs twice in Europe/Berlin, because clocks go back', '']
    """
    if time_zone is None:
        return pd.Series("", index=cells.index, dtype="str")
    reason = parse_timestamps(cells, time_zone)[1]
    return reason.where(reason.str.contains(CLOCK_CHANGE, regex=False), "")


def named_code(name: str) -> str:
    """A LOINC code with the name of its analyte; any other name unchanged.

    Examples
    --------
    >>> named_code("2276-4"), named_code("Ferritin"), named_code("1-8")
    ('2276-4 (Ferritin)', 'Ferritin', '1-8')
    """
    key = find_key(name) if LOINC_CODE.fullmatch(name) else None
    return f"{name} ({dictionary()[key].name})" if key else name


def named_codes(names: pd.Series) -> pd.Series:
    """:func:`named_code` of every cell, in quotes."""
    return quoted(names.map({name: named_code(name) for name in names.unique()}).astype("str"))


def agreed_units(
    names: pd.Series, printed: pd.Series, coded: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Choose one unit per result from the printed and the coded unit.

    The printed unit is used, unless only the coded unit can be converted.

    Parameters
    ----------
    names, printed, coded : Series of str
        Analyte and units of each result, with the same index.

    Returns
    -------
    unit : Series of str
    clash : Series of bool
        Whether the two units contradict each other.

    Examples
    --------
    >>> cells = [pd.Series(texts) for texts in (["crp"] * 3, ["mg/l", "", "mg/dL"], ["mg/L"] * 3)]
    >>> unit, clash = agreed_units(*cells)
    >>> unit.tolist(), clash.tolist()
    (['mg/l', 'mg/L', 'mg/dL'], [False, False, True])
    """
    triples = pd.DataFrame({"name": names, "printed": printed, "coded": coded})
    number = triples.groupby(["name", "printed", "coded"], sort=False).ngroup().to_numpy()
    agreed = [_agreed(*triple) for triple in triples.drop_duplicates().itertuples(index=False)]
    units = np.array([unit for unit, _ in agreed], dtype=object)
    clashes = np.array([clash for _, clash in agreed], dtype=bool)
    return (
        pd.Series(units[number], index=names.index, dtype="str"),
        pd.Series(clashes[number], index=names.index, dtype=bool),
    )


def text_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Frame of text columns and ``_line``, also without rows; ``codes`` are tuples.

    Examples
    --------
    >>> text_frame([], ("patient_id",)).columns.tolist()
    ['patient_id', '_line']
    """
    cells: dict[str, pd.Series] = {}
    for name in columns:
        kind = "object" if name == "codes" else "str"
        cells[name] = pd.Series([row[name] for row in rows], dtype=kind)
    lines = np.array([row["_line"] for row in rows], dtype=np.int64)
    return pd.DataFrame(cells).assign(_line=lines)


def days_for_midnights(
    rows: pd.DataFrame, reading: Literal["day", "time"] | None, ledger: Ledger
) -> pd.DataFrame:
    """Apply :func:`without_midnight` per file and table; add a remark if days replace times."""
    at = iso_times(rows["at"])
    rows = rows.assign(at=at)
    for (file, table), part in rows.groupby(["file", "table"]):
        cells, share = without_midnight(part["at"], reading)
        at.loc[part.index] = cells
        if reading is not None:
            continue
        if share == 1.0:
            ledger.remarks.append(
                f"{file}: every time of {table} is 00:00; only the days are used."
            )
        elif share > MANY_MIDNIGHTS:
            ledger.remarks.append(
                f"{file}: {share:.0%} of the times of {table} are 00:00 and are read as midnight; "
                "if they are days without a time, set midnight: day in the mapping."
            )
    return rows.assign(at=at)


def look_up(cells: pd.Series, names: Mapping[Any, str]) -> pd.Series:
    """Translate each cell by a mapping, "" for other cells.

    Examples
    --------
    >>> look_up(pd.Series(["8507", "0"]), {"8507": "male"}).tolist()
    ['male', '']
    """
    return cells.map(lambda cell: names.get(cell, "")).astype("str")


def first_filled(*parts: pd.Series) -> pd.Series:
    """First cell of each row that is not blank.

    Examples
    --------
    >>> first_filled(pd.Series(["", "a"]), pd.Series(["b", "c"])).tolist()
    ['b', 'a']
    """
    cells = parts[0]
    for part in parts[1:]:
        cells = cells.where(cells != "", part)
    return cells.astype("str")


def refuse(
    rows: pd.DataFrame,
    mask: np.ndarray | pd.Series,
    ledger: Ledger,
    *,
    column: str,
    code: str,
    reason: str | pd.Series,
    remedy: str,
) -> pd.DataFrame:
    """Record the masked rows in the ledger, by file, and return the other rows."""
    chosen = np.asarray(mask, dtype=bool)
    for file in rows.loc[chosen, "file"].unique():
        part = chosen & (rows["file"] == file).to_numpy()
        entry = {"column": column, "code": code, "reason": reason, "remedy": remedy}
        ledger.reject(rows, part, file=str(file), **entry)  # type: ignore[arg-type]
    return rows.loc[~chosen]


def filled_columns(table: pd.DataFrame, always: Sequence[str]) -> pd.DataFrame:
    """Drop columns that are completely blank, except those in ``always``."""
    names = [name for name in table if name in always or (table[name] != "").any()]
    return table[names].reset_index(drop=True)


def contradicting(called: pd.Series, coded: pd.Series) -> pd.Series:
    """Where a name and a code are of different analytes; a name may omit the specimen.

    Examples
    --------
    >>> contradicting(pd.Series(["CRP", "Albumin"]), pd.Series(["2276-4", "1746-7"])).tolist()
    [True, False]
    """
    pairs = list(zip(called, coded, strict=True))
    contradicts = {pair: _contradict(*pair) for pair in set(pairs)}
    return pd.Series([contradicts[pair] for pair in pairs], index=called.index, dtype=bool)


def _contradict(called: str, coded: str) -> bool:
    code, named = find_key(coded), named_analyte(called)
    if code is None or named is None or code == key_in_specimen(*named):
        return False
    csf = analyte_in_specimen(named[0], frozenset({"csf"}))
    return bool(named[1]) or code not in (named[0], csf)


def _agreed(name: str, printed: str, coded: str) -> tuple[str, bool]:
    if not printed or not coded:
        return printed or coded, False
    analyte = dictionary().get(find_key(name) or "")
    if analyte is None:
        return printed, False
    first, second = (conversion(analyte, unit)[0] for unit in (printed, coded))
    if math.isnan(first):
        return (printed if math.isnan(second) else coded), False
    return printed, not math.isnan(second) and not math.isclose(first, second, rel_tol=1e-9)
