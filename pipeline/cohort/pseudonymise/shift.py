"""Dates moved by whole days per patient: every interval stays exact, no calendar date stays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.cohort.pseudonymise.account import Account
from pipeline.cohort.pseudonymise.key import Key
from pipeline.cohort.schema import TableSchema, to_number
from pipeline.cohort.timestamps import NO_OFFSET, parse_dates, parse_timestamps, utc_offsets
from pipeline.errors import UsageError

_FIRST_YEAR = pd.Timestamp("1900-01-02", tz="UTC")  # what the reader takes for a time


def time_columns(table: pd.DataFrame, schema: TableSchema) -> list[str]:
    """Columns of timestamps that the schema names."""
    return [
        str(name)
        for name in table.columns
        if schema.fields.get(str(name), {}).get("type") == "datetime"
    ]


def refuse_without_offset(
    table: pd.DataFrame, schema: TableSchema, file: str, time_zone: str | None
) -> None:
    """Refuse a column of times without an offset where no zone says which moments they are.

    A few of them among times with an offset are withheld later, as the reader refuses them.

    Raises
    ------
    UsageError
    """
    for column in time_columns(table, schema):
        _, reason = parse_timestamps(table[column], time_zone)
        naive = reason == NO_OFFSET
        if naive.sum() > (table[column] != "").sum() / 2:
            raise UsageError(
                f"{file}, row {table.loc[naive, '_line'].iloc[0]}, column {column}: the time has "
                f"no offset, like {int(naive.sum()):,} of this column, so no interval can be kept "
                "over a clock change. Say with --tz in which zone they are, for example "
                "--tz Europe/Berlin, or export them with an offset"
            )


def infusion_offsets(patients: pd.DataFrame | None, time_zone: str | None) -> dict[str, float]:
    """Minutes east of UTC of each patient's first infusion, as far as they are known."""
    if patients is None or "infusion_time" not in patients:
        return {}
    cells = patients["infusion_time"]
    times, _ = parse_timestamps(cells, time_zone)
    offset = utc_offsets(cells, times.fillna(parse_dates(cells, time_zone)[0]), time_zone)
    blank = pd.Series("", index=patients.index, dtype="str")
    order = to_number(patients.get("episode", blank)).fillna(1.0)
    known = patients.assign(_offset=offset.round(), _order=order).dropna(subset="_offset")
    first = known.sort_values("_order", kind="stable").drop_duplicates("patient_id")
    return dict(zip(first["patient_id"], first["_offset"], strict=True))


def shifted(
    table: pd.DataFrame,
    schema: TableSchema,
    file: str,
    key: Key,
    offsets: Mapping[str, float],
    time_zone: str | None,
    account: Account,
) -> pd.DataFrame:
    """Every time of a table moved back by the whole days of its patient.

    Moments move by multiples of 24 hours, so intervals stay exact whatever clocks did; all times of
    a patient are written in one offset, because a clock change within a stay would tell its date.
    """
    ids = table["patient_id"]
    back = pd.to_timedelta(ids.map({name: key.days(name) for name in ids.unique()}), unit="D")
    offset = ids.map(dict(offsets)).astype(float).fillna(0.0)
    for column in time_columns(table, schema):
        times, reason = parse_timestamps(table[column], time_zone)
        days, _ = parse_dates(table[column], None)
        if column == "infusion_time" and time_zone is not None:
            times = times.fillna(parse_dates(table[column], time_zone)[0])
        moved, moved_days = times - back, days - back
        early = (moved < _FIRST_YEAR) | (moved_days < _FIRST_YEAR)
        reason = reason.mask(days.notna(), "").mask(early, "would lie before 1900")
        text = pd.Series("", index=table.index, dtype="str")
        text = text.mask(days.notna(), moved_days.dt.strftime("%Y-%m-%d"))
        text = text.mask(times.notna(), _written(moved, offset))
        for why in reason[reason != ""].unique():
            table = account.withhold(table, column, reason == why, file=file, why=f"({why})")
        table = table.assign(**{column: table[column].where(reason != "", text).astype("str")})
    return table


def _written(moments: pd.Series, offset: pd.Series) -> pd.Series:
    """Moments as ISO 8601 in the given offsets (minutes), "" where there is none."""
    known = moments.notna()
    local = (moments[known] + pd.to_timedelta(offset[known], unit="min")).dt.tz_localize(None)
    clock = pd.Series(np.datetime_as_string(local.to_numpy()), index=local.index, dtype="str")
    clock = clock.str.replace(r"\.0+$", "", regex=True)
    size = offset[known].abs().astype(int)
    sign = pd.Series(np.where(offset[known] < 0, "-", "+"), index=local.index, dtype="str")
    hours, minutes = (part.astype("str").str.zfill(2) for part in (size // 60, size % 60))
    text = pd.Series("", index=moments.index, dtype="str")
    text[known] = clock + sign + hours + ":" + minutes
    return text
