"""Removes common dates: follow-up is shortened, and other cells are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.format import counted
from pipeline.pseudonymise.common_dates import (
    ENDS,
    EVENTS,
    CommonDate,
    column_of,
    moments_of,
    zero_of,
)
from pipeline.pseudonymise.released_columns import Account
from pipeline.pseudonymise.secret_key import Key

MOST_DAYS_CUT = 28
_DAY = pd.Timedelta(days=1)


def without_common_dates(
    tables: Mapping[str, pd.DataFrame],
    files: Mapping[str, str],
    common: Sequence[CommonDate],
    zero: pd.Series,
    key: Key,
    time_zone: str | None,
    account: Account,
) -> dict[str, pd.DataFrame]:
    """Remove common dates from tables.

    An end of follow-up moves back by 1 to 28 days (from the key, per patient), to whole days since
    the infusion, but not before an earlier last row of the patient. An event on a common date is
    left out, and follow-up ends before it. Other cells are withheld.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells with ``patient_id`` and ``_line``.
    files : mapping of str to str
        File name by table, for the account.
    common : sequence of CommonDate
        From :func:`pipeline.pseudonymise.common_dates.common_dates`.
    zero : Series of datetime
        First infusion by patient id.
    key : Key
    time_zone : str or None
        Zone of times without offset.
    account : Account
        Receives a line per changed column.

    Returns
    -------
    dict of str to DataFrame

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "record_end_at": ["2026-06-30T00:00:00Z"], "_line": [2]}
    >>> labs = pd.DataFrame({"patient_id": ["A"], "collected_at": ["2026-03-09"], "_line": [2]})
    >>> tables, files = {"patients": pd.DataFrame(cells), "labs": labs}, {"patients": "p.csv"}
    >>> zero = pd.Series(pd.to_datetime(["2026-03-01T00:00Z"]), index=["A"])
    >>> end = pd.Series(pd.to_datetime(["2026-06-30T00:00Z"]))
    >>> common, key = [CommonDate("patients", "record_end_at", end)], Key(bytes(range(32)))
    >>> cut = without_common_dates(tables, files, common, zero, key, None, Account())
    >>> key.days_cut("A", MOST_DAYS_CUT), cut["patients"]["record_end_at"][0][:10]
    (6, '2026-06-24')
    """
    made = dict(tables)
    moments = [each.moments for each in common if each.table == "patients"]
    avoided = pd.concat(moments).drop_duplicates() if moments else zero.iloc[:0]
    for each in common:
        table, file = made[each.table], files[each.table]
        if each.table != "patients":
            chosen = pd.Series(table.index.isin(each.moments.index), index=table.index)
            why = "on a date that several patients share and that would reveal the shift"
            made[each.table] = account.withhold(table, each.column, chosen, file=file, why=why)
            continue
        clock = next(name for name in (*ENDS, *EVENTS) if each.column.startswith(name))
        own = zero_of(table["patient_id"], zero)
        last = zero_of(table["patient_id"], last_rows(tables, zero, time_zone))
        cut, blank = shortened(each.moments, table["patient_id"], own, last, key, avoided)
        number = counted(len(each.moments), "patient")
        if clock in EVENTS:
            table = table.assign(
                **{each.column: table[each.column].mask(table.index.isin(cut.index), "")}
            )
            made["patients"] = _ended_before(table, cut, own, time_zone)
            account.add(
                f"{file}, column {each.column}: {number} share a date that would reveal the shift; "
                f"the event is left out and their follow-up ends up to {MOST_DAYS_CUT + 1} days "
                "before it"
            )
            continue
        made["patients"] = written_clock(table, each.column, cut.mask(blank), own)
        account.add(
            f"{file}, column {each.column}: {number} share a date that would reveal the shift; "
            f"shortened by up to {MOST_DAYS_CUT + 1} days, to whole days since the infusion"
        )
    return made


def shortened(
    ends: pd.Series,
    ids: pd.Series,
    zero: pd.Series,
    last: pd.Series,
    key: Key,
    avoided: pd.Series,
) -> tuple[pd.Series, pd.Series]:
    """Shorten ends of follow-up, and mark those that would precede the infusion.

    Marked ends are left blank; follow-up then ends with the last row of the patient, which is not
    later than the original end.

    Parameters
    ----------
    ends : Series of datetime
        Ends to shorten, with the index of their rows.
    ids : Series of str
        Patient of every row.
    zero, last : Series of datetime
        Infusion and last row of the patient of every row.
    key : Key
    avoided : Series of datetime
        Common dates; no end stays within a day of one.

    Returns
    -------
    cut : Series of datetime
    blank : Series of bool
    """
    start = zero[ends.index].fillna(ends.dt.floor("D") - 1000 * _DAY)
    days = ids[ends.index].map({name: key.days_cut(name, MOST_DAYS_CUT) for name in ids.unique()})
    drawn = ends - pd.to_timedelta(days, unit="D")
    rows = last[ends.index].astype(ends.dtype)
    kept = rows.where(rows.isna() | (rows < ends - _DAY), ends - _DAY)
    target = pd.concat([drawn, kept], axis=1).max(axis=1)
    whole = np.floor((target - start).dt.total_seconds() / 86400.0)
    cut = start + pd.to_timedelta(whole, unit="D")
    for _ in range(2 * len(avoided) + 2):
        close = pd.Series(False, index=cut.index)
        for moment in avoided:
            close |= (cut - moment).abs() < _DAY
        if not close.any():
            break
        cut = cut.mask(close, cut - _DAY)
    blank = (cut <= start) & ~(last[ends.index] > ends)
    return cut, blank


def last_rows(
    tables: Mapping[str, pd.DataFrame], zero: pd.Series, time_zone: str | None
) -> pd.Series:
    """Time of the last row of each patient, by id; the table ``patients`` does not count."""
    parts = []
    for name, table in tables.items():
        if name == "patients":
            continue
        own = zero_of(table["patient_id"], zero)
        for clock in ("collected", "resulted", "given", "observed", "assessed"):
            moments = moments_of(table, clock, own, time_zone)[1]
            parts.append(moments.groupby(table["patient_id"]).max())
    if not parts:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="datetime64[us, UTC]")
    every = pd.concat(parts).dropna()
    latest: pd.Series = every.groupby(every.index).max()
    return latest


def written_clock(
    table: pd.DataFrame, column: str, moments: pd.Series, zero: pd.Series
) -> pd.DataFrame:
    """Write times in the form of their column, never later; "" if missing.

    Examples
    --------
    >>> table = pd.DataFrame({"followed_until_hours": ["60"]})
    >>> zero = pd.Series(pd.to_datetime(["2026-01-01T00:00Z"]))
    >>> written_clock(table, "followed_until_hours", zero + pd.Timedelta(days=2), zero)
      followed_until_hours
    0                 48.0
    """
    if column.endswith("_at"):
        text = moments.dt.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    else:
        hours = (moments - zero[moments.index]).dt.total_seconds() / 3600.0
        # a day counts until its end
        number = hours / 24.0 - 1.0 if column.endswith("_days") else hours
        text = number.map(lambda each: "" if pd.isna(each) else repr(float(each)))
    text = text.where(moments.notna(), "").astype("str")
    cells = table[column].copy()
    cells.loc[text.index] = text
    return table.assign(**{column: cells.astype("str")})


def _ended_before(
    table: pd.DataFrame, cut: pd.Series, zero: pd.Series, time_zone: str | None
) -> pd.DataFrame:
    """End the follow-up of patients at ``cut`` at the latest."""
    for clock in ENDS:
        column, stated = moments_of(table, clock, zero, time_zone)
        if not column and clock == "record_end":
            continue
        if not column:
            column = column_of(table, clock) or "followed_until_at"
            table = table.assign(**{column: ""})
        earlier = stated[cut.index].isna() | (stated[cut.index] > cut)
        if clock == "record_end":
            earlier &= stated[cut.index].notna()
        table = written_clock(table, column, cut[np.asarray(earlier)], zero)
    return table
