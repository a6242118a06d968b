"""Times for release: dates shifted by whole days per patient, or hours since the infusion."""

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

_FIRST_YEAR = pd.Timestamp("1900-01-02", tz="UTC")  # first time that reading accepts


def time_columns(table: pd.DataFrame, schema: TableSchema) -> list[str]:
    """List the columns of timestamps in the schema.

    Parameters
    ----------
    table : DataFrame
    schema : TableSchema

    Returns
    -------
    list of str

    Examples
    --------
    >>> time_columns(pd.DataFrame(columns=["collected_at", "value"]), TableSchema.load("labs"))
    ['collected_at']
    """
    return [
        str(name)
        for name in table.columns
        if schema.fields.get(str(name), {}).get("type") == "datetime"
    ]


def refuse_without_offset(
    table: pd.DataFrame, schema: TableSchema, file: str, time_zone: str | None
) -> None:
    """Refuse a column of times without offset if no time zone is given.

    A minority of these cells in a column is not refused here but withheld later.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``_line``.
    schema : TableSchema
    file : str
        Name of the file, for the message.
    time_zone : str or None
        IANA name.

    Raises
    ------
    UsageError
        If more than half of the filled cells of a column have no offset.

    Examples
    --------
    >>> labs = pd.DataFrame({"collected_at": ["2026-03-01 08:00"], "_line": [2]})
    >>> refuse_without_offset(labs, TableSchema.load("labs"), "labs.csv", "Europe/Berlin")
    """
    for column in time_columns(table, schema):
        _, reason = parse_timestamps(table[column], time_zone)
        naive = reason == NO_OFFSET
        if naive.sum() > (table[column] != "").sum() / 2:
            raise UsageError(
                f"{file}, row {table.loc[naive, '_line'].iloc[0]}, column {column}: the time has "
                f"no offset, like {int(naive.sum()):,} of this column; intervals over a clock "
                "change would be wrong. Give their zone, for example --tz Europe/Berlin, or export "
                "them with an offset",
                options=("tz",),
            )


def infusion_offsets(patients: pd.DataFrame | None, time_zone: str | None) -> dict[str, float]:
    """UTC offset of the first infusion of each patient.

    Parameters
    ----------
    patients : DataFrame or None
        Text cells.
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    dict of str to float
        Minutes east of UTC by id; patients without a readable time are left out.

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "infusion_time": ["2026-03-01T09:00:00+01:00"]}
    >>> infusion_offsets(pd.DataFrame(cells), None)
    {'A': 60.0}
    """
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
    """Move every time of a table back by the whole days of its patient.

    Intervals stay exact, because the shift is a multiple of 24 hours. All times of a patient get
    one offset: a clock change within a stay would reveal its date.

    Parameters
    ----------
    table : DataFrame
        Text cells with ``patient_id`` and ``_line``.
    schema : TableSchema
    file : str
        Name of the file, for the account.
    key : Key
        Gives the days of each patient.
    offsets : mapping of str to float
        Minutes east of UTC by id, from :func:`infusion_offsets`.
    time_zone : str or None
        Zone of times without offset.
    account : Account
        Receives a line per column with withheld times.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> labs = pd.DataFrame({"patient_id": ["A"], "collected_at": ["2026-03-05"], "_line": [2]})
    >>> schema, key = TableSchema.load("labs"), Key(bytes(range(32)))
    >>> moved = shifted(labs, schema, "labs.csv", key, {}, None, Account())
    >>> key.days("A"), moved["collected_at"][0]
    (2704, '2018-10-09')
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
        reason = reason.mask(days.notna(), "").mask(early, "the shifted time is before 1900")
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
    """Read the infusions of a table of patients, as training and prediction do.

    Parameters
    ----------
    patients : DataFrame or None
        Text cells with ``_line``.
    file : str
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    DataFrame or None
        One row per accepted infusion; None without a column ``infusion_time``.

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "infusion_time": ["2026-03-01T09:00:00+01:00"], "_line": [2]}
    >>> infusions_of(pd.DataFrame(cells), "patients.csv", None)["utc_offset_minutes"].tolist()
    [60.0]
    """
    if patients is None or "infusion_time" not in patients:
        return None
    return read_patients(patients, file, CohortConfig(time_zone=time_zone), Ledger())


def patients_in_hours(
    raw: pd.DataFrame, infusions: pd.DataFrame, file: str, account: Account
) -> pd.DataFrame:
    """Write the table of patients in hours, without infusion time and dates.

    Rows that reading rejects are left out. ``second_infusion_hours`` gives the hour of a later
    infusion.

    Parameters
    ----------
    raw : DataFrame
        Text cells.
    infusions : DataFrame
        From :func:`infusions_of`.
    file : str
        Name of the file, for the account.
    account : Account
        Receives the number of rows left out.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "infusion_time": ["2026-03-01T09:00:00+01:00"], "_line": [2]}
    >>> raw = pd.DataFrame({**cells, "death_at": ["2026-03-03T09:00:00+01:00"]})
    >>> infusions = infusions_of(raw, "patients.csv", None)
    >>> patients_in_hours(raw, infusions, "patients.csv", Account())["death_hours"].tolist()
    ['48.0']
    """
    blank = pd.Series("", index=raw.index, dtype="str")
    episode = to_number(raw.get("episode", blank)).fillna(1.0)
    keys = pd.MultiIndex.from_arrays([raw["patient_id"], episode])
    placed = infusions.set_index(["patient_id", "episode"])
    usable = keys.isin(placed.index)
    if not usable.all():
        account.add(
            f"left out: {file}: {counted(int((~usable).sum()), 'row')} without a usable time zero "
            "(rejected in reading; for the reasons, run cytocast audit)"
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
    """Write another table in hours since the infusion; unusable times are withheld.

    A draw with a day but no time of day counts from the end of that day, unless the row has a
    result time. A result is therefore never visible earlier than it was.

    Parameters
    ----------
    raw : DataFrame
        Text cells with ``patient_id`` and ``_line``.
    schema : TableSchema
    infusions : DataFrame
        From :func:`infusions_of`.
    file : str
        Name of the file, for the account.
    time_zone : str or None
        Zone of times without offset.
    account : Account
        Receives a line per column with withheld or late times.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "infusion_time": ["2026-03-01T09:00:00+01:00"], "_line": [2]}
    >>> infusions = infusions_of(pd.DataFrame(cells), "patients.csv", None)
    >>> cells = {"patient_id": ["A"], "collected_at": ["2026-03-02T09:00:00+01:00"], "_line": [2]}
    >>> labs, schema = pd.DataFrame(cells), TableSchema.load("labs")
    >>> moved = rows_in_hours(labs, schema, infusions, "labs.csv", None, Account())
    >>> moved["collected_hours"].tolist()
    ['24.0']
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
            account.add(
                f"{file}: {counted(int(late.sum()), 'row')} with only the day of draw and no "
                "result time: set to the end of that day"
            )
        for why in read.reason[read.reason != ""].unique():
            wrong = read.reason == why
            table = account.withhold(table, column, wrong, file=file, why=f"({why})")
        table = table.rename(columns={column: f"{clock}_hours"})
    return table


def hours_text(hours: pd.Series) -> pd.Series:
    """Hours with every digit, "" if missing.

    Examples
    --------
    >>> hours_text(pd.Series([0.1, float("nan")])).tolist()
    ['0.1', '']
    """
    return hours.map(lambda value: "" if pd.isna(value) else repr(float(value))).astype("str")


def _written(moments: pd.Series, offset: pd.Series) -> pd.Series:
    """Times as ISO 8601 in the given offsets (minutes), "" if missing."""
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
