"""Times as hours since the first infusion, placed as the reader places them: no date is left."""

from __future__ import annotations

import pandas as pd

from pipeline.cohort.clock import LATEST_HOURS, clock_hours
from pipeline.cohort.patients import CLOCKS, read_patients
from pipeline.cohort.pseudonymise.account import Account
from pipeline.cohort.rejects import Ledger
from pipeline.cohort.schema import TableSchema, to_number
from pipeline.config import CohortConfig
from pipeline.report.format import counted


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
            table[f"{clock}_at"] = written(hours[f"{clock}_hours"]).to_numpy()
            table = table.rename(columns={f"{clock}_at": f"{clock}_hours"})
    if infusions.duplicated("patient_id").any():
        table = table.drop(columns="second_infusion_days", errors="ignore")
        table["second_infusion_hours"] = written(hours["second_infusion_hours"]).to_numpy()
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
        table = table.assign(**{column: written(read.hours.mask(late, read.until))})
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


def written(hours: pd.Series) -> pd.Series:
    """Hours with every digit, "" where there are none.

    Examples
    --------
    >>> written(pd.Series([0.1, float("nan")])).tolist()
    ['0.1', '']
    """
    return hours.map(lambda value: "" if pd.isna(value) else repr(float(value))).astype("str")


def _resulted(raw: pd.DataFrame) -> pd.Series:
    """Rows with a result time."""
    stated = pd.Series(False, index=raw.index)
    for column in ("resulted_at", "resulted_hours", "resulted_days"):
        if column in raw:
            stated |= raw[column] != ""
    return stated
