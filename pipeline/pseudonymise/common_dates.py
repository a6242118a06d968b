"""Finds dates that patients share beyond chance; one known date would reveal all their shifts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.cohort.schema import TableSchema, to_number
from pipeline.cohort.timestamps import parse_dates, parse_timestamps

ENDS = ("record_end", "followed_until")
EVENTS = ("death", "second_infusion", "new_therapy")
_FEWEST = 3  # patients on one day; at one moment, two
_FEWEST_FILED = 5  # the same in tables with many rows per patient, where draws coincide by chance
_CHANCE = 0.01  # highest probability of one such day in a column
_NEAR_DAYS = 15  # days before and after, for the expected number of rows
_APART_DAYS = 7  # a row this far from all other rows of its patient is not bedside charting
_WEEKS = 5  # weeks before and after, for the expected number on the same weekday
_EXCESS = 4.0  # a date of export exceeds repeating outpatient days by this factor
_EPOCH = pd.Timestamp("1970-01-01", tz="UTC")
_HALF_DAY = pd.Timedelta(hours=12)


@dataclass(frozen=True)
class CommonDate:
    """Cells of a column on a day that many patients share.

    Attributes
    ----------
    table, column : str
    moments : Series
        UTC times, with the index of their rows.
    """

    table: str
    column: str
    moments: pd.Series


def column_of(table: pd.DataFrame, clock: str) -> str:
    """Column of a clock, chosen as in reading; "" if there is none."""
    names = (f"{clock}_{form}" for form in ("hours", "days", "at"))
    return next((name for name in names if name in table), "")


def moments_of(
    table: pd.DataFrame, clock: str, zero: pd.Series, time_zone: str | None
) -> tuple[str, pd.Series]:
    """Column of a clock ("" if there is none), and the UTC times of its rows.

    Parameters
    ----------
    table : DataFrame
    clock : str
        For example ``collected``.
    zero : Series
        Infusion time of the patient of each row; hours and days count from it.
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    column : str
    moments : Series of datetime
    """
    column = column_of(table, clock)
    if not column:
        return "", pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
    if column.endswith("_at"):
        moments = parse_timestamps(table[column], time_zone)[0]
        return column, moments.fillna(parse_dates(table[column], time_zone)[0])
    hours = to_number(table[column]) * (24.0 if column.endswith("_days") else 1.0)
    return column, zero + pd.to_timedelta(hours.clip(-1e6, 1e6), unit="h")


def infusion_times(tables: Mapping[str, pd.DataFrame], time_zone: str | None) -> pd.Series:
    """First infusion of each patient in UTC.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells; ``patients`` is used if present.
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    Series of datetime
        By patient id; empty if no infusion time is given.

    Examples
    --------
    >>> cells = {"patient_id": ["A"], "infusion_time": ["2026-03-01T09:00+01:00"]}
    >>> infusion_times({"patients": pd.DataFrame(cells)}, None).dt.hour.to_dict()
    {'A': 8}
    """
    patients = tables.get("patients")
    if patients is None or "infusion_time" not in patients:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="datetime64[us, UTC]")
    times, _ = parse_timestamps(patients["infusion_time"], time_zone)
    times = times.fillna(parse_dates(patients["infusion_time"], time_zone)[0])
    return times.groupby(patients["patient_id"]).min()


def zero_of(ids: pd.Series, zero: pd.Series) -> pd.Series:
    """First infusion of the patient of each row, NaT if unknown."""
    return zero.reindex(ids).set_axis(ids.index)


def common_dates(
    tables: Mapping[str, pd.DataFrame], zero: pd.Series, time_zone: str | None
) -> list[CommonDate]:
    """Find cells on a day that patients share beyond chance.

    In tables with many rows per patient, only rows far from all other rows of their patient are
    tested, and cells at exactly the same time. Infusion dates are not tested: a date alone does
    not show who was treated on it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Text cells.
    zero : Series of datetime
        First infusion by patient id, from :func:`infusion_times`.
    time_zone : str or None
        Zone of times without offset.

    Returns
    -------
    list of CommonDate

    Examples
    --------
    >>> start = [f"2026-{month}-03T09:00:00Z" for month in ("01", "02", "04")]
    >>> cells = {"patient_id": list("ABC"), "infusion_time": start, "record_end_at": "2026-06-30"}
    >>> tables = {"patients": pd.DataFrame(cells)}
    >>> [common] = common_dates(tables, infusion_times(tables, None), None)
    >>> common.column, len(common.moments)
    ('record_end_at', 3)
    """
    dates = []
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
                dates.append(CommonDate("patients", column, moments[mask]))
    return dates + _filed_dates(tables, zero, time_zone)


def shared_days(
    moments: pd.Series, ids: pd.Series, *, alike: int = 2, excess: float = 1.0
) -> pd.Series:
    """Rows on a day, or at one time, that more patients share than their density explains.

    Parameters
    ----------
    moments : Series of datetime
    ids : Series of str
        Patient of each row.
    alike : int
        Fewest patients at one time; on one day, three are needed.
    excess : float
        Fewest patients on a day, as a multiple of the expected number.

    Returns
    -------
    Series of bool

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
    for shift in (pd.Timedelta(0), _HALF_DAY):  # a cut-off around midnight counts as one day
        day = (known + shift.as_unit("us")).dt.floor("D")
        number = (day - _EPOCH.as_unit("us")).dt.days
        per_day = ids[known.index].groupby(number).nunique()
        for each, patients in per_day[per_day >= alike].items():
            rows = known[number == each]
            others = number[number != each]
            rate = _expected_rows(others.to_numpy(), int(str(each)))
            mode = rows.mode().iloc[0]
            exact = ids[rows.index[rows == mode]].nunique()
            same_clock = float((clock[others.index] == mode - mode.floor("D")).sum())
            exact_rate = rate * max(same_clock, 0.5) / max(len(others), 1)
            many = patients >= _FEWEST and pdtrc(patients - 1, rate) * len(per_day) < _CHANCE
            same = exact >= alike and pdtrc(exact - 1, exact_rate) * len(per_day) < _CHANCE
            if (many or same) and patients > excess * rate:
                mask[rows.index] = True
    return mask


def _expected_rows(others: np.ndarray, day: int) -> float:
    """Expected rows on a day: the largest of nearby days, same weekdays, and all days."""
    if not len(others):
        return 0.0
    distance = np.abs(others - day)
    weekday = float(((distance <= 7 * _WEEKS) & (distance % 7 == 0)).sum()) / (2 * _WEEKS)
    span = max(float(np.ptp(others)), 2.0 * _NEAR_DAYS)
    return max(
        float((distance <= _NEAR_DAYS).sum()) / (2 * _NEAR_DAYS), weekday, len(others) / span
    )


def _filed_dates(
    tables: Mapping[str, pd.DataFrame], zero: pd.Series, time_zone: str | None
) -> list[CommonDate]:
    """Common dates of tables with many rows per patient, for example a date of export."""
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
    every = every[
        every["patient"].duplicated(keep=False)
    ]  # a single day has no distance to another
    dates = []
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
            dates.append(CommonDate(name, column, moments[chosen]))
    return dates


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
