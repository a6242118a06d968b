"""The newest visible result is the reported one, version by version."""

from __future__ import annotations

import pandas as pd

from pipeline.explain.patient_record import newest_results

COLUMNS = [
    "patient",
    "analyte",
    "value",
    "side",
    "collected_hours",
    "resulted_hours",
    "superseded_hours",
    "cancelled",
]
INF = float("inf")


def test_what_was_visible_counts_and_nothing_else() -> None:
    labs = pd.DataFrame(
        [
            (0, "crp", 5.0, 0, 1.0, 2.0, INF, False),
            (0, "crp", 9.0, -1, 3.0, 4.0, 8.0, False),
            (0, "crp", 7.0, 0, 3.0, 8.0, INF, False),
            (0, "crp", 1.0, 0, 5.0, 6.0, INF, True),
            (1, "crp", 99.0, 0, 1.0, 2.0, INF, False),
        ],
        columns=COLUMNS,
    )
    asked = pd.DataFrame({"patient": [0, 0, 0, 0], "hours": [2.0, 4.0, 8.0, 8.5]})
    found = newest_results(labs, asked).set_index("landmark")
    assert found["value"].to_dict() == {1: 5.0, 2: 9.0, 3: 7.0}
    assert found["side"].to_dict() == {1: 0, 2: -1, 3: 0}
