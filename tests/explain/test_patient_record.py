"""The newest visible result is the reported one, version by version."""

from __future__ import annotations

import pandas as pd

from pipeline.cohort.tables import empty_cohort
from pipeline.explain.patient_record import newest_results, records

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


def test_doses_and_grades_from_the_landmark_on_are_apart() -> None:
    cohort = empty_cohort(["A", "B"])
    for number, (patient, hours) in enumerate([(0, 10.0), (0, 72.0), (0, 72.4), (1, 99.0)]):
        cohort.treatments.loc[number] = [patient, "tocilizumab", hours, "therapy", 800.0]
        cohort.assessments.loc[number] = [patient, "icans", number, hours]
    cohort.assessments.loc[9] = [0, "icans", 0, 72.4]
    first, second = records(cohort, pd.DataFrame({"patient": [0, 1], "hours": [72.0, 72.0]}))
    assert first.doses["given_hours"].tolist() == [10.0]
    assert first.later_doses["given_hours"].tolist() == [72.0, 72.4]
    assert first.charted == {"icans": [(10.0, 0)]}
    assert first.charted_since == {"icans": [(72.0, 1), (72.4, 2)]}
    assert first.current_grade("icans", 99.0) == 0
    assert first.newest_grade("icans", 72.0, 36.0) == 2
    assert second.charted == {}
    assert second.newest_grade("icans", 140.0, 36.0) is None
    assert list(second.later_doses.columns) == list(first.later_doses.columns)
