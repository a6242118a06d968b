"""Attacks a release with its common dates, to test whether they reveal shifts."""

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
    """Find patients whose shift or date of infusion follows from a common date.

    Every common date is tried on every cell of its column and, in ``patients``, of the ends of the
    record, in UTC and in the local time of the patient.

    Parameters
    ----------
    released : mapping of str to DataFrame
        Tables for release, still with the original ids.
    common : sequence of CommonDate
        From :func:`pipeline.pseudonymise.common_dates.common_dates`.
    days_of : callable
        Id to the true shift in days.
    zero : Series of datetime
        True first infusion by id.
    offsets : mapping of str to float
        Minutes east of UTC by id.

    Returns
    -------
    dict of str to set of str
        Ids by ``table, column``; empty if no shift is recovered.

    Examples
    --------
    >>> end = pd.Series(pd.to_datetime(["2026-06-30T12:00Z"]))
    >>> naive = {"patient_id": ["A"], "infusion_time": "2026-02-19", "record_end_at": "2026-06-20"}
    >>> zero = pd.Series(pd.to_datetime(["2026-03-01T00:00Z"]), index=["A"])
    >>> common = [CommonDate("patients", "record_end_at", end)]
    >>> recovered_shifts({"patients": pd.DataFrame(naive)}, common, lambda name: 10, zero, {})
    {'patients, column record_end_at': {'A'}}
    """
    recovered: dict[str, set[str]] = {}
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
            hours = seen - start  # a release in hours shows them
            right = _right_days(dates, hours, start, ids, offsets)
        else:
            right = _right_shift(dates, seen, ids, days_of, offsets)
        if right.any():
            recovered[f"{name}, column {column}"] = set(ids[right])
    return recovered


def refuse_recovered(recovered: Mapping[str, set[str]], files: Mapping[str, str]) -> None:
    """Stop a release if a common date reveals shifts.

    Parameters
    ----------
    recovered : mapping of str to set of str
        From :func:`recovered_shifts`.
    files : mapping of str to str
        File name by table, for the message.

    Raises
    ------
    InputError
        If ``recovered`` is not empty.

    Examples
    --------
    >>> refuse_recovered({}, {})
    >>> refuse_recovered(
    ...     {"labs, column collected_at": {"A", "B"}}, {"labs": "labs.csv"}
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.errors.InputError: labs.csv, column collected_at: ... the shift of 2 of them; ...
    """
    for place, patients in recovered.items():
        table, _, column = place.partition(", ")
        raise InputError(
            f"{files.get(table, table)}, {column}: a date that several patients share reveals the "
            f"shift of {len(patients)} of them; nothing is written. Leave the column out, or blank "
            "these cells at the source"
        )


def infusion_shifted(released: Mapping[str, pd.DataFrame]) -> bool:
    """Whether a release has shifted dates of infusion, not hours."""
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
    """Rows whose shift is a common date minus the released date."""
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
    """Rows whose day of infusion is a common date minus the released hours."""
    local = pd.to_timedelta(ids.map(dict(offsets)).astype(float).fillna(0.0), unit="min")
    right = pd.Series(False, index=ids.index)
    for moment in dates.drop_duplicates():
        for move in (local * 0, local):
            guess = (moment - hours + move).dt.floor("D")
            right |= hours.notna() & (guess == (zero + move).dt.floor("D"))
    return right
