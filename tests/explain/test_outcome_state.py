"""Present is what the newest grade says; an outcome that is over has its last grade and hour."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from pipeline.explain.outcome_state import outcome_state
from tests.pages.patients import record

COLUMNS = ["scale", "grade", "assessed_hours"]


def charted(*rows, later=()):
    person = record("P", 100.0, {}, grades=[("icans", grade, hour) for hour, grade in rows])
    since = pd.DataFrame([("icans", grade, hour) for hour, grade in later], columns=COLUMNS)
    return replace(person, later_grades=since)


@pytest.mark.parametrize(
    ("rows", "later", "threshold", "expected"),
    [
        ([(10, 0), (20, 0)], [], 1, None),
        ([(10, 2)], [], 3, None),
        ([(10, 0), (20, 1), (40, 2)], [], 1, (True, 2, 20.0, 20.0)),
        ([(20, 2), (40, 0), (60, 0)], [], 1, (False, 0, 40.0, 20.0)),
        ([(20, 2), (40, 0), (60, 1)], [], 1, (True, 1, 60.0, 20.0)),
        ([(20, 3), (40, 2), (60, 1)], [], 3, (False, 1, 60.0, 20.0)),
        ([(20, 3), (40, 2), (60, 1)], [], 1, (True, 1, 20.0, 20.0)),
        ([(20, 2)], [(100, 0)], 1, (False, 0, 100.0, 20.0)),
        ([(20, 0)], [(100.5, 3)], 3, (True, 3, 100.5, 100.5)),
    ],
)
def test_the_newest_grade_decides(rows, later, threshold, expected):
    state = outcome_state(charted(*rows, later=later), "icans", threshold)
    found = None if state is None else (state.present, state.grade, state.since, state.onset)
    assert found == expected
