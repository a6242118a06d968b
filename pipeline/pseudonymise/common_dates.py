"""Dates that many patients share beyond chance: a known one undoes the shift of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.cohort.schema import TableSchema, to_number
from pipeline.cohort.timestamps import parse_dates, parse_timestamps

ENDS = ("record_end", "followed_until")
EVENTS = ("death", "second_infusion", "new_therapy")
_FEWEST = 3  # patients on one day; two are enough at one moment
_FEWEST_FILED = 5  # patients in a table with many rows each, where draws meet by chance
_CHANCE = 0.01  # of one such day anywhere in a column
_NEAR_DAYS = 15  # days before and after that state how many to expect
_APART_DAYS = 7  # a row this far from every other row of its patient was not charted at the bedside
_WEEKS = 5  # weeks before and after in which the same weekday is looked at
_EXCESS = 4.0  # outpatient days repeat; a date of export exceeds them several times
_EPOCH = pd.Timestamp("1970-01-01", tz="UTC")
_HALF_DAY = pd.Timedelta(hours=12)


@dataclass(frozen=True)
class CommonDate:
    """Cells of a column that lie on a day which many patients share.

    Attributes
    ----------
    table, column : str
    moments : Series
        The moments, by the index of their rows.
    """

    table: str
    column: str
    moments: pd.Series


def column_of(table: pd.DataFrame, clock: str) -> str:
    """Column that states a clock, as the reader chooses it; "" where none does."""
    names = (f"{clock}_{form}" for form in ("hours", "days", "at"))
    return next((name for name in names if name in table), "")


def moments_of(
    table: pd.DataFrame, clock: str, zero: pd.Series, time_zone: str | None
) -> tuple[str, pd.Series]:
    """Column that states a clock ("" where none does), and the moments in UTC of its rows.

    Parameters
    ----------
    zero : Series
        Infusion time of each row's patient, from which hours and days count.
    """
    column = column_of(table, clock)
    if not column:
        return "", pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
    if column.endswith("_at"):
        found = parse_timestamps(table[column], time_zone)[0]
        return column, found.fillna(parse_dates(table[column], time_zone)[0])
    hours = to_number(table[column]) * (24.0 if column.endswith("_days") else 1.0)
    return column, zero + pd.to_timedelta(hours.clip(-1e6, 1e6), unit="h")


def infusion_times(tables: Mapping[str, pd.DataFrame], time_zone: str | None) -> pd.Series:
    """First infusion of each patient in UTC, by id; empty where none is stated."""
    patients = tables.get("patients")
    if patients is None or "infusion_time" not in patients:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="datetime64[us, UTC]")
    times, _ = parse_timestamps(patients["infusion_time"], time_zone)
    times = times.fillna(parse_dates(patients["infusion_time"], time_zone)[0])
    return times.groupby(patients["patient_id"]).min()


def zero_of(ids: pd.Series, zero: pd.Series) -> pd.Series:
    """First infusion of the patient of each row, NaT where it is not known."""
    return zero.reindex(ids).set_axis(ids.index)


def common_dates(
    tables: Mapping[str, pd.DataFrame], zero: pd.Series, time_zone: str | None
) -> list[CommonDate]:
    """Cells on a day that patients share beyond chance, in columns that state one per patient.

    In other tables rows that lie apart from every other row of their patient are looked at, and
    whatever stands at exactly their moment. The infusion itself is not: who was treated on a day
    is not known from the day.
    """
    found = []
    patients = tables.get("patients")
    if patients is not None:
        own = zero_of(patients["patient_id"], zero)
        shared: dict[str, tuple[pd.Series, pd.Series]] = {}
        for clock in (*ENDS, *EVENTS):
            column, moments = moments_of(patients, clock, own, time_zone)
            if column:
                shared[column] = moments, shared_days(moments, patients["patient_id"])
        known = _days(pd.concat([at[mask] for at, mask in shared.values()])) if shared else set()
        for column, (moments, mask) in shared.items():
            if column.startswith(ENDS):
                mask = mask | _on(moments, known)
            if mask.any():
                found.append(CommonDate("patients", column, moments[mask]))
    return found + _filed_dates(tables, zero, time_zone)


def shared_days(
    moments: pd.Series, ids: pd.Series, *, alike: int = 2, excess: float = 1.0
) -> pd.Series:
    """Rows on a day, or at a moment, that more patients share than their density explains.

    Parameters
    ----------
    alike : int
        Patients at one moment who are enough; on one day, three are needed.
    excess : float
        How many times the usual number of a day is needed besides.

    Examples
    --------
    >>> cut = pd.Series(["2026-06-30"] * 3 + ["2026-02-01"], dtype="datetime64[us, UTC]")
    >>> shared_days(cut, pd.Series(list("ABCD"))).tolist()
    [True, True, True, False]
    """
    from scipy.special import pdtrc  # survival function of the Poisson distribution

    mask = pd.Series(False, index=moments.index)
    known = moments.dropna()
    clock = known - known.dt.floor("D")
    for shift in (pd.Timedelta(0), _HALF_DAY):  # a cut-off around midnight is one day as well
        day = (known + shift.as_unit("us")).dt.floor("D")
        number = (day - _EPOCH.as_unit("us")).dt.days
        held = ids[known.index].groupby(number).nunique()
        for each, patients in held[held >= alike].items():
            rows = known[number == each]
            others = number[number != each]
            rate = _usual(others.to_numpy(), int(str(each)))
            mode = rows.mode().iloc[0]
            exact = ids[rows.index[rows == mode]].nunique()
            same_clock = float((clock[others.index] == mode - mode.floor("D")).sum())
            exact_rate = rate * max(same_clock, 0.5) / max(len(others), 1)
            many = patients >= _FEWEST and pdtrc(patients - 1, rate) * len(held) < _CHANCE
            same = exact >= alike and pdtrc(exact - 1, exact_rate) * len(held) < _CHANCE
            if (many or same) and patients > excess * rate:
                mask[rows.index] = True
    return mask


def _usual(others: np.ndarray, day: int) -> float:
    """Rows to expect on a day: by those of the weeks around it, its weekday, and all."""
    if not len(others):
        return 0.0
    apart = np.abs(others - day)
    weekday = float(((apart <= 7 * _WEEKS) & (apart % 7 == 0)).sum()) / (2 * _WEEKS)
    span = max(float(np.ptp(others)), 2.0 * _NEAR_DAYS)
    return max(float((apart <= _NEAR_DAYS).sum()) / (2 * _NEAR_DAYS), weekday, len(others) / span)


def _filed_dates(
    tables: Mapping[str, pd.DataFrame], zero: pd.Series, time_zone: str | None
) -> list[CommonDate]:
    """Common dates of tables with many rows per patient, such as a date of export."""
    clocks: dict[tuple[str, str], tuple[pd.Series, pd.Series]] = {}
    for name, table in tables.items():
        if name == "patients":
            continue
        schema, own = TableSchema.load(name), zero_of(table["patient_id"], zero)
        for clock in (*schema.required_clocks, *schema.optional_clocks):
            column, moments = moments_of(table, clock, own, time_zone)
            if column and moments.notna().any():
                clocks[name, column] = moments.dropna(), table["patient_id"]
    if not clocks:
        return []
    every = pd.concat(
        [
            pd.DataFrame({"patient": ids[at.index], "day": at.dt.floor("D")})
            for at, ids in clocks.values()
        ]
        + [pd.DataFrame({"patient": zero.index, "day": zero.dt.floor("D").array})]
    )
    every = every.dropna().drop_duplicates()
    every = every[every["patient"].duplicated(keep=False)]  # a single day is apart from nothing
    found = []
    for (name, column), (moments, ids) in clocks.items():
        lonely = _apart(moments, ids[moments.index], every)
        rows = moments[lonely]
        per_patient = pd.DataFrame({"id": ids[rows.index], "at": rows}).drop_duplicates()
        if per_patient.empty:
            continue
        mask = shared_days(
            per_patient["at"], per_patient["id"], alike=_FEWEST_FILED, excess=_EXCESS
        )
        days = set(per_patient["at"][mask])
        chosen = moments.isin(days) | (lonely & _on(moments, _days(per_patient["at"][mask])))
        if chosen.any():
            found.append(CommonDate(name, column, moments[chosen]))
    return found


def _apart(moments: pd.Series, ids: pd.Series, every: pd.DataFrame) -> pd.Series:
    """Rows whose day is far from every other day with a row of the patient."""
    day = pd.DataFrame({"patient": ids, "day": moments.dt.floor("D")})
    sides = every.sort_values(["patient", "day"])
    gap = sides.groupby("patient")["day"]
    far = pd.Timedelta(days=_APART_DAYS)
    before = (sides["day"] - gap.shift(1)).fillna(far + far)
    after = (gap.shift(-1) - sides["day"]).fillna(far + far)
    lonely = sides[(before > far) & (after > far)]
    keys = pd.MultiIndex.from_frame(day)
    return pd.Series(keys.isin(pd.MultiIndex.from_frame(lonely)), index=moments.index)


def _days(moments: pd.Series) -> set[pd.Timestamp]:
    return set(moments.dropna().dt.floor("D"))


def _on(moments: pd.Series, days: set[pd.Timestamp]) -> pd.Series:
    on: pd.Series = moments.dt.floor("D").isin(days)
    return on
