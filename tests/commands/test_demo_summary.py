"""What the demo prints at its end; test_demo checks the whole of it."""

from __future__ import annotations

import pandas as pd

from pipeline.commands.demo_summary import highest


def table(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    columns = ["patient_id", "outcome", "risk", "status"]
    return pd.DataFrame(list(rows), columns=columns).assign(horizon_h=72)


def test_the_highest_severe_risk_is_named_even_below_a_common_outcome() -> None:
    rows = table(
        ("A", "icans", 0.6, "ok"),
        ("A", "severe_crs", 0.1, "ok"),
        ("B", "severe_icans", 0.3, "ok"),
        ("C", "severe_crs", 0.9, "event_present"),
    )
    row = highest(rows)
    assert row is not None
    assert (row["patient_id"], row["outcome"]) == ("B", "severe_icans")
    assert highest(rows.assign(horizon_h=24)) is None
    assert highest(rows.iloc[:1])["outcome"] == "icans"


def test_equal_risks_are_in_the_order_of_the_ids() -> None:
    row = highest(table(("B", "severe_crs", 0.2, "ok"), ("A", "severe_crs", 0.2, "ok")))
    assert row is not None
    assert row["patient_id"] == "A"
