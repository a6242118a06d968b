"""Agreement of charted and derived grades against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from pipeline.grading.agreement import compare, weighted_kappa
from pipeline.grading.derived_grades import derive_grades
from tests.builders import make_cohort

ON_CPAP = {"temperature_c": "39", "hypotension": "no", "oxygen_device": "cpap"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_weighted_kappa_is_that_of_scikit_learn(pairs):
    one, other = np.array(pairs, dtype=float).T
    if len(set(one) | set(other)) == 1:
        assert np.isnan(weighted_kappa(one, other))
        return
    expected = cohen_kappa_score(one, other, weights="quadratic", labels=[0, 1, 2, 3, 4])
    assert weighted_kappa(one, other) == pytest.approx(expected)


def test_disagreements_name_both_grades_and_the_reason():
    seen = [(0, item, value, 10.0) for item, value in ON_CPAP.items()]
    cohort = make_cohort(
        1, observations=seen, assessments=[(0, "crs", 2, 10.3), (0, "crs", 4, 60.0)]
    )
    differing, summary = compare(cohort.assessments, derive_grades(cohort), 1.0)
    assert differing[["charted", "derived", "domain"]].values.tolist() == [[2, 4.0, "hypoxia"]]
    crs, icans = summary
    assert (crs.charted, crs.compared, crs.equal) == (2, 1, 0)
    assert (icans.charted, icans.compared) == (0, 0)


def test_a_charted_death_is_compared_with_the_worst_that_can_be_derived():
    seen = [(0, item, value, 10.0) for item, value in ON_CPAP.items()]
    cohort = make_cohort(1, observations=seen, assessments=[(0, "crs", 5, 10.0)])
    differing, summary = compare(cohort.assessments, derive_grades(cohort), 1.0)
    assert differing.empty
    assert summary[0].equal == 1


@given(
    charted=st.lists(st.integers(0, 20).map(lambda number: number / 2), unique=True, max_size=6),
    derived=st.lists(st.integers(0, 20).map(lambda number: number / 2), unique=True, max_size=6),
)
@settings(deadline=None, max_examples=40)
def test_a_charted_grade_is_compared_with_the_nearest_derived_one_within_reach(charted, derived):
    rows = pd.DataFrame(
        {"patient": 0, "scale": "crs", "grade": 1, "assessed_hours": np.array(charted, dtype=float)}
    )
    columns = {"domain": "", "confidence": "", "missing": "", "note": ""}
    other = pd.DataFrame(
        {
            "patient": 0,
            "scale": "crs",
            "grade": 2.0,
            "assessed_hours": np.array(derived, dtype=float),
        }
    ).assign(**columns)
    differing, (crs, _) = compare(rows, other, 1.0)
    near = [hour for hour in charted if min((abs(hour - x) for x in derived), default=9) <= 1.0]
    assert (crs.charted, crs.compared, crs.equal) == (len(charted), len(near), 0)
    gap = (differing["charted_hours"] - differing["derived_hours"]).abs()
    expected = [min(abs(hour - x) for x in derived) for hour in sorted(near)]
    assert gap.tolist() == expected
