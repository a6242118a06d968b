"""An attack on a release: who holds a common date, subtracts it and looks for the shift."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from pipeline.errors import InputError
from pipeline.pseudonymise.common_dates import (
    ENDS,
    EVENTS,
    CommonDate,
    column_of,
    infusion_times,
    moments_of,
    zero_of,
)

_DAY = pd.Timedelta(days=1)


def recovered_shifts(
    released: Mapping[str, pd.DataFrame],
    common: Sequence[CommonDate],
    days_of: Callable[[str], int],
    zero: pd.Series,
    offsets: Mapping[str, float],
) -> dict[str, set[str]]:
    """Patients whose shift, or date of infusion, the common dates give away, by place.

    Every common date is tried on every cell of its column and, in patients, of the ends of the
    record, in UTC and in the local time of the patient.

    Parameters
    ----------
    released : mapping of str to DataFrame
        Tables as they would leave, still under the original ids.
    days_of : callable
        Id to the true shift in days.
    zero : Series
        True first infusion by id.
    offsets : mapping
        Minutes east of UTC by id.

    Returns
    -------
    dict
        ``table, column`` to ids; empty where nothing is found.
    """
    found: dict[str, set[str]] = {}
    moved = infusion_shifted(released)
    for name, column in _attacked(released, common):
        table = released[name]
        dates = pd.concat([each.moments for each in common if each.table == name])
        ids = table["patient_id"]
        start = zero_of(ids, zero)
        if moved:
            start = zero_of(ids, infusion_times(released, None))
        _, seen = moments_of(table, column.rpartition("_")[0], start, None)
        if not moved and column.endswith(("_hours", "_days")):
            hours = seen - start  # the public part of a release in hours
            right = _right_days(dates, hours, start, ids, offsets)
        else:
            right = _right_shift(dates, seen, ids, days_of, offsets)
        if right.any():
            found[f"{name}, column {column}"] = set(ids[right])
    return found


def refuse_recovered(found: Mapping[str, set[str]], files: Mapping[str, str]) -> None:
    """Stop a release whose shifts a common date gives away.

    Raises
    ------
    InputError
    """
    for place, patients in found.items():
        table, _, column = place.partition(", ")
        raise InputError(
            f"{files.get(table, table)}, {column}: a date that several patients share undoes the "
            f"shift of {len(patients)} of them; nothing is written. Leave the column out, or blank "
            "these cells at the source"
        )


def infusion_shifted(released: Mapping[str, pd.DataFrame]) -> bool:
    """Whether a release states dates of infusion, moved, rather than hours."""
    return "infusion_time" in released.get("patients", ())


def _attacked(
    released: Mapping[str, pd.DataFrame], common: Sequence[CommonDate]
) -> list[tuple[str, str]]:
    places = []
    for each in common:
        clocks: tuple[str, ...] = (each.column.rpartition("_")[0],)
        if each.table == "patients" and clocks[0] in (*ENDS, *EVENTS):
            clocks = (*clocks, *ENDS)
        for clock in clocks:
            column = column_of(released[each.table], clock)
            if column and (each.table, column) not in places:
                places.append((each.table, column))
    return places


def _right_shift(
    dates: pd.Series,
    seen: pd.Series,
    ids: pd.Series,
    days_of: Callable[[str], int],
    offsets: Mapping[str, float],
) -> pd.Series:
    """Rows whose shift is a common date less the released one."""
    true = ids.map({name: days_of(name) for name in ids.unique()})
    local = pd.to_timedelta(ids.map(dict(offsets)).astype(float).fillna(0.0), unit="min")
    right = pd.Series(False, index=ids.index)
    for moment in dates.drop_duplicates():
        for move in (local * 0, local):
            day = (moment + move).dt.floor("D")
            guess = (day - (seen + move).dt.floor("D")) // _DAY
            right |= seen.notna() & (guess == true)
    return right


def _right_days(
    dates: pd.Series,
    hours: pd.Series,
    zero: pd.Series,
    ids: pd.Series,
    offsets: Mapping[str, float],
) -> pd.Series:
    """Rows whose day of infusion is a common date less the released hours."""
    local = pd.to_timedelta(ids.map(dict(offsets)).astype(float).fillna(0.0), unit="min")
    right = pd.Series(False, index=ids.index)
    for moment in dates.drop_duplicates():
        for move in (local * 0, local):
            guess = (moment - hours + move).dt.floor("D")
            right |= hours.notna() & (guess == (zero + move).dt.floor("D"))
    return right
