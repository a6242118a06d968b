"""Records that end at the worst grade: the count against plain loops and against chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.record_ends import count_record_ends, grade_ends


def frame(courses):
    rows = [(who, hour, grade) for who, course in enumerate(courses) for hour, grade in course]
    return pd.DataFrame(rows, columns=["patient", "hours", "grade"]).astype(
        {"hours": float, "grade": float}
    )


@given(
    courses=st.lists(
        st.lists(st.integers(0, 4), min_size=1, max_size=6).map(lambda part: list(enumerate(part))),
        max_size=8,
    )
)
def test_each_patient_agrees_with_a_loop(courses):
    table = grade_ends(frame(courses))
    expected = {}
    for who, course in enumerate(courses):
        grades = [grade for _, grade in course]
        if len(grades) >= 3 and len(set(grades)) > 1:
            worst = max(grades)
            expected[who] = (grades[-1] == worst, grades.count(worst) / len(grades))
    assert list(table.index) == list(expected)
    for who, (last, chance) in expected.items():
        assert table.loc[who, "at_worst"] == last
        assert table.loc[who, "chance"] == pytest.approx(chance)


def test_only_many_records_beyond_chance_are_excessive():
    cut = [[(0, 0), (1, 1), (2, 2), (3, 3)]] * 20
    whole = [[(0, 0), (1, 3), (2, 1), (3, 0)]] * 20
    assert count_record_ends(grade_ends(frame(cut))).is_excessive
    assert not count_record_ends(grade_ends(frame(cut[:14]))).is_excessive
    assert not count_record_ends(grade_ends(frame(cut[:8] + whole))).is_excessive
    assert count_record_ends(grade_ends(frame([]))).of == 0


def test_rows_are_ordered_by_hour_and_unknown_grades_skipped():
    rows = frame([[(5, 3), (1, 0), (2, 1), (9, np.nan)]])
    assert grade_ends(rows)["at_worst"].tolist() == [True]
