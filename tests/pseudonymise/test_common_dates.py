"""Days that patients share beyond chance are found; busy days and chance are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.pseudonymise.common_dates import common_dates, infusion_times, shared_days


def times(days: list[float]) -> pd.Series:
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(pd.Series(days), unit="D")


def names(number: int) -> pd.Series:
    return pd.Series([f"P{place}" for place in range(number)])


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([500.0, 500.0], 2),  # two at one moment
        ([500.1, 500.4, 500.9], 3),  # three on one day
        ([499.99, 500.01, 500.02], 3),  # around midnight
        ([10.0, 100.0, 300.0], 0),
        ([500.0], 0),
    ],
)
def test_a_cut_off_is_found_among_few(days, expected) -> None:
    moments = times([*days, 20.3, 90.7])
    assert shared_days(moments, names(len(moments))).sum() == expected


def test_chance_among_many_is_no_cut_off_and_a_cut_off_is() -> None:
    draw = np.random.default_rng(5)
    hits = 0
    for _ in range(8):
        moments = times(list(draw.uniform(0, 900, 300)))
        hits += bool(shared_days(moments, names(300)).any())
    assert hits <= 1
    moments = times([*draw.uniform(0, 900, 300), *[880.0] * 40])
    assert shared_days(moments, names(340))[300:].all()


def test_a_weekly_clinic_is_no_cut_off() -> None:
    draw = np.random.default_rng(6)
    days = draw.integers(0, 130, 400) * 7 + draw.integers(8, 15, 400) / 24
    assert not shared_days(times(list(days)), names(400), alike=5, excess=4.0).any()


def test_a_date_of_export_in_any_table_is_found() -> None:
    ids = [f"P{place}" for place in range(8)]
    zero = [f"2025-0{1 + place % 6}-1{place}T08:00:00Z" for place in range(8)]
    patients = pd.DataFrame({"patient_id": ids, "infusion_time": zero, "_line": range(2, 10)})
    labs = pd.DataFrame(
        {
            "patient_id": ids,
            "collected_at": [cell.replace("T08", "T20") for cell in zero],
            "resulted_at": "2026-06-30T00:00:00Z",
            "_line": range(2, 10),
        }
    )
    tables = {"patients": patients.astype("str"), "labs": labs.astype("str")}
    common = common_dates(tables, infusion_times(tables, None), None)
    assert [(each.table, each.column, len(each.moments)) for each in common] == [
        ("labs", "resulted_at", 8)
    ]


def test_days_of_far_years_are_days_too() -> None:
    far = pd.Series(["2300-06-30"] * 3 + ["2899-02-01"], dtype="datetime64[us, UTC]")
    assert shared_days(far, pd.Series(list("ABCD"))).tolist() == [True, True, True, False]
