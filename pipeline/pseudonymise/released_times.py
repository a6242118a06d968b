"""Times that may leave: dates shifted by whole days per patient, or hours since the infusion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.cohort.clock import LATEST_HOURS, clock_hours
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.patients import CLOCKS, read_patients
from pipeline.cohort.schema import TableSchema, to_number
from pipeline.cohort.timestamps import NO_OFFSET, parse_dates, parse_timestamps, utc_offsets
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.format import counted
from pipeline.pseudonymise.released_columns import Account
from pipeline.pseudonymise.secret_key import Key

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
                "--tz Europe/Berlin, or export them with an offset",
                options=("tz",),
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


def infusions_of(
    patients: pd.DataFrame | None, file: str, time_zone: str | None
) -> pd.DataFrame | None:
    """One row per infusion that the reader accepts; None where no infusion time is stated."""
    if patients is None or "infusion_time" not in patients:
        return None
    return read_patients(patients, file, CohortConfig(time_zone=time_zone), Ledger())


def patients_in_hours(
    raw: pd.DataFrame, infusions: pd.DataFrame, file: str, account: Account
) -> pd.DataFrame:
    """Patients without infusion time and dates; rows that the reader refuses are left out.

    Where there are later infusions, the row before states when they came.
    """
    blank = pd.Series("", index=raw.index, dtype="str")
    episode = to_number(raw.get("episode", blank)).fillna(1.0)
    keys = pd.MultiIndex.from_arrays([raw["patient_id"], episode])
    placed = infusions.set_index(["patient_id", "episode"])
    usable = keys.isin(placed.index)
    if not usable.all():
        account.say(
            f"left out: {file}: {counted(int((~usable).sum()), 'row')} without a usable time zero "
            "(the reader refuses them; cytocast audit says why)"
        )
    table, hours = raw.loc[usable].copy(), placed.reindex(keys[usable])
    for clock in CLOCKS:
        if f"{clock}_at" in table:
            table[f"{clock}_at"] = hours_text(hours[f"{clock}_hours"]).to_numpy()
            table = table.rename(columns={f"{clock}_at": f"{clock}_hours"})
    if infusions.duplicated("patient_id").any():
        table = table.drop(columns="second_infusion_days", errors="ignore")
        table["second_infusion_hours"] = hours_text(hours["second_infusion_hours"]).to_numpy()
    return table.drop(columns="infusion_time")


def rows_in_hours(
    raw: pd.DataFrame,
    schema: TableSchema,
    infusions: pd.DataFrame,
    file: str,
    time_zone: str | None,
    account: Account,
) -> pd.DataFrame:
    """Another table in hours; a time that cannot be placed is withheld.

    A draw of which only the day is known counts from the end of that day, unless the row states its
    result time: its hour must never make the result visible earlier.
    """
    first = infusions.drop_duplicates("patient_id").set_index("patient_id")
    own = first.reindex(raw["patient_id"]).set_axis(raw.index)
    last = raw["patient_id"].map(infusions.groupby("patient_id")["start_hours"].max())
    placed = raw.assign(
        _offset_minutes=own["utc_offset_minutes"],
        _latest_hours=last.astype(float).fillna(0.0) + LATEST_HOURS,
    )
    table = raw
    for clock in (*schema.required_clocks, *schema.optional_clocks):
        column = f"{clock}_at"
        if column not in raw:
            continue
        at_end = clock != "collected"
        zero = own["infusion_time"]
        read = clock_hours(placed, clock, zero, file=file, time_zone=time_zone, at_end=at_end)
        late = read.dated & ~_resulted(raw) & (clock == "collected")
        table = table.assign(**{column: hours_text(read.hours.mask(late, read.until))})
        if late.any():
            account.say(
                f"{file}: {counted(int(late.sum()), 'row')} with a day of draw alone and no "
                "result time now count from the end of that day"
            )
        for why in read.reason[read.reason != ""].unique():
            wrong = read.reason == why
            table = account.withhold(table, column, wrong, file=file, why=f"({why})")
        table = table.rename(columns={column: f"{clock}_hours"})
    return table


def hours_text(hours: pd.Series) -> pd.Series:
    """Hours with every digit, "" where there are none.

    Examples
    --------
    >>> hours_text(pd.Series([0.1, float("nan")])).tolist()
    ['0.1', '']
    """
    return hours.map(lambda value: "" if pd.isna(value) else repr(float(value))).astype("str")


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


def _resulted(raw: pd.DataFrame) -> pd.Series:
    """Rows with a result time."""
    stated = pd.Series(False, index=raw.index)
    for column in ("resulted_at", "resulted_hours", "resulted_days"):
        if column in raw:
            stated |= raw[column] != ""
    return stated
